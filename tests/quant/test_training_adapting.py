"""Float networks that get used to codes, and what conversion makes of them."""

import numpy as np
import pytest
from training_builders import norm, stirred

torch = pytest.importorskip("torch")

from pqhw.data import Dataset, load  # noqa: E402
from pqhw.golden import network_activations  # noqa: E402
from pqhw.network import GraphBuilder, zoo_network  # noqa: E402
from pqhw.network.lowering import lower  # noqa: E402
from pqhw.network.ops import Conv2d, Flatten, Linear, MaxPool, Relu  # noqa: E402
from pqhw.quant.conversion import convert_graph  # noqa: E402
from pqhw.quant.network import convert_network  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402
from pqhw.quant.training import Recipe, train_network  # noqa: E402
from pqhw.quant.training.distil import Distillation  # noqa: E402
from pqhw.quant.training.hints import HintedLoss  # noqa: E402
from pqhw.quant.training.integer import AdaptingModule, Tuning, adapt_network  # noqa: E402
from pqhw.quant.training.loss import Batch  # noqa: E402
from pqhw.quant.training.module import GraphModule  # noqa: E402

PLANS = {
    "l2": (Plan(length=4, prototypes=8, keep=("last",), table_bits=7), 1),
    "l1": (Plan(length=9, prototypes=4, encoder="l1", keep=("stem", "last"), table_bits=7), 2),
    "pixel": (Plan(length=3, prototypes=8, convolution="pixel", keep=("last",), table_bits=8), 2),
    "tree": (Plan(length=3, prototypes=8, encoder="tree", keep=("last",), table_bits=8), 1),
}


def draw(random, *shape):
    return random.normal(0, 0.4, size=shape).astype(np.float32)


