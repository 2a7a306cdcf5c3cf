"""Files that are broken or foreign: one sentence that begins with their name."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_models import build, draw, ints, node, onnx, write

from pqhw.network import GraphError
from pqhw.network.onnx import check_model, import_onnx
from pqhw.network.onnx.installed import last_opset


def refused(path, **options):
    """The sentence, which is that of checking too, without the file's name."""
    said = []
    for function in (import_onnx, check_model):
        with pytest.raises(GraphError) as error:
            function(path, **options)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert said[0].startswith(f"{path}: ") and said[0].endswith(".") and "\n" not in said[0]
    return said[0].removeprefix(f"{path}: ")


def relu(**options):
    return build(node("Relu", "x"), **options)


@pytest.mark.parametrize("content, sentence", [
    (b"", "is empty, and no ONNX file."),
    (b"This is a text.\nIt has lines.\n", "is not a complete ONNX file."),
    (b"\x08\x08", "is not an ONNX model."),
    (b"PK\x03\x04\x14\x00", "is not a complete ONNX file."),
    (b"\x89HDF\r\n\x1a\n\0\0", "is not an ONNX model.")])
def test_what_is_no_model(tmp_path, content, sentence):
    (tmp_path / "m.onnx").write_bytes(content)
    assert refused(tmp_path / "m.onnx") == sentence


def test_what_is_not_there(tmp_path):
    assert refused(tmp_path / "m.onnx") == "cannot be read (No such file or directory)."
    assert refused(tmp_path) == "cannot be read (Is a directory)."


def test_truncated_files_are_refused_wherever_they_end(tmp_path):
    model = build(node("Conv", "x w", "a"), node("Flatten", "a", "b"), node("Gemm", "b v"),
                  constants={"w": draw(2, 3, 3, 3), "v": draw(72, 2)})
    data = model.SerializeToString()
    path = tmp_path / "m.onnx"
    for end in range(1, len(data) - 8, 41):
        path.write_bytes(data[:end])
        refused(path)


def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path):
    model = build(node("Conv", "x w", "a"), node("Shape", "a", "s"), node("Reshape", "a t", "b"),
                  node("Gemm", "b v"), constants={"w": draw(2, 3, 3, 3), "v": draw(72, 2),
                                                  "t": ints(0, -1)})
    data = model.SerializeToString()
    path, random = tmp_path / "m.onnx", np.random.default_rng(3)
    for _ in range(150):
        changed = bytearray(data)
        for place in random.integers(0, len(data), 2):
            changed[place] ^= 1 << random.integers(0, 8)
        path.write_bytes(changed)
        try:
            check_model(path)
        except GraphError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


@pytest.mark.parametrize("opset", [1, 6, last_opset() + 1, 99])
def test_opsets_that_are_not_known(tmp_path, opset):
    assert refused(write(tmp_path, relu(opset=opset))) == (
        f"opset must be from 7 to {last_opset()}, but is {opset}; export the network again with "
        "such an opset.")


@pytest.mark.parametrize("opset", [7, last_opset()])
def test_the_first_and_the_last_opset_are_known(tmp_path, opset):
    assert check_model(write(tmp_path, relu(opset=opset)))[0].verdict == "supported"


def test_no_opset_of_its_own(tmp_path):
    model = relu()
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert refused(write(tmp_path, model)) == "names no opset of ONNX's operators."


def test_a_newer_format(tmp_path):
    model = relu()
    model.ir_version = 99
    assert refused(write(tmp_path, model)) == (
        f"has IR version 99, but the installed onnx knows versions up to {onnx.IR_VERSION}; "
        "update onnx.")


@pytest.mark.parametrize("shape, what", [
    (("N", 3, "height", 8), "dimension 2 is height"), (("N", 3, 8, None), "dimension 3 is open"),
    (("N", -1, 8, 8), "dimension 1 is open"), (("N", "D"), "dimension 1 is D")])
def test_sizes_that_are_open(tmp_path, shape, what):
    assert refused(write(tmp_path, relu(shape=shape))) == (
        f"input x must have fixed sizes but for the first, but {what}; export it with a fixed "
        "size, or fix it with python -m onnxruntime.tools.make_dynamic_shape_fixed.")


@pytest.mark.parametrize("rows", ["N", None, 0, -1, 1, 4])
def test_the_number_of_rows_may_be_open(tmp_path, rows):
    found = import_onnx(write(tmp_path, relu(shape=(rows, 3, 8, 8))))
    assert found.run(draw(5, 3, 8, 8)).shape == (5, 3, 8, 8)


@pytest.mark.parametrize("shape, sentence", [
    (None, "input x must have a shape, but has none; export it with one."),
    ((5,), "input x must have two to four dimensions, rows the first of them, as in [N, C, H, W], "
           "but has 1."),
    (("N", 3, 4, 8, 8), "input x must have two to four dimensions, rows the first of them, as in "
                        "[N, C, H, W], but has 5.")])
