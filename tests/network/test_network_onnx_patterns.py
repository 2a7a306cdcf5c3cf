"""What exporters write: shapes computed by nodes, channels last, shortcuts that pad."""

import numpy as np
import pytest
from onnx import TensorProto
from onnx_models import agree, build, draw, ints, kinds, node, write

from pqhw.network import INPUT
from pqhw.network.onnx import import_onnx


def test_a_view_by_the_size_of_the_batch(tmp_path):
    """torch: x.view(x.size(0), -1)."""
    for shape in (("N", 3, 8, 8), (1, 3, 8, 8), (3, 3, 8, 8)):
        found = agree(tmp_path, build(
            node("Conv", "x w", "a"), node("Shape", "a", "s"), node("Gather", "s zero", "n"),
            node("Unsqueeze", "n first", "n1"), node("Concat", "n1 rest", "t", axis=0),
            node("Reshape", "a t", "b"), node("Gemm", "b v", transB=1),
            shape=shape, constants={"w": draw(4, 3, 3, 3), "v": draw(5, 144), "zero": np.int64(0),
                                    "first": ints(0), "rest": ints(-1)}))
        assert kinds(found) == ["Conv2d", "Flatten", "Linear"]


@pytest.mark.parametrize("target", [(0, -1), (-1, 192), (1, -1), (1, 192)])
def test_reshapes_to_rows(tmp_path, target):
    """A file made for one row says 1, and means all of them."""
    model = build(node("Reshape", "x t", "a"), node("Gemm", "a w"),
                  constants={"t": ints(*target), "w": draw(192, 4)})
    if target[0] == 1:
        agree(tmp_path, model, rows=1)
    else:
        agree(tmp_path, model)


def test_padding_computed_in_steps(tmp_path):
    """torch before 2.5: F.pad of half the channels before and behind, for ResNet's option A."""
    model = build(
        node("Slice", "x s2 big a2 two", "a"), node("Slice", "a s3 big a3 two", "b"),
        node("Shape", "b", "shape"), node("Gather", "shape zero", "batch"),
        node("Sub", "batch batch", "none"), node("Unsqueeze", "none s0", "none1"),
        node("Concat", "given rest", "flat", axis=0), node("Reshape", "flat pairs", "grid"),
        node("Slice", "grid last first rows back", "turned"),
        node("Transpose", "turned", "sides", perm=[1, 0]), node("Reshape", "sides line", "pads0"),
        node("Concat", "pads0 nothing", "pads1", axis=0),
        node("Cast", "pads1", "pads", to=TensorProto.INT64),
        node("Pad", "b pads value", "c", mode="constant"),
        node("Conv", "x w", "d", pads=[1, 1, 1, 1], strides=[2, 2]), node("Add", "d c", "e"),
        node("Relu", "e"), shape=("N", 4, 8, 8),
        constants={"s0": ints(0), "s2": ints(0), "s3": ints(0), "a2": ints(2), "a3": ints(3),
                   "big": ints(2**63 - 1), "two": ints(2), "zero": np.int64(0),
                   "given": ints(0, 0, 0, 0, 2, 2), "rest": ints(0, 0), "pairs": ints(-1, 2),
                   "last": ints(-1), "first": ints(-2**63), "rows": ints(0), "back": ints(-1),
                   "line": ints(-1), "nothing": ints()[:0], "value": np.float32(0),
                   "w": draw(8, 4, 3, 3)})
    found = agree(tmp_path, model)
    assert kinds(found) == ["Subsample", "PadChannels", "Conv2d", "Add", "Relu"]
    assert found.graph.nodes[0].op.stride == (2, 2)


@pytest.mark.parametrize("form", ["computed", "expanded", "scaled", "constant"])
def test_zeros_joined_to_channels_are_padding(tmp_path, form):
    """torch.cat with zeros of the size of the batch, or with x.mul(0)."""
    zeros = {
        "computed": [node("Shape", "a", "s"), node("Gather", "s place", "n"),
                     node("Concat", "n sizes", "t", axis=0), node("ConstantOfShape", "t", "z")],
        "expanded": [node("Shape", "a", "n", start=0, end=1),
                     node("Concat", "n sizes", "t", axis=0), node("Expand", "nil t", "z")],
        "scaled": [node("Mul", "a nil", "z")],
        "constant": [node("Identity", "block", "z")]}[form]
    opset = 17 if form == "expanded" else 13
    rows = 1 if form == "constant" else "N"
    found = agree(tmp_path, build(
        node("MaxPool", "x", "a", kernel_shape=[1, 1], strides=[2, 2]), *zeros,
        node("Concat", "a z", "b", axis=1), node("Conv", "x w", "c", strides=[2, 2]),
        node("Add", "b c"), shape=(rows, 4, 8, 8), opset=opset,
        constants={"place": ints(0), "sizes": ints(4, 4, 4), "nil": np.float32(0),
                   "block": np.zeros((1, 4, 4, 4), np.float32), "w": draw(8, 4, 1, 1)}))
    assert sorted(kinds(found)) == ["Add", "Conv2d", "MaxPool", "PadChannels"]
    pad = next(own.op for own in found.graph.nodes if own.op.kind == "PadChannels")
    assert (pad.before, pad.after) == (0, 4)