def graph(groups=1):
    """Two normalised convolutions, a pool and two dense layers, the first one on pixels."""
    random = np.random.default_rng(5)
    net = GraphBuilder("adapting", (8, 6, 3))
    net.add(Conv2d(weights=draw(random, 6, 3, 3, 3) / 9, padding=1), name="stem")
    net.add(norm(6), name="stem.norm")
    net.add(Relu())
    net.add(Conv2d(weights=draw(random, 8, 3, 3, 6 // groups), padding=1, groups=groups,
                   bias=draw(random, 8)), name="second")
    net.add(norm(8), name="second.norm")
    net.add(Relu())
    net.add(MaxPool(kernel=2, stride=2))
    net.add(Flatten())
    net.add(Linear(weights=draw(random, 10, 4 * 3 * 8), bias=draw(random, 10)), name="dense")
    net.add(Relu())
    net.add(Linear(weights=draw(random, 4, 10)), name="last")
    return stirred(net.build())


def dataset(own, count=256, test=256):
    """Images whose labels are what the graph says of them."""
    random = np.random.default_rng(2)
    images = random.integers(0, 17, (count + test, *own.input_shape)).astype(np.uint8)
    labels = own.run(images).argmax(axis=1)
    return Dataset(name="own", classes=tuple("abcd"), train_images=images[:count],
                   train_labels=labels[:count], test_images=images[count:],
                   test_labels=labels[count:])


def tuning(epochs, **values):
    return Tuning(recipe=Recipe(epochs=epochs, batch=32, rate=0.004, optimiser="adam", decay=0.0,
                                warmup=0.0), **values)


def start(name):
    plan, groups = PLANS[name]
    own = graph(groups)
    settings = plan_settings(own, plan)
    data = dataset(own)
    return own, data, settings, convert_network(own, data.train_images, settings, input_bits=5)


def module_of(own, settings, network):
    bits = {name: one.activation_bits for name, one in settings.items()}
    return AdaptingModule(own, lower(own, bits, input_bits=5), network, settings)


@pytest.mark.parametrize("name", PLANS)
def test_a_module_holds_the_weights_of_its_graph(name):
    """And biases but for those of encoded layers, which come with the tables."""
    own, _, settings, network = start(name)
    module = module_of(own, settings, network)
    made = module.to_graph()
    for before, after in zip(own.nodes, made.nodes):
        for field, array in before.op.parameters().items():
            if field != "bias" or before.name not in module.encoded:
                np.testing.assert_allclose(after.op.parameters()[field], array, rtol=1e-6)


@pytest.mark.parametrize("name", PLANS)
def test_a_module_begins_with_the_tables_of_the_integer_network(name):
    own, data, settings, network = start(name)
    module = module_of(own, settings, network).eval()
    with torch.no_grad():
        for step, layer in zip(module.encoded.values(), module.layers.values()):
            tables = layer.tables() * (layer.factor() / layer.unit)[:, None, None].reshape(
                -1, *(1,) * (layer.tables().ndim - 1))
            entries = network.parameters[step.name].tables
            if layer.spec.sets > 1:
                continue
            wanted = (entries.transpose(4, 2, 3, 0, 1) if layer.spec.encodes_pixels
                      else entries.transpose(2, 0, 1))
            np.testing.assert_allclose(tables.numpy(), wanted.reshape(tables.shape), atol=1e-3)
        results = module(torch.as_tensor(data.test_images).float()).numpy()
    found = network_activations(network.spec, network.parameters, data.test_images)["last"]
    real = found / network.units["last"]
    assert ((results - real) ** 2).mean() < 0.05 * real.var()


@pytest.mark.parametrize("name", PLANS)
def test_what_is_converted_computes_what_the_module_does(name):
    """But for biases, which integers round: a result is off by one now and then, and now and then
    what is off by one has another code."""
    own, data, settings, network = start(name)
    module = module_of(own, settings, network).eval()
    adapted = module.adapted()
    made = convert_network(adapted.graph, data.train_images, settings, input_bits=5,
                           adapted=adapted)
    assert made.steps == network.steps
    found = network_activations(made.spec, made.parameters, data.test_images)
    wanted = {}
    for result in ("relu1", "relu2", "maxpool1", "relu3"):
        module[result].register_forward_hook(
            lambda own, inputs, value, result=result: wanted.update({result: value}))
    with torch.no_grad():
        module(torch.as_tensor(data.test_images).float())
    for result, value in wanted.items():
        real = (value.permute(0, 2, 3, 1) if value.ndim == 4 else value).numpy()
        real = np.minimum(real / made.steps[result], made.spec.ranges[result].high)
        assert ((found[result] - real) ** 2).mean() < 0.05 * real.var(), result
        if result == "relu1":
            assert np.abs(found[result] - real).max() <= 1.5
            assert (found[result] == np.floor(real + 0.5)).mean() > 0.9


def test_a_channel_that_normalisation_leaves_nothing_of_keeps_its_bias():
    own, data, settings, _ = start("l2")
    own["second.norm"].op.gamma[2] = 0
    network = convert_network(own, data.train_images, settings, input_bits=5)
    layer = module_of(own, settings, network).layers["second"]
    assert layer.bias[2].item() == own["second"].op.bias[2]
    assert layer.correction[..., 2].abs().max().item() == 0
    assert layer.correction.abs().max().item() > 0


def test_statistics_are_those_of_the_images():
    own, data, settings, network = start("l2")
    module, seen = module_of(own, settings, network), []
    norm = module["stem.norm"]
    norm.register_forward_pre_hook(lambda norm, inputs: seen.append(inputs[0]))
    module.measure(data.train_images)
    values = torch.cat(seen)
    assert len(values) == len(data.train_images)
    torch.testing.assert_close(norm.running_mean, values.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, values.var((0, 2, 3)))
    assert norm.momentum == 0.1 and not module.training


def test_hints_are_relative_errors_of_what_layers_give():
    own, data, settings, network = start("l2")
    module, teacher = module_of(own, settings, network), GraphModule(own)
    for part in module.modules():  # Tables stand on grids that follow the variances.
        if hasattr(part, "momentum"):
            part.momentum = 0.0
    assert module.hinted == ["stem.norm", "second.norm", "dense"]
    inputs = torch.tensor(data.train_images[:32], dtype=torch.float32)
    batch = Batch(inputs, torch.tensor(data.train_labels[:32]), torch.arange(32))
    losses = []
    for weight in (0.0, 0.5):
        loss = HintedLoss(Distillation(teacher=teacher), module, module.hinted, weight)
        losses.append(loss(module.train()(inputs), batch))
        assert not loss.found and not loss.wanted
    found, wanted = {}, {}
    for held, network_ in ((found, module), (wanted, teacher.eval())):
        for name in module.hinted:
            network_[name].register_forward_hook(
                lambda module, inputs, result, held=held, name=name: held.update({name: result}))
        network_(inputs)
    errors = sum(((found[name] - wanted[name]) ** 2).mean()
                 / ((wanted[name] - wanted[name].mean()) ** 2).mean() for name in module.hinted)
    # The variance of so many values, with and without one of them taken off.
    assert (losses[1] - losses[0]).item() == pytest.approx(0.5 * errors.item(), rel=1e-2)
    assert errors.item() > 0.01
    losses[1].backward()


def test_a_network_that_got_used_to_codes_loses_less():
    data = load("digits")
    own, _ = train_network(zoo_network("digits-cnn"), data, Recipe(epochs=4, rate=0.05))
    settings = plan_settings(own, Plan(prototypes=4, table_bits=8, activation_bits=5))
    made = convert_graph(own, data, settings, adapting=tuning(5))
    assert made.tuned_accuracy > made.converted_accuracy + 0.02


def test_learning_in_integers_follows_and_stays_exact():
    own, data, settings, _ = start("l2")
    made = convert_graph(own, data, settings, adapting=tuning(1), tuning=tuning(1))
    again = convert_graph(own, data, settings, adapting=tuning(1), tuning=tuning(1))
    images = data.test_images[:20]
    first, second = (network_activations(one.network.spec, one.network.parameters, images)
                     for one in (made, again))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_a_training_that_stopped_goes_on(tmp_path):
    own, data, settings, network = start("l1")

    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        adapt_network(own, data, settings, tuning(3), network, input_bits=5,
                      folder=tmp_path / "a", progress=stop)
    taken_up, _ = adapt_network(own, data, settings, tuning(3), network, input_bits=5,
                                folder=tmp_path / "a", resume=True)
    whole, _ = adapt_network(own, data, settings, tuning(3), network, input_bits=5)
    for name, encoder in whole.encoders.items():
        np.testing.assert_array_equal(taken_up.encoders[name].centres, encoder.centres)
    for one, other in zip(whole.graph.nodes, taken_up.graph.nodes):
        for field, array in one.op.parameters().items():
            np.testing.assert_array_equal(other.op.parameters()[field], array)


def test_leaves_stand_for_the_mean_of_what_reaches_them():
    own, data, settings, network = start("tree")
    module = module_of(own, settings, network)
    layer = module.layers["second"]
    seen = []
    layer.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].detach()))
    for one in module.layers.values():
        one.following = 1.0
    layer.prototypes.data += 5
    module.train()(torch.as_tensor(data.train_images).float())
    vectors, codes = layer.vectors(seen[0]), layer.encode(seen[0])[0]
    for s in range(vectors.shape[1]):
        for leaf in codes[:, s].unique():
            reached = vectors[:, s].transpose(1, 2)[codes[:, s] == leaf]
            share = len(reached) / (len(reached) + 1)
            torch.testing.assert_close(layer.prototypes[s, leaf], reached.mean(0),
                                       atol=20 * (1 - share) + 1e-4, rtol=1e-4)
