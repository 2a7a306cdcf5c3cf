"""estimate and size of whole networks: compiled, and with the foldings in their files."""

import json
from pathlib import Path

import pytest
from dataflow_builders import tiny_network

from pqhw.spec.dataflow import load_design
from pqhw.spec.network import save_network

DEVICE = ("--device", "ice40up5k")
DIGITS = Path(__file__).parents[2] / "docs/networks/digits-cnn-tree-9-8.toml"


@pytest.fixture
def net(tmp_path, monkeypatch):
    """tiny.toml and tiny.npz."""
    monkeypatch.chdir(tmp_path)
    spec, parameters = tiny_network()
    save_network(tmp_path, spec.network, dict(zip(spec.network.engines, parameters)))
    return spec


def test_the_estimate_of_a_compiled_network_is_what_compile_told(pqhw, net):
    told = json.loads(pqhw("compile", "tiny.toml", *DEVICE, "--interval", "300", "-o", "b",
                           "--json")[1])
    status, out, err = pqhw("estimate", "b/spec.toml", *DEVICE, "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    for name in ("area", "nodes", "cycles_per_image", "streams", "border", "bounds"):
        assert document[name] == told[name], name
    assert document["fits"] and 0 < document["errors"]["lut4"]["median"] < 0.2
    assert document["limiting_resource"] in document["shares"]
    assert all(0 <= busy <= 1 for busy in document["bounds"].values())
    status, out, err = pqhw("estimate", "b/spec.toml", *DEVICE)
    assert (status, err) == (0, "")
    assert "limits it." in out and "times the rate." in out and "held-out points" in out


def test_a_network_of_its_own_is_estimated_with_the_foldings_in_its_file(pqhw, net):
    document = json.loads(pqhw("estimate", "tiny.toml", *DEVICE, "--json")[1])
    assert document["cycles_per_image"] == net.cycles_per_row
    assert [node["node"] for node in document["nodes"]] == list(net.parts)
    document = json.loads(pqhw("estimate", DIGITS, *DEVICE, "--json")[1])
    assert not document["fits"] and document["shares"]["bram"] > 1
    assert "It does not fit, as it takes " in pqhw("estimate", DIGITS, *DEVICE)[1]


def test_the_fastest_folding_of_a_network_is_written_and_told(pqhw, net):
    status, out, err = pqhw("size", "tiny.toml", *DEVICE, "--budget", "lut=2500,dsp=2", "-o", "s",
                            "--json", "s.json")
    document = json.loads(Path("s.json").read_text())
    assert (status, err) == (0, "") and "cycles per image" in out
    assert document["area"]["lut4"] <= 2500 and document["area"]["dsp"] <= 2
    design, _ = load_design("s/spec.toml")
    assert design.cycles_per_row == document["cycles_per_image"] < net.cycles_per_row
    more = json.loads(pqhw("size", "tiny.toml", *DEVICE, "--json")[1])
    assert more["cycles_per_image"] <= document["cycles_per_image"]


@pytest.mark.parametrize("words, sentence", [
    (("size",), "size needs one of NETWORK and --layer, but has neither."),
    (("size", "tiny.toml", "--layer", "tiny.toml"),
     "size needs one of NETWORK and --layer, but has both."),
    (("size", "tiny.toml", "--kind", "pq"),
     "--kind must be left out for a network, whose layers have kinds, but is pq."),
    (("size", "tiny.toml", "--budget", "lut=90"), "budget must hold the slowest design, but that "),
    (("size", "tiny.npz"), "tiny.npz: is not a TOML file ("),
    (("estimate", "none.toml"), "none.toml: cannot be read (No such file or directory).")])
def test_a_mistake_is_one_sentence(refused, net, words, sentence):
    assert refused(*words).startswith(sentence)
