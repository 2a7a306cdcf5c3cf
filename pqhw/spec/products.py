"""What forms the products of a MAC engine, lane by lane, and the ranges that follow from it."""

import dataclasses
import functools
from typing import Any

import numpy as np

from .engine import EngineSpec
from .many import choose, largest, ratio_parts, smallest
from .ranges import Range, ceil_div, covering
from .weights import magnitudes

__all__ = ["Core", "Products", "SCHEMES_OF_MIXED"]

MANY_DSPS = 32
"""DSP blocks from which on their columns lie too far from the sums for one cycle."""

SCHEMES_OF_MIXED = ("fixed", "sp2")
"""Schemes of the rows of a `mixed` layer, in the order of their lanes."""


@dataclasses.dataclass(frozen=True)
class Core:
    """Outputs of a cycle that have a weight memory of their own.

    Members
    -------
    section: kind of that memory's section
    first, count: which of them
    pixels: rows computed side by side
    late: cycles after the others' that it is read, as its products take so many fewer
    """
    section: str
    first: int
    count: int
    pixels: int
    late: int = 0

    @property
    def outputs(self) -> range:
        """Which outputs."""
        return range(self.first, self.first + self.count)

    @property
    def columns(self) -> range:
        """The columns that they take, pixel after pixel."""
        return range(self.first * self.pixels, (self.first + self.count) * self.pixels)

    @property
    def prefix(self) -> str:
        """What its section's name begins with, before ``weights``."""
        return self.section.removesuffix("weights")


