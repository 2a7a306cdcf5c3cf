"""Integer ranges and the widths that hold them: every width in the product is derived here."""

import dataclasses
from collections.abc import Iterable

from .many import largest, smallest

__all__ = ["WRAPPED", "Range", "ceil_div", "ceil_log2", "covering", "signed_range",
           "unsigned_range"]


def ceil_div(a: int, b: int) -> int:
    """The least integer not below a / b."""
    return -(-a // b)


def ceil_log2(n: int) -> int:
    """The least d with 2**d >= n; the depth of a balanced tree over n leaves."""
    return (n - 1).bit_length()


@dataclasses.dataclass(frozen=True)
class Range:
    """All integers from `low` to `high`, both included."""
    low: int
    high: int

    @property
    def signed(self) -> bool:
        """Whether a sign bit is needed."""
        return self.low < 0

    @property
    def bits(self) -> int:
        """Width of the narrowest integer (two's complement if `signed`) that holds the range."""
        bits: int = largest(1, largest(self.high, -self.low - 1).bit_length() + self.signed)
        return bits

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Range") -> "Range":
        return Range(self.low - other.high, self.high - other.low)

    def __mul__(self, other: "Range") -> "Range":
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Range(smallest(*corners), largest(*corners))

    def times(self, terms: int) -> "Range":
        """The range of a sum of `terms` values of this range."""
        return Range(self.low * terms, self.high * terms)

    def magnitude(self) -> "Range":
        """The range of absolute values."""
        low = 0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Range(low, max(abs(self.low), abs(self.high)))

    def squared(self) -> "Range":
        """The range of squares."""
        size = self.magnitude()
        return Range(size.low ** 2, size.high ** 2)


def covering(ranges: Iterable[Range]) -> Range:
    """The smallest range that holds all of `ranges`."""
    ranges = list(ranges)
    return Range(min(one.low for one in ranges), max(one.high for one in ranges))


def signed_range(bits: int) -> Range:
    """Two's complement of `bits` bits."""
    return Range(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def unsigned_range(bits: int) -> Range:
    """Unsigned integers of `bits` bits."""
    return Range(0, (1 << bits) - 1)


WRAPPED = signed_range(16)
"""Sums of the wrap16 compatibility mode."""
