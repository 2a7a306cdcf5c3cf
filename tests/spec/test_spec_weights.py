"""Codes of weights: level sets, codes and what is refused."""

import dataclasses

import numpy as np
import pytest
from builders import mac

from pqhw.spec import SpecError
from pqhw.spec.parameters import check_parameters
from pqhw.spec.weights import encode, magnitude_codes, magnitudes, second_shift, sp2_bits


@pytest.mark.parametrize("bits, count", [(3, 5), (4, 13), (5, 15), (6, 47), (7, 59), (8, 187)])
def test_sp2_has_as_many_signed_levels_as_published(bits, count):
    assert 2 * len(magnitudes("sp2", bits)) - 1 == count


def test_levels_are_those_of_the_definitions():
    assert magnitudes("sp2", 4).tolist() == [0, 1, 2, 4, 5, 6, 8]
    assert magnitudes("pot", 4).tolist() == [0, 1, 2, 4, 8, 16, 32, 64]
    assert magnitudes("fixed", 4).tolist() == list(range(8))
    for bits in range(3, 9):
        first, second = sp2_bits(bits)
        assert first + second == bits - 1 and first - second in (0, 1)
        halves = [{0.0} | {2.0 ** -i for i in range(1, 1 << own)} for own in (first, second)]
        sums = {a + b for a in halves[0] for b in halves[1]}
        unit = 2.0 ** ((1 << first) - 1)
        assert magnitudes("sp2", bits).tolist() == sorted(value * unit for value in sums)


@pytest.mark.parametrize("scheme, bits", [
    ("fixed", 2), ("fixed", 8), *(("pot", bits) for bits in (3, 4, 5, 6)),
    *(("sp2", bits) for bits in range(3, 9))])
def test_a_code_stands_for_its_level(scheme, bits):
    levels = magnitudes(scheme, bits)
    first, _ = sp2_bits(bits)
    both = np.concatenate([levels, -levels])
    for level, code in zip(both, encode(both, scheme, bits)):
        assert 0 <= code < 1 << bits
        assert bool(code >> bits - 1) == (level < 0)
        code &= (1 << bits - 1) - 1
        if scheme == "fixed":
            value = code
        elif scheme == "pot":
            value = 1 << code - 1 if code else 0
        else:
            lower, upper = code & (1 << first) - 1, code >> first
            value = 0 if lower == (1 << first) - 1 else 1 << lower
            value += 1 << upper + second_shift(bits) if upper else 0
        assert value == abs(level)


def test_every_magnitude_has_one_code():
    codes = magnitude_codes("sp2", 5)
    assert len(set(codes.values())) == len(codes) == len(magnitudes("sp2", 5))


def test_a_weight_that_is_no_level_is_refused_by_name_and_place():
    spec = mac(D=3, N=2, scheme="sp2", weight_bits=4)
    weights = np.array([[0, 5, -8], [1, 3, 2]])
    with pytest.raises(SpecError) as caught:
        check_parameters(spec, {"weights": weights})
    assert str(caught.value) == ('weights must be levels of engine.scheme = "sp2" with 4 bits, '
                                 "0 or ±: 0, 1, 2, 4, 5, 6, 8, but weights[1, 1] is 3.")
    weights[1, 1] = -6
    assert check_parameters(spec, {"weights": weights}).weights.tolist() == weights.tolist()


@pytest.mark.parametrize("fields, message", [
    ({"scheme": "sp2", "weight_bits": 2}, "engine.weight_bits must be an integer from 3 to 8 with "
     'engine.scheme = "sp2", but is 2.'),
    ({"scheme": "pot", "weight_bits": 7}, "engine.weight_bits must be an integer from 3 to 6 with "
     'engine.scheme = "pot", but is 7.'),
    ({"scheme": "pot", "weight_bits": 4, "multiplier": "dsp"},
     'engine.multiplier must be "lut" or "auto" with engine.scheme = "pot", whose products are '
     'shifts, but is "dsp".'),
    ({"scheme": "sp2", "weight_bits": 4, "weight_code": "signed"},
     'engine.weight_code must be "magnitude" or "auto" with engine.scheme = "sp2", '
     'but is "signed".')])
def test_what_a_scheme_cannot_be(fields, message):
    with pytest.raises(SpecError) as caught:
        mac(D=3, N=2, **fields)
    assert str(caught.value) == message


def test_an_image_of_another_code_is_refused():
    spec = mac(D=3, N=2, multiplier="lut", weight_code="magnitude")
    other = dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, weight_code="signed"))
    dsp = dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, multiplier="dsp"))
    assert other.arithmetic == dsp.arithmetic != spec.arithmetic
