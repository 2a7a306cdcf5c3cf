"""Prototypes: rounding, ties, few distinct vectors, determinism; and the encoder's speed-up."""

import numpy as np
import pytest
from builders import pq

from pqhw.golden import encode
from pqhw.quant.codebook import Codebook
from pqhw.quant.plan import Plan
from pqhw.quant.prototypes import (INITIALISATIONS, distances, learn_prototypes, round_half_up,
                                   subvectors)
from pqhw.spec import SpecError
from pqhw.spec.parameters import check_parameters
from pqhw.spec.ranges import unsigned_range


def test_halves_round_up():
    assert round_half_up(np.array([-1.5, -0.5, 0.49, 0.5, 2.5])).tolist() == [-1, 0, 0, 1, 3]


def test_tail_is_padded_with_zero():
    assert subvectors(np.array([[1, 2, 3]]), 2).tolist() == [[[1, 2], [3, 0]]]


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("encoder", ["l1", "l2", "chebyshev", "dot"])
def test_few_distinct_vectors_are_all_kept(encoder, initialisation):
    rows = np.array([[0, 0], [3, 1], [0, 0], [7, 7]])
    learned = learn_prototypes(rows, length=2, prototypes=5, allowed=unsigned_range(3),
                               encoder=encoder, initialisation=initialisation)
    assert learned[0].tolist() == [[0, 0], [3, 1], [7, 7], [7, 7], [7, 7]]
    codes, near = Codebook(encoder, learned).reconstruct(rows)
    assert codes[:, 0].tolist() == [0, 1, 0, 2], "a repetition was picked"
    np.testing.assert_array_equal(near, rows)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("encoder", ["l1", "l2", "chebyshev", "dot"])
@pytest.mark.parametrize("shared", [False, True])
def test_learning_is_deterministic_and_on_the_grid(encoder, shared, initialisation):
    rows = np.random.default_rng(1).integers(0, 8, (300, 7))
    first, second = (learn_prototypes(rows, length=3, prototypes=6, allowed=unsigned_range(3),
                                      encoder=encoder, shared=shared,
                                      initialisation=initialisation) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert all(len(np.unique(own, axis=0)) == 6 for own in first)
    assert first.shape == ((1 if shared else 3), 6, 3)
    assert first.dtype == np.int64 and first.min() >= 0 and first.max() <= 7


def test_clusters_are_found():
    centres = np.array([[1, 1], [6, 1], [3, 7]])
    rows = np.repeat(centres, 20, axis=0)
    rows[::7] += 1
    learned = learn_prototypes(rows, length=2, prototypes=3, allowed=unsigned_range(4))[0]
    assert sorted(learned.tolist()) == sorted(centres.tolist())


def test_random_prototypes_are_sub_vectors_that_the_seed_chooses():
    rows = np.random.default_rng(2).integers(0, 16, (400, 4))
    sets = [learn_prototypes(rows, length=2, prototypes=8, allowed=unsigned_range(4), seed=seed,
                             initialisation="random") for seed in (0, 0, 1)]
    assert (sets[0] == sets[1]).all() and (sets[0] != sets[2]).any()
    for s, own in enumerate(subvectors(rows, 2).transpose(1, 0, 2)):
        assert set(map(tuple, sets[0][s])) <= set(map(tuple, own))


def test_quantiles_lie_evenly_along_the_first_principal_direction():
    steps = np.random.default_rng(3).permutation(np.arange(120))
    rows = np.stack([2 * steps, steps], axis=1)
    learned = learn_prototypes(rows, length=2, prototypes=4, allowed=unsigned_range(8),
                               initialisation="quantiles")[0]
    assert learned.tolist() == [[30, 15], [90, 45], [150, 75], [210, 105]]


@pytest.mark.parametrize("encoder", ["l1", "l2", "chebyshev"])
def test_prototypes_rest_where_they_lie_best(encoder):
    """No integer beside a prototype's element is nearer to what the prototype stands for."""
    rows = np.random.default_rng(4).integers(0, 32, (500, 1)) ** 2 // 31
    learned = learn_prototypes(rows, length=1, prototypes=4, allowed=unsigned_range(5),
                               encoder=encoder)[0]
    nearest = distances(rows, learned, encoder).argmin(axis=1)
    combine = np.max if encoder == "chebyshev" else np.sum
    for k, own in enumerate(learned):
        members = rows[nearest == k]
        here, *beside = (combine(distances(members, own[None] + move, encoder))
                         for move in (0, -1, 1))
        assert here <= min(beside)


def test_all_sub_vectors_are_looked_at_where_a_sample_has_too_few():
    rows = np.zeros((6000, 1), int)
    rows[:3, 0] = 5, 9, 14
    learned = learn_prototypes(rows, length=1, prototypes=4, allowed=unsigned_range(4))
    assert sorted(learned.ravel().tolist()) == [0, 5, 9, 14]


def test_unknown_ways_to_begin_are_refused():
    with pytest.raises(SpecError) as error:
        Plan(initialisation="zeros")
    assert str(error.value) == ("initialisation must be one of kmeans, random, quantiles, "
                                "but is zeros.")


@pytest.mark.parametrize("encoder", ["l1", "l2", "chebyshev", "dot"])
@pytest.mark.parametrize("signed, high", [(True, 127), (False, 255), (False, 2)])
@pytest.mark.parametrize("length", [1, 4, 64])
def test_encoder_equals_the_direct_form(encoder, signed, high, length):
    low = -high - 1 if signed else 0
    random = np.random.default_rng([high, length])
    spec = pq(D=2 * length + (length > 1), N=1, V=length, K=5, encoder=encoder,
              activation_signed=signed)
    own = check_parameters(spec, {
        "prototypes": random.choice([low, 0, high], (spec.subspaces, 5, length)),
        "tables": np.zeros((spec.subspaces, 5, 1), int)})
    rows = random.integers(low, high + 1, (40, spec.layer.in_features))
    rows[:3] = np.array([low, high, 0])[:, None]
    vectors = subvectors(rows, length)
    direct = [distances(vectors[:, s], own.prototypes[s], encoder).argmin(axis=1)
              for s in range(spec.subspaces)]
    np.testing.assert_array_equal(encode(spec, own, rows), np.stack(direct, axis=1))
