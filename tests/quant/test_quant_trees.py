"""Trees: splits of least error, codes as golden finds them, means of leaves, and whole networks."""

import dataclasses

import numpy as np
import pytest
from builders import pq
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.golden import chain_results, encode, network_results
from pqhw.golden.conv import window_columns
from pqhw.network import DenseNetwork, GraphBuilder
from pqhw.network.ops import Conv2d, Flatten, Linear, Relu
from pqhw.quant import Learning, PQSettings, pq_network
from pqhw.quant.network import convert_network
from pqhw.quant.plan import Plan, plan_settings
from pqhw.quant.pq_layer import _sampled, pq_layer_values, real_tables
from pqhw.quant.prototypes import subvectors
from pqhw.quant.trees import leaf_means, learn_trees
from pqhw.spec import PQEngine, SpecError
from pqhw.spec.parameters import TreeParameters, check_parameters
from pqhw.spec.ranges import Range, unsigned_range


def error_about_means(vectors, nodes, metric):
    """Squared error of vectors [R, V] about the means of their nodes [R]."""
    total = 0.0
    for node in np.unique(nodes):
        own = vectors[nodes == node]
        off = own - own.mean(axis=0)
        total += np.einsum("rv,vw,rw->", off, metric, off)
    return total


def least_error(vectors, nodes, metric, allowed):
    """That of the best level below, by trying all elements and thresholds."""
    best = np.inf
    for values in vectors.T:
        total = 0.0
        for node in np.unique(nodes):
            own = nodes == node
            total += min(error_about_means(vectors[own], values[own] >= threshold, metric)
                         for threshold in range(allowed.low, allowed.high + 1))
        best = min(best, total)
    return best


@settings(max_examples=60)
@given(st.data())
def test_every_level_has_the_least_error(data):
    random = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    length, depth = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    low, high = data.draw(st.sampled_from([(0, 7), (-4, 3), (0, 1), (-8, -5)]))
    allowed = data.draw(st.sampled_from([Range(low, high), Range(-2, 2), Range(0, 3)]))
    rows = random.integers(low, high + 1, (data.draw(st.integers(1, 25)), length))
    factor = random.normal(size=(length, length))
    metric = factor @ factor.T if data.draw(st.booleans()) else np.eye(length)
    dims, thresholds = learn_trees(rows, length=length, leaves=1 << depth, allowed=allowed,
                                   metric=metric[None])
    assert thresholds.min() >= allowed.low and thresholds.max() <= allowed.high
    nodes = np.zeros(len(rows), int)
    for level in range(depth):
        least = least_error(rows, nodes, metric, allowed)
        own = thresholds[0, (1 << level) - 1:][nodes]
        nodes = 2 * nodes + (rows[:, dims[0, level]] >= own)
        assert error_about_means(rows, nodes, metric) == pytest.approx(least, abs=1e-6)


def test_draws_go_to_the_lowest_element_and_the_middle_of_the_gap():
    rows = np.array([[0, 2], [0, 2], [10, 12]])
    dims, thresholds = learn_trees(rows, length=2, leaves=2, allowed=unsigned_range(4))
    assert dims.tolist() == [[0]] and thresholds.tolist() == [[5]]


def test_a_fixed_element_is_compared():
    rows = np.random.default_rng(0).integers(0, 8, (100, 6)) * [1, 9, 1, 1, 9, 1]
    free, _ = learn_trees(rows, length=3, leaves=4, allowed=unsigned_range(7))
    fixed, _ = learn_trees(rows, length=3, leaves=4, allowed=unsigned_range(7),
                           dims=np.array([[2, 0]]))
    assert free[:, 0].tolist() == [1, 1] and fixed.tolist() == [[2, 0], [2, 0]]


def test_of_many_elements_those_of_large_error_are_compared():
    random = np.random.default_rng(1)
    rows = random.integers(0, 2, (200, 40))
    rows[:, 33] *= 7
    dims, _ = learn_trees(rows, length=40, leaves=2, allowed=unsigned_range(3))
    assert dims.tolist() == [[33]]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("length, leaves", [(1, 2), (1, 64), (3, 8), (5, 16)])
