"""Ranges of numbers on their way through an engine: terms, sums, biases, results."""

import abc
import functools
from typing import Any, ClassVar

from .constants import Constants
from .ranges import WRAPPED, Range, signed_range
from .tables import Requantize

__all__ = ["MULTIPLIER_BITS", "Widths"]

MULTIPLIER_BITS = 16
"""Width of the unsigned per-output multiplier of the scale mode."""


class Widths(abc.ABC):
    """What follows from a spec's precision: every range is the tightest that its bound gives."""
    MINIMUM_BIAS_BITS: ClassVar[int]
    engine: Any
    precision: Any
    constants: Constants | None

    @property
    def activation_range(self) -> Range:
        """Inputs."""
        return self.precision.activation_range

    @property
    @abc.abstractmethod
    def term_range(self) -> Range:
        """One term of an output's sum: a table entry or a product."""

    @property
    @abc.abstractmethod
    def terms(self) -> int:
        """Terms of an output's sum, padding not counted."""

    @property
    def folds_bias(self) -> bool:
        """Whether bias and shift are constants, the bias added to the terms of one table."""
        return False

    @property
    def wraps(self) -> bool:
        """Whether sums are taken modulo 2**16."""
        return False

    @functools.cached_property
    def sum_range(self) -> Range:
        """The sum of all terms, with the bias where it is part of them."""
        if self.wraps:
            return WRAPPED
        total = self.term_range.times(self.terms)
        return total + self.bias_range if self.folds_bias else total

    @functools.cached_property
    def bias_width(self) -> int:
        """Bits of a bias: as asked, or as wide as the terms' sum, and 12 (pq) or 16 (mac)."""
        asked = self.precision.bias_bits
        if asked is None and self.wraps:
            return WRAPPED.bits
        if asked is None:
            total = self.term_range.times(self.terms)
            return min(32, max(self.MINIMUM_BIAS_BITS, total.bits))
        return asked

    @property
    def bias_bits(self) -> int:
        """Bits of a stored bias; 0 where none is stored."""
        return 0 if self.folds_bias else self.bias_width

    @functools.cached_property
    def bias_range(self) -> Range:
        """The bias as stored (in shift mode it includes the rounding constant)."""
        return signed_range(self.bias_width) if self.bias_width else Range(0, 0)

    @functools.cached_property
    def accumulator_range(self) -> Range:
        """Every value that a sum with its bias can take."""
        if self.wraps:
            return WRAPPED
        bound = self.sum_range if self.folds_bias else self.sum_range + self.bias_range
        asked = self.precision.accumulator_bits
        return bound if asked is None else signed_range(asked)

    @property
    def accumulator_bits(self) -> int:
        """Width of an accumulator."""
        return self.accumulator_range.bits

    @property
    def output(self) -> Requantize | None:
        """How results are requantised; None for raw accumulators."""
        return self.precision.output

    @property
    def result_range(self) -> Range:
        """Results at `o`."""
        return self.accumulator_range if self.output is None else self.output.range

    @property
    def max_shift(self) -> int:
        """The largest right shift r that changes anything."""
        if self.output is None:
            return 0
        wide = MULTIPLIER_BITS if self.output.mode == "scale" else 0
        return min(47, self.accumulator_bits + wide - 1)

    @property
    def loaded_shift(self) -> bool:
        """Whether the shift comes with the parameters instead of being built in."""
        return (self.output is not None and self.output.shift is None and not self.folds_bias
                and not self.engine.resident)

    @property
    def built_shift(self) -> int:
        """The right shift that is part of the logic."""
        if self.output is not None and self.output.shift is not None:
            return self.output.shift
        return 0 if self.constants is None else self.constants.shift
