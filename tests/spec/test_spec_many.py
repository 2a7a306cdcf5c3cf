"""Many integers calculate like one, and part where a formula branches."""

import collections
import dataclasses

import numpy as np
import pytest
from builders import mac
from hypothesis import given
from hypothesis import strategies as st

from pqhw.spec.many import (Diverged, Many, as_many, choose, combinations, distinct, evaluate,
                            every, largest, pointwise, ratio_of, ratio_parts, smallest, spread)
from pqhw.spec.devices import device, resolve
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.image import best_chunk_bits

INTEGERS = st.lists(st.integers(0, 5000), min_size=1, max_size=30)


def collatz(value, step):
    """A function with a loop and branches."""
    count = 0
    while value > 1 and count < 40:
        value = value // 2 if value % 2 == 0 else 3 * value + step
        count += max(1, value.bit_length() // 4) if value % 3 else 1 << value % 5
    return count


def straight(one, other):
    """A function without branches, of every operator."""
    return ((one + other) * 3 - (7 - other) // 2 + (one << other % 4) + (9 >> other % 3)
            + -(-one // (other + 1)) + (1 << one % 5) + (one & 6 | other & 1) + one.bit_length()
            + largest(one, other, 40) - smallest(one, other) + (one > other) * one
            + (one == other) + choose(one < other, 5, one) + 1000 % (one + 1)
            + distinct([one & 3, other & 3, 1]))


@given(INTEGERS, st.integers(0, 5000))
def test_many_calculate_like_each(values, other):
    both = Many(np.array(values)), Many(np.array([other + value % 7 for value in values]))
    found = spread(straight(*both), len(values)).tolist()
    assert found == [straight(value, other + value % 7) for value in values]


@given(INTEGERS)
def test_branches_part_designs(values):
    columns = {"value": np.array(values), "step": np.array(values) % 2 * 2 + 1}
    found = np.full(len(values), -1)
    for places, result in evaluate(lambda own: collatz(own["value"], own["step"]), columns):
        found[places] = spread(result, len(places))
    assert found.tolist() == [collatz(value, value % 2 * 2 + 1) for value in values]


@given(INTEGERS, st.integers(1, 1 << 40))
def test_functions_are_called_once_for_every_combination(values, factor):
    calls = collections.Counter()

    @pointwise
    def slow(one, name, other):
        calls[one, other] += 1
        return one + other / 2, len(name)

    large = Many(np.array(values) * factor)
    found, length = slow(large, "name", Many(np.array(values) % 3))
    wanted = [value * factor + value % 3 / 2 for value in values]
    assert spread(found, len(values)).tolist() == wanted and length == 4
    assert set(calls.values()) == {1}
    assert slow(2, "x", 4) == (4.0, 1)


def test_what_needs_one_value_has_it_only_where_all_are_equal():
    assert list(range(Many(np.array([3, 3])))) == [0, 1, 2]
    assert [1] * Many(np.array([2, 2])) == [1, 1]
    for need in (range, bool, hash, lambda own: [0] * own, lambda own: max(own, 1)):
        with pytest.raises(Diverged):
            need(Many(np.array([0, 3, 0])))
    assert as_many(np.array([4, 4])) == 4 and type(as_many(np.array([4, 5]))) is Many
    assert f"{Many(np.array([7, 8]))}" == "7", "a text shows the first"
    assert every(Many(np.array([1, 2]))) and not every(Many(np.array([1, 0]))) and not every(0)


def test_combinations_name_the_first_place_of_each():
    first, which = combinations([np.array([5, 2, 5, 2]), np.array([1, 1, 1, 9])])
    assert sorted(first.tolist()) == [0, 1, 3]
    assert first[which].tolist() == [0, 1, 0, 3]


def test_ratios_hold_many():
    first, second = ratio_parts(ratio_of(Many(np.array([1, 2])), Many(np.array([3, 2]))))
    assert (first + second).values.tolist() == [4, 4] and ratio_parts("1:2") == (1, 2)


@given(st.lists(st.integers(1, 20000), min_size=2, max_size=20), st.sampled_from((8, 64, 256)))
def test_chunks_of_many_widths(widths, load_bits):
    found = spread(best_chunk_bits(Many(np.array(widths)), load_bits), len(widths))
    assert found.tolist() == [best_chunk_bits(width, load_bits) for width in widths]


@given(st.sampled_from(("fixed", "mixed", "sp2")), st.integers(1, 9), st.integers(2, 9),
       st.integers(1, 40), st.integers(1, 3), st.booleans())
def test_columns_alike_are_those_counted_one_by_one(scheme, inputs, outputs, blocks, pixels, wide):
    try:
        spec = mac(C=9, N=12, F=1, H=3, W=2, weight_bits=4, activation_bits=8 if wide else 3,
                   scheme=scheme, inputs_per_cycle=inputs, outputs_per_cycle=outputs,
                   pixels_per_cycle=pixels,
                   **({} if scheme == "sp2" else {"dsp_blocks": blocks}))
        spec = resolve(ChainSpec((spec,)), device("lfe5u-85f")).first
    except SpecError:
        return
    wanted = collections.Counter()
    for column in range(spec.columns):
        wanted[spec.scheme_of(spec.column(column)[0]), spec.dsp_lanes(column)] += 1
    found = collections.Counter()
    for count, own, lanes in spec.alike_columns:
        found[own, lanes] += count
    assert +found == +wanted
    assert spec.dsp_products == sum(map(spec.dsp_lanes, range(spec.columns)))
    assert dataclasses.is_dataclass(spec)