def test_inputs_that_no_network_takes(tmp_path, shape, sentence):
    assert refused(write(tmp_path, relu(shape=shape))) == sentence


def test_an_input_of_texts(tmp_path):
    model = build(node("Identity", "x"), input_type=TensorProto.STRING,
                  output_type=TensorProto.STRING)
    assert refused(write(tmp_path, model)) == "input x must be a tensor of numbers, but is not."


def test_several_inputs(tmp_path):
    model = build(node("Add", "x z"))
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", 3, 8, 8]))
    assert refused(write(tmp_path, model)) == (
        "must have one input, but has 2 (x, z); export the part of the network behind one of them.")
    del model.graph.input[:]
    assert refused(write(tmp_path, model)).startswith("must have one input, but has 0 (none)")


def test_constants_among_the_inputs_are_none(tmp_path):
    """Files of IR version 3 list their constants as inputs."""
    model = build(node("MatMul", "x w"), shape=("N", 4), constants={"w": draw(4, 2)}, opset=8)
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 2]))
    model.ir_version = 3
    assert import_onnx(write(tmp_path, model)).graph.output_shape == (2,)


def test_several_outputs(tmp_path):
    path = write(tmp_path, build(node("Relu", "x", "a"), node("Neg", "a", "b"), outputs="a b"))
    assert refused(path) == "must have one output, but has 2 (a, b); choose one with --result."
    assert refused(path, output="c") == (
        "output must be a or b or another tensor of the file, but is c.")


def test_no_output(tmp_path):
    model = relu()
    del model.graph.output[:]
    assert refused(write(tmp_path, model)).startswith("must have an output, but has none.")


def test_an_output_that_no_node_gives(tmp_path):
    said = refused(write(tmp_path, build(node("Relu", "x", "a"), outputs="b")))
    assert said.startswith("is not a valid ONNX model (") and "b" in said


@pytest.mark.parametrize("nodes, constants, what", [
    ([node("Identity", "x")], {}, "the input itself"),
    ([node("Identity", "c")], {"c": draw(2, 2)}, "not")])
def test_an_output_that_is_not_computed(tmp_path, nodes, constants, what):
    assert refused(write(tmp_path, build(*nodes, constants=constants))) == (
        f"the output y must be computed from the input, but is {what}.")


def test_nodes_out_of_order(tmp_path):
    said = refused(write(tmp_path, build(node("Relu", "a"), node("Neg", "x", "a"))))
    assert said.startswith("is not a valid ONNX model (Nodes in a graph must be topologically")


def test_weights_in_another_file_that_is_missing(tmp_path):
    model = build(node("Gemm", "x w"), shape=("N", 8), constants={"w": draw(8, 200)})
    onnx.external_data_helper.convert_model_to_external_data(model, location="m.data",
                                                             size_threshold=0)
    onnx.save(model, tmp_path / "m.onnx")
    (tmp_path / "m.data").unlink()
    assert refused(tmp_path / "m.onnx") == (
        "weights w lie in another file, m.data, which cannot be read; put it beside this one.")


def test_weights_that_lack_values(tmp_path):
    model = build(node("Gemm", "x w"), shape=("N", 4), constants={"w": draw(4, 2)})
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:8]
    said = refused(write(tmp_path, model))
    assert said.startswith(("is not a valid ONNX model (", "weights w are damaged"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["w", "b"])
def test_weights_that_are_no_numbers(tmp_path, value, where):
    constants = {"w": draw(4, 3, 3, 3), "b": draw(4)}
    constants[where].reshape(-1)[1] = value
    path = write(tmp_path, build(node("Conv", "x w b", name="first"), constants=constants))
    field = {"w": "weights", "b": "bias"}[where]
    with pytest.raises(GraphError) as error:
        import_onnx(path)
    assert str(error.value) == (f"{path}: node first (Conv) is unsupported, as Conv2d.{field} must "
                                "be finite, but holds NaN or infinity.")


def test_names_that_are_no_texts_do_not_break_the_sentence(tmp_path):
    model = build(node("Abs", "x", name="two\nlines"))
    with pytest.raises(GraphError) as error:
        import_onnx(write(tmp_path, model))
    assert "node two?lines (Abs)" in str(error.value)


def test_onnx_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for run in (import_onnx, check_model):
        with pytest.raises(GraphError) as error:
            run(tmp_path / "m.onnx")
        assert str(error.value).endswith("ONNX files need the package onnx, which is not "
                                         "installed; run pip install 'pqhw[onnx]'.")


def test_networks_do_not_need_onnx():
    import subprocess
    import sys
    said = subprocess.run(
        [sys.executable, "-c", "import sys, pqhw.network, pqhw.cli, pqhw.network.onnx; "
                               "print(sorted({'onnx', 'onnxruntime'} & set(sys.modules)))"],
        capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
