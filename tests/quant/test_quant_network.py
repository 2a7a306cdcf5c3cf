"""Graphs as integer networks: what each layer becomes, and what it costs."""

import numpy as np
import pytest

from pqhw.data import load
from pqhw.golden import network_results
from pqhw.network import (INPUT, GraphBuilder, GraphError, load_digits, train_digits, zoo_network)
from pqhw.network.lowering import lower
from pqhw.network.ops import (Add, ArgMax, AvgPool, BatchNorm, Concat, Conv2d, Flatten,
                              GlobalAvgPool, Linear, MaxPool, PadChannels, Relu, Softmax, Subsample)
from pqhw.quant.conversion import convert_graph
from pqhw.quant.network import convert_network
from pqhw.quant.plan import Plan, plan_settings
from pqhw.spec import MACSpec, PQSpec, SpecError
from pqhw.spec.network import Engine, Mean, Sum

RANDOM = np.random.default_rng(3)


def draw(*shape):
    return RANDOM.normal(0, 0.4, size=shape).astype(np.float32)


def branching(pixels=64):
    """Every operation, on images of 6 x 6 x 3 whose pixels reach 255."""
    net = GraphBuilder("branching", (6, 6, 3))
    net.add(Conv2d(weights=draw(8, 3, 3, 3) / pixels, padding=1), name="stem")
    net.add(BatchNorm(gamma=draw(8) + 1, beta=draw(8), mean=draw(8), variance=draw(8) ** 2 + 1))
    stem = net.add(Relu(), name="stem.relu")
    net.add(Conv2d(weights=draw(8, 3, 3, 1), padding=1, groups=8), name="depthwise")
    net.add(Relu(maximum=6), name="depthwise.relu")
    branch = net.add(Conv2d(weights=draw(8, 1, 1, 8), bias=draw(8)), name="narrow")
    total = net.add(Add(), branch, stem, name="sum")
    net.add(Relu(), name="sum.relu")
    small = net.add(MaxPool(kernel=2, stride=2), name="pool")
    mean = net.add(AvgPool(kernel=2, stride=2), total, name="mean")
    less = net.add(PadChannels(after=1), net.add(Subsample(stride=2), "sum.relu"))
    net.add(Concat(), small, less, name="both")
    net.add(Conv2d(weights=draw(6, 3, 3, 17), padding=1), name="mixing")
    net.add(Relu(), name="mixing.relu")
    left = net.add(Flatten(), name="flat")
    net.add(Linear(weights=draw(5, 54), bias=draw(5)), left, name="left")
    right = net.add(GlobalAvgPool(), mean, name="whole")
    net.add(Linear(weights=draw(5, 8)), right, name="right")
    net.add(Add(), "left", "right", name="logits")
    net.add(Relu(), name="positive")
    net.add(Linear(weights=draw(4, 5), bias=draw(4)), name="last")
    return net


def images(count=200):
    return np.clip(RANDOM.normal(110, 60, (count, 6, 6, 3)), 0, 255).astype(np.int64)


def test_every_operation_has_its_integers():
    graph = branching().build()
    network = convert_network(graph, images(), plan_settings(graph, Plan(
        kind="fixed", keep=(), activation_bits=8, weight_bits=8)))
    own = images(300)
    wanted = graph.run(own)
    got = network_results(network.spec, network.parameters, own) / network.units["last"]
    error = ((got - wanted) ** 2).mean() / wanted.var(axis=0).mean()
    assert error < 0.01
    # And the flattened image's order, which a mistake would show in an error of the order of 1.
    assert network.spec.shapes["flat"] == (54,)


def test_results_that_are_added_share_a_step():
    graph = branching().build()
    lowered = lower(graph, {node.name: 6 for node in graph.layers})
    grid = {name: own.grid for name, own in lowered.tensors.items()}
    assert grid["narrow"] == grid["stem.relu"] == grid["sum.relu"] == grid["pool"] == grid["both"]
    assert grid["mean"] != grid["sum"] and grid["left"] == grid["right"] == grid["positive"]
    # What a layer takes has the bits it asks for; what only a sum takes has eight and a sign.
    assert (lowered.tensors["stem.relu"].bits, lowered.tensors["stem.relu"].signed) == (6, False)
    assert (lowered.tensors["narrow"].bits, lowered.tensors["narrow"].signed) == (8, True)
    assert lowered.tensors["depthwise.relu"].limit == 6
    assert "last" not in lowered.tensors


def test_a_clamp_at_six_is_a_clamp_at_the_top():
    graph = branching(pixels=2).build()
    network = convert_network(graph, images(), plan_settings(graph, Plan(
        kind="fixed", keep=(), activation_bits=8, weight_bits=8)))
    assert network.steps["depthwise.relu"] <= 6 / 255 * 1.0001


def digits_graph():
    """The dense digits network of scikit-learn, on images of 8 x 8."""
    digits = load_digits()
    trained = train_digits(digits, hidden=(32,))
    net = GraphBuilder("digits", (8, 8, 1))
    net.add(Flatten())
    net.add(Linear(weights=trained.weights[0], bias=trained.biases[0]), name="hidden")
    net.add(Relu())
    net.add(Linear(weights=trained.weights[1], bias=trained.biases[1]), name="classes")
    net.add(Softmax())
    return net.build()