def test_channels_last(tmp_path):
    """tf2onnx: images enter with their channels last, and are flattened so."""
    found = agree(tmp_path, build(
        node("Mul", "x scale", "a"), node("Transpose", "a", "b", perm=[0, 3, 1, 2]),
        node("Conv", "b w c", "d", auto_pad="SAME_UPPER", strides=[2, 2]), node("Relu", "d", "e"),
        node("Transpose", "e", "f", perm=[0, 2, 3, 1]), node("Shape", "f", "s"),
        node("Cast", "s", "s1", to=TensorProto.FLOAT), node("Slice", "s1 zero one zero", "n"),
        node("Concat", "n rest", "t", axis=0), node("Cast", "t", "t1", to=TensorProto.INT64),
        node("Reshape", "f t1", "g"), node("MatMul", "g v", "h"), node("Add", "h u", "i"),
        node("Softmax", "i", axis=-1), shape=("N", 9, 8, 3),
        constants={"scale": np.float32(1 / 255), "w": draw(4, 3, 3, 3), "c": draw(4),
                   "zero": ints(0), "one": ints(1), "rest": np.array([-1], np.float32),
                   "v": draw(80, 6), "u": draw(6)}), inputs=255 * abs(draw(2, 9, 8, 3)))
    assert found.graph.input_shape == (9, 8, 3)
    assert kinds(found) == ["Conv2d", "Relu", "Flatten", "Linear", "Softmax"]


def test_one_channel_needs_no_transposition(tmp_path):
    """tf2onnx: [N, 28, 28, 1] becomes [N, 1, 28, 28] by a reshape."""
    found = agree(tmp_path, build(
        node("Reshape", "x t", "a"), node("Conv", "a w", "b"), node("GlobalAveragePool", "b"),
        shape=("N", 8, 7, 1), constants={"t": ints(-1, 1, 8, 7), "w": draw(4, 1, 3, 3)}))
    assert found.graph.input_shape == (8, 7, 1)


@pytest.mark.parametrize("target, image", [((-1, 1, 4, 6), (4, 6, 1)), ((0, 2, 4, 3), (4, 3, 2))])
def test_rows_that_become_images_enter_as_images(tmp_path, target, image):
    found = agree(tmp_path, build(
        node("Div", "x c", "a"), node("Reshape", "a t", "b"), node("Conv", "b w"),
        shape=("N", 24), constants={"t": ints(*target), "w": draw(4, target[1], 3, 3),
                                    "c": np.float32(16)}))
    assert found.graph.input_shape == image


def test_rows_that_become_images_with_channels_last(tmp_path):
    found = agree(tmp_path, build(
        node("Reshape", "x t", "a"), node("Transpose", "a", "b", perm=[0, 3, 1, 2]),
        node("Conv", "b w"), shape=("N", 24),
        constants={"t": ints(-1, 4, 3, 2), "w": draw(5, 2, 3, 3)}))
    assert found.graph.input_shape == (4, 3, 2)


def test_images_without_channels(tmp_path):
    found = agree(tmp_path, build(
        node("Unsqueeze", "x one", "a"), node("Conv", "a w", "b"), node("Flatten", "b"),
        shape=("N", 5, 4), constants={"one": ints(1), "w": draw(2, 1, 3, 3)}))
    assert found.graph.input_shape == (5, 4, 1)


def test_a_dense_layer_of_every_pixel(tmp_path):
    """Keras: Dense behind a map flattens rows and pixels together and back."""
    found = agree(tmp_path, build(
        node("Reshape", "x flat", "a"), node("MatMul", "a w", "b"), node("Reshape", "b image", "c"),
        node("Add", "c d", "e"), node("Relu", "e", "f"), node("ReduceMean", "f", axes=[1, 2]),
        shape=("N", 5, 4, 6), constants={"flat": ints(-1, 6), "w": draw(6, 8), "d": draw(8),
                                         "image": ints(-1, 5, 4, 8)}))
    assert kinds(found) == ["Conv2d", "Relu", "GlobalAvgPool"]


