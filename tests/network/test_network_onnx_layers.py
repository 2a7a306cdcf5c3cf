"""ONNX operators one by one: results are those of onnxruntime, in every form that they come in."""

import numpy as np
import pytest
from onnx_models import agree, build, draw, ints, kinds, node

from pqhw.network.ops import Conv2d, Linear


@pytest.mark.parametrize("shape, weights, attributes", [
    ((3, 8, 8), (5, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((3, 8, 7), (5, 3, 3, 2), {"pads": [0, 1, 2, 0], "strides": [2, 1]}),
    ((4, 8, 8), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    ((4, 8, 8), (8, 1, 3, 3), {"group": 4}),
    ((4, 9, 8), (6, 2, 3, 3), {"group": 2, "strides": [2, 2]}),
    ((3, 8, 9), (5, 3, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((3, 8, 9), (5, 3, 3, 4), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
    ((3, 8, 8), (5, 3, 3, 3), {"auto_pad": "VALID", "strides": [2, 2]}),
    ((1, 8, 8), (5, 1, 1, 1), {"dilations": [2, 2]}),
    ((3, 8, 1), (2, 3, 3, 1), {"pads": [1, 0, 1, 0]}),
    ((4, 12), (6, 4, 3), {"strides": [2], "pads": [1, 1]}),
    ((4, 12), (6, 2, 3), {"group": 2, "auto_pad": "SAME_UPPER"}),
])
@pytest.mark.parametrize("has_bias", [False, True])
def test_convolutions(tmp_path, shape, weights, attributes, has_bias):
    constants = {"w": draw(*weights), **({"b": draw(weights[0])} if has_bias else {})}
    found = agree(tmp_path, build(node("Conv", "x w b" if has_bias else "x w", **attributes),
                                  shape=("N", *shape), constants=constants))
    assert kinds(found) == ["Conv2d"]


@pytest.mark.parametrize("attributes", [
    {}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"transB": 1, "alpha": -1.0}])
@pytest.mark.parametrize("bias", [None, (), (1,), (7,), (1, 7)])
def test_dense_layers(tmp_path, attributes, bias):
    weights = draw(7, 5) if attributes.get("transB") else draw(5, 7)
    constants = {"w": weights} | ({} if bias is None else {"b": draw(*bias) if bias else
                                                           np.float32(0.5)})
    found = agree(tmp_path, build(node("Gemm", "x w" if bias is None else "x w b", **attributes),
                                  shape=("N", 5), constants=constants))
    assert kinds(found) == ["Linear"]


def test_the_addition_behind_a_product_is_its_bias(tmp_path):
    found = agree(tmp_path, build(
        node("MatMul", "x w", "a"), node("Add", "b a", "c"), node("Relu", "c"),
        shape=("N", 5), constants={"w": draw(5, 7), "b": draw(7)}))
    assert kinds(found) == ["Linear", "Relu"]
    assert found.graph.nodes[0].op.bias.any()
    assert found.rows[1].reason == "into matmul-a"


def test_a_product_of_the_channels_of_pixels_is_a_convolution(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a"), node("Transpose", "a", "b", perm=[0, 2, 3, 1]),
        node("MatMul", "b v", "c"), node("Add", "c d", "y"),
        constants={"w": draw(4, 3, 3, 3), "v": draw(4, 6), "d": draw(6)}))
    assert kinds(found) == ["Conv2d", "Conv2d"]


@pytest.mark.parametrize("opset", [7, 9, 13, 17])
@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 9), (4,)])
def test_normalisation(tmp_path, opset, shape):
    constants = {"g": draw(4), "b": draw(4), "m": draw(4), "v": draw(4) ** 2 + 0.1}
    found = agree(tmp_path, build(node("BatchNormalization", "x g b m v", epsilon=1e-3),
                                  shape=("N", *shape), constants=constants, opset=opset))
    assert found.graph.nodes[-1].op.epsilon == 1e-3


def test_normalisation_of_a_flattened_image_scales_its_elements(tmp_path):
    constants = {"g": draw(12), "b": draw(12), "m": draw(12), "v": draw(12) ** 2 + 0.1}
    agree(tmp_path, build(node("Flatten", "x", "a"), node("BatchNormalization", "a g b m v"),
                          shape=("N", 3, 2, 2), constants=constants))


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("size, attributes", [
    ((8, 8), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ((7, 9), {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 1, 1]}),
    ((7, 9), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ((9, 9), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ((8, 7), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ((8, 8), {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "pads": [1, 1, 0, 0]}),
    ((8,), {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
])
def test_pooling(tmp_path, op, size, attributes):
    found = agree(tmp_path, build(node(op, "x", **attributes), shape=("N", 3, *size)))
    assert len(found.graph.nodes) == 1


@pytest.mark.parametrize("attributes", [
    {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1,
     "pads": [1, 1, 1, 1]}])
def test_averages_that_count_their_padding(tmp_path, attributes):
    agree(tmp_path, build(node("AveragePool", "x", **attributes), shape=("N", 3, 7, 7)))


@pytest.mark.parametrize("opset, nodes, kind", [
    (7, [node("GlobalAveragePool", "x")], "GlobalAvgPool"),
    (7, [node("GlobalMaxPool", "x")], "MaxPool"),
    (11, [node("ReduceMean", "x", axes=[2, 3])], "GlobalAvgPool"),
    (13, [node("ReduceMean", "x", axes=[-1, -2], keepdims=0)], "GlobalAvgPool"),
    (18, [node("ReduceMean", "x axes", keepdims=0)], "GlobalAvgPool"),
    (18, [node("ReduceMean", "x width")], "AvgPool"),
    (18, [node("ReduceMax", "x axes", keepdims=0)], "MaxPool"),
    (17, [node("Transpose", "x", "a", perm=[0, 2, 3, 1]),
          node("ReduceMean", "a", axes=[1, 2], keepdims=0)], "GlobalAvgPool"),
    (17, [node("Reshape", "x pixels", "a"), node("ReduceMean", "a", axes=[2], keepdims=0)],
     "GlobalAvgPool"),
])
def test_pooling_of_whole_images(tmp_path, opset, nodes, kind):
    constants = {"axes": ints(2, 3), "width": ints(3), "pixels": ints(0, 3, -1)}
    found = agree(tmp_path, build(*nodes, constants=constants, opset=opset))
    assert kinds(found)[0] == kind and set(kinds(found)[1:]) <= {"Flatten"}


def test_a_convolution_of_what_was_pooled_is_a_dense_layer(tmp_path):
    found = agree(tmp_path, build(
        node("GlobalAveragePool", "x", "a"), node("Conv", "a w b", "c"), node("Flatten", "c"),
        constants={"w": draw(5, 3, 1, 1), "b": draw(5)}))
    assert kinds(found) == ["GlobalAvgPool", "Linear"]


@pytest.mark.parametrize("nodes, opset, wanted", [
    ([node("Clip", "x", min=0.0, max=6.0)], 7, "Relu6"),
    ([node("Clip", "x low high")], 11, "Relu4"),
    ([node("Clip", "x low")], 13, "Relu"),
    ([node("Clip", "x low most")], 13, "Relu"),
    ([node("Max", "x low")], 13, "Relu"),
    ([node("Max", "x low", "a"), node("Min", "high a")], 13, "Relu4"),
    ([node("Relu", "x", "a"), node("Clip", "a _ high")], 13, "Relu4"),
    ([node("Relu", "x", "a"), node("Clip", "a below high")], 13, "Relu4"),
    ([node("Relu", "x", "a"), node("Relu", "a")], 13, "Relu"),
    ([node("Constant", "_", "c", value_float=4.0), node("Clip", "x low c")], 13, "Relu4"),
])
def test_bounds_at_zero_are_relus(tmp_path, nodes, opset, wanted):
    for own in nodes:
        if own.op_type == "Constant":
            del own.input[:]
    constants = {} if opset == 7 else {"low": np.float32(0), "high": np.float32(4),
                                       "most": np.float32(3.4028235e38), "below": np.float32(-1)}
    found = agree(tmp_path, build(*nodes, opset=opset, constants=constants))
    assert kinds(found) == [wanted]


@pytest.mark.parametrize("nodes", [
    [node("Softmax", "x")], [node("LogSoftmax", "x", axis=1)], [node("Softmax", "x", axis=-1)]])
def test_probabilities(tmp_path, nodes):
    for opset in (9, 13):
        agree(tmp_path, build(*nodes, shape=("N", 6), opset=opset))


def test_probabilities_of_pixels_and_of_one_pixel(tmp_path):
    agree(tmp_path, build(node("Softmax", "x", axis=1)))
    agree(tmp_path, build(node("GlobalAveragePool", "x", "a"), node("Softmax", "a", axis=1),
                          opset=9))


@pytest.mark.parametrize("keep", [0, 1])
def test_the_class(tmp_path, keep):
    from onnx import TensorProto
    found = agree(tmp_path, build(
        node("Flatten", "x", "a"), node("ArgMax", "a", "b", axis=1, keepdims=keep),
        node("Cast", "b", to=TensorProto.INT32), output_type=TensorProto.INT32))
    assert kinds(found) == ["Flatten", "ArgMax"] and found.graph.output_shape == ()


def test_sums_of_tensors_and_constants(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a"), node("Relu", "a", "b"), node("Sum", "a b c a", "d"),
        node("Add", "d d"), constants={"w": draw(4, 3, 1, 1), "c": draw(4, 1, 1)}))
    assert kinds(found) == ["Conv2d", "Relu", "Add", "BatchNorm", "Add"]


@pytest.mark.parametrize("nodes", [
    [node("Mul", "x c")], [node("Mul", "c x")], [node("Div", "x c")], [node("Sub", "x c")],
    [node("Sub", "c x")], [node("Neg", "x")], [node("Mul", "x one")],
    [node("Sub", "x c", "a"), node("Div", "a d", "b"), node("Mul", "b one", "e"),
     node("Add", "e c")]])
@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 4), (3,)])
def test_scales_and_offsets_are_one_normalisation(tmp_path, nodes, shape):
    ones = (1,) * (len(shape) - 1)
    constants = {"c": draw(3, *ones), "d": draw(1, 3, *ones), "one": np.float32(0.7)}
    found = agree(tmp_path, build(*nodes, shape=("N", *shape), constants=constants))
    assert kinds(found) == ["BatchNorm"]


def test_channels_are_joined_padded_and_taken_apart_from_pixels(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a"), node("Concat", "a x", "b", axis=1),
        node("Pad", "b pads", "c"), node("Slice", "c starts ends axes steps"),
        constants={"w": draw(4, 3, 1, 1), "pads": ints(0, 1, 0, 0, 0, 2, 0, 0),
                   "starts": ints(0, 0), "ends": ints(2**62, 7), "axes": ints(2, 3),
                   "steps": ints(2, 3)}))
    assert kinds(found) == ["Conv2d", "Concat", "PadChannels", "Subsample"]
    assert found.graph.output_shape == (4, 3, 10)


def test_rows_are_joined(tmp_path):
    found = agree(tmp_path, build(
        node("Flatten", "x", "a"), node("GlobalAveragePool", "x", "b"), node("Flatten", "b", "c"),
        node("Concat", "a c", "d", axis=1), node("Gemm", "d w"),
        constants={"w": draw(3 * 64 + 3, 4)}))
    assert kinds(found) == ["GlobalAvgPool", "Flatten", "Concat", "Linear"]


def test_layers_of_the_graph_have_the_order_of_its_images(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a"), node("Flatten", "a", "b"), node("Gemm", "b v"),
        constants={"w": draw(4, 3, 3, 3), "v": draw(4 * 36, 5)}))
    first, _, last = (own.op for own in found.graph.nodes)
    assert isinstance(first, Conv2d) and isinstance(last, Linear)
    assert first.weights.shape == (4, 3, 3, 3) and last.weights.shape == (5, 144)
    assert found.graph.input_shape == (8, 8, 3)
