"""QDQ files: the graph has the dequantised weights exactly, and the integers are told beside it."""

import numpy as np
import pytest
from onnx_models import agree, build, draw, ints, kinds, node, reference, write

from pqhw.network import GraphBuilder, GraphError
from pqhw.network.onnx import TensorQuant, export_onnx, import_onnx
from pqhw.network.ops import (Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, MaxPool,
                              Relu)


def pair(tensor, scale="s", zero="z", **attributes):
    """Nodes that quantise a tensor and dequantise it: t becomes tq."""
    return [node("QuantizeLinear", f"{tensor} {scale} {zero}", f"{tensor}i", **attributes),
            node("DequantizeLinear", f"{tensor}i {scale} {zero}", f"{tensor}q", **attributes)]


def weights(name, codes, scale, zero=None, axis=0, **attributes):
    """A node that dequantises constant weights, and its constants."""
    constants = {f"{name}i": codes, f"{name}s": np.asarray(scale, np.float32)}
    if zero is not None:
        constants[f"{name}z"] = np.asarray(zero, codes.dtype)
    inputs = " ".join(constants)
    return node("DequantizeLinear", inputs, name, axis=axis, **attributes), constants


def codes(*shape, kind=np.int8):
    limits = np.iinfo(kind)
    return np.random.default_rng(2).integers(limits.min, limits.max, shape).astype(kind)


STEP = {"s": np.float32(0.05), "z": np.uint8(128)}


@pytest.mark.parametrize("scale, zero", [(0.02, 0), (0.02, 3), ([0.01, 0.02, 0.03, 0.04], None),
                                         ([0.01, 0.02, 0.03, 0.04], [1, 0, -2, 5])])
def test_the_integers_of_a_convolution(tmp_path, scale, zero):
    own, constants = weights("w", codes(4, 3, 3, 3), scale, zero)
    bias, more = weights("b", np.array([5, -70000, 0, 9], np.int32), np.full(4, 0.001))
    found = agree(tmp_path, build(*pair("x"), own, bias, node("Conv", "xq w b", name="layer"),
                                  constants=constants | more | STEP),
                  inputs=(0.05 * np.random.default_rng(1).integers(-128, 128, (2, 3, 8, 8))
                          ).astype(np.float32))
    layer = found.quantisation.layers["layer"]
    np.testing.assert_array_equal(layer.weights, constants["wi"].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(layer.dequantised(), found.graph["layer"].op.weights)
    np.testing.assert_array_equal(layer.scales, np.broadcast_to(np.float32(scale), 4))
    np.testing.assert_array_equal(layer.zero_points, np.broadcast_to(0 if zero is None else zero,
                                                                     4))
    assert (layer.bits, layer.signed) == (8, True)
    np.testing.assert_array_equal(layer.bias, [5, -70000, 0, 9])
    np.testing.assert_array_equal(layer.bias_scales, np.full(4, 0.001, np.float32))
    assert found.quantisation.tensors == {"input": TensorQuant(float(np.float32(0.05)), 128, 8,
                                                               False)}
    assert kinds(found) == ["Conv2d"]


@pytest.mark.parametrize("form", ["transB", "gemm", "matmul", "transposed"])
def test_the_integers_of_a_dense_layer_behind_flattening(tmp_path, form):
    """Channels last in the file: columns of integers are reordered as those of the weights."""
    array = codes(24, 5)
    scale = np.linspace(0.01, 0.05, 5)
    outputs_first = form in ("transB", "transposed")
    own, constants = weights("w", array.T.copy() if outputs_first else array, scale,
                             axis=0 if outputs_first else 1)
    last = {"transB": [node("Gemm", "f w", name="layer", transB=1)],
            "gemm": [node("Gemm", "f w", name="layer")],
            "matmul": [node("MatMul", "f w", name="layer")],
            "transposed": [node("Transpose", "w", "v", perm=[1, 0]),
                           node("MatMul", "f v", name="layer")]}[form]
    found = agree(tmp_path, build(
        own, node("Conv", "x u", "a"), node("Transpose", "a", "b", perm=[0, 2, 3, 1]),
        node("Reshape", "b t", "f"), *last, shape=("N", 3, 2, 3),
        constants=constants | {"u": draw(4, 3, 1, 1), "t": ints(0, -1)}))
    layer = found.quantisation.layers["layer"]
    order = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1).reshape(-1)
    np.testing.assert_array_equal(layer.weights, array.T[:, order])
    np.testing.assert_array_equal(layer.dequantised(), found.graph["layer"].op.weights)
    assert layer.bias is None and list(found.quantisation.layers) == ["layer"]


