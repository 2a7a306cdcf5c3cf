"""Ranges: widths hold every value and not a bit more; operations bound what they describe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqhw.spec.ranges import Range, ceil_div, ceil_log2, signed_range, unsigned_range

BOUND = 1 << 40
ENDS = st.one_of(st.integers(-BOUND, BOUND), st.integers(-300, 300),
                 st.builds(lambda e, d, s: s * (1 << e) + d, st.integers(0, 40),
                           st.integers(-2, 2), st.sampled_from((-1, 1))))
RANGES = st.builds(lambda a, b: Range(min(a, b), max(a, b)), ENDS, ENDS)
SMALL = st.builds(lambda a, n: Range(a, a + n), st.integers(-9, 9), st.integers(0, 8))


def holds(range_, bits):
    """Whether an integer of so many bits, signed if the range is, holds both ends."""
    if bits == 0:
        return range_ == Range(0, 0)
    whole = signed_range(bits) if range_.signed else unsigned_range(bits)
    return range_.low in whole and range_.high in whole


@given(RANGES)
def test_bits_hold_the_range_and_one_bit_less_does_not(range_):
    assert holds(range_, range_.bits)
    assert range_.bits == 1 or not holds(range_, range_.bits - 1)


@pytest.mark.parametrize("bits", range(1, 49))
def test_ranges_of_a_width_have_that_width(bits):
    assert signed_range(bits).bits == unsigned_range(bits).bits == bits
    assert Range(-(1 << (bits - 1)) - 1, 0).bits == bits + 1
    assert Range(0, 1 << bits).bits == bits + 1


@pytest.mark.parametrize("operation", [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b], ids="+-*")
@given(a=SMALL, b=SMALL)
def test_an_operation_has_exactly_the_range_of_its_results(operation, a, b):
    results = [operation(x, y) for x in range(a.low, a.high + 1) for y in range(b.low, b.high + 1)]
    assert operation(a, b) == Range(min(results), max(results))


@given(SMALL)
def test_magnitude_and_square_have_exactly_the_range_of_their_results(range_):
    values = range(range_.low, range_.high + 1)
    assert range_.magnitude() == Range(min(map(abs, values)), max(map(abs, values)))
    squares = [value * value for value in values]
    assert range_.squared() == Range(min(squares), max(squares))


@given(SMALL, st.integers(1, 7))
def test_a_sum_of_terms_reaches_both_ends_times_the_terms(range_, terms):
    assert range_.times(terms) == Range(range_.low * terms, range_.high * terms)


@given(st.integers(1, 10 ** 6), st.integers(1, 10 ** 4))
def test_ceil_div_is_the_least_integer_not_below_the_quotient(a, b):
    assert (ceil_div(a, b) - 1) * b < a <= ceil_div(a, b) * b


@given(st.integers(1, 10 ** 6))
def test_ceil_log2_is_the_least_exponent_that_reaches(n):
    depth = ceil_log2(n)
    assert (1 << depth) >= n and (depth == 0 or (1 << (depth - 1)) < n)
