"""Bits of all layers: tables against single searches, losses, operators, and the search."""

import itertools
import json
import re

import numpy as np
import pytest

from pqhw.explore.mapping.cost import Bits, CostModel
from pqhw.explore.mapping.files import architecture_of, load_architecture
from pqhw.explore.mapping.network import SearchSettings, map_layers
from pqhw.explore.mapping.workload import network_workloads
from pqhw.explore.precision.accuracy import Noise, Tabulated
from pqhw.explore.precision.operators import Published, Stepwise
from pqhw.explore.precision.search import TradeSettings, descent, search_bits
from pqhw.explore.precision.tables import WIDTHS, cost_table, width_classes
from pqhw.explore.precision.trades import Trades, random_inputs
from pqhw.flow.cache import Cache
from pqhw.network import GraphBuilder
from pqhw.network.ops import Conv2d, Flatten, Linear, Relu
from pqhw.spec.fields import SpecError

pytest.importorskip("pymoo")
REFERENCE, EXACT, SETTINGS = CostModel(), CostModel(compat="exact"), SearchSettings()


@pytest.fixture(scope="module")
def graph():
    """Three layers, the second depthwise, the third with negative inputs."""
    rng = np.random.default_rng(5)
    builder = GraphBuilder("small", (8, 8, 3))
    builder.add(Conv2d(weights=rng.normal(size=(8, 3, 3, 3)).astype(np.float32), padding=1,
                       bias=np.zeros(8, np.float32)), name="first")
    builder.add(Relu())
    builder.add(Conv2d(weights=rng.normal(size=(8, 3, 3, 1)).astype(np.float32), groups=8,
                       bias=np.zeros(8, np.float32)), name="second")
    builder.add(Flatten())
    builder.add(Linear(weights=rng.normal(size=(5, 288)).astype(np.float32)), name="third")
    return builder.build()


@pytest.fixture(scope="module")
def table(graph):
    return cost_table(network_workloads(graph), load_architecture("eyeriss-16"), REFERENCE,
                      SETTINGS)


@pytest.fixture(scope="module")
def noise(graph):
    return Noise(graph, random_inputs(graph, count=2), WIDTHS)


# -- Tables ------------------------------------------------------------------------------------


def test_widths_that_share_a_word_alike_cost_the_same():
    assert width_classes(load_architecture("eyeriss-16"), REFERENCE) == {
        2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 8, 8: 8}
    assert width_classes(load_architecture("eyeriss-8"), REFERENCE) == {
        2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 8: 8}
    assert width_classes(load_architecture("eyeriss-16"), EXACT) == {
        bits: bits for bits in WIDTHS}


@pytest.mark.parametrize("model", [REFERENCE, EXACT], ids=["reference", "exact"])
def test_a_table_gives_what_mapping_the_network_gives(graph, model):
    layers, architecture = network_workloads(graph), load_architecture("eyeriss-16")
    table = cost_table(layers, architecture, model, SETTINGS, widths=(3, 4, 6, 8))
    genome = np.array([[8, 3], [4, 6], [6, 4]])
    bits = table.bits(genome)
    assert bits == {"first": Bits(8, 3, 4), "second": Bits(4, 6, 6), "third": Bits(6, 4, 8)}
    mapped = map_layers("small", layers, architecture, bits, model, SETTINGS)
    energy, cycles, edp = (float(own[0]) for own in table.costs(genome[None]))
    assert (energy, cycles, edp) == pytest.approx((mapped.energy, mapped.cycles, mapped.edp))
    assert table.whole and all(
        table.mapping(layer.name, layer.bits) == layer.mapping for layer in mapped.layers)


def test_a_table_is_kept(graph, tmp_path):
    layers, architecture = network_workloads(graph), load_architecture("eyeriss-16")
    cache = Cache(tmp_path)
    first = cost_table(layers, architecture, REFERENCE, SETTINGS, widths=(4, 8), cache=cache)
    assert cache.fresh == 3
    again = cost_table(layers, architecture, REFERENCE, SETTINGS, widths=(8, 4, 4), cache=cache)
    assert cache.fresh == 3 and np.array_equal(first.energy, again.energy)
    cost_table(layers, architecture, EXACT, SETTINGS, widths=(4, 8), cache=cache)
    assert cache.fresh == 6, "another model is another table"


@pytest.mark.parametrize("genomes, sentence", [
    (np.full((2, 3), 8), "genomes must be [B, 3, 2], activation and weight bits of every layer, "
                         "but are [2, 3]."),
    (np.full((1, 4, 2), 8), "genomes must be [B, 3, 2]"),
    (np.full((1, 3, 2), 9), "bits must be of 2, 3, 4, 5, 6, 7, 8, but some of the genomes' are ")])
