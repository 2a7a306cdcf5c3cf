"""Networks of the zoo, and those that come along, have the same integers in training and in golden:
every result of every node."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from training_builders import stirred

torch = pytest.importorskip("torch")

from pqhw.data import digits_images, glyphs  # noqa: E402
from pqhw.golden import network_activations  # noqa: E402
from pqhw.network import GraphError, zoo_network  # noqa: E402
from pqhw.network.lowering import lower  # noqa: E402
from pqhw.quant.files import load_integer_network  # noqa: E402
from pqhw.quant.network import convert_network  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402
from pqhw.quant.training.integer import IntegerModule, compare_training  # noqa: E402

FOLDER = Path(__file__).parents[2] / "docs" / "networks"
SMALL = {"resnet8": 8, "resnet20": 8, "mobilenet-v1": 32, "mobilenet-v2": 32}
"""Height and width of images for fast tests; global pooling takes any."""

WINDOWS = Plan(initialisation="random")
PIXELS = Plan(initialisation="random", convolution="pixel", encoder="l1")
TREES = Plan(encoder="tree", prototypes=8)
PRODUCTS = Plan(kind="fixed", weight_bits=8, activation_bits=8)
CASES = [("digits-mlp", WINDOWS), ("digits-mlp", TREES), ("digits-cnn", TREES),
         ("digits-cnn", PIXELS), ("kws", WINDOWS), ("kws", TREES), ("emnist", PRODUCTS),
         ("emnist", PIXELS), ("resnet8", WINDOWS), ("resnet20", PIXELS), ("resnet20", TREES),
         ("vgg-small", PRODUCTS), ("mobilenet-v1", PRODUCTS), ("mobilenet-v2", PRODUCTS)]


def forward_passes(name, plan, count, size=None, calibration=4):
    """Results of all nodes by training and by golden, on noise."""
    graph = stirred(zoo_network(name))
    height, width, channels = graph.input_shape
    if size is not None:
        graph = dataclasses.replace(graph, input_shape=(size, size, channels))
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (max(count, calibration), *graph.input_shape))
    settings = plan_settings(graph, plan)
    network = convert_network(graph, images[:calibration], settings)
    bits = {layer: own.activation_bits for layer, own in settings.items()}
    module = IntegerModule(lower(graph, bits), network, settings).eval()
    for start in range(0, count, 50):
        own = images[start:start + 50]
        with torch.no_grad():
            yield module.activations(torch.as_tensor(own)), network_activations(
                network.spec, network.parameters, own)


def check(passes, nodes=3):
    for found, wanted in passes:
        assert set(found) >= set(wanted) and len(wanted) > nodes
        for name, values in wanted.items():
            np.testing.assert_array_equal(found[name].movedim(1, -1).numpy(), values, err_msg=name)
        assert len(np.unique(values)) > 1


@pytest.mark.parametrize("name, plan", CASES)
def test_networks_of_the_zoo_have_one_result(name, plan):
    check(forward_passes(name, plan, 2, SMALL.get(name)))


@pytest.mark.slow
@pytest.mark.parametrize("name, plan", CASES)
def test_networks_of_the_zoo_have_one_result_on_a_thousand_images(name, plan):
    check(forward_passes(name, plan, 1000, SMALL.get(name), calibration=64))


def committed(name, count):
    """A network that comes along, and test images of its data set."""
    if name.startswith("digits"):
        pytest.importorskip("sklearn")
        images = np.concatenate([digits_images().train_images, digits_images().test_images])
    else:
        images = glyphs(train=1, test=count).test_images
    return load_integer_network(FOLDER / f"{name}.toml"), images[:count]


NAMES = [entry["name"] for entry in json.loads((FOLDER / "networks.json").read_text("utf-8"))]


@pytest.mark.parametrize("name", NAMES)
def test_networks_that_come_along_have_one_result(name):
    network, images = committed(name, 3)
    found = compare_training(network, images)
    assert (found.images, found.nodes, found.differing) == (3, len(network.spec.nodes), {})
    assert found.values == 3 * sum(int(np.prod(network.spec.shapes[node.name]))
                                   for node in network.spec.nodes) and found.first is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_networks_that_come_along_have_one_result_on_a_thousand_images(name):
    assert compare_training(*committed(name, 1000)).differing == {}


def test_what_differs_is_told_with_its_place(monkeypatch):
    network, images = committed("digits-cnn-tree-9-8", 60)
    monkeypatch.setattr("pqhw.quant.training.integer.held.BATCH_ELEMENTS", 1 << 14)
    real = network_activations

    def off_by_one(*args):
        results = real(*args)
        if (args[2] == images[40]).all(axis=(1, 2, 3)).any():
            results["pool3"][-1, 2] += 1
        return results

    monkeypatch.setattr("pqhw.quant.training.integer.held.network_activations", off_by_one)
    found = compare_training(network, images)
    assert found.differing == {"pool3": 1} and found.first.startswith("pool3: training gives ")
    assert found.first.endswith(", 2].")


def test_planes_of_bits_are_told_to_have_no_training():
    graph = zoo_network("digits-mlp")
    images = np.random.default_rng(1).integers(0, 17, (8, *graph.input_shape))
    network = convert_network(graph, images, plan_settings(graph, Plan(kind="bitplane")))
    with pytest.raises(GraphError) as error:
        compare_training(network, images)
    assert str(error.value) == ("dense2.relu: training knows neither planes of bits nor sums "
                                "modulo 2**16.")
