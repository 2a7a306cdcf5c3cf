"""The zoo: totals as published, shapes as in the tables, weights from seeds."""

from pathlib import Path

import numpy as np
import pytest

from pqhw.network import GraphError, fold_batchnorm, layer_shape, zoo_network
from pqhw.network.ops import Conv2d
from pqhw.network.shapes import EMNIST, KWS, RESNET20
from pqhw.network.zoo import ZOO

# Millions of multiplications per image, and learned values: He et al. 2016 (0.27 M), MLPerf Tiny
# (78,666 with the running values), Howard et al. 2017 (569 M, 4.2 M), Sandler et al. 2018 (300 M,
# 3.4 M); the values to the last one are those of their common implementations.
PUBLISHED = {"resnet20": (40.55, 269_722), "resnet8": (12.50, None), "vgg-small": (607.6, None),
             "mobilenet-v1": (568.7, 4_231_976), "mobilenet-v2": (300.8, 3_504_872)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_are_those_published(name):
    graph = zoo_network(name)
    millions, learned = PUBLISHED[name]
    total = sum(graph.multiply_accumulates(node.name) for node in graph.layers)
    assert round(total / 1e6, 2) == pytest.approx(millions, abs=0.06)
    if learned:
        assert graph.parameter_count == learned


@pytest.mark.parametrize("name, table", [("resnet20", RESNET20), ("kws", KWS), ("emnist", EMNIST)])
def test_layers_are_those_of_the_table_of_shapes(name, table):
    graph = zoo_network(name)
    for layer in table.layers:
        assert graph.multiply_accumulates(layer.name) == layer.multiply_accumulates
        if isinstance(graph[layer.name].op, Conv2d):
            own = layer_shape(graph, layer.name)
            assert (own.height, own.width, own.in_channels, own.out_channels) == (
                layer.height, layer.width, layer.in_channels, layer.out_channels)


def _rounded(value):
    """A total as the page writes it: four digits of hundreds of millions, else three."""
    unit, letter = (1e6, " M") if value >= 1e6 else (1e3, " k")
    return value / unit, letter


@pytest.mark.parametrize("name", ZOO)
def test_the_page_tells_what_the_networks_are(name):
    page = (Path(__file__).parents[2] / "docs" / "convert.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    _, _, shape, layers, products, learned, _ = (cell.strip() for cell in row.split("|"))
    graph = zoo_network(name)
    assert shape == " × ".join(map(str, graph.input_shape))
    assert int(layers) == len(graph.layers)
    total = sum(graph.multiply_accumulates(node.name) for node in graph.layers)
    for text, value in ((products, total), (learned, graph.parameter_count)):
        number, letter = _rounded(value)
        assert text.endswith(letter[1:]) and float(text.split()[0]) == pytest.approx(number, 5e-3)


@pytest.mark.parametrize("name", ZOO)
def test_networks_come_from_their_seed(name):
    one, same, other = (zoo_network(name, seed=seed) for seed in (0, 0, 1))
    first = one.layers[0].name
    np.testing.assert_array_equal(one[first].op.weights, same[first].op.weights)
    assert (one[first].op.weights != other[first].op.weights).any()
    assert zoo_network(name, classes=3).output_shape == (3,)


@pytest.mark.parametrize("name", [name for name in ZOO if not name.startswith("mobilenet")])
def test_folding_keeps_what_a_network_computes(name):
    graph = zoo_network(name)
    folded = fold_batchnorm(graph)
    assert not any(node.op.kind == "BatchNorm" for node in folded.nodes)
    images = np.random.default_rng(1).normal(size=(1, *graph.input_shape))
    np.testing.assert_allclose(folded.run(images), graph.run(images), atol=1e-3)


def test_another_name_is_refused():
    with pytest.raises(GraphError, match="^network must be one of digits-mlp, .*, but is resnet.$"):
        zoo_network("resnet")
