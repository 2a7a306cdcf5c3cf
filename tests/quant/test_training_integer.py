"""Networks that learn in integers: forward passes equal to golden's, gradients, what is gained."""

import numpy as np
import pytest
from builders import pq

torch = pytest.importorskip("torch")

from pqhw.data import Dataset  # noqa: E402
from pqhw.golden import network_activations, network_results  # noqa: E402
from pqhw.network import GraphBuilder, GraphError  # noqa: E402
from pqhw.network.lowering import lower  # noqa: E402
from pqhw.network.ops import (Add, Concat, Conv2d, Flatten, GlobalAvgPool, Linear,  # noqa: E402
                              MaxPool, PadChannels, Relu, Subsample)
from pqhw.quant.evaluate import evaluate_network  # noqa: E402
from pqhw.quant.files import load_integer_network, save_integer_network  # noqa: E402
from pqhw.quant.network import convert_network  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402
from pqhw.quant.training import Recipe  # noqa: E402
from pqhw.quant.training.integer import (IntegerModule, PQLayer, Scale, Tuning,  # noqa: E402
                                         tune_network)
from pqhw.quant.training.integer.rounding import quantize, round_half_up, shifted  # noqa: E402
from pqhw.spec import Requantize, SpecError  # noqa: E402
from pqhw.spec.parameters import PQParameters  # noqa: E402
from pqhw.spec.ranges import Range  # noqa: E402

RANDOM = np.random.default_rng(11)
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers():
    """Every test draws the same, whichever ran before."""
    RANDOM.bit_generator.state = START


def draw(*shape):
    return RANDOM.normal(0, 0.4, size=shape).astype(np.float32)