@pytest.mark.parametrize("plan, points", [
    (Plan(kind="fixed", weight_bits=8, activation_bits=8), 0.3),
    (Plan(kind="fixed", weight_bits=4, activation_bits=4, keep=()), 1.5),
    (Plan(kind="sp2", weight_bits=4, activation_bits=4, keep=()), 1.5),
    (Plan(kind="bitplane", weight_bits=4, activation_bits=4, keep=()), 1.5),
    (Plan(kind="pq", keep=(), length=4, prototypes=32, table_bits=8, activation_bits=6), 4.0),
    (Plan(encoder="tree", keep=(), length=4, prototypes=32, table_bits=8, activation_bits=6), 6.5),
])
def test_digits_keep_their_accuracy(plan, points):
    pytest.importorskip("sklearn")
    graph, data = digits_graph(), load("digits")
    made = convert_graph(graph, data, plan_settings(graph, plan))
    assert made.float_accuracy > 0.95
    assert round(100 * (made.float_accuracy - made.accuracy), 6) <= points
    kinds = {name: type(spec) for name, spec in made.network.spec.engines.items()}
    assert set(kinds.values()) == {PQSpec} if plan.kind == "pq" else PQSpec not in kinds.values()


def test_equal_arguments_give_equal_integers():
    graph, own = branching().build(), images(64)
    settings = plan_settings(graph, Plan(prototypes=4))
    one, same = (convert_network(graph, own, settings) for _ in range(2))
    assert one.spec == same.spec
    for name, parameters in one.parameters.items():
        for field, array in vars(parameters).items():
            np.testing.assert_array_equal(array, getattr(same.parameters[name], field))


def test_a_plan_keeps_the_first_the_last_and_depthwise_layers():
    graph = zoo_network("kws")
    settings = plan_settings(graph, Plan(convolution="pixel", prototypes=8))
    kinds = {name: type(own).__name__ for name, own in settings.items()}
    assert kinds["stem"] == kinds["classifier"] == kinds["depthwise1"] == "MACSettings"
    assert kinds["pointwise1"] == "PQSettings"
    assert settings["pointwise1"].engine.subvector_length == 8
    named = plan_settings(graph, Plan(keep=()), {"pointwise2": Plan(kind="sp2", weight_bits=4)})
    assert named["pointwise2"].engine.scheme == "sp2"


def test_residuals_become_sums_and_means_take_steps_of_their_own():
    graph = zoo_network("resnet8")
    own = RANDOM.integers(0, 256, (8, 32, 32, 3))
    network = convert_network(graph, own, plan_settings(graph, Plan(kind="fixed", keep=())))
    ops = {node.name: node.op for node in network.spec.nodes}
    assert isinstance(ops["block1.relu"], Sum) and not ops["block1.relu"].signed
    assert isinstance(ops["pool"], Mean) and isinstance(ops["block2.shortcut"], Engine)
    assert isinstance(network.spec.engines["classifier"], MACSpec)


@pytest.mark.parametrize("change, message", [
    (lambda net: net.add(Softmax(), "stem") and net.add(Relu()),
     "softmax1: Softmax must end the network or feed ArgMax, as integers keep the order of classes "
     "alone."),
    (lambda net: net.add(MaxPool(kernel=2, padding=((0, 1), (0, 1))), "stem.relu", name="uneven"),
     "uneven: padding must be equal on opposite sides, but is 0 and 1."),
    (lambda net: net.add(AvgPool(kernel=2, padding=1, count_padding=False), "stem.relu",
                         name="edge"),
     "edge: an average that leaves padding out has no integer form."),
    (lambda net: net.add(Relu(), net.add(Concat(), "flat", "right", name="rows")),
     "rows: a flattened image must go to a dense layer, but goes to Concat."),
])
def test_what_has_no_integers_is_refused(change, message):
    net = branching()
    change(net)
    graph = net.build()
    with pytest.raises(GraphError) as error:
        convert_network(graph, images(8), plan_settings(graph, Plan(kind="fixed", keep=())))
    assert str(error.value) == message


def test_names_that_are_no_layers_are_refused():
    graph = branching().build()
    with pytest.raises(GraphError, match="^stem.relu is no layer of branching; its layers are "
                                         "stem, depthwise, "):
        plan_settings(graph, Plan(keep=("stem.relu",)))
    with pytest.raises(SpecError, match="^kind must be one of pq, fixed, .*, but is float.$"):
        Plan(kind="float")


def test_an_argmax_at_the_end_stays():
    net = branching()
    net.add(ArgMax(), name="class")
    graph = net.build()
    network = convert_network(graph, images(64), plan_settings(graph, Plan(
        kind="fixed", keep=(), activation_bits=8, weight_bits=8)))
    own = images(200)
    results = network_results(network.spec, network.parameters, own)
    assert results.shape == (200, 1)
    assert (results[:, 0] == graph.run(own)).mean() > 0.9


def test_input_names_are_those_of_the_graph():
    graph = branching().build()
    network = convert_network(graph, images(8), plan_settings(graph, Plan(kind="fixed")))
    assert network.spec.nodes[0].inputs == (INPUT,) and network.spec.input.shape == (6, 6, 3)


def test_biases_hold_the_rounding_constant_even_where_they_cancel_it():
    """A bias of -2**(r-1) leaves 0 to be stored, but the constant is checked on its own."""
    net = GraphBuilder("cancelled", (4,))
    net.add(Linear(weights=np.eye(2, 4) * 1e-3, bias=[-0.5, -0.5]))
    net.add(Relu())
    net.add(Linear(weights=np.eye(2)))
    graph = net.build()
    settings = plan_settings(graph, Plan(keep=(), length=2, prototypes=4, table_bits=4))
    rows = RANDOM.integers(0, 256, (64, 4))
    network = convert_network(graph, rows, settings)
    assert network_results(network.spec, network.parameters, rows).shape == (64, 2)
