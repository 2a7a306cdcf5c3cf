"""pqhw export: the file it writes, the table, and what it refuses."""

import json

import numpy as np
import pytest
from builders import mac, pq

pytest.importorskip("onnx")

from pqhw.golden import network_results  # noqa: E402
from pqhw.network.onnx import run_integer_onnx  # noqa: E402
from pqhw.quant.files import save_integer_network  # noqa: E402
from pqhw.quant.network import IntegerNetwork  # noqa: E402
from pqhw.sim.stimulus import random_parameters  # noqa: E402
from pqhw.spec import ChainSpec, Requantize  # noqa: E402
from pqhw.spec.network import (  # noqa: E402
    INPUT, Engine, NetworkInput, NetworkNode, NetworkSpec, save_network)


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A network of two layers in net.toml and net.npz."""
    monkeypatch.chdir(tmp_path)
    first = pq(D=4, N=3, V=2, K=4, activation_bits=4, activation_signed=False, prototype_bits=4,
               table_bits=4, output=Requantize(bits=4))
    last = mac(D=3, N=2, activation_bits=4, activation_signed=False, weight_bits=4)
    spec = NetworkSpec("net", NetworkInput(channels=4, bits=4), (
        NetworkNode("first", Engine(first), (INPUT,)),
        NetworkNode("last", Engine(last), ("first",))))
    parameters = {name: random_parameters(ChainSpec((own,)), 3)[0]
                  for name, own in spec.engines.items()}
    save_network(tmp_path, spec, parameters)
    return spec, parameters


def test_a_network_is_written_and_its_operators_told(pqhw, net, tmp_path):
    status, out, err = pqhw("export", "net.toml")
    assert (status, err) == (0, "")
    rows = {line.split()[1]: line for line in out.splitlines() if "engine" in line}
    assert "PQEncode, PQLookup" in rows["first"] and "MatMulInteger" in rows["last"]
    size = (tmp_path / "net.onnx").stat().st_size
    assert f"ONNX file: net.onnx, {size:,} bytes" in out
    images = np.random.default_rng(0).integers(0, 16, (5, 4))
    np.testing.assert_array_equal(run_integer_onnx("net.onnx", images),
                                  network_results(*net, images))


def test_machines_are_told_the_same(pqhw, net, tmp_path):
    (tmp_path / "net.npz").rename("other.npz")
    status, out, err = pqhw("export", "--json", "net.toml", "--params", "other.npz", "-o", "o.onnx")
    document = json.loads(out)
    assert (status, err, document["document"], document["file"]) == (0, "", "export", "o.onnx")
    assert document["bytes"] == (tmp_path / "o.onnx").stat().st_size
    assert [node["node"] for node in document["nodes"]] == ["first", "last"]
    assert "PQLookup" in document["nodes"][0]["operators"]


def test_what_integers_stand_for_is_a_property_of_their_tensor(pqhw, net, tmp_path):
    import onnx
    spec, parameters = net
    save_integer_network(tmp_path, IntegerNetwork(
        spec, parameters, {INPUT: 0.1, "first": 1 / 3}, {"first": 8.0, "last": 4096.0}))
    assert pqhw("export", "net.toml")[0] == 0
    model = onnx.load("net.onnx")
    found = {own.key: own.value for own in model.metadata_props}
    steps = {key.removeprefix("pqhw.step/"): float(value) for key, value in found.items()
             if key.startswith("pqhw.step/")}
    tensors = {*(own.name for own in model.graph.input), *model.graph.node[-1].output,
               *(own for node in model.graph.node for own in node.output)}
    # The last layer gives raw sums, 4096 of which make 1.0.
    assert steps == {"input": 0.1, "first": 1 / 3, "output": 2.0 ** -12}
    assert set(steps) <= tensors


def test_mistakes_are_told_in_a_sentence(refused, net, tmp_path):
    assert refused("export", "net.npz") == (
        "NETWORK must be the .toml file of an integer network, but is net.npz.")
    assert refused("export", "net.toml", "-o", "net.txt") == (
        "--output must end in .onnx, but is net.txt.")
    assert refused("export", "none.toml") == (
        "none.toml: cannot be read (No such file or directory).")
    assert refused("export", "net.toml", "-o", "nowhere/net.onnx") == (
        "nowhere/net.onnx: No such file or directory.")
    (tmp_path / "net.npz").unlink()
    assert refused("export", "net.toml") == (
        "net.npz: cannot be read (No such file or directory).")


def test_importing_tells_what_the_file_is(pqhw, refused, net):
    pqhw("export", "net.toml")
    assert refused("import", "net.onnx", "--check").startswith(
        "net.onnx: holds an integer network of pqhw, whose results ")