def branching(groups=1):
    """Convolutions of odd sizes, a residual, pools and a dense layer, on images of 7 x 6 x 3."""
    net = GraphBuilder("branching", (7, 6, 3))
    net.add(Conv2d(weights=draw(6, 3, 3, 3) / 9, bias=draw(6), padding=1), name="stem")
    stem = net.add(Relu(), name="stem.relu")
    net.add(Conv2d(weights=draw(6, 3, 2, 6 // groups), padding=(1, 0), stride=(2, 1),
                   groups=groups), name="odd")
    branch = net.add(Conv2d(weights=draw(6, 1, 2, 6), padding=((0, 0), (1, 1)), bias=draw(6)),
                     name="narrow")
    less = net.add(Subsample(stride=(2, 1)), stem)
    net.add(Add(), branch, less, name="sum")
    total = net.add(Relu(), name="sum.relu")
    small = net.add(MaxPool(kernel=2, padding=1), name="pool")
    net.add(Concat(), small, net.add(PadChannels(before=1), small), name="both")
    net.add(Flatten(), name="flat")
    net.add(Linear(weights=draw(9, 13 * 35), bias=draw(9)), name="dense")
    hidden = net.add(Relu(), name="dense.relu")
    mean = net.add(GlobalAvgPool(), total, name="mean")
    net.add(Concat(), hidden, net.add(Linear(weights=draw(3, 6)), mean, name="other"))
    net.add(Relu())
    return balanced(net, draw(4, 12))


def balanced(net, weights):
    """With a last layer that finds all classes equally often."""
    entering = net.build().run(images(500))
    scores = entering @ weights.T
    net.add(Linear(weights=weights / scores.std(axis=0)[:, None],
                   bias=-scores.mean(axis=0) / scores.std(axis=0)), name="last")
    return net.build()


def images(count=40):
    return RANDOM.integers(0, 17, (count, 7, 6, 3))


@pytest.mark.parametrize("plan, groups", [
    (Plan(keep=(), length=4, prototypes=5, encoder="l2", activation_bits=5, table_bits=6), 1),
    (Plan(keep=(), length=5, prototypes=8, encoder="l1", activation_bits=4, table_bits=4), 1),
    (Plan(keep=(), length=3, prototypes=4, encoder="chebyshev", activation_bits=3), 1),
    (Plan(keep=(), length=2, prototypes=7, encoder="dot", convolution="pixel"), 1),
    (Plan(keep=(), length=2, prototypes=3, convolution="pixel", table_bits=8), 3),
    (Plan(keep=(), length=4, prototypes=6, prototype_bits=4), 2),
    (Plan(keep=("stem", "dense"), length=4, prototypes=16, activation_bits=8), 1),
    (Plan(keep=(), length=4, prototypes=8, encoder="tree", activation_bits=5), 1),
    (Plan(keep=(), length=3, prototypes=4, encoder="tree", prototype_bits=4), 2),
    (Plan(keep=(), length=2, prototypes=4, encoder="tree", convolution="pixel", table_bits=8), 1),
    (Plan(keep=(), length=1, prototypes=2, encoder="tree", convolution="pixel"), 3),
    (Plan(kind="fixed", keep=(), weight_bits=8, activation_bits=8), 1),
    (Plan(kind="fixed", keep=(), weight_bits=3, activation_bits=4), 2),
    (Plan(kind="sp2", keep=(), weight_bits=4, activation_bits=4), 1),
    (Plan(kind="pot", keep=(), weight_bits=4, activation_bits=5), 3),
])
def test_forward_passes_are_those_of_golden(plan, groups):
    graph = branching(groups)
    settings = plan_settings(graph, plan)
    network = convert_network(graph, images(), settings, input_bits=5)
    bits = {name: own.activation_bits for name, own in settings.items()}
    module = IntegerModule(lower(graph, bits, input_bits=5), network, settings).eval()
    own = images(30)
    wanted = network_activations(network.spec, network.parameters, own)
    with torch.no_grad():
        got = module.activations(torch.as_tensor(own))
    for name, array in wanted.items():
        values = got[name].permute(0, 2, 3, 1) if got[name].ndim == 4 else got[name]
        np.testing.assert_array_equal(values.numpy(), array, err_msg=name)
    # And what is exported before anything was learned is what came in.
    again = module.to_network()
    assert (network_results(again.spec, again.parameters, own) == wanted["last"]).all()


def dataset(graph, count=256):
    """Images whose labels are what the graph says of them."""
    train, test = images(count), images(96)
    return Dataset(name="own", classes=tuple("abcd"),
                   train_images=train.astype(np.uint8), test_images=test.astype(np.uint8),
                   train_labels=graph.run(train).argmax(axis=1),
                   test_labels=graph.run(test).argmax(axis=1))


@pytest.mark.parametrize("plan, tuning", [
    (Plan(keep=(), length=4, prototypes=4, activation_bits=5), {}),
    (Plan(keep=(), length=4, prototypes=4, activation_bits=5), {"gradient": "soft"}),
    (Plan(keep=(), length=4, prototypes=4, activation_bits=5), {"gradient": "straight"}),
    (Plan(keep=(), length=2, prototypes=4, convolution="pixel"), {"following": 0.0}),
    (Plan(keep=(), length=4, prototypes=4, activation_bits=5), {"train": "prototypes"}),
    (Plan(keep=(), length=4, prototypes=8, encoder="tree", activation_bits=5), {}),
    (Plan(keep=(), length=2, prototypes=4, encoder="tree", convolution="pixel"), {}),
    (Plan(kind="sp2", keep=(), weight_bits=4, activation_bits=4), {}),
])
def test_what_was_learned_is_exported_to_the_last_integer(plan, tuning):
    graph = branching()
    data, settings = dataset(graph), plan_settings(graph, plan)
    recipe = Recipe(epochs=2, batch=32, rate=0.01, optimiser="adam", decay=0.0, warmup=0)
    network, history = tune_network(graph, data, settings, Tuning(recipe=recipe, **tuning),
                                    input_bits=5)
    again, _ = tune_network(graph, data, settings, Tuning(recipe=recipe, **tuning), input_bits=5)
    own = images(30)
    results = network_results(network.spec, network.parameters, own)
    assert (results == network_results(again.spec, again.parameters, own)).all()
    classes = network_results(network.spec, network.parameters,
                              np.asarray(data.test_images)).argmax(axis=1)
    assert history.test_accuracy == pytest.approx((classes == data.test_labels).mean())


def test_weights_alone_leave_prototypes_and_prototypes_alone_leave_biases():
    graph = branching()
    data = dataset(graph)
    settings = plan_settings(graph, Plan(keep=(), length=4, prototypes=4, activation_bits=5))
    start = convert_network(graph, data.train_images[:512].astype(np.int64), settings,
                            input_bits=5)
    recipe = Recipe(epochs=1, batch=32, rate=0.05, optimiser="adam", decay=0.0, warmup=0)
    for train, same, moved in (("weights", "prototypes", "tables"),
                               ("prototypes", "bias", "prototypes")):
        made, _ = tune_network(graph, data, settings, Tuning(recipe=recipe, train=train),
                               network=start, input_bits=5)
        pairs = [(start.parameters[name], made.parameters[name]) for name in made.parameters]
        assert all((getattr(a, same) == getattr(b, same)).all() for a, b in pairs)
        assert any((getattr(a, moved) != getattr(b, moved)).any() for a, b in pairs)


@pytest.mark.parametrize("plan", [
    Plan(kind="fixed", keep=(), weight_bits=3, activation_bits=3),
    Plan(keep=("stem", "dense", "last"), length=2, prototypes=4, convolution="pixel"),
    Plan(keep=("stem", "dense", "last"), length=2, prototypes=4, convolution="pixel",
         encoder="tree")])
def test_learning_gains_what_conversion_lost(plan):
    graph = branching()
    data = dataset(graph, 512)
    settings = plan_settings(graph, plan)
    start = convert_network(graph, data.train_images.astype(np.int64), settings, input_bits=5)
    before = evaluate_network(start, data.train_images, data.train_labels).accuracy
    recipe = Recipe(epochs=30, batch=32, rate=0.01, optimiser="adam", decay=0.0)
    made, _ = tune_network(graph, data, settings, Tuning(recipe=recipe), network=start,
                           input_bits=5)
    assert evaluate_network(made, data.train_images, data.train_labels).accuracy > before + 0.05


@pytest.mark.parametrize("gradient", ["linear", "straight"])
@pytest.mark.parametrize("convolution, groups", [("im2col", 1), ("im2col", 2), ("pixel", 1),
                                                 ("pixel", 3)])
def test_gradients_are_those_of_products_where_every_value_is_a_prototype(convolution, groups,
                                                                          gradient):
    spec = pq(C=6, N=6, F=(3, 2), stride=(2, 1), padding=(1, 0), H=7, W=6, groups=groups, V=1,
              K=32, convolution=convolution, activation_bits=5, activation_signed=False,
              prototype_bits=5, table_bits=8, output=Requantize(bits=8, signed=True))
    weights, bias = draw(6, 3, 2, 6 // groups) * 0.1, draw(6)
    every = np.tile(np.arange(32)[None, :, None], (spec.encoded_vectors, 1, 1))
    layer = PQLayer(spec, Scale(1.0, 1.0), weights, bias, prototypes=every, entry=16.0,
                    parameters=PQParameters(every, np.zeros(1), np.zeros(1)))
    layer.gradient = gradient
    inputs = RANDOM.integers(0, 32, (5, 6, 7, 6)).astype(np.float32)
    mine, other = (torch.tensor(inputs, requires_grad=True) for _ in range(2))
    plain = torch.tensor(weights).permute(0, 3, 1, 2).contiguous().requires_grad_()
    result = layer(mine)
    wanted = torch.nn.functional.conv2d(other, plain, torch.tensor(bias), (2, 1), (1, 0), 1, groups)
    assert (result - wanted).abs().max() < 1.2
    given = torch.tensor(RANDOM.normal(size=tuple(result.shape)).astype(np.float32))
    for own in (result, wanted):
        (own * given).sum().backward()
    # The linear function is that of the entries, which are rounded, with a ridge.
    allowed = 1e-4 if gradient == "straight" else 0.01
    torch.testing.assert_close(mine.grad, other.grad, rtol=allowed, atol=allowed)
    torch.testing.assert_close(layer.weights.grad, plain.grad, rtol=1e-4, atol=1e-3)


def test_rounding_is_the_hardwares_and_gradients_pass():
    values = torch.tensor([-2.5, -0.5, -0.51, 0.49, 0.5, 1.5, 7.49, 7.5], requires_grad=True)
    assert round_half_up(values).tolist() == [-2, 0, -1, 0, 1, 2, 7, 8]
    clamped = quantize(values, Range(0, 7))
    assert clamped.tolist() == [0, 0, 0, 0, 1, 2, 7, 7]
    clamped.sum().backward()
    assert values.grad.tolist() == [0, 1, 0, 1, 1, 1, 1, 0]
    sums = torch.tensor([-7.0, 5.0, 1000.0], requires_grad=True)
    scaled = shifted(sums, torch.tensor(51_111.0), 20)
    assert scaled.tolist() == [(int(s) * 51_111 + (1 << 19)) >> 20 for s in sums]
    scaled.sum().backward()
    assert sums.grad.tolist() == pytest.approx([51_111 / (1 << 20)] * 3)


def test_a_prototype_that_nothing_chose_stays():
    graph = branching()
    settings = plan_settings(graph, Plan(keep=(), length=4, prototypes=4, activation_bits=5))
    network = convert_network(graph, images(), settings, input_bits=5)
    bits = {name: own.activation_bits for name, own in settings.items()}
    module = IntegerModule(lower(graph, bits, input_bits=5), network, settings).train()
    layer = module["odd"]
    assert isinstance(layer, PQLayer)
    layer.following = 1.0
    with torch.no_grad():
        layer.prototypes[0, 0] = 31.0
        layer.prototypes[0, 1:] = torch.tensor([[0.0], [1.0], [2.0]])
        before = layer.prototypes[0].clone()
        layer(torch.zeros(2, 6, 7, 6))
    assert (layer.prototypes[0, 0] == before[0]).all()
    assert (layer.prototypes[0, 1] == 0).all() and (layer.prototypes[0, 3] == before[3]).all()


def test_networks_that_cannot_learn_are_refused():
    graph = branching()
    settings = plan_settings(graph, Plan(kind="bitplane", keep=(), weight_bits=4,
                                         activation_bits=4))
    network = convert_network(graph, images(), settings, input_bits=5)
    bits = {name: own.activation_bits for name, own in settings.items()}
    with pytest.raises(GraphError, match="^stem.relu: planes of bits do not learn; take scheme = "
                                         '"fixed" and the same bits.$'):
        IntegerModule(lower(graph, bits, input_bits=5), network, settings)


def test_trees_that_were_read_from_a_file_are_refused(tmp_path):
    graph = branching()
    settings = plan_settings(graph, Plan(keep=(), length=4, prototypes=4, encoder="tree"))
    network = convert_network(graph, images(), settings, input_bits=5)
    text, _ = save_integer_network(tmp_path, network)
    bits = {name: own.activation_bits for name, own in settings.items()}
    with pytest.raises(SpecError) as error:
        IntegerModule(lower(graph, bits, input_bits=5), load_integer_network(text), settings)
    assert str(error.value) == ("stem.relu: trees learn only with the means of their leaves, which "
                                "conversion finds but no file holds; convert the graph again.")


@pytest.mark.parametrize("convolution, train, learns", [
    ("im2col", "both", False), ("pixel", "both", False), ("im2col", "prototypes", True),
    ("im2col", "weights", False)])
def test_leaves_learn_where_nothing_else_says_the_same_and_thresholds_stay(convolution, train,
                                                                           learns):
    graph = branching()
    data = dataset(graph)
    settings = plan_settings(graph, Plan(keep=("dense", "last", "other"), length=2, prototypes=4,
                                         encoder="tree", convolution=convolution))
    start = convert_network(graph, data.train_images.astype(np.int64), settings, input_bits=5)
    recipe = Recipe(epochs=1, batch=32, rate=0.05, optimiser="adam", decay=0.0, warmup=0)
    made, _ = tune_network(graph, data, settings, Tuning(recipe=recipe, train=train),
                           network=start, input_bits=5)
    assert set(start.centres) == set(made.centres) != set()
    for name, centres in start.centres.items():
        before, after = start.parameters[name], made.parameters[name]
        assert (before.thresholds == after.thresholds).all()
        assert (before.tables != after.tables).any()
        assert np.allclose(centres, made.centres[name], atol=1e-4) is not learns


@pytest.mark.parametrize("values, message", [
    ({"train": "biases"}, "train must be one of both, prototypes, weights, but is biases."),
    ({"gradient": "hard"}, "gradient must be one of linear, straight, soft, but is hard."),
    ({"following": 2}, "following must be from 0 to 1, but is 2."),
])
def test_tunings_that_make_no_sense_are_refused(values, message):
    with pytest.raises(ValueError) as error:
        Tuning(recipe=Recipe(), **values)
    assert str(error.value) == message
