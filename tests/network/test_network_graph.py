"""Graphs: shapes, what each operation computes, errors, folding, files."""

import numpy as np
import pytest

from pqhw.network import (INPUT, GraphBuilder, GraphError, fold_batchnorm, layer_shape, load_graph,
                          save_graph)
from pqhw.network import ops
from pqhw.network.ops import (Add, ArgMax, AvgPool, BatchNorm, Concat, Conv2d, Flatten,
                              Linear, MaxPool, PadChannels, Relu, Softmax, Subsample)

RANDOM = np.random.default_rng(5)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def slow_convolution(images, op):
    """One product after another."""
    outputs, height, width, depth = op.weights.shape
    padded = np.pad(images.astype(np.float64), ((0, 0), *op.padding, (0, 0)))
    oh = (padded.shape[1] - height) // op.stride[0] + 1
    ow = (padded.shape[2] - width) // op.stride[1] + 1
    result = np.zeros((len(images), oh, ow, outputs))
    for n in range(outputs):
        first = n // (outputs // op.groups) * depth
        for y in range(oh):
            for x in range(ow):
                top, left = y * op.stride[0], x * op.stride[1]
                window = padded[:, top:top + height, left:left + width, first:first + depth]
                result[:, y, x, n] = (window * op.weights[n]).sum(axis=(1, 2, 3)) + op.bias[n]
    return result


@pytest.mark.parametrize("channels, outputs, groups, kernel, stride, padding", [
    (3, 5, 1, (3, 3), 1, 1), (4, 6, 2, (1, 3), (2, 1), (0, 1)), (4, 4, 4, (3, 3), 2, 1),
    (4, 8, 4, (3, 2), 1, ((1, 0), (0, 2))), (2, 3, 1, (1, 1), 2, 0)])
