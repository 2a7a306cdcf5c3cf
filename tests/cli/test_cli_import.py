"""pqhw import: the table, totals, the network's file, exit codes and sentences."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from pqhw.network import load_graph, load_quantisation, zoo_network  # noqa: E402
from pqhw.network.onnx import export_onnx  # noqa: E402


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with digits.onnx."""
    monkeypatch.chdir(tmp_path)
    export_onnx(zoo_network("digits-cnn"), "digits.onnx")
    return tmp_path


def write(name, *nodes, constants=None, outputs="y"):
    described = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "made", [described("x", TensorProto.FLOAT, ["N", 4, 8, 8])],
        [described(own, TensorProto.FLOAT, None) for own in outputs.split()],
        [numpy_helper.from_array(array, key) for key, array in (constants or {}).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with open(name, "wb") as file:
        file.write(model.SerializeToString())


def uneven():
    """A network with a layer whose padding differs between sides."""
    write("uneven.onnx", helper.make_node("Conv", ["x", "w"], ["y"], name="layer",
                                          auto_pad="SAME_UPPER", strides=[2, 2]),
          constants={"w": np.ones((4, 4, 3, 3), np.float32)})


def test_a_network_is_read_and_filed(pqhw, here):
    status, out, err = pqhw("import", "digits.onnx", "-o", "digits.npz")
    assert (status, err) == (0, "")
    for words in ("conv1.norm", "BatchNormalization", "1×8×8 → 16×8×8", "falls back to MAC",
                  "the first layer, of 1 channel", "into the layer in front"):
        assert words in out
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 1))
    np.testing.assert_array_equal(load_graph("digits.npz").run(images),
                                  zoo_network("digits-cnn").run(images))


def test_checking_writes_nothing(pqhw, refused, here):
    status, out, err = pqhw("import", "digits.onnx", "--check")
    assert (status, err) == (0, "")
    assert out == pqhw("import", "digits.onnx")[1]
    assert sorted(own.name for own in here.iterdir()) == ["digits.onnx"]
    assert refused("import", "digits.onnx", "--check", "-o", "x.npz") == (
        "--check writes nothing, so -o must be left out, but is given.")


def test_machines_are_told_the_same(pqhw, here):
    status, out, err = pqhw("import", "digits.onnx", "--check", "--json")
    document = json.loads(out)
    assert (status, err, document["document"]) == (0, "", "import")
    first = document["nodes"][0]
    assert first["node"] == "conv1" and first["inputs"][0] == [1, 8, 8]
    assert first["verdict"] == "falls back to MAC" and first["weights"] == 9 * 16
    graph = zoo_network("digits-cnn")
    totals = document["totals"]
    assert sum(own["multiply_accumulates"] for own in totals.values()) == sum(
        graph.multiply_accumulates(node.name) for node in graph.layers)
    assert totals["falls back to MAC"]["layers"] == 1 and totals["supported"]["layers"] == 3
    status, out, _ = pqhw("import", "--json", "digits.onnx")
    assert json.loads(out)["model"] == "digits.onnx"


def test_unsupported_nodes_are_all_in_the_table_and_the_first_in_the_sentence(pqhw, here):
    nodes = [helper.make_node("Sigmoid", ["x"], ["a"], name="gate"),
             helper.make_node("Relu", ["a"], ["b"], name="relu"),
             helper.make_node("Tanh", ["b"], ["y"], name="[red]tanh")]
    write("bad.onnx", *nodes)
    for more in ([], ["--check"], ["-o", "bad.npz"]):
        status, out, err = pqhw("import", "bad.onnx", *more)
        assert status == 1
        assert out.count("unsupported") == 2 and "[red]tanh" in out and "Clip from 0" in out
        assert err == ("error: bad.onnx: 2 of 3 nodes are unsupported, the first of them gate "
                       "(Sigmoid): engines clamp, and compute no other function.\n")
    assert not (here / "bad.npz").exists()


def test_padding_can_be_made_equal(pqhw, here):
    uneven()
    status, out, err = pqhw("import", "uneven.onnx", "-o", "u.npz")
    assert status == 1 and "--equal-padding" in out and not (here / "u.npz").exists()
    assert err.endswith("1 of 1 node is unsupported, the first of them layer (Conv): padding must "
                        "be equal at top and bottom for an engine, but is 0 and 1.\n")
    status, out, err = pqhw("import", "uneven.onnx", "-o", "u.npz", "--equal-padding")
    assert (status, err) == (0, "") and "kernel widened to 4 by 4" in out
    assert load_graph("u.npz")["layer"].op.kernel == (4, 4)


def test_a_result_of_several_is_chosen(pqhw, refused, here):
    write("two.onnx", helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["b"]),
          outputs="a b")
    assert refused("import", "two.onnx") == (
        "two.onnx: must have one output, but has 2 (a, b); choose one with --result.")
    status, out, _ = pqhw("import", "two.onnx", "--result", "a")
    assert status == 0 and "does not lead to the network's result" in out


def test_what_a_conversion_keeps_of_a_quantised_file_is_told(pqhw, here):
    write("q.onnx", helper.make_node("DequantizeLinear", ["w", "s"], ["v"]),
          helper.make_node("Conv", ["x", "v"], ["y"], name="layer"),
          constants={"w": np.full((4, 4, 1, 1), -128, np.int8), "s": np.float32(0.1)})
    status, out, err = pqhw("import", "q.onnx", "-o", "q.npz")
    assert (status, err) == (0, "") and out.endswith(
        "quantised file: 0 of 1 layers' weights kept by pqhw convert --kind fixed --weight-bits 8 "
        "--bits 8\n  layer: weights approximated, as its integers reach from -128 to -128, but "
        "those of 8 bits from -127 to 127\n")
    assert (load_quantisation("q.npz").layers["layer"].weights == -128).all()
    assert pqhw("import", "q.onnx", "--check")[1] == out


@pytest.mark.parametrize("content, sentence", [
    (b"", "m.onnx: is empty, and no ONNX file."),
    (b"text", "m.onnx: is not a complete ONNX file.")])
def test_files_that_are_none(refused, here, content, sentence):
    (here / "m.onnx").write_bytes(content)
    assert refused("import", "m.onnx", "--check") == sentence


def test_a_file_that_is_not_there(refused, here):
    assert refused("import", "m.onnx") == "m.onnx: cannot be read (No such file or directory)."


def test_onnx_that_is_not_installed(refused, here, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refused("import", "digits.onnx").endswith("run pip install 'pqhw[onnx]'.")
