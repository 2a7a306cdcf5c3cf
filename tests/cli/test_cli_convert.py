"""pqhw convert: what it prints and writes, and what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pqhw.cli import app, main
from pqhw.network import GraphBuilder, save_graph
from pqhw.network.ops import Flatten, Linear, Relu
from pqhw.quant.files import load_integer_network


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """A dense network for digits, its weights drawn at random."""
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    net = GraphBuilder("tiny", (8, 8, 1))
    net.add(Flatten())
    net.add(Linear(weights=random.normal(0, 0.05, (6, 64))), name="first")
    net.add(Relu())
    net.add(Linear(weights=random.normal(0, 0.5, (6, 6))), name="hidden")
    net.add(Relu())
    net.add(Linear(weights=random.normal(0, 0.5, (10, 6))), name="last")
    save_graph("tiny.npz", net.build())
    return "tiny.npz"


def test_a_converted_network_lies_in_the_folder(graph):
    result = CliRunner().invoke(app, ["convert", graph, "--data", "digits", "-o", "out", "-V", "2",
                                      "-K", "4", "--table-bits", "6"])
    assert result.exit_code == 0, result.output
    assert "integers, converted" in result.output and "network: out/tiny.toml" in result.output
    network = load_integer_network("out/tiny.toml")
    kinds = {name: spec.KIND for name, spec in network.spec.engines.items()}
    assert list(kinds.values()) == ["mac", "pq", "mac"]
    hidden = list(network.spec.engines.values())[1]
    assert (hidden.engine.subvector_length, hidden.engine.prototypes) == (2, 4)
    assert hidden.precision.table_bits == 6


@pytest.mark.parametrize("options, array", [
    (["--encoder", "tree"], "thresholds"), (["--initialisation", "quantiles"], "prototypes")])
def test_encoders_are_learned_in_their_own_ways(graph, options, array):
    result = CliRunner().invoke(app, ["convert", graph, "--data", "digits", "-o", "out", "-V", "2",
                                      "-K", "4", *options])
    assert result.exit_code == 0, result.output
    hidden = list(load_integer_network("out/tiny.toml").parameters.values())[1]
    assert len(getattr(hidden, array)) == 3


def test_json_tells_the_accuracies(graph):
    result = CliRunner().invoke(app, ["convert", graph, "--data", "digits", "--kind", "fixed",
                                      "--keep", "", "-o", "out", "--json", "-"])
    told = json.loads(result.stdout)
    assert told["network"] == "tiny" and told["tuned_accuracy"] is None
    assert told["lost_points"] == pytest.approx(
        100 * (told["float_accuracy"] - told["converted_accuracy"]))


@pytest.mark.parametrize("options, message", [
    (["--kind", "float"], "error: kind must be one of pq, fixed, pot, sp2, mixed, bitplane, but is "
                          "float."),
    (["--keep", "middle"], "error: middle is no layer of tiny; its layers are first, hidden, "
                           "last."),
    (["--data", "letters"], "error: "),
    (["-K", "1000"], "error: engine.prototypes must be "),
    (["--initialisation", "zeros"], "error: initialisation must be one of kmeans, random, "
                                    "quantiles, but is zeros."),
])
def test_what_cannot_be_is_one_sentence(graph, options, message, capsys):
    arguments = ["convert", graph, "--data", "digits", *options]
    with pytest.raises(SystemExit) as status:
        main(arguments)
    assert status.value.code == 1
    assert " ".join(capsys.readouterr().err.split()).startswith(message)