def test_convolutions_equal_their_definition(channels, outputs, groups, kernel, stride, padding):
    op = Conv2d(weights=draw(outputs, *kernel, channels // groups), bias=draw(outputs),
                stride=stride, padding=padding, groups=groups)
    images = draw(3, 7, 6, channels)
    result = op.forward(images)
    assert result.dtype == np.float32
    assert result.shape[1:] == op.shape((images.shape[1:],))
    np.testing.assert_allclose(result, slow_convolution(images, op), atol=1e-5)


def test_pooling_equals_its_definition():
    images = draw(2, 5, 6, 3)
    for padding in (0, 1, ((0, 1), (1, 0))):
        most = MaxPool(kernel=(3, 2), stride=2, padding=padding)
        for counted in (False, True):
            mean = AvgPool(kernel=(3, 2), stride=2, padding=padding, count_padding=counted)
            if padding == 1:
                for op in (most, mean):
                    assert op.shape(((5, 6, 3),)) == (3, 4, 3)
            inside = np.pad(images, ((0, 0), *most.padding, (0, 0)), constant_values=np.nan)
            got = mean.forward(images)
            for y in range(got.shape[1]):
                for x in range(got.shape[2]):
                    window = inside[:, 2 * y:2 * y + 3, 2 * x:2 * x + 2]
                    total = np.nansum(window, axis=(1, 2))
                    share = 6 if counted else (~np.isnan(window[0, :, :, 0])).sum()
                    np.testing.assert_allclose(got[:, y, x], total / share, atol=1e-6)
                    np.testing.assert_array_equal(most.forward(images)[:, y, x],
                                                  np.nanmax(window, axis=(1, 2)))


def small_graph():
    net = GraphBuilder("small", (6, 5, 3))
    conv = net.add(Conv2d(weights=draw(4, 3, 3, 3), padding=1, stride=2), name="conv")
    net.add(BatchNorm(gamma=draw(4), beta=draw(4), mean=draw(4), variance=draw(4) ** 2))
    left = net.add(Relu(maximum=6))
    right = net.add(PadChannels(after=1), net.add(Subsample(stride=2), INPUT))
    both = net.add(Concat(), net.add(Add(), left, right), conv)
    net.add(BatchNorm(gamma=draw(8), beta=draw(8), mean=draw(8), variance=draw(8) ** 2), both)
    net.add(MaxPool(kernel=2), name="pool")
    net.add(Flatten())
    net.add(Linear(weights=draw(7, 32), bias=draw(7)), name="dense")
    net.add(BatchNorm(gamma=draw(7), beta=draw(7), mean=draw(7), variance=draw(7) ** 2))
    net.add(Softmax())
    return net


def test_shapes_of_a_graph_are_those_of_its_results():
    graph = small_graph().build()
    results = graph.activations(draw(2, 6, 5, 3))
    assert {name: array.shape[1:] for name, array in results.items()} == graph.shapes
    assert [node.name for node in graph.layers] == ["conv", "dense"]
    assert graph.multiply_accumulates("conv") == 3 * 3 * 4 * 27
    assert set(graph.activations(draw(2, 6, 5, 3), keep=["pool"])) == {"pool", graph.output}


def test_logarithms_of_probabilities_are_finite_where_probabilities_vanish():
    rows = np.array([[0, 1, -200], [3, 3, 3]], np.float32)
    odds = np.exp(rows.astype(np.float64))
    wanted = np.log(odds / odds.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(Softmax(log=True).forward(rows), wanted, rtol=1e-6)
    np.testing.assert_allclose(Softmax().forward(rows), np.exp(wanted), atol=1e-7)
    assert (Softmax().kind, Softmax(log=True).kind) == ("Softmax", "LogSoftmax")


def test_flattening_is_channel_after_channel():
    images = np.arange(12).reshape(1, 2, 3, 2)
    assert Flatten().forward(images).tolist() == [[0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]]


def test_folding_keeps_the_function_and_what_others_listen_to():
    graph = small_graph().build()
    folded = fold_batchnorm(graph)
    images = draw(4, 6, 5, 3)
    np.testing.assert_allclose(folded.run(images), graph.run(images), atol=1e-5)
    # The first norm's convolution has two listeners, the second follows a concatenation.
    kinds = [node.op.kind for node in folded.nodes]
    assert kinds.count("BatchNorm") == 0 and kinds.count("Conv2d") == 3


def test_a_folded_last_norm_stays_the_result():
    net = GraphBuilder("last", (4,))
    dense = net.add(Linear(weights=draw(4, 4)))
    net.add(Relu(), INPUT)
    net.add(BatchNorm(gamma=draw(4), beta=draw(4), mean=draw(4), variance=draw(4) ** 2), dense)
    rows = draw(3, 4)
    np.testing.assert_allclose(fold_batchnorm(net.build()).run(rows), net.build().run(rows),
                               atol=1e-6)


def test_running_in_batches_changes_nothing(monkeypatch):
    graph = small_graph().build()
    images = draw(5, 6, 5, 3)
    whole = graph.run(images)
    monkeypatch.setattr("pqhw.network.graph.BATCH_ELEMENTS", 200)
    np.testing.assert_allclose(graph.run(images), whole, atol=1e-6)


def test_files_hold_everything_and_are_equal_for_equal_graphs(tmp_path):
    graph = small_graph().build()
    save_graph(tmp_path / "a.npz", graph)
    read = load_graph(tmp_path / "a.npz")
    save_graph(tmp_path / "b.npz", read)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    images = draw(2, 6, 5, 3)
    np.testing.assert_array_equal(read.run(images), graph.run(images))


def test_files_that_are_none_are_refused(tmp_path):
    graph = small_graph().build()
    save_graph(tmp_path / "whole.npz", graph)
    data = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[:len(data) // 2])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name, message in (("cut", "is not a complete .npz file of a graph."),
                          ("other", "is an .npz file, but not one of a pqhw graph."),
                          ("missing", "cannot be read (No such file or directory).")):
        with pytest.raises(GraphError) as error:
            load_graph(tmp_path / f"{name}.npz")
        assert str(error.value) == f"{tmp_path / name}.npz: {message}"


def test_layers_become_specs():
    graph = small_graph().build()
    shape = layer_shape(graph, "conv")
    assert shape.input_shape == (6, 5, 3) and shape.output_shape == (3, 3, 4)
    assert layer_shape(graph, "dense").in_features == 32
    uneven = GraphBuilder("uneven", (6, 6, 3))
    uneven.add(Conv2d(weights=draw(4, 3, 3, 3), padding=((0, 1), (0, 1))), name="conv")
    with pytest.raises(GraphError, match="^conv: padding must be equal at top and bottom for an "
                                         "engine, but is 0 and 1.$"):
        layer_shape(uneven.build(), "conv")


@pytest.mark.parametrize("make, message", [
    (lambda net: net.add(Linear(weights=draw(3, 4)), name="dense"),
     "dense: Linear takes rows of 4, but is given [6, 5, 3]."),
    (lambda net: net.add(Conv2d(weights=draw(3, 3, 3, 2)), name="conv"),
     "conv: Conv2d takes 2 channels, but is given 3."),
    (lambda net: net.add(Conv2d(weights=draw(3, 7, 3, 3)), name="conv"),
     "conv: Conv2d.kernel must fit into the padded image, but is [7, 3] for an image of [6, 5]."),
    (lambda net: net.add(Add(), INPUT, name="sum"),
     "sum: Add takes two or more inputs, but is given 1."),
    (lambda net: net.add(Add(), INPUT, net.add(Subsample(stride=2)), name="sum"),
     "sum: Add takes inputs of one shape, but is given [6, 5, 3] and [3, 3, 3]."),
    (lambda net: net.add(Concat(), INPUT, net.add(Flatten(), name="flat"), name="all"),
     "all: Concat takes inputs that differ in channels alone, but is given [6, 5, 3] and [90]."),
    (lambda net: net.add(Relu(), "nowhere", name="relu"),
     "relu: inputs must be input or nodes before, but nowhere is not."),
    (lambda net: [net.add(Relu(), name="relu") for _ in range(2)],
     "relu: names of nodes must differ, but this one stands twice."),
    (lambda net: net.add(ArgMax(), name="class"),
     "class: ArgMax takes rows, but is given [6, 5, 3]."),
    (lambda net: net.add(BatchNorm(gamma=draw(2), beta=draw(2), mean=draw(2), variance=np.ones(2)),
                         name="norm"),
     "norm: BatchNorm takes 2 channels, but is given 3."),
    (lambda net: None, "nodes must hold at least one operation, but are empty."),
])
def test_graphs_that_do_not_fit_are_refused(make, message):
    net = GraphBuilder("wrong", (6, 5, 3))
    make(net)
    with pytest.raises(GraphError) as error:
        net.build()
    assert str(error.value) == message


@pytest.mark.parametrize("make, message", [
    (lambda: Conv2d(weights=draw(3, 3)),
     "Conv2d.weights must have 4 dimensions and values, but has shape [3, 3]."),
    (lambda: Linear(weights=np.array([[1, np.nan]])),
     "Linear.weights must be finite, but holds NaN or infinity."),
    (lambda: Linear(weights=draw(3, 2), bias=draw(2)),
     "Linear.bias must have 3 values, but has 2."),
    (lambda: Conv2d(weights=draw(3, 1, 1, 2), stride=0),
     "Conv2d.stride must be positive, but is [0, 0]."),
    (lambda: Conv2d(weights=draw(3, 1, 1, 2), groups=2),
     "Conv2d.groups must divide the 3 outputs, but is 2."),
    (lambda: MaxPool(kernel=2, padding=2),
     "MaxPool.padding must be less than its kernel [2, 2], but is ((2, 2), (2, 2))."),
    (lambda: AvgPool(kernel=0), "AvgPool.kernel must be positive, but is [0, 0]."),
    (lambda: Relu(maximum=-1), "Relu.maximum must be positive and finite, but is -1."),
    (lambda: PadChannels(before=-1),
     "PadChannels.before and after must not be negative, but are -1 and 0."),
    (lambda: BatchNorm(gamma=np.ones(1), beta=np.ones(1), mean=np.ones(1), variance=-np.ones(1)),
     "BatchNorm.variance + epsilon must be positive, but is not."),
])
def test_operations_that_make_no_sense_are_refused(make, message):
    with pytest.raises(GraphError) as error:
        make()
    assert str(error.value) == message


def test_inputs_of_another_shape_are_refused():
    graph = small_graph().build()
    with pytest.raises(GraphError, match=r"^inputs of small must be \[R, 6, 5, 3\] with at least "
                                         r"one, but are \[2, 5, 6, 3\].$"):
        graph.run(draw(2, 5, 6, 3))


def test_every_operation_can_be_filed():
    from pqhw.network.files import KINDS
    assert set(KINDS) == set(ops.__all__) - {"GraphError", "Op", "Shape", "WEIGHTED"}