class Products(EngineSpec):
    """Products by weight codes.

    A lane is an input d and a column, an output n of a cycle for one of `pixels` rows. The first
    `fixed_outputs` outputs have integer weights; theirs are the first columns, pixel after pixel;
    of their lanes the first `dsp_units` groups of `packed` are DSP blocks.
    """
    engine: Any

    # -- Which lane is what ----------------------------------------------------------------

    @functools.cached_property
    def fixed_outputs(self) -> int:
        """Outputs of a cycle with integer weights: of a `mixed` engine as many as its ratio says,
        or, before a device decides, half, in whole transfers of results."""
        if self.engine.scheme != "mixed":
            return self.outputs if self.engine.scheme == "fixed" else 0
        if self.engine.ratio in (None, "auto"):
            return self.outputs // self.lanes_out // 2 * self.lanes_out
        fixed, other = ratio_parts(self.engine.ratio)
        return self.outputs * fixed // (fixed + other)

    @functools.cached_property
    def two_schemes(self) -> bool:
        """Whether outputs of both schemes are there."""
        return self.engine.scheme == "mixed" and 0 < self.fixed_outputs < self.outputs

    @functools.cached_property
    def first_outputs(self) -> int:
        """Outputs of the first core: all of them, where there are not two schemes."""
        return self.fixed_outputs if self.two_schemes else self.outputs

    def column(self, index: int) -> tuple[int, int]:
        """The output and the pixel of a column."""
        first = self.first_outputs
        if index < first * self.pixels:
            pixel, output = divmod(index, first)
            return output, pixel
        pixel, output = divmod(index - first * self.pixels, self.outputs - first)
        return first + output, pixel

    def scheme_of(self, output: int) -> str:
        """The weight code of an output of a cycle."""
        if self.engine.scheme != "mixed":
            return str(self.engine.scheme)
        return SCHEMES_OF_MIXED[output >= self.fixed_outputs]

    @functools.cached_property
    def schemes(self) -> list[str]:
        """The weight codes that occur."""
        return list(SCHEMES_OF_MIXED) if self.engine.scheme == "mixed" else [self.engine.scheme]

    @property
    def permutes(self) -> bool:
        """Whether rows are computed in another order than they leave in."""
        return self.two_schemes or self.pixels > 1

    @property
    def cores(self) -> list[Core]:
        """One, or one for each of two schemes, of which shifts need no register behind DSPs."""
        if not self.two_schemes:
            return [Core("weights", 0, self.outputs, self.pixels)]
        first = self.fixed_outputs
        return [Core("weights", 0, first, self.pixels),
                Core("sp2_weights", first, self.outputs - first, self.pixels,
                     1 * self.registers_products)]

    @functools.cached_property
    def multipliers(self) -> int:
        """DSP blocks that would form all products with integer weights; shifts need none."""
        return self.pixels * self.row_lanes * ceil_div(self.fixed_outputs, self.packed)

    @functools.cached_property
    def dsp_units(self) -> int:
        """DSP blocks that form products."""
        if self.engine.multiplier == "lut":
            return 0
        asked = self.engine.dsp_blocks
        return self.multipliers if asked is None else smallest(asked, self.multipliers)

    def dsp_lanes(self, column: int) -> int:
        """How many of a column's products DSP blocks form: those of the first inputs."""
        output, pixel = self.column(column)
        if output >= self.fixed_outputs:
            return 0
        units = pixel * ceil_div(self.fixed_outputs, self.packed) + output // self.packed
        return max(0, min(self.row_lanes, self.dsp_units - units * self.row_lanes))

    def on_dsp(self, column: int, index: int) -> bool:
        """Whether a DSP block forms the product of a column and an input of a cycle."""
        return index < self.dsp_lanes(column)

    @property
    def alike_columns(self) -> list[tuple[int, str, int]]:
        """How many columns have products of a scheme and so many of them on DSP blocks: those
        with all, those of the group where the blocks end, those with none, then shifts."""
        fixed, lanes = self.fixed_outputs, self.row_lanes
        per_pixel = ceil_div(fixed, self.packed)
        whole, rest = self.dsp_units // lanes, self.dsp_units % lanes
        pixels, groups = whole // largest(per_pixel, 1), whole % largest(per_pixel, 1)
        full = pixels * fixed + groups * self.packed
        ending = smallest(self.packed, fixed - groups * self.packed) * (rest > 0)
        shifted = (self.outputs - fixed) * self.pixels
        first = "fixed" if self.engine.scheme == "mixed" else self.engine.scheme
        return [(full, first, lanes), (ending, first, rest),
                (fixed * self.pixels - full - ending, first, 0),
                (shifted, "sp2" if self.engine.scheme == "mixed" else self.engine.scheme, 0)]

    @property
    def dsp_products(self) -> int:
        """Products that DSP blocks form side by side."""
        return sum(columns * lanes for columns, _, lanes in self.alike_columns)

    @property
    def in_logic(self) -> bool:
        """Whether logic forms products with integer weights."""
        return self.dsp_units < self.multipliers

    @functools.cached_property
    def packed(self) -> int:
        """Products of a DSP block: one activation times the weights of as many outputs."""
        if self.engine.multiplier == "lut" or not self.fixed_outputs:
            return 1
        return smallest(self.engine.products_per_dsp or 1, self.fixed_outputs)

    @property
    def signed_terms(self) -> bool:
        """Whether products come as magnitude and sign, as logic forms them, and DSP blocks where
        several share one."""
        if self.engine.scheme != "fixed" or self.packed > 1:
            return True
        return self.in_logic and self.engine.weight_code != "signed"

    # -- Ranges ----------------------------------------------------------------------------

    def levels_of(self, scheme: str) -> np.ndarray:
        """Magnitudes that a weight may have, ascending."""
        return magnitudes(scheme, self.engine.weight_bits)

    def weights_of(self, scheme: str) -> Range:
        """Weights of a scheme: symmetric around zero."""
        top = int(self.levels_of(scheme)[-1])
        return Range(-top, top)

    @functools.cached_property
    def weight_range(self) -> Range:
        """Weights of any scheme that occurs."""
        return covering(self.weights_of(scheme) for scheme in self.schemes)

    @functools.cached_property
    def field_bits(self) -> int:
        """Bits from one product of a DSP block to the next: those of a product's magnitude."""
        top = self.weights_of("fixed").high
        return Range(0, self.activation_range.magnitude().high * top).bits

    def most_per_dsp(self, port_bits: int) -> int:
        """How many magnitudes of weights fit an operand of `port_bits` bits, products apart."""
        bits = self.engine.weight_bits - 1
        if self.activation_range.magnitude().bits > port_bits or bits > port_bits:
            return 1
        return 1 + (port_bits - bits) // self.field_bits

    @functools.cached_property
    def term_range(self) -> Range:
        """A product, of any scheme that occurs."""
        return self.activation_range * self.weight_range

    def term_of(self, column: int) -> Range:
        """A product of a column."""
        return self.scheme_term(self.scheme_of(self.column(column)[0]))

    def scheme_term(self, scheme: str) -> Range:
        """A product of a scheme."""
        return self.activation_range * self.weights_of(scheme)

    def product_of(self, column: int, index: int) -> Range:
        """What a lane gives."""
        return self.scheme_product(self.scheme_of(self.column(column)[0]),
                                   self.on_dsp(column, index))

    def scheme_product(self, scheme: str, on_dsp: bool) -> Range:
        """What a lane of a scheme gives: a product, or that of an activation and a magnitude."""
        if not self.signed_terms:
            return self.scheme_term(scheme)
        inputs = self.activation_range
        if on_dsp:
            shares, size = self.packed > 1, inputs.magnitude()
            inputs = Range(choose(shares, size.low, inputs.low),
                           choose(shares, size.high, inputs.high))
        return inputs * Range(0, self.weights_of(scheme).high)

    # -- Cycles ----------------------------------------------------------------------------

    @property
    def product_stages(self) -> int:
        """Registers of a multiplier: operands and product, or the partial sums of logic; and one
        on the way from DSP blocks."""
        return 2 + self.registers_products

    @property
    def registers_products(self) -> bool:
        """Whether products pass a register outside the DSP blocks."""
        least = {"yes": 1, "auto": MANY_DSPS}.get(self.engine.product_register)
        return least is not None and self.dsp_units >= least
