"""Rounding, shifting and clamping: half up, arithmetic, saturating, exact."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqhw.golden import requantize, shift_half_up
from pqhw.spec import Requantize

ONE = np.ones(1, np.int64)


def one(value, output, shift=0, multiplier=1):
    return int(requantize(np.array([value]), output, shift, np.array([multiplier]))[0])


@pytest.mark.parametrize("value, shift, rounded", [
    (0, 1, 0), (1, 1, 1), (2, 1, 1), (3, 1, 2), (-1, 1, 0), (-2, 1, -1), (-3, 1, -1), (-5, 1, -2),
    (5, 2, 1), (6, 2, 2), (7, 2, 2), (-5, 2, -1), (-6, 2, -1), (-7, 2, -2), (-10, 2, -2),
    (-1, 8, 0), (-128, 8, 0), (-129, 8, -1), (127, 8, 0), (128, 8, 1), (9, 0, 9), (-9, 0, -9)])
def test_halves_round_up_whatever_the_sign(value, shift, rounded):
    assert int(shift_half_up(np.array([value]), shift)[0]) == rounded


@given(st.integers(-(1 << 46), 1 << 46), st.integers(0, 47))
def test_shifting_rounds_the_exact_quotient_half_up(value, shift):
    exact = floor(Fraction(value, 1 << shift) + Fraction(1, 2)) if shift else value
    assert int(shift_half_up(np.array([value]), shift)[0]) == exact


@pytest.mark.parametrize("bits, signed, low, high", [
    (2, True, -2, 1), (2, False, 0, 3), (4, True, -8, 7), (4, False, 0, 15), (8, True, -128, 127),
    (8, False, 0, 255)])
def test_results_are_clamped_to_their_range(bits, signed, low, high):
    output = Requantize(bits=bits, signed=signed)
    for value, result in ((low, low), (low - 1, low), (high, high), (high + 1, high),
                          (-10 ** 12, low), (10 ** 12, high)):
        assert one(value, output) == result, value


def test_unsigned_results_are_a_relu():
    values = np.array([-5, -1, 0, 1, 5])
    assert requantize(values, Requantize(bits=8), 0, ONE).tolist() == [0, 0, 0, 1, 5]


def test_the_clamp_comes_after_the_rounding():
    assert one(30, Requantize(bits=4), shift=1) == 15
    assert one(29, Requantize(bits=4), shift=1) == 15
    assert one(-17, Requantize(bits=4, signed=True), shift=1) == -8


def test_raw_accumulators_are_left_alone():
    values = np.array([-(1 << 40), 0, 1 << 40])
    assert requantize(values, None, 0, ONE).tolist() == values.tolist()


def test_the_shift_mode_ignores_the_multiplier():
    assert one(3, Requantize(bits=8), multiplier=5) == 3


@pytest.mark.parametrize("value, multiplier, shift, result", [
    (3, 5, 0, 15), (3, 5, 2, 4), (3, 6, 2, 5), (-3, 6, 2, -4), (-3, 5, 1, -7), (100, 0, 5, 0),
    (1, 65535, 16, 1), (1, 32767, 16, 0), (1, 32768, 16, 1), (-1, 32768, 16, 0),
    (-1, 32769, 16, -1), (2, 65535, 0, 127)])
def test_the_scale_mode_multiplies_then_rounds_once(value, multiplier, shift, result):
    assert one(value, Requantize(bits=8, signed=True, mode="scale"), shift, multiplier) == result


def test_every_output_has_its_own_multiplier():
    output = Requantize(bits=8, mode="scale")
    values = np.array([[1, 2, 3], [10, 20, 30]])
    assert requantize(values, output, 1, np.array([2, 4, 0])).tolist() == [[1, 4, 0], [10, 40, 0]]


@given(st.integers(-(1 << 40), 1 << 40), st.integers(0, 65535), st.integers(0, 47),
       st.integers(2, 8), st.booleans())
def test_the_scale_mode_is_the_exact_product_rounded_half_up_and_clamped(value, m, shift, bits,
                                                                         signed):
    output = Requantize(bits=bits, signed=signed, mode="scale")
    exact = floor(Fraction(value * m, 1 << shift) + Fraction(1, 2)) if shift else value * m
    assert one(value, output, shift, m) == max(output.range.low, min(output.range.high, exact))
