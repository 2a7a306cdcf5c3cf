"""Tables and weights: fits by hand, powers of two, clamps, and the grid of activations."""

import numpy as np
import pytest
from builders import pq

from pqhw.network import DenseNetwork
from pqhw.quant.fixed import integer_weights, multipliers
from pqhw.quant.grid import grid_step, grouped, on_grid
from pqhw.quant.tables import choose_tables, fit_tables, round_tables
from pqhw.spec import Requantize
from pqhw.spec.ranges import signed_range, unsigned_range

CODES = np.random.default_rng(3).integers(0, 4, (200, 3))


def exact_case():
    entries = np.random.default_rng(4).normal(size=(3, 4, 5))
    targets = 2 + sum(entries[s, CODES[:, s]] for s in range(3))
    return entries, targets


def sums(entries, bias):
    return bias + sum(entries[s, CODES[:, s]] for s in range(3))


@pytest.mark.parametrize("prior_is_right", [True, False])
def test_fit_reproduces_what_tables_can_express(prior_is_right):
    entries, targets = exact_case()
    prior = entries if prior_is_right else np.zeros_like(entries)
    real = fit_tables(CODES, prior, targets, ridge=1e-6, clamp=None)
    np.testing.assert_allclose(sums(real.entries, real.bias), targets, atol=1e-5)
    np.testing.assert_allclose(real.entries.max(axis=1), -real.entries.min(axis=1), atol=1e-9)


def test_targets_beyond_the_clamp_are_not_chased():
    entries, targets = exact_case()
    far = np.where(targets < 0, -100.0, targets)
    clamp = unsigned_range(4)
    plain, aware = (fit_tables(CODES, entries, far, ridge=1.0, clamp=own)
                    for own in (None, clamp))
    error = [np.abs(np.clip(sums(real.entries, real.bias), 0, 15) - np.clip(far, 0, 15)).mean()
             for real in (plain, aware)]
    assert error[1] < 0.5 * error[0]


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_compensated_rounding_lowers_the_error_of_sums(bits):
    entries, targets = exact_case()
    real = fit_tables(CODES, entries, targets, ridge=0.1, clamp=None)
    scale = signed_range(bits).high / np.abs(real.entries).max()
    errors = []
    for compensate in (False, True):
        whole, bias = round_tables(real, scale, signed_range(bits), compensate=compensate)
        assert np.abs(whole).max() <= 1 << (bits - 1)
        errors.append(((sums(whole, bias) / scale - targets) ** 2).mean())
    assert errors[1] < errors[0]


def test_shift_is_the_whole_scale():
    entries, targets = exact_case()
    spec = pq(D=6, N=5, V=2, K=4, table_bits=6, output=Requantize(bits=4))
    real = fit_tables(CODES, entries, targets, ridge=1e-3, clamp=unsigned_range(4))
    chosen = choose_tables(real, CODES, targets, spec)
    assert chosen.shift >= 1
    np.testing.assert_allclose(sums(chosen.entries, chosen.bias) / 2 ** chosen.shift,
                               np.where(targets > 0, targets, sums(real.entries, real.bias)),
                               atol=0.3)


@pytest.mark.parametrize("per_output", [True, False])
def test_weights_are_symmetric_and_near(per_output):
    weights = np.random.default_rng(5).normal(size=(6, 9))
    weights[2] = 0
    whole, scale = integer_weights(weights, 8, per_output=per_output)
    assert np.abs(whole).max() == 127 and not whole[2].any()
    assert np.abs(whole * scale[:, None] - weights).max() <= scale.max() / 2 + 1e-12
    assert (len(set(scale.tolist())) == 1) is not per_output


def test_a_tiny_row_keeps_a_bounded_scale():
    weights = np.array([[1.0, -2.0], [1e-30, 0]])
    whole, scale = integer_weights(weights, 8)
    assert whole[1].tolist() == [0, 0] and scale[1] == scale[0] / 256


def test_multipliers_use_all_sixteen_bits():
    chosen, shift = multipliers(np.array([0.3, 0.01]), 30)
    assert 1 << 15 <= chosen.max() < 1 << 16
    np.testing.assert_allclose(chosen / 2.0 ** shift, [0.3, 0.01], rtol=1e-3)
    with pytest.raises(ValueError, match="below 65536, but the largest is 1e"):
        multipliers(np.array([1e6]), 30)


def test_scaling_and_grouping_do_not_change_the_function():
    random = np.random.default_rng(6)
    network = DenseNetwork(tuple(random.normal(size=shape) for shape in ((8, 4), (6, 8), (3, 6))),
                           tuple(random.normal(size=count) for count in (8, 6, 3)))
    rows = random.integers(0, 16, (50, 4))
    changed = on_grid(grouped(network, rows, (3, 2)), rows, (3, 4))
    np.testing.assert_allclose(changed.forward(rows), network.forward(rows), atol=1e-9)
    hidden = changed.activations(rows)[1]
    assert 6 < hidden.max() < 7 / 0.29


def test_step_of_exact_grids_is_found():
    assert grid_step(np.arange(8.0)[:, None] * 0.5, 3).tolist() == [0.5]
    assert grid_step(np.zeros((4, 1)), 3).tolist() == [1.0]
