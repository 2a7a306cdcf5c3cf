"""The spec of a multiply-accumulate engine whose numbers stand in planes of bits."""

import dataclasses
import functools
from typing import Any

import numpy as np

from .image import Section
from .mac import MACSpec
from .plane_rules import check_folded_planes
from .popcount import least_depth
from .ranges import Range, ceil_log2, covering, signed_range, unsigned_range

__all__ = ["BitplaneSpec"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BitplaneSpec(MACSpec):
    """A MAC layer of `weight_bits` by `activation_bits` planes, whose rows choose how many count.

    Plane 0 is the lowest. A row of precision (m, k) uses the m upper planes of the weights and the
    k upper ones of the activations. A cycle takes `weight_planes` by `activation_planes` of them;
    these blocks of planes are visited in pairs, those of equal weight one after another, the
    heaviest first. Per row of a precision:

    cycles = ceil(D/inputs) * ceil(N/outputs) * (m/weight_planes) * (k/activation_planes)
    """

    def __post_init__(self) -> None:
        check_folded_planes(self)
        super().__post_init__()

    @property
    def two_valued(self) -> bool:
        """Whether a bit stands for -1 or 1 instead of 0 or 1."""
        return self.engine.planes == "pm1"

    # -- Precisions ------------------------------------------------------------------------

    @functools.cached_property
    def precisions(self) -> tuple[tuple[int, int], ...]:
        """Planes of weights and of activations, by precision."""
        if self.engine.precisions is None:
            return ((self.engine.weight_bits, self.precision.activation_bits),)
        return tuple((weights, activations) for weights, activations in self.engine.precisions)

    @property
    def precision_count(self) -> int:
        return len(self.precisions)

    @property
    def weight_planes(self) -> int:
        """Planes of weights side by side (`weight_planes_per_cycle`, at most `weight_bits`)."""
        return min(self.folding.weight_planes_per_cycle or 1, self.engine.weight_bits)

    @property
    def activation_planes(self) -> int:
        """Planes of activations side by side (`activation_planes_per_cycle`)."""
        return min(self.folding.activation_planes_per_cycle or 1, self.precision.activation_bits)

    def blocks_at(self, precision: int) -> tuple[int, int]:
        """Blocks of planes of weights and of activations that a precision uses."""
        weights, activations = self.precisions[precision]
        return weights // self.weight_planes, activations // self.activation_planes

    @property
    def weight_blocks(self) -> int:
        """Blocks of planes of weights that any precision uses."""
        return max(weights for weights, _ in self._blocks)

    @property
    def activation_blocks(self) -> int:
        """Blocks of planes of activations that any precision uses."""
        return max(activations for _, activations in self._blocks)

    @property
    def _blocks(self) -> list[tuple[int, int]]:
        return [self.blocks_at(precision) for precision in range(self.precision_count)]

    def passes_at(self, precision: int) -> int:
        """Pairs of blocks, each of which plays the row once."""
        weights, activations = self.blocks_at(precision)
        return weights * activations

    @property
    def diagonal_shift(self) -> int:
        """Places by which a pair of blocks outweighs one of the next diagonal; 0 for one pair."""
        if self.activation_blocks > 1:
            return self.activation_planes
        return self.weight_planes if self.weight_blocks > 1 else 0

    @property
    def shortest_pass(self) -> int:
        """Fewest cycles that a tile takes at any precision."""
        return self.groups * min(map(self.passes_at, range(self.precision_count)))

    # -- Cycles ----------------------------------------------------------------------------

    def row_cycles_at(self, precision: int) -> int:
        return self.groups * self.tiles * self.passes_at(precision)

    @property
    def row_cycles(self) -> int:
        """Cycles between engine rows of the slowest precision when nothing stalls."""
        return max(map(self.row_cycles_at, range(self.precision_count)))

    @property
    def least_interval(self) -> int:
        return self.shortest_pass

    @property
    def tile_interval(self) -> int:
        return self.shortest_pass

    @property
    def stores_rows(self) -> bool:
        """Whether a row is stored, as it is played several times and has several groups."""
        return (self.groups > 1) & (self.row_cycles > self.groups)

    @property
    def replays_inputs(self) -> bool:
        return self.stores_rows

    def first_tile_cycle_at(self, precision: int) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""
        tile = self.groups * self.passes_at(precision)
        played = self.groups + 1 + tile if self.stores_rows else tile
        return played + self.weight_stages + self.product_stages + self.sum_stages

    @property
    def first_tile_cycle(self) -> int:
        return max(map(self.first_tile_cycle_at, range(self.precision_count)))

    def latency_at(self, precision: int) -> int | None:
        if self.front is not None:
            return None
        return self.first_tile_cycle_at(precision) + self.result_stages

    @property
    def product_stages(self) -> int:
        """Registers of a count of products."""
        return least_depth(self.row_lanes)

    @property
    def sum_stages(self) -> int:
        """Registers where the counts of a cycle's pairs of planes are joined, then accumulated."""
        return ceil_log2(self.weight_planes * self.activation_planes) + 1

    # -- Numbers ---------------------------------------------------------------------------

    @property
    def signed_terms(self) -> bool:
        return False

    @property
    def multipliers(self) -> int:
        return 0

    @property
    def weight_range(self) -> Range:
        """Weights of all planes."""
        return self._range(self.engine.weight_bits, True)

    @property
    def levels(self) -> np.ndarray:
        """Every weight that there is, ascending."""
        range_, step = self.weight_range, 1 + self.two_valued
        return np.array(range(range_.low, range_.high + 1, step), np.int64)

    def _range(self, planes: int, signed: bool) -> Range:
        if self.two_valued:
            return Range(-(1 << planes) + 1, (1 << planes) - 1)
        return signed_range(planes) if signed else unsigned_range(planes)

    @property
    def term_range(self) -> Range:
        """A product at any precision."""
        return covering(self._range(weights, True)
                        * self._range(activations, self.precision.activation_signed)
                        for weights, activations in self.precisions)

    def highest_count(self, precision: int) -> int:
        """The sum of all products of bits, each of its weight, where every bit is one."""
        weights, activations = self.precisions[precision]
        return ((1 << weights) - 1) * ((1 << activations) - 1) * self.terms

    @property
    def count_range(self) -> Range:
        """What accumulators hold: with planes of -1 and 1, counts of equal bits."""
        if not self.two_valued:
            return self.sum_range
        return Range(0, max(map(self.highest_count, range(self.precision_count))))

    @property
    def column_range(self) -> Range:
        """Twice the count of equal bits, which is the sum and one for every pair of bits."""
        return self.count_range.times(2) if self.two_valued else self.sum_range

    def bias_constant(self, precision: int) -> int:
        """What the stored bias adds to make a column's count the sum."""
        return -self.highest_count(precision) if self.two_valued else 0

    @property
    def stored_bias_range(self) -> Range:
        """Biases with the constants of their precisions."""
        constants = [self.bias_constant(one) for one in range(self.precision_count)]
        return self.bias_range + Range(min(constants), max(constants))

    @property
    def bias_bits(self) -> int:
        if not self.two_valued:
            return super().bias_bits
        return self.stored_bias_range.bits

    # -- Memories --------------------------------------------------------------------------

    @property
    def weight_words(self) -> int:
        """Depth of the weight memory: a word per group, block of planes and tile."""
        return self.sets * self.groups * self.tiles * self.weight_blocks

    def parameter_sections(self, stage: int) -> list[Section]:
        """Weights, plane by plane."""
        return [Section(kind="weights", stage=stage, load_bits=self.engine.load_bits,
                        copies=self.engine.copies, words=self.weight_words,
                        fields=self.outputs * self.row_lanes, field_bits=self.weight_planes)]

    @property
    def arithmetic(self) -> list[Any]:
        return [*super().arithmetic, self.engine.planes, self.precisions]
