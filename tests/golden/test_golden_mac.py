"""The multiply-accumulate layer and chains of layers."""

import numpy as np
import pytest
from builders import chain, chain_cases, chains, mac, mac_specs, small_mac, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.golden import chain_results, layer_results, mac_layer, pq_layer, stage_results
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import PQSpec, Requantize
from pqhw.spec.parameters import check_parameters


def parameters(spec, **arrays):
    return check_parameters(spec, {name: np.array(value) for name, value in arrays.items()})


def slow_results(spec, own, row):
    """One integer at a time."""
    results = []
    for n in range(spec.layer.out_features):
        total = int(own.bias[n]) + sum(int(x) * int(w) for x, w in zip(row, own.weights[n]))
        if spec.output is not None:
            total *= int(own.multiplier[n]) if spec.output.mode == "scale" else 1
            total = (total + (1 << own.shift >> 1)) >> own.shift
            total = max(spec.output.range.low, min(spec.output.range.high, total))
        results.append(total)
    return results


@settings(max_examples=80)
@given(mac_specs(), st.integers(0, 2 ** 32))
def test_results_follow_the_definition(spec, seed):
    own, = random_parameters(chain(spec), seed)
    rows = random_rows(chain(spec), (own,), 6, seed)
    assert mac_layer(spec, own, rows).tolist() == [slow_results(spec, own, row) for row in rows]


def test_a_row_by_hand():
    spec = mac(D=2, N=3)
    own = parameters(spec, weights=[[1, 2], [-3, 4], [127, -127]], bias=[0, 10, -1])
    assert mac_layer(spec, own, np.array([[5, -6]])).tolist() == [[-7, -29, 1396]]


def test_a_row_in_scale_mode_by_hand():
    """(7 * 3 + 4) >> 3 = 3, (-7 * 5 + 4) >> 3 = -4, clamped 15 * 65535 >> 3."""
    spec = mac(D=1, N=3, output=Requantize(bits=8, signed=True, mode="scale"))
    own = parameters(spec, weights=[[1], [-1], [2]], bias=[0, 0, 1], shift=3,
                     multiplier=[3, 5, 65535])
    assert mac_layer(spec, own, np.array([[7]])).tolist() == [[3, -4, 127]]


@pytest.mark.parametrize("x, w", [(-128, 127), (-128, -127), (127, 127)])
def test_the_longest_row_of_extremes_is_exact(x, w):
    spec = mac(D=65536, N=1)
    own = parameters(spec, weights=np.full((1, 65536), w), bias=[-5])
    assert mac_layer(spec, own, np.full((1, 65536), x)).tolist() == [[65536 * x * w - 5]]


@settings(max_examples=40)
@given(chains(most=3), st.integers(0, 2 ** 32))
def test_a_chain_feeds_each_layer_with_the_results_of_the_one_before(spec, seed):
    own = random_parameters(spec, seed)
    rows = random_rows(spec, own, 5, seed)
    expected = rows
    stages = stage_results(spec, own, rows)
    assert len(stages) == len(spec.stages)
    for stage, values, results in zip(spec.stages, own, stages):
        layer = pq_layer if isinstance(stage, PQSpec) else mac_layer
        expected = layer(stage, values, expected)
        assert (results == expected).all(), stage
    assert (chain_results(spec, own, rows) == expected).all()


@pytest.mark.parametrize("name", chain_cases())
def test_results_between_stages_lie_in_the_range_of_the_next_input(name):
    spec = chain_cases()[name]
    own = random_parameters(spec, 1)
    stages = stage_results(spec, own, random_rows(spec, own, 50, 1))
    for results, after in zip(stages, spec.stages[1:]):
        assert results.min() >= after.activation_range.low
        assert results.max() <= after.activation_range.high


def test_parameters_of_another_kind_are_refused():
    own, = random_parameters(chain(small_mac()), 1)
    with pytest.raises(TypeError, match="MACParameters are not parameters of a pq engine"):
        layer_results(tiny(), own, np.zeros((1, 4), int))


def test_sums_beyond_single_precision_are_exact():
    """The sum is odd and above 2**24, where single precision holds even numbers only."""
    spec = mac(D=2049, N=1)
    weights = np.full((1, 2049), 127)
    rows = np.full((1, 2049), 127)
    own = parameters(spec, weights=weights)
    total = 2049 * 127 * 127
    assert total % 2 and total > 1 << 24
    assert mac_layer(spec, own, rows).tolist() == [[total]]