def test_genomes_of_other_networks_are_refused(table, genomes, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        table.costs(genomes)


@pytest.mark.parametrize("widths", [(), (2, 3), (8, 9)])
def test_widths_that_none_are_are_refused(graph, widths):
    with pytest.raises(SpecError, match="widths must be of 2, 3, 4, 5, 6, 7, 8 with 8 among them"):
        cost_table(network_workloads(graph), load_architecture("eyeriss-16"), REFERENCE, SETTINGS,
                   widths=widths)


# -- Losses ------------------------------------------------------------------------------------


def test_noise_falls_with_bits_and_adds_up(noise):
    uniform = np.stack([np.full((3, 2), bits) for bits in WIDTHS])
    losses = noise.losses(uniform)
    assert (np.diff(losses) < -3).all(), "about 6 dB a bit"
    mixed = np.array([[2, 8], [8, 8], [8, 8]])
    alone = noise.power(mixed) - noise.power(uniform[-1])
    both = np.array([[2, 8], [8, 3], [8, 8]])
    other = noise.power(np.array([[8, 8], [8, 3], [8, 8]])) - noise.power(uniform[-1])
    assert noise.power(both) - noise.power(uniform[-1]) == pytest.approx(alone + other)
    asked = noise.asked
    noise.losses(uniform)
    assert noise.asked == asked, "equal genomes are asked once"


def test_losses_from_a_file(tmp_path):
    path = tmp_path / "loss.json"
    path.write_text(json.dumps({"error": 0.1, "layers": {
        "a": {"activations": {"4": 0.02}, "weights": {"4": 0.03, "2": 0.9}},
        "b": {"weights": {"3": 0.5}}}}))
    tabulated = Tabulated(path, ["a", "b"])
    genomes = np.array([[[8, 8], [8, 8]], [[4, 4], [8, 8]], [[4, 2], [8, 3]], [[8, 8], [2, 4]]])
    assert tabulated.losses(genomes) == pytest.approx([0.1, 0.15, 1.0, 0.1])


@pytest.mark.parametrize("text, words", [
    (None, "cannot be read"), ("{", "is not JSON"), ("[]", "must hold the numbers"),
    ('{"layers": {"c": {}}}', "layers must be of a, b, but one is c."),
    ('{"error": true, "layers": {}}', "error must be a number from -1 to 1, but is True."),
    ('{"layers": {"a": 3}}', "a.activations must be numbers by bits, but is None."),
    ('{"layers": {"a": {"weights": {"4": "x"}}}}', "a.weights.4 must be a number from -1 to 1"),
    ('{"layers": {"a": {"weights": {"x": 1}}}}', "a.weights must be numbers by bits")])
def test_a_file_of_losses_that_is_none_is_told(tmp_path, text, words):
    path = tmp_path / "loss.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SpecError, match=f"loss.json: {re.escape(words)}"):
        Tabulated(path, ["a", "b"])


# -- Operators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Published, Stepwise])
def test_children_are_of_their_parents_and_stay_in_range(kind):
    operators, rng = kind(WIDTHS, 6), np.random.default_rng(1)
    first, second = np.zeros((6, 2), np.int64), np.full((6, 2), 3)
    resets = 0
    for _ in range(500):
        child = operators.cross(first, second, rng)
        rows = {tuple(row) for row in child.tolist()}
        resets += (child == 6).all(axis=1).sum()
        assert rows <= {(0, 0), (3, 3), (6, 6)}
        changed = operators.mutate(child, rng)
        assert changed.shape == (6, 2) and changed.min() >= 0 and changed.max() < len(WIDTHS)
    expected = 0.05 if kind is Published else 0.0
    assert resets / 3000 == pytest.approx(expected, abs=0.015)


def test_the_published_mutation_draws_one_layer_in_a_tenth_of_the_genomes():
    operators, rng = Published(WIDTHS, 6), np.random.default_rng(1)
    genome = np.full((6, 2), 6)
    changes = [(operators.mutate(genome, rng) != genome).any(axis=1).sum() for _ in range(3000)]
    assert max(changes) == 1 and np.mean(changes) == pytest.approx(0.1, abs=0.02)
    assert (genome == 6).all(), "parents stay as they are"


def test_the_published_search_begins_with_uniform_bits():
    assert (Published(WIDTHS, 4).begin() == np.arange(7)[:, None, None]).all()


# -- The search --------------------------------------------------------------------------------


def brute_force(table, noise):
    """The front over all genomes of a small network, by cost."""
    genomes = np.array(list(itertools.product(itertools.product(table.kinds, repeat=2),
                                              repeat=len(table.names))))
    losses, costs = np.array([noise.power(one) for one in genomes]), table.costs(genomes)[2]
    order = np.lexsort((losses, costs))
    best, front = np.inf, []
    for at in order:
        if losses[at] < best:
            best = losses[at]
            front.append((costs[at], losses[at]))
    return np.array(front)


def test_the_search_comes_close_to_the_whole_front(table, noise):
    whole = brute_force(table, noise)
    found = search_bits(table, noise, TradeSettings(), noise=noise)
    best = {cost: 10 * np.log10(loss) for cost, loss in whole}
    costs = np.array(sorted(best))
    for point in found.front:
        cheaper = costs[costs <= point.edp * (1 + 1e-12)]
        assert point.loss >= min(best[cost] for cost in cheaper) - 1e-9, "better than all"
    assert found.history[-1].hypervolume >= found.history[0].hypervolume > 0
    assert len(found.front) >= 20


@pytest.mark.parametrize("operators", ["published", "stepwise"])
def test_a_search_repeats_with_its_seed(table, noise, operators):
    runs = [search_bits(table, noise, TradeSettings(operators=operators, seed=seed,
                                                    generations=6)) for seed in (1, 1, 2)]
    assert runs[0].front == runs[1].front and runs[0].history == runs[1].history
    assert runs[0].front != runs[2].front
    volumes = [one.hypervolume for one in runs[0].history]
    assert len(volumes) == 6 and volumes == sorted(volumes)


def test_beginning_along_the_descent_is_better_than_the_published_operators(table, noise):
    guided = search_bits(table, noise, TradeSettings(), noise=noise)
    published = search_bits(table, noise, TradeSettings(operators="published"))
    assert guided.history[-1].hypervolume > published.history[-1].hypervolume


def test_the_descent_takes_one_step_at_a_time(table, noise):
    path = descent(table, noise, "energy")
    assert (path[0] == 8).all() and (path[-1] == 2).all()
    assert len(path) == 1 + 3 * 2 * (len(table.kinds) - 1)
    assert ((path[1:] != path[:-1]).sum(axis=(1, 2)) == 1).all()


@pytest.mark.parametrize("fields, sentence", [
    ({"cost": "area"}, 'cost must be one of edp, energy, cycles, but is "area".'),
    ({"operators": "x"}, 'operators must be one of stepwise, published, but is "x".'),
    ({"parents": 1}, "parents must be an integer from 2 to 1000000, but is 1."),
    ({"generations": 0}, "generations must be an integer from 1 to 1000000, but is 0.")])
def test_settings_that_are_none_are_refused(fields, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        TradeSettings(**fields)


def test_savings_are_held_against_uniform_bits(table, noise):
    result = search_bits(table, noise, TradeSettings(), noise=noise)
    trades = Trades("small", load_architecture("eyeriss-16"), REFERENCE, table, result)
    savings = {saving.than: saving for saving in trades.savings}
    assert savings["uniform 8 bits"].energy == 0
    for bits in WIDTHS[:-1]:
        saving, uniform = savings[f"uniform {bits} bits"], result.uniform[bits]
        assert saving.point.loss <= uniform.loss and saving.point.edp <= uniform.edp
        assert saving.energy <= trades.bound + 1e-12
    mapped = trades.mapped(trades.chosen)
    assert mapped.energy == pytest.approx(trades.chosen.energy)
    assert mapped.edp == pytest.approx(trades.chosen.edp)
    document = json.loads(json.dumps(trades.to_json()))
    assert document["document"] == "precision" and document["optimal_mappings"] is True


def test_the_bits_of_given_inputs_are_not_chosen(table, noise):
    """Else the first layer's inputs would cost fewer bits than they have."""
    class Given(Noise):
        input_bits = 7

        def __init__(self):
            self.__dict__.update(noise.__dict__)

    found = search_bits(table, Given(), TradeSettings(generations=4), noise=noise)
    assert {point.genome[0][0] for point in (*found.front, *found.uniform.values())} == {7}


def test_a_layer_that_does_not_fit_is_told(graph):
    tiny = architecture_of({"name": "tiny", "mac": {"energy": 1.0}, "level": [
        {"name": "D"}, {"name": "B", "entries": 1, "temporal": {"only": "CM", "whole": "M"}}]})
    with pytest.raises(SpecError, match="first: no mapping fits tiny with "):
        cost_table(network_workloads(graph), tiny, REFERENCE, SETTINGS)