def test_lines_with_channels_last(tmp_path):
    """Keras: Conv1D as a convolution of images of one row."""
    found = agree(tmp_path, build(
        node("Unsqueeze", "x one", "a"), node("Transpose", "a", "b", perm=[0, 3, 1, 2]),
        node("Conv", "b w", "c", pads=[0, 1, 0, 1]), node("Squeeze", "c two", "d"),
        node("Transpose", "d", "e", perm=[0, 2, 1]), node("ReduceMean", "e", axes=[1], keepdims=0),
        shape=("N", 9, 4), constants={"one": ints(1), "two": ints(2), "w": draw(6, 4, 1, 3)}))
    assert kinds(found) == ["Conv2d", "GlobalAvgPool"]
    assert found.graph.input_shape == (1, 9, 4)


@pytest.mark.parametrize("behind", ["Conv", "MaxPool", "AveragePool"])
def test_padding_of_its_own_joins_what_follows(tmp_path, behind):
    window = {"Conv": node("Conv", "c w", strides=[2, 2]),
              "MaxPool": node("MaxPool", "c", kernel_shape=[3, 3], strides=[2, 2]),
              "AveragePool": node("AveragePool", "c", kernel_shape=[3, 3])}[behind]
    for opset, pad in ((9, node("Pad", "b", "c", pads=[0, 0, 0, 1, 0, 0, 1, 1])),
                       (18, node("Pad", "b pads _ axes", "c"))):
        found = agree(tmp_path, build(
            node("Relu", "x", "b"), pad, window, opset=opset,
            constants={"w": draw(4, 3, 3, 3)} | ({} if opset == 9 else {
                "pads": ints(0, 1, 1, 1), "axes": ints(2, 3)})))
        assert len(found.graph.nodes) == 2
        assert found.graph.nodes[1].op.padding == ((0, 1), (1, 1))


def test_normalisation_of_the_input_stays_exact(tmp_path):
    """What shifts the input cannot move behind the convolution's padding of zeros."""
    def constants():
        return {"mean": draw(1, 3, 1, 1), "deviation": abs(draw(3, 1, 1)) + 0.5,
                "w": draw(4, 3, 3, 3)}

    def nodes(**attributes):
        return (node("Sub", "x mean", "a"), node("Div", "a deviation", "b"),
                node("Conv", "b w", **attributes))

    padded = agree(tmp_path, build(*nodes(pads=[1, 1, 1, 1]), constants=constants()))
    assert kinds(padded) == ["BatchNorm", "Conv2d"]
    bare = agree(tmp_path, build(*nodes(), constants=constants()))
    assert kinds(bare) == ["Conv2d"]


