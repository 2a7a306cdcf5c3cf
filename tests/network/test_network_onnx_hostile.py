"""Files that no exporter of good will writes, and corners of the format: results of onnxruntime, or
one sentence."""

import os

import numpy as np
import pytest
from onnx_models import agree, build, draw, ints, kinds, node, write

from onnx import TensorProto
from pqhw.network import GraphError
from pqhw.network.onnx import import_onnx

ROW, IMAGE = ("N", 7), ("N", 3, 8, 8)
DENSE, CONV = {"w": draw(7, 5)}, {"w": draw(4, 3, 3, 3)}


@pytest.mark.parametrize("opset", [9, 13, 21])
@pytest.mark.parametrize("nodes, constants, shape", [
    ([node("Conv", "x w b", pads=[0, 1, 1, 0], strides=[3, 2])], CONV | {"b": draw(4)}, IMAGE),
    ([node("Conv", "x w", auto_pad="SAME_LOWER", strides=[2, 2])], CONV, ("N", 3, 7, 10)),
    ([node("Conv", "x w", group=3, auto_pad="SAME_UPPER")], {"w": draw(6, 1, 2, 3)}, IMAGE),
    ([node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")], {}, IMAGE),
    ([node("Gemm", "x w c", alpha=0.5, beta=-2.0)], DENSE | {"c": draw(1, 5)}, ROW),
    ([node("MatMul", "x w", "a"), node("Add", "c a")], DENSE | {"c": np.float32(0.3)}, ROW),
    ([node("BatchNormalization", "x g b m v", "a"), node("Conv", "a w", pads=[1, 1, 1, 1])],
     CONV | {"g": draw(3), "b": draw(3), "m": draw(3), "v": np.abs(draw(3)) + 0.5}, IMAGE),
    ([node("Transpose", "x", "a", perm=[0, 3, 1, 2]), node("Conv", "a w", "b"),
      node("Transpose", "b", "c", perm=[0, 2, 3, 1]), node("Reshape", "c t", "d"),
      node("MatMul", "d v")], CONV | {"t": ints(0, -1), "v": draw(144, 5)}, ("N", 8, 8, 3))])
def test_corners_of_the_format(tmp_path, opset, nodes, constants, shape):
    agree(tmp_path, build(*nodes, constants={
        name: array if array.dtype == np.int64 else np.float32(array)
        for name, array in constants.items()}, shape=shape, opset=opset))


@pytest.mark.parametrize("nodes, constants, shape, sentence", [
    ([node("Conv", "x w", kernel_shape=[5, 5])], CONV, IMAGE,
     "node conv-y (Conv) is unsupported, as its kernel_shape is [5, 5], but its weights have a "
     "kernel of [3, 3]; check the file with onnx.checker."),
    # As many rows as outputs: a bias per row, which is none per output.
    ([node("Gemm", "x w c")], DENSE | {"c": draw(5, 1)}, (5, 7),
     "node gemm-y (Gemm) is unsupported, as its bias must have one value per output, 5, or one for "
     "all, but has shape [5, 1]; add other constants per channel."),
    ([node("Gemm", "x w c")], DENSE | {"c": draw(3, 5)}, (3, 7),
     "node gemm-y (Gemm) is unsupported, as its bias must have one value per output, 5, or one for "
     "all, but has shape [3, 5]; add other constants per channel."),
    ([node("Identity", "x")], {}, IMAGE,
     "the output y must be computed from the input, but is the input itself."),
    ([node("ConstantOfShape", "n", "b"), node("Conv", "x w b")], CONV | {"n": ints(10 ** 12)},
     IMAGE, "node conv-y (Conv) is unsupported, as its bias must have one value per output, 4, or "
            "one for all, but has shape [1000000000000]; add other constants per channel."),
    ([node("Range", "a b d", "r"), node("Cast", "r", "q", to=1), node("Add", "x q")],
     {"a": np.int64(0), "b": np.int64(10 ** 12), "d": np.int64(1)}, IMAGE,
     "node range-r (Range) is unsupported, as it cannot be computed beforehand: onnx cannot "
     "compute it (MemoryError).")])
def test_what_no_runtime_or_no_engine_takes(tmp_path, nodes, constants, shape, sentence):
    path = write(tmp_path, build(*nodes, constants=constants, shape=shape))
    with pytest.raises(GraphError) as error:
        import_onnx(path)
    assert str(error.value) == f"{path}: {sentence}"


def elsewhere(folder, location, **more):
    """A file whose weights lie in another one, and their bytes."""
    model = build(node("Conv", "x w"), constants=CONV)
    weights = model.graph.initializer[0]
    content = weights.raw_data
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = weights.external_data.add()
        entry.key, entry.value = key, str(value)
    return model, content


def test_weights_beside_the_file(tmp_path):
    model, content = elsewhere(tmp_path, "own.bin", offset=3, length=432)
    (tmp_path / "own.bin").write_bytes(b"abc" + content)
    assert kinds(agree(tmp_path, model)) == ["Conv2d"]


@pytest.mark.parametrize("location, more", [
    ("none.bin", {}), ("../own.bin", {}), ("/etc/hostname", {}), ("link.bin", {"length": 432}),
    (".", {}), ("", {}), ("own.bin", {"offset": 10 ** 12}), ("own.bin", {"offset": "abc"}),
    ("short.bin", {})])
def test_weights_elsewhere_are_refused(tmp_path, location, more):
    folder = tmp_path / "here"
    folder.mkdir()
    model, content = elsewhere(folder, location, **more)
    for place in (tmp_path / "own.bin", folder / "own.bin"):
        place.write_bytes(content)
    (folder / "short.bin").write_bytes(content[:50])
    os.symlink(tmp_path / "own.bin", folder / "link.bin")
    with pytest.raises(GraphError) as error:
        import_onnx(write(folder, model))
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
