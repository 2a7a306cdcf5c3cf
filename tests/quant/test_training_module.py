"""A graph as a module: the same function, trainable, and the graph back."""

import copy

import numpy as np
import pytest
from training_builders import norm, small_graph, stirred

from pqhw.network import INPUT, ZOO, GraphBuilder, GraphError, zoo_network
from pqhw.network.ops import (Add, ArgMax, AvgPool, Concat, Conv2d, Flatten, GlobalAvgPool, Linear,
                              MaxPool, PadChannels, Relu, Softmax, Subsample)

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")


def forward(module, inputs):
    """The module's result in evaluation, in NumPy."""
    with torch.no_grad():
        return module.eval()(torch.from_numpy(inputs)).numpy()


def random_inputs(graph, count=3, seed=1):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, *graph.input_shape)).astype(np.float32)


@pytest.mark.parametrize("name", ZOO)
def test_a_network_of_the_zoo_computes_what_its_graph_does(name):
    graph = stirred(zoo_network(name))
    inputs = random_inputs(graph, 1 if name.startswith("mobilenet") else 3)
    np.testing.assert_allclose(forward(training.GraphModule(graph), inputs), graph.run(inputs),
                               rtol=1e-4, atol=1e-4)


def every_operation():
    """A graph with an operation of every kind and every kind of padding."""
    random = np.random.default_rng(0)
    net = GraphBuilder("all", (9, 7, 4))
    first = net.add(Conv2d(weights=random.normal(size=(8, 3, 2, 2)), groups=2, stride=(2, 1),
                           padding=[[1, 0], [0, 2]], bias=random.normal(size=8)), INPUT)
    net.add(norm(8))
    clipped = net.add(Relu(maximum=1.5))
    lowest = net.add(Add(), first, first)
    net.add(Concat(), lowest, clipped)
    pooled = net.add(MaxPool(kernel=3, padding=[[2, 1], [0, 2]]))
    means = net.add(AvgPool(kernel=(3, 2), padding=[[2, 0], [1, 0]]), pooled)
    inside = net.add(AvgPool(kernel=(3, 2), padding=[[2, 0], [1, 0]], count_padding=False), pooled)
    total = net.add(Add(), means, inside, inside)
    net.add(Concat(), total, pooled, means)
    net.add(PadChannels(before=1, after=2))
    net.add(Subsample(stride=(2, 1)))
    left = net.add(GlobalAvgPool())
    right = net.add(Flatten(), first)
    net.add(PadChannels(after=1), net.add(Concat(), left, right))
    size = net.build().output_shape[0]
    net.add(norm(size))
    net.add(Linear(weights=random.normal(size=(5, size))), name="scores")
    net.add(Softmax(), name="shares")
    net.add(ArgMax(), name="class")
    return stirred(net.build())


def test_every_operation_computes_what_its_graph_does_and_the_end_is_left_out():
    graph = every_operation()
    kinds = {type(node.op).__name__ for node in graph.nodes}
    assert len(kinds) == 14
    inputs = random_inputs(graph)
    module = training.GraphModule(graph)
    assert module.logits == "scores"
    wanted = graph.activations(inputs)
    np.testing.assert_allclose(forward(module, inputs), wanted["scores"], rtol=1e-4, atol=1e-4)
    assert (forward(module, inputs).argmax(1) == wanted["class"]).all()
    assert [node.name for node in module.to_graph().nodes] == [node.name for node in graph.nodes]


@pytest.mark.parametrize("log", [False, True])
def test_shares_between_layers_are_computed_as_the_graph_does(log):
    net = GraphBuilder("shares", (6,))
    net.add(Softmax(log=log))
    net.add(Linear(weights=np.random.default_rng(0).normal(size=(3, 6))))
    graph = net.build()
    inputs = random_inputs(graph)
    np.testing.assert_allclose(forward(training.GraphModule(graph), inputs), graph.run(inputs),
                               rtol=1e-4, atol=1e-5)


def test_a_result_that_is_an_image_stands_channels_last():
    net = GraphBuilder("image", (4, 5, 2))
    net.add(Conv2d(weights=np.ones((3, 1, 1, 2))))
    graph = net.build()
    inputs = random_inputs(graph)
    np.testing.assert_allclose(forward(training.GraphModule(graph), inputs), graph.run(inputs),
                               rtol=1e-5)


def test_what_was_not_trained_comes_back_as_it_was():
    graph = stirred(zoo_network("digits-cnn"))
    back = training.GraphModule(graph).to_graph()
    assert (back.name, back.input_shape) == (graph.name, graph.input_shape)
    for node, own in zip(graph.nodes, back.nodes):
        assert (own.name, own.inputs, own.op.settings()) == (node.name, node.inputs,
                                                             node.op.settings())
        for field, array in node.op.parameters().items():
            np.testing.assert_array_equal(own.op.parameters()[field], array, f"{node.name}.{field}")


def test_what_was_trained_comes_back_as_the_same_function():
    graph = small_graph()
    module = training.GraphModule(graph).train()
    inputs = torch.from_numpy(random_inputs(graph, 16))
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        optimiser.zero_grad()
        module(inputs).square().mean().backward()
        optimiser.step()
    learned = module.to_graph()
    moved = [node.name for node, own in zip(graph.nodes, learned.nodes)
             for field, array in node.op.parameters().items()
             if (own.op.parameters()[field] != array).any()]
    assert set(moved) == {"conv", "conv.norm", "wide", "classifier"}
    np.testing.assert_allclose(forward(module, inputs.numpy()), learned.run(inputs.numpy()),
                               rtol=1e-4, atol=1e-4)


def test_statistics_of_a_batch_enter_the_running_ones_in_training_alone():
    module = training.GraphModule(small_graph())
    inputs = torch.from_numpy(random_inputs(module.graph, 16))
    before = copy.deepcopy(module.state_dict())
    module.eval()(inputs)
    assert all((module.state_dict()[name] == own).all() for name, own in before.items())
    module.train()(inputs)
    changed = {name for name, own in before.items() if (module.state_dict()[name] != own).any()}
    assert {name.split(".")[-1] for name in changed} == {"running_mean", "running_var",
                                                         "num_batches_tracked"}


def test_a_bias_in_front_of_a_normalisation_is_not_learned():
    graph = stirred(small_graph())
    module = training.GraphModule(graph)
    learned = dict(module.named_parameters())
    assert module["conv"].bias.requires_grad is False
    assert module["wide"].bias.requires_grad and module["classifier"].bias.requires_grad
    assert sum(own.numel() for own in learned.values()) == graph.parameter_count
    np.testing.assert_array_equal(module.to_graph()["conv"].op.bias, graph["conv"].op.bias)


def test_weights_stand_channels_last_in_memory():
    weight = training.GraphModule(small_graph(channels=3))["conv"].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_inputs_of_another_shape_are_refused():
    module = training.GraphModule(small_graph())
    with pytest.raises(GraphError, match=r"^inputs of small must be \[R, 8, 8, 1\], "
                                         r"but are \[2, 8, 8, 3\].$"):
        module(torch.zeros(2, 8, 8, 3))
    with pytest.raises(GraphError, match="^small has no node stem; it has conv, .*classifier.$"):
        module["stem"]
