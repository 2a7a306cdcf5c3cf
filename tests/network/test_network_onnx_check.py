"""The table of what becomes of every node: verdicts, reasons, remedies; nothing passes silently."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_models import agree, build, draw, ints, node, write

from pqhw.network import GraphError
from pqhw.network.onnx import check_model, import_onnx


def checked(folder, model, **options):
    """Rows by name, which are as many as the file has nodes, in its order."""
    rows = check_model(write(folder, model), **options)
    assert [row.op for row in rows] == [own.op_type for own in model.graph.node]
    return {row.node: row for row in rows}


def unsupported(folder, *nodes, **options):
    """The only unsupported node of a file, which importing refuses with the same reason."""
    model = build(*nodes, **options)
    bad = [row for row in checked(folder, model).values() if row.verdict == "unsupported"]
    first = bad[0]
    assert all(row.remedy.startswith("see ") for row in bad[1:])
    with pytest.raises(GraphError) as error:
        import_onnx(write(folder, model))
    advice = f"; {first.remedy}" if first.remedy else ""
    assert str(error.value) == (f"{folder / 'm.onnx'}: node {first.node} ({first.op}) is "
                                f"unsupported, as {first.reason}{advice}.")
    return first


def test_a_row_has_shapes_products_and_weights(tmp_path):
    rows = checked(tmp_path, build(
        node("Conv", "x w", "a"), node("Relu", "a", "b"), node("GlobalAveragePool", "b", "c"),
        node("Flatten", "c", "d"), node("Gemm", "d v"),
        constants={"w": draw(6, 3, 3, 3), "v": draw(6, 5)}))
    first, relu, pool, flat, last = rows.values()
    assert (first.inputs[0], first.output) == ((3, 8, 8), (6, 6, 6))
    assert (first.multiply_accumulates, first.weights) == (36 * 6 * 27, 6 * 27)
    assert (relu.multiply_accumulates, relu.weights, relu.verdict) == (0, 0, "supported")
    assert (pool.output, flat.output, flat.verdict) == ((6, 1, 1), (6,), "folded")
    assert (last.multiply_accumulates, last.weights, last.verdict) == (30, 30, "supported")


@pytest.mark.parametrize("weights, attributes, channels, reason", [
    ((8, 1, 3, 3), {"group": 8}, 8,
     "depthwise: there is nothing to look up, as a window of 9 inputs serves 1 output"),
    ((16, 1, 3, 3), {"group": 8}, 8,
     "depthwise: there is nothing to look up, as a window of 9 inputs serves 2 outputs"),
    ((8, 4, 3, 3), {"group": 4}, 16,
     "2 outputs of a group would share a code, at least 4 pay"),
    ((2, 8, 3, 3), {}, 8, "2 outputs would share a code, at least 4 pay"),
])
def test_layers_without_a_use_for_tables(tmp_path, weights, attributes, channels, reason):
    found = agree(tmp_path, build(
        node("Relu", "x", "a"), node("Conv", "a w", name="layer", **attributes),
        shape=("N", channels, 8, 8), constants={"w": draw(*weights)}))
    row = found.rows[1]
    assert (row.verdict, row.reason) == ("falls back to MAC", reason)


@pytest.mark.parametrize("channels, verdict", [(1, "falls back to MAC"), (3, "falls back to MAC"),
                                               (4, "supported")])
def test_the_first_layer_of_few_channels(tmp_path, channels, verdict):
    rows = checked(tmp_path, build(
        node("Conv", "x w", "a", name="first"), node("Conv", "a v", name="second"),
        shape=("N", channels, 8, 8),
        constants={"w": draw(4, channels, 3, 3), "v": draw(4, 4, 3, 3)}))
    assert [row.verdict for row in rows.values()] == [verdict, "supported"]


def test_padding_that_differs_between_sides(tmp_path):
    model = build(node("Conv", "x w", name="layer", auto_pad="SAME_UPPER", strides=[2, 2]),
                  shape=("N", 4, 8, 8), constants={"w": draw(8, 4, 3, 3)})
    row = checked(tmp_path, model)["layer"]
    assert row.verdict == "unsupported"
    assert row.reason == "padding must be equal at top and bottom for an engine, but is 0 and 1"
    assert "--equal-padding" in row.remedy
    found = agree(tmp_path, model)
    assert found.notes == (f"layer (Conv) has no engine: {row.reason}; {row.remedy}.",)
    row = checked(tmp_path, model, equal_padding=True)["layer"]
    assert row.verdict == "supported"
    assert row.reason == "PQ or MAC; kernel widened to 4 by 4 for equal padding"
    found = agree(tmp_path, model, equal_padding=True)
    assert found.graph["layer"].op.padding == ((1, 1), (1, 1)) and not found.notes


def test_sizes_beyond_engines(tmp_path):
    rows = checked(tmp_path, build(node("Conv", "x w", name="wide"), shape=("N", 4, 1, 40),
                                   constants={"w": draw(4, 4, 1, 20)}))
    assert rows["wide"].verdict == "unsupported"
    assert rows["wide"].reason.startswith("layer.kernel must be ")


def test_scales(tmp_path):
    rows = checked(tmp_path, build(
        node("Mul", "x c", "a", name="start"), node("Conv", "a w", "b", name="layer"),
        node("BatchNormalization", "b g g g v", "c1", name="behind"), node("Relu", "c1", "d"),
        node("Mul", "d g1", "e", name="alone"), node("Conv", "e u", pads=[1, 1, 1, 1], name="last"),
        node("Add", "d e", "z", name="unused"),
        constants={"c": np.float32(0.5), "w": draw(4, 3, 3, 3), "g": draw(4), "v": draw(4) ** 2,
                   "g1": draw(4, 1, 1), "u": draw(4, 4, 3, 3)}))
    assert [(row.verdict, row.reason) for row in rows.values()][:3] == [
        ("folded", "into layer"), ("falls back to MAC", rows["layer"].reason),
        ("folded", "into the layer in front")]
    assert (rows["alone"].verdict, rows["alone"].reason) == ("folded", "into last")
    assert rows["unused"].reason == "does not lead to the network's result"


def test_scales_that_need_a_layer_of_their_own(tmp_path):
    rows = checked(tmp_path, build(
        node("Sub", "x c", "a", name="start"), node("Conv", "a w", "b", pads=[1, 1, 1, 1]),
        node("Add", "b a", "d"), node("BatchNormalization", "d g g g v", "e", name="sum"),
        node("Flatten", "e"), constants={"c": draw(3, 1, 1), "w": draw(3, 3, 3, 3), "g": draw(3),
                                         "v": draw(3) ** 2}))
    for name in ("start", "sum"):
        assert rows[name].verdict == "falls back to MAC"
        assert "1x1 depthwise convolution" in rows[name].reason
    row = unsupported_row(tmp_path, node("Relu", "x", "a"), node("Mul", "a c", "b"),
                          node("Relu", "b"), shape=("N", 5), constants={"c": draw(5)})
    assert row.reason == "it scales rows, without a dense layer beside it"


def unsupported_row(folder, *nodes, **options):
    """The unsupported row of a file that can be imported all the same."""
    row, = (row for row in checked(folder, build(*nodes, **options)).values()
            if row.verdict == "unsupported")
    agree(folder, build(*nodes, **options))
    return row


def test_what_changes_nothing_is_not_counted_again(tmp_path):
    found = agree(tmp_path, build(
        node("Conv", "x w", "a", name="layer"), node("Concat", "a", "b", axis=1, name="one"),
        node("Sum", "b", "c", name="sum"), node("Mul", "c zero", "d", name="nil"),
        node("Add", "c d", "e", name="same"), node("Relu", "e"),
        constants={"w": draw(4, 3, 3, 3), "zero": np.float32(0)}))
    rows = {row.node: row for row in found.rows}
    assert [rows[name].verdict for name in ("one", "sum", "nil", "same")] == ["folded"] * 4
    assert sum(row.weights for row in found.rows) == 4 * 27
    assert len(found.graph.nodes) == 2


def test_scales_are_judged_alike_where_something_else_is_unsupported(tmp_path):
    rows = checked(tmp_path, build(
        node("Div", "x c", "a", name="input_scale"), node("Conv", "a w", "b", name="layer"),
        node("Add", "b d", "e", name="offset"), node("Sigmoid", "e", name="gate"),
        constants={"c": np.float32(255), "w": draw(4, 3, 3, 3), "d": draw(4, 1, 1)}))
    assert (rows["input_scale"].reason, rows["offset"].reason) == ("into layer", "into layer")
    assert rows["gate"].verdict == "unsupported"


def test_probabilities_within_a_network(tmp_path):
    row = unsupported_row(tmp_path, node("Softmax", "x", "a"), node("Gemm", "a w"),
                          shape=("N", 5), constants={"w": draw(5, 4)})
    assert row.reason == "probabilities are taken within the network"


@pytest.mark.parametrize("op, attributes, words", [
    ("Sigmoid", {}, "Relu"), ("HardSwish", {}, "Relu"), ("LeakyRelu", {}, "Relu"),
    ("Tanh", {}, "Relu"), ("Erf", {}, "Relu"), ("Softplus", {}, "Relu"), ("Sqrt", {}, "before or"),
    ("Floor", {}, "before or"), ("LpNormalization", {}, "BatchNormalization"),
    ("DepthToSpace", {"blocksize": 1}, "maps"), ("GlobalLpPool", {}, "before or"),
    ("NonZero", {}, "together"), ("Det", {}, "elsewhere")])
def test_operators_without_a_counterpart(tmp_path, op, attributes, words):
    row = unsupported(tmp_path, node("Relu", "x", "a"), node(op, "a", name="bad", **attributes))
    assert row.node == "bad" and words in row.remedy


def test_recurrent_networks(tmp_path):
    row = unsupported(tmp_path, node("LSTM", "x w r", hidden_size=4, name="lstm"),
                      shape=(5, 1, 3), constants={"w": draw(1, 16, 3), "r": draw(1, 16, 4)})
    assert row.reason == "it is recurrent, and engines keep no state"


@pytest.mark.parametrize("op", ["If", "Loop"])
def test_control_flow(tmp_path, op):
    described = helper.make_tensor_value_info
    if op == "If":
        branch = helper.make_graph([node("Relu", "x", "z")], "b", [],
                                   [described("z", TensorProto.FLOAT, None)])
        bad = node("If", "c", "y", name="bad", then_branch=branch, else_branch=branch)
    else:
        body = helper.make_graph(
            [node("Identity", "go", "go2"), node("Relu", "v", "v2")], "b",
            [described("i", TensorProto.INT64, []), described("go", TensorProto.BOOL, []),
             described("v", TensorProto.FLOAT, None)],
            [described("go2", TensorProto.BOOL, []), described("v2", TensorProto.FLOAT, None)])
        bad = node("Loop", "n c x", "y", name="bad", body=body)
    model = build(node("Relu", "x", "a"), bad, constants={"c": np.array(True), "n": np.int64(2)})
    row = checked(tmp_path, model)["bad"]
    assert row.verdict == "unsupported" and row.reason.startswith("it is control flow")


def test_operators_of_other_domains(tmp_path):
    row = unsupported(tmp_path, node("Magic", "x", domain="com.example"), domains=("com.example",))
    assert row.reason == ("Magic is an operator of the domain com.example, which is not ONNX's "
                          "own")
    row = unsupported(tmp_path, node("FusedConv", "x w", domain="com.microsoft"),
                      domains=("com.microsoft",), constants={"w": draw(4, 3, 1, 1)})
    assert row.remedy == "export without optimising for a runtime"
    row = unsupported(tmp_path, node("ZipMap", "x", domain="ai.onnx.ml"), domains=("ai.onnx.ml",),
                      shape=("N", 3))
    assert row.remedy == "take what is in front of it, with --result x"
    row = unsupported(tmp_path, node("Unheard", "x"))
    assert row.reason == "Unheard is no operator of ONNX"


def test_a_scaler_of_classic_machine_learning_is_known(tmp_path):
    model = build(node("Scaler", "x", "a", domain="ai.onnx.ml", offset=[1.0, 2.0, 3.0],
                       scale=[0.5, 1.0, 2.0]), node("Gemm", "a w"), shape=("N", 3),
                  constants={"w": draw(3, 4)}, domains=("ai.onnx.ml",))
    assert [row.verdict for row in agree(tmp_path, model).rows] == ["folded", "supported"]


@pytest.mark.parametrize("nodes, constants, reason", [
    ([node("Conv", "x w", dilations=[2, 2])], {"w": draw(4, 3, 3, 3)}, "dilated by 2 by 2"),
    ([node("Conv", "x w", pads=[-1, 0, 0, 0])], {"w": draw(4, 3, 3, 3)}, "padding is negative"),
    ([node("Conv", "x w")], {"w": draw(4, 5, 3, 3)}, "Conv2d takes 5 channels, but is given 3"),
    ([node("Conv", "x w")], {"w": draw(4, 3, 9, 9)}, "kernel must fit into the padded image"),
    ([node("Conv", "x w")], {"w": draw(4, 3, 3)}, "weights have 3 dimensions and not 4"),
    ([node("Flatten", "x", "a"), node("Gemm", "a w")], {"w": draw(5, 4)}, "take 5 values"),
    ([node("Gemm", "x w")], {"w": draw(8, 4)}, "must be rows of values"),
    ([node("Mul", "x x")], {}, "combines two tensors"),
    ([node("MatMul", "x x")], {}, "multiplies two tensors"),
    ([node("Div", "c x")], {"c": np.float32(1)}, "divides by values"),
    ([node("Div", "x c")], {"c": np.float32(0)}, "divides by zero"),
    ([node("Add", "x c")], {"c": draw(8, 8)}, "differs from pixel to pixel"),
    ([node("Clip", "x l h")], {"l": np.float32(-1), "h": np.float32(1)}, "from -1 to 1"),
    ([node("Slice", "x s e a")], {"s": ints(1), "e": ints(3), "a": ints(1)}, "cuts 2 of 3 chan"),
    ([node("Slice", "x s e a")], {"s": ints(1), "e": ints(8), "a": ints(2)}, "cuts 7 of 8 values"),
    ([node("Slice", "x s e a")], {"s": ints(0), "e": ints(2), "a": ints(0)}, "2 of N values"),
    ([node("Pad", "x p", mode="reflect")], {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, "(reflect)"),
    ([node("Pad", "x p c")], {"p": ints(0, 0, 1, 1, 0, 0, 1, 1), "c": np.float32(2)}, "with 2"),
    ([node("Pad", "x p", "a"), node("Relu", "a")], {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)},
     "its input is padded before it"),
    ([node("Pad", "x p", "a"), node("MaxPool", "a", kernel_shape=[2, 2])],
     {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, "may be larger than what they surround"),
    ([node("Pad", "x p")], {"p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, "it pads the network's result"),
    ([node("Reshape", "x t")], {"t": ints(-1, 2)}, "cuts channels or pixels apart"),
    ([node("Reshape", "x t")], {"t": ints(0, 3, 2, 4, 8)}, "cuts channels or pixels apart"),
    ([node("Reshape", "x t")], {"t": ints(5, 10)}, "of another number of values"),
    ([node("Transpose", "x", "a", perm=[0, 1, 3, 2]), node("Conv", "a w")],
     {"w": draw(4, 3, 3, 3)}, "no image of channels, height and width in this order"),
    ([node("Transpose", "x", perm=[1, 0, 2, 3])], {}, "rows are not the first dimension"),
    ([node("Conv", "x w", "a"), node("ReduceMean", "a", axes=[1])], {"w": draw(4, 3, 3, 3)},
     "combines rows, or channels"),
    ([node("MaxPool", "x", "a i", kernel_shape=[2, 2]), node("Cast", "i", to=1)], {},
     "takes more than the first result"),
    ([node("ReduceMean", "x")], {}, "combines rows, or channels"),
    ([node("Concat", "x x", axis=2)], {}, "joins something else than channels"),
    ([node("Concat", "x c", axis=1)], {"c": np.ones((1, 1, 8, 8), np.float32)}, "other than zero"),
    ([node("Concat", "x c x", axis=1)], {"c": np.zeros((1, 1, 8, 8), np.float32)}, "puts zeros"),
    ([node("ArgMax", "x", axis=1)], {}, "something else than the values of a row"),
    ([node("Softmax", "x", axis=2)], {}, "something else than channels"),
    ([node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1,
           count_include_pad=1)], {}, "hang over the image"),
    ([node("Cast", "x", to=TensorProto.INT8)], {}, "rounds values to integers"),
    ([node("Expand", "x s")], {"s": ints(2, 1, 3, 8, 8)}, "repeats values"),
    ([node("BatchNormalization", "x g g g g", training_mode=1)], {"g": np.ones(3, np.float32)},
     "in training mode"),
    ([node("Dropout", "x r t")], {"r": np.float32(0.5), "t": np.array(True)}, "in training mode"),
    ([node("GlobalAveragePool", "x", "a"), node("Add", "x a")], {}, "different shapes"),
])
def test_what_a_graph_cannot_hold(tmp_path, nodes, constants, reason):
    row = unsupported(tmp_path, *nodes, constants=constants, opset=17)
    assert reason in row.reason


def test_nothing_follows_the_class(tmp_path):
    row = unsupported(tmp_path, node("ArgMax", "x", "a", axis=1), node("Relu", "a"),
                      shape=("N", 5), output_type=TensorProto.INT64)
    assert row.reason == "it follows ArgMax, which must end the network"


def test_all_unsupported_nodes_are_told_not_the_first_alone(tmp_path):
    model = build(
        node("Conv", "x w", "a", name="conv1"), node("Sigmoid", "a", "b", name="gate"),
        node("Conv", "b v", "c", name="conv2"), node("Resize", "c _ s", "d", name="larger"),
        node("Conv", "d v", "e", name="conv3"), node("Magic", "e", "f", name="magic",
                                                     domain="com.example"),
        node("Relu", "f", "g", name="relu"), node("Tanh", "g", name="tanh"),
        constants={"w": draw(8, 3, 3, 3), "v": draw(8, 8, 3, 3),
                   "s": np.array([1, 1, 2, 2], np.float32)}, domains=("com.example",))
    rows = checked(tmp_path, model)
    assert [row.verdict for row in rows.values()] == [
        "falls back to MAC", "unsupported", "supported", "unsupported", "supported", "unsupported",
        "unsupported", "unsupported"]
    assert rows["conv3"].output == (8, 6, 6)
    assert rows["relu"].reason == "it follows magic, which is unsupported"
    assert rows["tanh"].reason.startswith("engines clamp")
    with pytest.raises(GraphError) as error:
        import_onnx(write(tmp_path, model))
    assert str(error.value).endswith("; 3 more are unsupported, pqhw import --check lists all.")


def test_shapes_are_followed_through_what_is_unsupported(tmp_path):
    """A channel shuffle and a branch behind it: what stands there is judged on its own."""
    rows = checked(tmp_path, build(
        node("Conv", "x w", "a"), node("Reshape", "a groups", "b", name="cut"),
        node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4], name="shuffle"),
        node("Reshape", "c whole", "d", name="back"),
        node("Slice", "d start end axis", "e", name="half"),
        node("Conv", "e v", "f", name="layer", pads=[1, 1, 1, 1]),
        node("Conv", "f u", "g", name="dilated", dilations=[2, 2]),
        node("GlobalAveragePool", "g", "h"), node("Flatten", "h", "i"), node("Gemm", "i t"),
        constants={"w": draw(8, 3, 1, 1), "groups": ints(0, 2, 4, 8, 8), "whole": ints(0, 8, 8, 8),
                   "start": ints(0), "end": ints(4), "axis": ints(1), "v": draw(6, 4, 3, 3),
                   "u": draw(6, 6, 3, 3), "t": draw(6, 5)}))
    bad = [name for name, row in rows.items() if row.verdict == "unsupported"]
    assert bad == ["cut", "shuffle", "back", "half", "dilated"]
    assert [rows[name].output for name in bad] == [(2, 4, 8, 8), (4, 2, 8, 8), (8, 8, 8), (4, 8, 8),
                                                   (6, 4, 4)]
    assert rows["layer"].verdict == "supported" and rows["gemm-y"].weights == 30


def test_constants_that_cannot_be_computed(tmp_path):
    row = unsupported(tmp_path, node("RandomNormal", "", "a", shape=[3]), node("Add", "x a"),
                      shape=("N", 3))
    assert row.reason == "it cannot be computed beforehand: its values are random"
    row = unsupported(tmp_path, node("Sqrt", "c", "a"), node("Add", "x a"), shape=("N", 3),
                      constants={"c": np.array([-1.0, 1.0, 1.0], np.float32)})
    assert row.reason == "BatchNorm.beta must be finite, but holds NaN or infinity"


def test_the_page_names_every_operator_that_is_read():
    from pathlib import Path

    from pqhw.network.onnx.handlers import HANDLERS
    page = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
    assert [op for op in HANDLERS if f"`{op}`" not in page] == []