def test_weights_that_are_quantised_in_the_file(tmp_path):
    """Exporters of training with quantisation leave real weights in front of the pair."""
    found = agree(tmp_path, build(
        *pair("w", "ws", "wz", axis=0), node("Conv", "x wq", name="layer"),
        constants={"w": draw(4, 3, 3, 3), "ws": np.full(4, 0.02, np.float32),
                   "wz": np.zeros(4, np.int8)}))
    layer = found.quantisation.layers["layer"]
    np.testing.assert_array_equal(layer.dequantised(), found.graph["layer"].op.weights)
    assert abs(layer.weights).max() <= 128


def test_four_bits(tmp_path):
    from onnx import TensorProto, helper
    own, constants = weights("w", np.zeros(1, np.int8), 0.1)
    model = build(own, node("Gemm", "x w", name="layer"), shape=("N", 4), opset=21,
                  constants={"ws": constants["ws"]})
    values = np.random.default_rng(1).integers(-8, 8, 20)
    model.graph.initializer.append(helper.make_tensor("wi", TensorProto.INT4, [4, 5],
                                                      values.tolist()))
    model.ir_version = 10
    layer = agree(tmp_path, model).quantisation.layers["layer"]
    assert (layer.bits, layer.signed) == (4, True)
    np.testing.assert_array_equal(layer.weights, values.reshape(4, 5).T)


def test_scales_of_blocks_are_exact_but_not_kept(tmp_path):
    own, constants = weights("w", codes(4, 6), np.linspace(0.01, 0.02, 12).reshape(2, 6), axis=0,
                             block_size=2)
    found = agree(tmp_path, build(own, node("Gemm", "x w", name="layer"), shape=("N", 4), opset=21,
                                  constants=constants))
    assert found.quantisation is None
    assert found.notes == ("layer: its weights have several scales per output, so their integers "
                           "are not kept.",)


@pytest.mark.parametrize("zero, adds", [(np.uint8(0), True), (np.int8(-128), True),
                                        (np.uint8(3), False), (np.int8(0), False)])
def test_a_relu_that_quantising_replaced_comes_back(tmp_path, zero, adds):
    """Quantisers leave ReLU out where codes below zero do not exist."""
    found = import_onnx(write(tmp_path, build(
        node("Conv", "x w", "a", name="layer"), *pair("a", "as", "az"),
        node("MaxPool", "aq", kernel_shape=[2, 2]),
        constants={"w": draw(4, 3, 3, 3), "as": np.float32(0.01), "az": zero})))
    assert kinds(found) == (["Conv2d", "Relu2.55", "MaxPool"] if adds else ["Conv2d", "MaxPool"])
    assert set(found.quantisation.tensors) == {"quantizelinear-ai" if adds else "layer"}
    x = draw(2, 3, 8, 8)
    wanted, got = reference(tmp_path / "m.onnx", x), found.run(x)
    info = np.iinfo(zero.dtype)
    low, high = ((limit - float(zero)) * 0.01 for limit in (info.min, info.max))
    if not adds:
        got = np.clip(got, low, high)
    assert got.min() >= low - 1e-6 and got.max() <= high + 1e-6
    np.testing.assert_allclose(got, wanted, atol=0.01 * 0.501)


