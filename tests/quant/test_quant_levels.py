"""Levels of a scheme next to real weights, and the scale with the least error."""

import numpy as np
import pytest

from pqhw.quant import (mixed_weights, nearest_levels, nearest_plane_levels, plane_weights,
                        scheme_weights)


def test_the_thresholds_of_sp2_are_those_published_and_ties_go_down():
    for sixteenths, below, above in ((1, 0, 1), (3, 1, 2), (6, 2, 4), (9, 4, 5), (11, 5, 6),
                                     (14, 6, 8)):
        at = sixteenths / 2  # In units of an eighth.
        values = np.array([at, -at, at + 1e-9, -at - 1e-9])
        assert nearest_levels(values, "sp2", 4).tolist() == [below, -below, above, -above]


@pytest.mark.parametrize("scheme, bits", [("fixed", 4), ("sp2", 4), ("sp2", 8), ("pot", 4)])
def test_the_scale_found_is_no_worse_than_any_on_a_finer_grid(scheme, bits):
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 1, (6, 50)) * rng.uniform(0.1, 3, (6, 1))
    levels, scale = scheme_weights(weights, scheme, bits)
    error = ((weights - scale[:, None] * levels) ** 2).sum(axis=1)
    for share in np.linspace(0.4, 1.2, 333):
        other = np.abs(weights).max(axis=1, keepdims=True) * share / np.abs(levels).max()
        found = ((weights - other * nearest_levels(weights / other, scheme, bits)) ** 2).sum(axis=1)
        assert (error <= 1.02 * found).all()


def test_levels_at_a_known_scale_are_found_again():
    rng = np.random.default_rng(2)
    levels = rng.choice([-8, -6, -5, -4, -2, -1, 0, 1, 2, 4, 5, 6, 8], (4, 40))
    found, scale = scheme_weights(levels * 0.25, "sp2", 4)
    assert np.allclose(found * scale[:, None], levels * 0.25, atol=0.06)


def test_one_scale_for_all_and_rows_of_zeros():
    weights = np.array([[1.0, -0.5], [0.0, 0.0]])
    levels, scale = scheme_weights(weights, "sp2", 4)
    assert levels[1].tolist() == [0, 0] and scale[1] > 0
    _, scale = scheme_weights(weights, "sp2", 4, per_output=False)
    assert scale[0] == scale[1]


def rows_of_all_kinds():
    rng = np.random.default_rng(3)
    return rng.normal(0, 1, (12, 64)) * np.array([3, 1, 2, .5, 1, 4, .2, 1, 1, 2, .1, 5])[:, None]


def test_rows_of_small_variance_become_sums_of_powers_of_two():
    weights = rows_of_all_kinds()
    levels, scale, scheme = mixed_weights(weights, 4, 5)
    widest = np.argsort(-weights.var(axis=1))[:5]
    assert sorted(np.flatnonzero(scheme == 0)) == sorted(widest)
    for number, name in enumerate(("fixed", "sp2")):
        alone, own = scheme_weights(weights, name, 4)
        rows = scheme == number
        assert np.array_equal(levels[rows], alone[rows]) and np.array_equal(scale[rows], own[rows])


def test_choosing_rows_by_error_loses_least():
    weights = rows_of_all_kinds()

    def lost(by):
        levels, scale, scheme = mixed_weights(weights, 4, 5, by=by)
        assert (scheme == 0).sum() == 5
        return ((weights - scale[:, None] * levels) ** 2).sum()
    assert lost("error") <= lost("variance")
    best = min(lost("error"), lost("variance"))
    rng = np.random.default_rng(1)
    both = [scheme_weights(weights, name, 4) for name in ("fixed", "sp2")]
    errors = [((weights - s[:, None] * w) ** 2).sum(axis=1) for w, s in both]
    for _ in range(200):
        scheme = rng.permutation(np.arange(12) >= 5)
        assert best <= np.where(scheme, errors[1], errors[0]).sum() + 1e-9


def test_rows_of_two_schemes_can_share_a_scale():
    _, scale, scheme = mixed_weights(rows_of_all_kinds(), 4, 3, per_output=False)
    assert len(set(scale)) == 1 and (scheme == 0).sum() == 3


@pytest.mark.parametrize("arguments, message", [
    ({"fixed_rows": 13}, "fixed_rows must be from 0 to 12, but is 13."),
    ({"fixed_rows": 3, "by": "luck"}, "by must be \"variance\" or \"error\", but is 'luck'.")])
def test_what_cannot_be_chosen_is_refused(arguments, message):
    with pytest.raises(ValueError) as caught:
        mixed_weights(rows_of_all_kinds(), 4, **arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize("planes, bits, values, wanted", [
    ("twos", 3, [-9.0, -1.5, -0.5, 0.5, 2.4, 9.0], [-4, -1, 0, 1, 2, 3]),
    ("twos", 1, [-0.7, -0.4, 0.2], [-1, 0, 0]), ("pm1", 1, [-5.0, -0.1, 0.0, 3.0], [-1, -1, 1, 1]),
    ("pm1", 2, [-9.0, -2.1, -2.0, 0.0, 1.9, 2.0], [-3, -3, -1, 1, 1, 3])])
def test_values_become_the_nearest_level_of_planes(planes, bits, values, wanted):
    assert nearest_plane_levels(np.array(values), planes, bits).tolist() == wanted


@pytest.mark.parametrize("planes", ("twos", "pm1"))
@pytest.mark.parametrize("bits", (1, 2, 4))
def test_weights_on_planes_have_the_scale_of_least_error(planes, bits):
    weights = np.random.default_rng(bits).normal(size=(3, 40))
    levels, scale = plane_weights(weights, planes, bits)
    error = ((weights - scale[:, None] * levels) ** 2).sum(axis=1)
    for factor in (0.9, 1.1):
        other = scale * factor
        found = nearest_plane_levels(weights / other[:, None], planes, bits)
        assert (error <= ((weights - other[:, None] * found) ** 2).sum(axis=1) * 1.02).all()
    if planes == "pm1":
        assert (levels % 2 == 1).all() and np.abs(levels).max() <= (1 << bits) - 1