def test_codes_are_goldens_and_means_those_of_their_leaves(length, leaves, shared):
    random = np.random.default_rng([length, leaves])
    rows = random.integers(0, 16, (300, 7)) // 3
    spec = pq(D=7, N=2, V=length, K=leaves, encoder="tree", shared_prototypes=shared,
              activation_bits=4, activation_signed=False, prototype_bits=4, table_bits=8)
    weights = random.normal(size=(2, 7))
    made, again = (pq_layer_values(spec, weights, np.zeros(2), rows, rows @ weights.T, seed=3)
                   for _ in range(2))
    assert all((made.values[name] == again.values[name]).all() for name in made.values)
    parameters = check_parameters(made.spec, made.values)
    assert len(parameters.thresholds) == (1 if shared else spec.subspaces)
    codes, vectors = encode(made.spec, parameters, rows), subvectors(rows, length)
    assert made.centres.shape == (spec.subspaces, leaves, length)
    for s in range(spec.subspaces):
        for k in range(leaves):
            own = vectors[codes[:, s] == k, s]
            if len(own):
                np.testing.assert_allclose(made.centres[s, k], own.mean(axis=0))


def test_a_leaf_that_nothing_reached_takes_the_mean_of_its_branch():
    rows, codes = np.array([[2], [4], [9]]), np.array([[0], [0], [3]])
    assert leaf_means(rows, codes, 1, 8)[0, :, 0].tolist() == [3, 3, 9, 9, 5, 5, 5, 5]


@pytest.mark.parametrize("value", [0, 5, 15])
def test_constant_data_make_a_tree(value):
    rows = np.full((20, 4), value)
    dims, thresholds = learn_trees(rows, length=2, leaves=4, allowed=unsigned_range(4))
    assert dims.tolist() == [[0, 0]] * 2 and thresholds.shape == (2, 3)
    assert thresholds.min() >= 0 and thresholds.max() <= 15


def test_splits_are_those_that_the_weights_need():
    """An element that no output uses is never compared, however much it changes."""
    rows = np.random.default_rng(2).integers(0, 16, (200, 2))
    spec = pq(D=2, N=1, V=2, K=4, encoder="tree", activation_bits=4, activation_signed=False,
              prototype_bits=4)
    for used in (0, 1):
        weights = np.eye(2)[used:used + 1]
        made = pq_layer_values(spec, weights, np.zeros(1), rows, rows @ weights.T)
        assert made.values["split_dims"].tolist() == [[used, used]]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride, padding", [((1, 1), (1, 1)), ((2, 1), (0, 1))])
def test_sampled_windows_are_those_that_golden_encodes(groups, stride, padding):
    images = np.random.default_rng(4).integers(0, 16, (5, 6, 7, 4))
    spec = pq(C=4, N=4, F=(3, 2), H=6, W=7, groups=groups, stride=stride, padding=padding, V=4,
              K=4, activation_bits=4, activation_signed=False, prototype_bits=4)
    rows, chosen = _sampled(spec, images, seed=1)
    columns = window_columns(spec.layer, images)
    padded = np.pad(columns, ((0, 0), (0, -columns.shape[1] % 4), (0, 0)))
    assert sorted(chosen) == list(range(columns.shape[2]))
    np.testing.assert_array_equal(rows, np.concatenate(list(padded))[:, chosen].T)