def test_a_relu_that_is_there_stays_alone(tmp_path):
    found = import_onnx(write(tmp_path, build(
        node("Conv", "x w", "a"), node("Relu", "a", "b", name="relu"), *pair("b"),
        node("GlobalAveragePool", "bq", "c", name="pool"), *pair("c"), node("Flatten", "cq"),
        constants={"w": draw(4, 3, 3, 3), "s": np.float32(0.01), "z": np.uint8(0)})))
    assert kinds(found) == ["Conv2d", "Relu", "GlobalAvgPool"]
    assert set(found.quantisation.tensors) == {"relu", "pool"}


def test_integers_that_enter_become_real(tmp_path):
    from onnx import TensorProto
    model = build(node("DequantizeLinear", "x s z", "a"), node("Conv", "a w", pads=[1, 1, 1, 1]),
                  constants={"w": draw(4, 3, 3, 3), "s": np.float32(0.5), "z": np.uint8(7)},
                  input_type=TensorProto.UINT8)
    found = agree(tmp_path, model, inputs=codes(2, 3, 8, 8, kind=np.uint8), tolerance=1e-2)
    assert kinds(found) == ["BatchNorm", "Conv2d"]


def test_a_scale_in_front_of_integer_weights(tmp_path):
    """It may stay in front of a convolution; rows have no layer for it, and give integers up."""
    own, constants = weights("w", codes(4, 3, 1, 1), 0.02)
    found = agree(tmp_path, build(own, node("Mul", "x c", "a"), node("Conv", "a w", name="layer"),
                                  constants=constants | {"c": np.float32(0.5)}))
    assert kinds(found) == ["BatchNorm", "Conv2d"] and "layer" in found.quantisation.layers
    own, constants = weights("w", codes(3, 4), 0.02)
    found = agree(tmp_path, build(own, node("Mul", "x c", "a", name="scale"),
                                  node("Gemm", "a w", name="layer"), shape=("N", 3),
                                  constants=constants | {"c": draw(3)}))
    assert kinds(found) == ["Linear"] and found.quantisation is None
    assert found.notes == ("layer: its integers are not kept, as scale scales what enters it.",)


def test_widened_kernels_have_integers_that_stand_for_zero(tmp_path):
    own, constants = weights("w", codes(4, 3, 3, 3), 0.02, [1, 2, 3, -4])
    found = agree(tmp_path, build(
        own, node("Conv", "x w", name="layer", pads=[0, 0, 1, 1], strides=[2, 2]),
        constants=constants | {"ws": np.linspace(0.01, 0.02, 4).astype(np.float32)}),
        equal_padding=True)
    layer = found.quantisation.layers["layer"]
    assert layer.weights.shape == (4, 4, 4, 3)
    np.testing.assert_array_equal(layer.dequantised(), found.graph["layer"].op.weights)


@pytest.mark.parametrize("nodes, reason", [
    ([*pair("x")[:1], node("Relu", "xi")], "it computes with integers"),
    ([*pair("x")[:1], node("DequantizeLinear", "xi s2 z")], "differs from those of its Quantize"),
    ([*pair("x", "many")[:1], node("DequantizeLinear", "xi many z")], "3 scales for activations"),
    ([*pair("x", "none")[:1], node("DequantizeLinear", "xi none z")], "must be positive"),
    ([node("Relu", "x", "a"), node("DequantizeLinear", "a s z")], None),
    ([node("Relu", "x", "a"), node("QuantizeLinear", "a s z")], "result are its integers"),
    ([node("DynamicQuantizeLinear", "x", "a b c"), node("DequantizeLinear", "a b c")],
     "it computes with integers"),
    ([node("QLinearConv", "x s z w s z s z")], "it computes with integers")])
def test_quantisation_that_is_no_pair(tmp_path, nodes, reason):
    model = build(*nodes, constants=STEP | {
        "s2": np.float32(0.06), "many": np.ones(3, np.float32), "none": np.float32(0),
        "w": codes(4, 3, 1, 1, kind=np.uint8)})
    with pytest.raises(GraphError) as error:
        import_onnx(write(tmp_path, model))
    assert (reason or "takes real values for integers") in str(error.value)


