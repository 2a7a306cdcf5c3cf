"""Codes of weights: the integers that a scheme has, and how a memory holds them.

``fixed`` holds any integer from -(2**(m-1) - 1) to 2**(m-1) - 1. ``pot`` holds 0 and powers of
two. ``sp2`` holds sums of two powers of two: of m - 1 bits the larger half chooses the first
summand, the rest the second, of the powers of two next to the first one's largest. ``bitplane``
stands in planes of bits (`pqhw.spec.bitplane`).
"""

import functools

import numpy as np

__all__ = ["SCHEMES", "SMALLEST_BITS", "LARGEST_BITS", "magnitude_codes", "magnitudes", "encode",
           "second_shift", "sp2_bits"]

SCHEMES = ("fixed", "pot", "sp2", "mixed", "bitplane")
"""``mixed`` is fixed in some rows and sp2 in the others."""

SMALLEST_BITS = {"fixed": 2, "pot": 3, "sp2": 3, "mixed": 3, "bitplane": 1}
LARGEST_BITS = {"fixed": 8, "pot": 6, "sp2": 8, "mixed": 8, "bitplane": 8}
"""Bits m of a weight; pot of 6 bits reaches 2**30, and of 7 no accumulator would do."""


def sp2_bits(bits: int) -> tuple[int, int]:
    """Bits that choose the first and the second summand: m1 + m2 = m - 1, m1 >= m2."""
    return bits // 2, (bits - 1) // 2


def second_shift(bits: int) -> int:
    """What is added to a nonzero choice of the second summand to make its power of two."""
    first, second = sp2_bits(bits)
    return (1 << first) - 1 - (1 << second)


@functools.cache
def magnitude_codes(scheme: str, bits: int) -> dict[int, int]:
    """The code of every magnitude, without its sign, in `bits` - 1 bits.

    fixed: the magnitude. pot: 0, or the exponent and one. sp2: the exponent of the first summand,
    all ones where there is none; above it 0, or the exponent of the second summand less
    `second_shift`. Where several codes make a magnitude, the lowest stands.
    """
    if scheme == "fixed":
        return {value: value for value in range(1 << (bits - 1))}
    if scheme == "pot":
        return {0: 0} | {1 << code - 1: code for code in range(1, 1 << (bits - 1))}
    first, second = sp2_bits(bits)
    none = (1 << first) - 1
    codes: dict[int, int] = {}
    for upper in range(1 << second):
        for lower in range(1 << first):
            value = (0 if lower == none else 1 << lower)
            value += 1 << upper + second_shift(bits) if upper else 0
            codes.setdefault(value, upper << first | lower)
    return codes


@functools.cache
def magnitudes(scheme: str, bits: int) -> np.ndarray:
    """The magnitudes of a scheme, ascending."""
    return np.array(sorted(magnitude_codes(scheme, bits)), np.int64)


def encode(weights: np.ndarray, scheme: str, bits: int) -> np.ndarray:
    """Levels as sign and code: bit m - 1 tells that a weight is negative."""
    levels = magnitudes(scheme, bits)
    codes = np.array([magnitude_codes(scheme, bits)[int(level)] for level in levels], np.int64)
    found: np.ndarray = codes[np.searchsorted(levels, np.abs(weights))]
    return found | (weights < 0).astype(np.int64) << (bits - 1)
