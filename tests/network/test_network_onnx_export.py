"""Graphs as ONNX files: every network of the zoo, and random ones, there and back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_models import onnx, reference

from pqhw.network import INPUT, Graph, GraphBuilder, GraphError, Node, zoo_network
from pqhw.network.onnx import export_onnx, import_onnx
from pqhw.network.ops import (Add, ArgMax, AvgPool, BatchNorm, Concat, Conv2d, Flatten,
                              GlobalAvgPool, Linear, MaxPool, Op, PadChannels, Relu, Softmax,
                              Subsample)
from pqhw.network.zoo import ZOO

RANDOM = np.random.default_rng(9)


def trained(graph):
    """The graph with normalisation and biases as training leaves them, not as it finds them."""
    def changed(op):
        if isinstance(op, BatchNorm):
            count = len(op.gamma)
            return dataclasses.replace(
                op, gamma=RANDOM.uniform(0.7, 1.3, count), beta=RANDOM.normal(0, 0.2, count),
                mean=RANDOM.normal(0, 0.2, count), variance=RANDOM.uniform(0.8, 1.5, count))
        if isinstance(op, Conv2d | Linear):
            return dataclasses.replace(op, bias=RANDOM.normal(0, 0.1, len(op.bias)))
        return op
    return Graph(graph.name, graph.input_shape, tuple(
        dataclasses.replace(node, op=changed(node.op)) for node in graph.nodes))


def in_file(inputs):
    """[R, C, H, W] of [R, H, W, C]."""
    return np.moveaxis(inputs, -1, 1) if inputs.ndim == 4 else inputs


def check_same_graph(one, other):
    """The graphs have the same nodes, values and settings."""
    assert (one.name, one.input_shape) == (other.name, other.input_shape)
    assert [(own.name, type(own.op), own.inputs) for own in one.nodes] == [
        (own.name, type(own.op), own.inputs) for own in other.nodes]
    for first, second in zip(one.nodes, other.nodes):
        assert first.op.settings() == second.op.settings(), first.name
        theirs = second.op.parameters()
        for name, array in first.op.parameters().items():
            np.testing.assert_array_equal(array, theirs[name], err_msg=f"{first.name}.{name}")


def check_there_and_back(graph, folder, rows=2):
    """The file is valid, its results are those of the graph, and so is what is read again."""
    path = folder / "m.onnx"
    export_onnx(graph, path)
    onnx.checker.check_model(path, full_check=True)
    inputs = RANDOM.normal(size=(rows, *graph.input_shape)).astype(np.float32)
    wanted = reference(path, in_file(inputs))
    got = graph.run(inputs)
    assert wanted.shape == in_file(got).shape
    np.testing.assert_allclose(in_file(got), wanted, atol=1e-4, rtol=0)
    found = import_onnx(path)
    np.testing.assert_allclose(found.run(in_file(inputs)), wanted, atol=1e-4, rtol=0)
    return found


@pytest.mark.parametrize("name", ZOO)
def test_networks_of_the_zoo(tmp_path, name):
    graph = trained(zoo_network(name))
    found = check_there_and_back(graph, tmp_path, rows=1)
    check_same_graph(found.graph, graph)
    assert not [row for row in found.rows if row.verdict == "unsupported"]


def test_equal_graphs_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        export_onnx(zoo_network("resnet20", seed=3), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = onnx.load_model_from_string((tmp_path / "one").read_bytes())
    assert (model.producer_name, model.producer_version) == ("pqhw", "")
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def test_every_operation(tmp_path):
    net = GraphBuilder("all", (8, 7, 3))
    conv = net.add(Conv2d(weights=draw(6, 3, 3, 3), bias=draw(6), padding=((0, 1), (1, 2))))
    net.add(BatchNorm(gamma=draw(6), beta=draw(6), mean=draw(6), variance=draw(6) ** 2))
    net.add(Relu(maximum=6))
    one = net.add(Conv2d(weights=draw(6, 3, 3, 1), groups=6, padding=1))
    two = net.add(MaxPool(kernel=3, padding=1), conv)
    net.add(Add(), one, two)
    net.add(Add(), net.last, one, conv)
    net.add(AvgPool(kernel=3, padding=1, count_padding=False))
    net.add(AvgPool(kernel=(1, 2), padding=(0, 1)))
    net.add(Subsample(stride=(1, 2)))
    net.add(PadChannels(before=1, after=2))
    net.add(Concat(), net.last, net.last)
    pooled = net.add(GlobalAvgPool())
    net.add(PadChannels(after=1))
    net.add(Concat(), net.last, pooled)
    net.add(Linear(weights=draw(5, 37), bias=draw(5)))
    net.add(BatchNorm(gamma=draw(5), beta=draw(5), mean=draw(5), variance=draw(5) ** 2))
    net.add(Relu())
    for end in (Softmax(), Softmax(log=True), ArgMax()):
        graph = Graph("all", net.input_shape, (*net.nodes, Node("end", end, (net.last,))))
        check_same_graph(check_there_and_back(graph, tmp_path).graph, graph)


def test_images_and_rows_end_a_network(tmp_path):
    for ends in ((), (Softmax(),), (Flatten(),), (GlobalAvgPool(),)):
        net = GraphBuilder("ends", (5, 4, 3))
        for op in (Relu(), *ends):
            net.add(op)
        graph = net.build()
        check_same_graph(check_there_and_back(graph, tmp_path).graph, graph)


def test_names_that_an_exporter_uses_itself(tmp_path):
    net = GraphBuilder("names", (4, 4, 2))
    net.add(Conv2d(weights=draw(2, 1, 1, 2)), name="output")
    net.add(Relu(), name="output.weights")
    net.add(GlobalAvgPool(), name="pool")
    net.add(Softmax(), name="pool.pooled")
    graph = net.build()
    check_same_graph(check_there_and_back(graph, tmp_path).graph, graph)


def test_an_operation_without_a_counterpart_is_refused(tmp_path):
    class Own(Op):
        def forward(self, *inputs):
            return inputs[0]

    net = GraphBuilder("own", (4,))
    net.add(Own(), name="own")
    with pytest.raises(GraphError, match="^own: Own has no operator in ONNX files.$"):
        export_onnx(net.build(), tmp_path / "m.onnx")


@st.composite
def graphs(draw_):
    """Random networks of a few operations, branches among them."""
    size = st.integers(1, 9)
    shape = draw_(st.one_of(st.tuples(size, size, st.integers(1, 6)), st.tuples(st.integers(1, 9))))
    net = GraphBuilder("random", shape)
    shapes = {INPUT: shape}
    for _ in range(draw_(st.integers(1, 6))):
        source = draw_(st.sampled_from(sorted(shapes)))
        op = draw_(operations(shapes[source]))
        inputs = [source]
        if op.ARITY == 0:
            alike = sorted(own for own, other in shapes.items() if other == shapes[source])
            inputs += draw_(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
        try:
            after = op.shape(tuple(shapes[own] for own in inputs))
        except GraphError:
            continue
        if np.prod(after) <= 4096:
            shapes[net.add(op, *inputs)] = after
    net.add(Relu())  # A file whose result is its input is refused.
    kept = {net.last}
    for node in reversed(net.nodes):
        if node.name in kept:
            kept.update(node.inputs)
    return Graph("random", shape, tuple(own for own in net.nodes if own.name in kept))


@st.composite
def operations(draw_, shape):
    """An operation that may fit behind a shape."""
    number, pads = st.integers(1, 3), st.integers(0, 2)
    pair, sides = st.tuples(number, number), st.tuples(st.tuples(pads, pads), st.tuples(pads, pads))
    channels = shape[-1]

    def normalisation():
        return BatchNorm(gamma=draw(channels), beta=draw(channels), mean=draw(channels),
                         variance=draw(channels) ** 2, epsilon=0.01)
    kinds = ["relu", "relu6", "norm", "add", "concat", "pad"]
    if len(shape) == 3:
        kinds += ["conv", "conv", "grouped", "max", "mean", "global", "subsample", "flatten"]
    else:
        kinds += ["linear", "linear"]
    match draw_(st.sampled_from(kinds)):
        case "relu":
            return Relu()
        case "relu6":
            return Relu(maximum=draw_(st.sampled_from([1, 6, 0.5])))
        case "norm":
            return normalisation()
        case "add":
            return Add()
        case "concat":
            return Concat()
        case "pad":
            return PadChannels(before=draw_(pads), after=draw_(pads) + 1)
        case "linear":
            outputs = draw_(number)
            return Linear(weights=draw(outputs, channels), bias=draw(outputs))
        case "conv":
            outputs, kernel = draw_(st.integers(1, 6)), draw_(pair)
            return Conv2d(weights=draw(outputs, *kernel, channels), bias=draw(outputs),
                          stride=draw_(pair), padding=draw_(sides))
        case "grouped":
            times, kernel = draw_(number), draw_(pair)
            return Conv2d(weights=draw(times * channels, *kernel, 1), bias=draw(times * channels),
                          stride=draw_(pair), padding=draw_(sides), groups=channels)
        case "max" | "mean" as kind:
            kernel = draw_(pair)
            padding = tuple(tuple(min(own, taps - 1) for own in side)
                            for side, taps in zip(draw_(sides), kernel))
            if kind == "max":
                return MaxPool(kernel=kernel, stride=draw_(pair), padding=padding)
            return AvgPool(kernel=kernel, stride=draw_(pair), padding=padding,
                           count_padding=draw_(st.booleans()))
        case "global":
            return GlobalAvgPool()
        case "subsample":
            return Subsample(stride=draw_(pair))
        case _:
            return Flatten()


@given(graphs())
def test_random_networks(tmp_path, graph):
    check_there_and_back(graph, tmp_path)