def convolving(groups=1):
    """A small network of a convolution and two dense layers, on images of 6 x 6 x 4."""
    random = np.random.default_rng(5)
    net = GraphBuilder("small", (6, 6, 4))
    net.add(Conv2d(weights=random.normal(0, 0.1, (6, 3, 3, 4 // groups)), padding=1,
                   groups=groups), name="conv")
    net.add(Relu())
    net.add(Flatten())
    net.add(Linear(weights=random.normal(0, 0.1, (20, 216))), name="dense")
    net.add(Relu())
    net.add(Linear(weights=random.normal(0, 0.2, (5, 20))), name="last")
    return net.build()


@pytest.mark.parametrize("groups, plan", [
    (1, Plan(encoder="tree", keep=(), table_bits=8)),
    (2, Plan(encoder="tree", keep=(), table_bits=8, length=3)),
    (1, Plan(encoder="tree", keep=(), table_bits=8, convolution="pixel", length=2)),
    (2, Plan(encoder="tree", keep=(), table_bits=8, convolution="pixel", length=2)),
    (1, Plan(encoder="tree", keep=(), table_bits=8, prototype_bits=3)),
])
def test_networks_of_trees_are_near_the_floats(groups, plan):
    graph = convolving(groups)
    random = np.random.default_rng(6)
    # Few kinds of images, which a tree can tell apart.
    images = np.repeat(random.integers(0, 32, (10, 6, 6, 4)), 20, axis=0)
    network = convert_network(graph, images, plan_settings(graph, plan), input_bits=5)
    assert set(network.centres) == set(network.spec.engines)
    got = network_results(network.spec, network.parameters, images) / network.units["last"]
    wanted = graph.run(images)
    assert ((got - wanted) ** 2).mean() < 0.25 * wanted.var(axis=0).mean()


def test_shared_trees_are_learned_too():
    graph = convolving(2)
    shared = plan_settings(graph, Plan(encoder="tree", keep=(), length=3))
    shared = {name: dataclasses.replace(own, engine=dataclasses.replace(
        own.engine, shared_prototypes=True)) for name, own in shared.items()}
    images = np.random.default_rng(7).integers(0, 32, (30, 6, 6, 4))
    network = convert_network(graph, images, shared, input_bits=5)
    first = next(iter(network.spec.engines))
    assert network.parameters[first].thresholds.shape == (1, 15)
    assert network.centres[first].shape == (12, 16, 3)


def test_real_tables_of_units_are_weights():
    weights = np.random.default_rng(8).normal(size=(3, 6))
    spec = pq(D=6, N=3, V=2, K=2)
    own = real_tables(spec, np.eye(2)[None], weights)
    np.testing.assert_array_equal(own, weights.reshape(3, 3, 2).transpose(1, 2, 0))


def test_what_trees_cannot_be_is_one_sentence():
    graph = convolving()
    with pytest.raises(SpecError) as error:
        images = np.zeros((4, 6, 6, 4), int)
        convert_network(graph, images, plan_settings(graph, Plan(
            encoder="tree", keep=(), prototypes=12)), input_bits=5)
    assert str(error.value) == ('engine.prototypes must be a power of two with engine.encoder = '
                                '"tree", but is 12.')
    engine = PQEngine(subvector_length=2, prototypes=4, encoder="tree")
    with pytest.raises(SpecError) as error:
        PQSettings(engine=engine, activation_bits=4, table_bits=4, initialisation="random")
    assert str(error.value) == ('initialisation must be left out with encoder = "tree", which has '
                                "no prototypes, but is random.")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("epochs", [0, 4])
def test_chains_of_dense_layers_learn_trees(shared, epochs):
    """More leaves lose less, and what is learned is what the engines are loaded with."""
    random = np.random.default_rng(3)
    dense = DenseNetwork((random.normal(0, 0.4, (12, 10)), random.normal(0, 0.4, (5, 12))),
                         (random.normal(0, 2, 12), random.normal(0, 2, 5)))
    rows = np.clip(random.normal(8, 5, (1500, 4)) @ random.normal(0, 0.7, (4, 10)) + 10, 0, 31)
    rows = rows.astype(np.int64)
    errors = []
    for leaves in (2, 16):
        engine = PQEngine(subvector_length=3, prototypes=leaves, encoder="tree",
                          shared_prototypes=shared)
        settings = [PQSettings(engine=engine, activation_bits=bits, table_bits=8)
                    for bits in (5, 6)]
        chain, parameters = pq_network(dense, rows, settings, learning=Learning(epochs=epochs))
        assert all(isinstance(own, TreeParameters) for own in parameters)
        assert len(parameters[0].thresholds) == (1 if shared else 4)
        scores = chain_results(chain, parameters, rows)
        wanted = dense.forward(rows)
        errors.append(1 - np.corrcoef(scores.ravel(), wanted.ravel())[0, 1])
    assert errors[1] < 0.5 * errors[0]