def residual_network(seed):
    """A small network of all that quantisers treat on their own."""
    random = np.random.default_rng(seed)

    def draw_(*shape):
        return random.normal(0, 0.3, shape).astype(np.float32)
    net = GraphBuilder("residual", (8, 8, 3))
    net.add(Conv2d(weights=draw_(8, 3, 3, 3), bias=draw_(8), padding=1), name="stem")
    net.add(BatchNorm(gamma=1 + draw_(8), beta=draw_(8), mean=draw_(8), variance=np.ones(8)))
    short = net.add(Relu(), name="stem.relu")
    net.add(Conv2d(weights=draw_(8, 3, 3, 8), bias=draw_(8), padding=1), name="branch")
    net.add(Add(), net.last, short, name="add")
    net.add(Relu(maximum=6))
    net.add(Conv2d(weights=draw_(8, 3, 3, 1), groups=8, padding=1), name="depthwise")
    net.add(MaxPool(kernel=2, stride=2))
    half = net.add(Conv2d(weights=draw_(6, 1, 1, 8)), name="pointwise")
    net.add(Flatten(), half)
    net.add(Linear(weights=draw_(10, 96), bias=draw_(10)), name="dense")
    net.add(Relu())
    net.add(Linear(weights=draw_(4, 10), bias=draw_(4)), name="classifier")
    return net.build()


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activations, options", [
    ("QUInt8", {}), ("QInt8", {}), ("QInt8", {"ActivationSymmetric": True}), ("QUInt16", {})])
def test_what_onnxruntime_quantises(tmp_path, per_channel, activations, options):
    import logging

    from onnxruntime import quantization
    random = np.random.default_rng(4)
    graph = residual_network(1)
    export_onnx(graph, tmp_path / "float.onnx")
    images = random.normal(size=(32, 8, 8, 3)).astype(np.float32)

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = [{"input": own[None].transpose(0, 3, 1, 2)} for own in images]

        def get_next(self):
            return self.left.pop() if self.left else None

    logging.disable(logging.WARNING)
    try:
        quantization.quantize_static(
            tmp_path / "float.onnx", tmp_path / "m.onnx", Reader(), per_channel=per_channel,
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType[activations],
            weight_type=quantization.QuantType.QInt8, extra_options=options)
    finally:
        logging.disable(logging.NOTSET)
    found = import_onnx(tmp_path / "m.onnx")
    info = found.quantisation
    layers = [own.name for own in found.graph.layers]
    assert layers == ["stem", "branch", "depthwise", "pointwise", "dense", "classifier"]
    assert sorted(info.layers) == sorted(layers)
    for name in layers:
        own, quant = found.graph[name], info.layers[name]
        np.testing.assert_array_equal(quant.dequantised(), own.op.weights)
        if quant.bias is not None:
            scale = np.float32(info.tensors[own.inputs[0]].scale)
            np.testing.assert_allclose(quant.bias_scales, quant.scales * scale, rtol=1e-6)
            np.testing.assert_array_equal(
                quant.bias.astype(np.float32) * quant.bias_scales, own.op.bias)
    steps = max(own.scale for own in info.tensors.values())
    images = images.transpose(0, 3, 1, 2)
    wanted = reference(tmp_path / "m.onnx", images)
    # Integer weights leave the ranges that were calibrated with real ones a little.
    np.testing.assert_allclose(found.run(images), wanted,
                               atol=12 * steps + 0.01 * np.abs(wanted).max())
    assert not found.notes


def test_averages_keep_their_scale(tmp_path):
    net = GraphBuilder("pooled", (4, 4, 3))
    net.add(GlobalAvgPool())
    export_onnx(net.build(), tmp_path / "m.onnx")
    assert import_onnx(tmp_path / "m.onnx").quantisation is None