@pytest.mark.parametrize("groups", [1, 3])
def test_a_scale_of_the_input_joins_the_convolution(tmp_path, groups):
    found = agree(tmp_path, build(
        node("Mul", "x c", "a"), node("Conv", "a w", pads=[1, 1, 1, 1], group=groups),
        constants={"c": draw(3, 1, 1), "w": draw(6, 3 // groups, 3, 3)}))
    assert kinds(found) == ["Conv2d"]


def test_scales_of_rows_join_the_layer_behind(tmp_path):
    """scikit-learn: a scaler in front; Keras: normalisation behind the activation."""
    found = agree(tmp_path, build(
        node("Sub", "x m", "a"), node("Mul", "a s", "b"), node("MatMul", "b w", "c"),
        node("Add", "c d", "e"), node("Relu", "e", "f"),
        node("BatchNormalization", "f g h m2 v", "i"), node("Gemm", "i u"), shape=("N", 5),
        constants={"m": draw(5), "s": draw(1, 5), "w": draw(5, 6), "d": draw(6), "g": draw(6),
                   "h": draw(6), "m2": draw(6), "v": draw(6) ** 2 + 0.1, "u": draw(6, 4)}))
    assert kinds(found) == ["Linear", "Relu", "Linear"]


def test_a_scale_joins_a_dense_layer_behind_flattening(tmp_path):
    found = agree(tmp_path, build(
        node("Mul", "x c", "a"), node("Add", "a d", "b"), node("Flatten", "b", "e"),
        node("Gemm", "e w"), shape=("N", 3, 4, 2),
        constants={"c": draw(3, 1, 1), "d": draw(3, 1, 1), "w": draw(24, 5)}))
    assert kinds(found) == ["Flatten", "Linear"]
    assert found.graph.nodes[0].inputs == (INPUT,)


def test_a_scale_with_other_uses_stays(tmp_path):
    found = agree(tmp_path, build(
        node("Mul", "x c", "a"), node("Conv", "a w", "b"), node("Add", "b a"),
        constants={"c": draw(3, 1, 1), "w": draw(3, 3, 1, 1)}))
    assert kinds(found) == ["BatchNorm", "Conv2d", "Add"]


def test_a_bias_is_not_taken_from_those_that_use_the_sum_without_it(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a"), node("Add", "a c", "b"), node("Add", "a b"),
        constants={"c": draw(4, 1, 1), "w": draw(4, 3, 1, 1)}))
    assert kinds(found) == ["Conv2d", "BatchNorm", "Add"]


def test_dropout_identity_and_casts_are_nothing(tmp_path):
    found = agree(tmp_path, build(
        node("Cast", "x", "a", to=TensorProto.DOUBLE), node("Cast", "a", "b", to=TensorProto.FLOAT),
        node("Identity", "b", "c"), node("Dropout", "c ratio", "d mask"), node("Relu", "d"),
        constants={"ratio": np.float32(0.5)}))
    assert kinds(found) == ["Relu"]


@pytest.mark.parametrize("axes", [None, (2, 3)])
def test_squeezing(tmp_path, axes):
    squeeze = node("Squeeze", "a") if axes is None else node("Squeeze", "a axes")
    agree(tmp_path, build(node("GlobalAveragePool", "x", "a"), squeeze,
                          constants={} if axes is None else {"axes": ints(*axes)}))


def test_squeezing_everything_of_a_file_for_one_row_is_noted(tmp_path):
    model = build(node("GlobalAveragePool", "x", "a"), node("Squeeze", "a"), shape=(1, 3, 4, 4))
    found = import_onnx(write(tmp_path, model))
    assert found.run(draw(5, 3, 4, 4)).shape == (5, 3)
    assert found.notes == ("squeeze-y: it removes the dimension of rows too, as the file is made "
                           "for one row; rows are kept.",)


def test_functions_of_a_file_are_put_in_place(tmp_path):
    """torch's newer exporter: operators as functions of the file."""
    from onnx import helper
    model = build(node("Mine", "x w", "a", domain="own"), node("Relu", "a"), domains=("own",),
                  constants={"w": draw(4, 3, 1, 1)})
    model.functions.append(helper.make_function(
        "own", "Mine", ["i", "v"], ["o"], [node("Conv", "i v", "c"), node("Neg", "c", "o")],
        [helper.make_opsetid("", 17)]))
    found = agree(tmp_path, model)
    assert kinds(found) == ["Conv2d", "BatchNorm", "Relu"]


def test_the_result_of_several_can_be_chosen(tmp_path):
    model = build(node("Relu", "x", "a"), node("Neg", "a", "b"), outputs="a b")
    assert kinds(agree(tmp_path, model, output="b")) == ["Relu", "BatchNorm"]
    assert kinds(agree(tmp_path, model, output="a")) == ["Relu"]


def test_weights_in_half_and_double_precision_become_single(tmp_path):
    for kind, elements in ((np.float16, TensorProto.FLOAT16), (np.float64, TensorProto.DOUBLE)):
        model = build(node("Cast", "x", "a", to=elements), node("Gemm", "a w", "b"),
                      node("Cast", "b", to=TensorProto.FLOAT), shape=("N", 4),
                      constants={"w": draw(4, 3).astype(kind)})
        agree(tmp_path, model, tolerance=2e-2 if kind is np.float16 else 1e-4)


def test_weights_beside_the_file_are_read(tmp_path):
    import onnx
    model = build(node("Gemm", "x w"), shape=("N", 8), constants={"w": draw(8, 200)})
    onnx.external_data_helper.convert_model_to_external_data(model, location="m.data",
                                                             size_threshold=0)
    onnx.save(model, tmp_path / "m.onnx")
    assert (tmp_path / "m.data").exists()
    agree(tmp_path, model)


def test_names_are_the_file_s_or_made_of_the_operator(tmp_path):
    nodes = [node("Relu", "x", "a"), node("Relu", "a", "b", name="a"), node("Neg", "b", "c"),
             node("Neg", "c", "d", name="input")]
    nodes[0].name = ""
    nodes[2].name = "a"
    found = import_onnx(write(tmp_path, build(*nodes, outputs="d")))
    assert [own.node for own in found.rows] == ["relu1", "a", "neg3", "neg4"]
