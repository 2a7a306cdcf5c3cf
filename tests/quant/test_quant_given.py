"""Networks that came quantised: what an integer network keeps of their scales and integers."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from pqhw.golden import network_activations  # noqa: E402
from pqhw.network import GraphError, load_graph, load_quantisation, save_graph  # noqa: E402
from pqhw.network.onnx import import_onnx  # noqa: E402
from pqhw.quant.given import kept_integers  # noqa: E402
from pqhw.quant.network import convert_network  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402

PLAN = Plan(kind="fixed", weight_bits=8, activation_bits=8, keep=())


def quantised(folder, *, input_scale=1.0, input_zero=0, middle=2.0 ** -4, middle_zero=0,
              weights=2.0 ** -9, last=2.0 ** -8, lowest=-127):
    """A file of convolution, ReLU, flattening and dense layer in QDQ form, and its integers."""
    random = np.random.default_rng(5)
    integers = {"w": random.integers(lowest, 128, (6, 2, 3, 3)).astype(np.int8),
                "v": random.integers(-127, 128, (6 * 16, 5)).astype(np.int8)}
    integers["w"][0, 0, 0, 0] = lowest
    scales = np.broadcast_to(np.float32(weights), 6).copy()
    bias = random.integers(-3000, 3000, 6).astype(np.int32)
    constants = {
        "xs": np.float32(input_scale), "xz": np.uint8(input_zero), "w": integers["w"],
        "ws": scales, "wz": np.zeros(6, np.int8), "b": bias,
        "bs": (scales * np.float32(input_scale)), "bz": np.zeros(6, np.int32),
        "as": np.float32(middle), "az": np.uint8(middle_zero), "v": integers["v"],
        "vs": np.float32(last), "vz": np.int8(0)}
    node = helper.make_node
    nodes = [node("QuantizeLinear", ["x", "xs", "xz"], ["xi"]),
             node("DequantizeLinear", ["xi", "xs", "xz"], ["xq"]),
             node("DequantizeLinear", ["w", "ws", "wz"], ["wq"], axis=0),
             node("DequantizeLinear", ["b", "bs", "bz"], ["bq"], axis=0),
             node("Conv", ["xq", "wq", "bq"], ["c"], name="conv", pads=[1, 1, 1, 1]),
             node("Relu", ["c"], ["r"], name="relu"),
             node("QuantizeLinear", ["r", "as", "az"], ["ri"]),
             node("DequantizeLinear", ["ri", "as", "az"], ["rq"]),
             node("Flatten", ["rq"], ["f"], name="flat"),
             node("DequantizeLinear", ["v", "vs", "vz"], ["vq"]),
             node("MatMul", ["f", "vq"], ["y"], name="dense")]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "qdq", [info("x", TensorProto.FLOAT, ["N", 2, 4, 4])],
        [info("y", TensorProto.FLOAT, ["N", 5])],
        [numpy_helper.from_array(np.asarray(own), name) for name, own in constants.items()])
    path = folder / "qdq.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)
    return path, integers, bias


def converted(path, plan=PLAN):
    found = import_onnx(path)
    images = np.random.default_rng(3).integers(0, 256, (40, 4, 4, 2))
    settings = plan_settings(found.graph, plan)
    network = convert_network(found.graph, images, settings, given=found.quantisation)
    kept = kept_integers(found.graph, settings, found.quantisation, steps=network.steps)
    return network, images, {(own.name, own.what): own for own in kept}


def convolved(images, integers, bias):
    """Sums [R, 6, 4, 4] of images [R, 4, 4, 2], by loops over taps."""
    padded = np.pad(images.transpose(0, 3, 1, 2), ((0, 0), (0, 0), (1, 1), (1, 1)))
    sums = np.zeros((len(images), 6, 4, 4), np.int64) + bias[:, None, None]
    for y in range(3):
        for x in range(3):
            sums += np.einsum("rchw,nc->rnhw", padded[:, :, y:y + 4, x:x + 4],
                              integers["w"][:, :, y, x].astype(np.int64))
    return sums


def test_powers_of_two_are_kept_to_the_last_integer(tmp_path):
    path, integers, bias = quantised(tmp_path)
    network, images, kept = converted(path)
    assert all(own.exact and not own.reason for own in kept.values()) and len(kept) == 5
    results = network_activations(network.spec, network.parameters, images)
    # 2**-9 per sum and 2**-4 per result: five bits less, halves up.
    hidden = np.clip(convolved(images, integers, bias) + 16 >> 5, 0, 255)
    np.testing.assert_array_equal(results["relu"], hidden.transpose(0, 2, 3, 1))
    sums = hidden.reshape(len(images), -1) @ integers["v"].astype(np.int64)
    np.testing.assert_array_equal(results["dense"], sums)
    assert network.steps["relu"] == 2.0 ** -4
    assert network.units["dense"] == pytest.approx(2.0 ** 12)


def test_what_onnxruntime_gives_differs_where_halves_are_rounded(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    path, integers, bias = quantised(tmp_path)
    network, images, _ = converted(path)
    options = onnxruntime.SessionOptions()
    # Optimising, it rounds what enters the last layer's integers once more.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options,
                                           providers=["CPUExecutionProvider"])
    wanted, = session.run(None, {"x": images.transpose(0, 3, 1, 2).astype(np.float32)})
    sums = convolved(images, integers, bias)
    halves = (sums % 64 == 16) & (sums > 0) & (sums < 255 << 5)
    found = network_activations(network.spec, network.parameters, images)["dense"] * 2.0 ** -12
    same = ~halves.any(axis=(1, 2, 3))
    assert 0 < same.sum() < len(images)
    np.testing.assert_allclose(found[same], wanted[same], atol=1e-4)


def test_other_scales_are_kept_up_to_a_multiplier(tmp_path):
    path, integers, bias = quantised(tmp_path, middle=0.07, weights=[.002, .003, .004, .005, .003,
                                                                      .0021], last=0.01)
    network, images, kept = converted(path)
    assert network.steps["relu"] == pytest.approx(0.07) and all(own.exact for own in kept.values())
    np.testing.assert_array_equal(network.parameters["relu"].weights,
                                  integers["w"].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(network.parameters["relu"].bias, bias)
    off = kept["conv", "weights"].reason
    assert off.startswith("the scale of its sums is within ") and "e-0" in off


@pytest.mark.parametrize("changes, plan, name, reason", [
    ({"input_scale": 0.5}, PLAN, ("input", "scale"),
     "images enter as the integers that they are, whose step is 1"),
    ({"input_zero": 3}, PLAN, ("input", "scale"),
     "integers are from -3 to 252 times it in the file, with the zero point 3, and from 0 to 255 "
     "here"),
    ({}, Plan(kind="fixed", weight_bits=8, activation_bits=6, keep=()), ("relu", "scale"),
     "integers are from 0 to 255 times it in the file, with the zero point 0, and from 0 to 63 "
     "here"),
    ({"middle_zero": 5}, PLAN, ("relu", "scale"),
     "integers are from -5 to 250 times it in the file, with the zero point 5, and from 0 to 255 "
     "here"),
    ({"lowest": -128}, PLAN, ("conv", "weights"),
     "its integers reach from -128 to 127, but those of 8 bits from -127 to 127"),
    ({}, Plan(kind="fixed", weight_bits=4, activation_bits=8, keep=()), ("dense", "weights"),
     "its integers reach from -127 to 126, but those of 4 bits from -7 to 7"),
    ({}, Plan(kind="sp2", keep=()), ("dense", "weights"),
     "its engine is of another kind (sp2 weights)"),
    ({"weights": [1, 2, 3, 4, 5, 1000]}, PLAN, ("conv", "weights"),
     "its scales differ by more than a factor of 256")])
def test_what_cannot_be_kept_is_told(tmp_path, changes, plan, name, reason):
    _, _, kept = converted(quantised(tmp_path, **changes)[0], plan)
    assert (kept[name].exact, kept[name].reason) == (False, reason)
    assert str(kept[name]) == f"{name[0]}: {name[1]} approximated, as {reason}"


def test_a_graphs_file_keeps_the_integers(tmp_path):
    found = import_onnx(quantised(tmp_path)[0])
    for name, info in (("a", found.quantisation), ("b", None), ("c", found.quantisation)):
        save_graph(tmp_path / f"{name}.npz", found.graph, info)
    again = load_quantisation(tmp_path / "a.npz")
    assert again.tensors == found.quantisation.tensors and set(again.layers) == {"conv", "dense"}
    for name, own in again.layers.items():
        other = found.quantisation.layers[name]
        np.testing.assert_array_equal(own.dequantised(), other.dequantised())
        assert (own.bits, own.signed) == (8, True) and (own.bias is None) == (other.bias is None)
    assert load_quantisation(tmp_path / "b.npz") is None
    assert (load_graph(tmp_path / "a.npz").run(np.ones((1, 4, 4, 2)))
            == found.graph.run(np.ones((1, 4, 4, 2)))).all()
    whole = (tmp_path / "a.npz").read_bytes()
    assert whole == (tmp_path / "c.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(GraphError, match="is not a complete .npz file of a graph.$"):
        load_quantisation(tmp_path / "cut.npz")
