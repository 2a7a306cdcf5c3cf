"""What tables are fitted to: sums over windows of encoded pixels, and what other summands lack."""

import numpy as np
import pytest

from pqhw.golden import network_activations
from pqhw.network import GraphBuilder
from pqhw.network.ops import Add, Conv2d, Flatten, Linear, Relu
from pqhw.quant import network, pq_layer
from pqhw.quant.network import convert_network
from pqhw.quant.plan import Plan, plan_settings


def smooth_images(count=200):
    """Images whose neighbouring pixels are alike."""
    random = np.random.default_rng(8)
    coarse = random.integers(0, 16, (count, 3, 3, 3)).repeat(3, axis=1).repeat(3, axis=2)
    return np.clip(coarse + random.integers(-2, 3, coarse.shape), 0, 15)[:, :8, :7]


def residual():
    """A convolution whose result is added to what it took, which was looked up as well."""
    random = np.random.default_rng(6)
    net = GraphBuilder("residual", (8, 7, 3))
    net.add(Conv2d(weights=random.normal(0, 0.2, (6, 3, 3, 3)).astype(np.float32), padding=1),
            name="stem")
    before = net.add(Relu(), name="before")
    branch = net.add(Conv2d(weights=random.normal(0, 0.1, (6, 3, 3, 6)).astype(np.float32),
                            padding=1), name="branch")
    net.add(Add(), branch, before, name="sum")
    net.add(Flatten())
    net.add(Linear(weights=random.normal(0, 0.1, (4, 336)).astype(np.float32)), name="last")
    return net.build()


def error(result, **plan):
    """Share of a result's variance that is lost on images that conversion has not seen."""
    graph, images = residual(), smooth_images()
    made = convert_network(graph, images[:150], plan_settings(
        graph, Plan(keep=("last",), prototypes=8, table_bits=7, **plan)), input_bits=4)
    found = network_activations(made.spec, made.parameters, images[150:])[result]
    wanted = graph.activations(images[150:])[result]
    return ((found * made.steps[result] - wanted) ** 2).mean() / wanted.var()


@pytest.mark.parametrize("encoder", ["l2", "tree"])
def test_tables_of_encoded_pixels_make_up_for_each_other(monkeypatch, encoder):
    fitted = error("before", convolution="pixel", length=1, encoder=encoder)
    monkeypatch.setattr(pq_layer, "FITTED_ENTRIES", 0)
    assert fitted < 0.98 * error("before", convolution="pixel", length=1, encoder=encoder)


def test_a_layer_makes_up_for_what_other_summands_lack(monkeypatch):
    aware = error("sum")
    monkeypatch.setattr(network, "_target", lambda lowered, step, real, results, values:
                        results.get(step.node.name))
    assert aware < 0.98 * error("sum")
