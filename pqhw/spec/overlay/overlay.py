"""The spec of an overlay: one engine, memories of fixed sizes, any network that fits them."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..fields import SpecError, choice, integer, show
from ..ranges import Range, ceil_div, ceil_log2, signed_range
from ..tables import _Table
from ..widths import MULTIPLIER_BITS

__all__ = ["COUNTER_BITS", "OverlaySpec", "TAPS", "WINDOW"]

WINDOW = 3
"""Rows and columns of banks that hold the activations, hence of the largest window."""

TAPS = WINDOW * WINDOW
"""Taps of the largest window, and elements of the longest sub-vector."""

ACTIVATION_BITS = 8
"""Bits of a stored activation, signed or not as the job says."""

ELEMENT_BITS = 9
"""Bits of an activation of either sign, and of a threshold."""

COUNTER_BITS = 16
"""Bits of the counters of images, and of the index of the largest result."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverlaySpec(_Table):
    """An engine that runs networks as programs: the hardware depends on this alone.

    Activations stand in 3 x 3 banks, pixel (y, x) in bank (y mod 3, x mod 3), a word of `lanes`
    channels at a time, so that every cycle reads a whole window of them.

    Raises
    ------
    SpecError
        One sentence naming the field, the rule and the value.
    """
    TABLE = "overlay"
    kind: str = choice(("pq", "fixed"), "what computes layers: lookups, and products for those "
                       "that stay at 8 bits; or products alone", default="pq")
    lanes: int = integer(2, 16, "channels of a word, and subspaces looked up side by side",
                         default=4, only=(2, 4, 8, 16))
    outputs_per_cycle: int = integer(2, 64, "outputs looked up side by side, a multiple of lanes",
                                     default=8)
    prototypes: int = integer(2, 32, "leaves of the trees that encode", default=16,
                              only=(2, 4, 8, 16, 32))
    table_bits: int = integer(2, 8, "bits of a table entry", default=6)
    accumulator_bits: int = integer(16, 32, "bits of a sum and of its bias", default=26)
    activation_words: int = integer(16, 4096, "words of each of the nine banks", default=1024)
    table_words: int = integer(32, 4096, "words of a copy of the tables and weights: lookups of a "
                               "subspace take one per leaf", default=512)
    code_words: int = integer(16, 1 << 16, "words of codes, one per lanes subspaces of a pixel",
                              default=4096)
    tree_words: int = integer(1, 256, "trees of a lane that a job may use", default=32)
    output_words: int = integer(1, 64, "words of biases and multipliers that a job may use",
                                default=16)
    dsp_blocks: int = integer(0, 4096, "DSP blocks: first those of scaled results, one per lane, "
                              "then those of products; the other products are formed in logic",
                              default=28)
    port_bits: int = integer(32, 64, "width of the memory port", default=64, only=(32, 64))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.outputs_per_cycle % self.lanes:
            raise SpecError(f"overlay.outputs_per_cycle must be a multiple of overlay.lanes = "
                            f"{self.lanes}, but is {self.outputs_per_cycle}.")
        for name in ("activation_words", "table_words", "code_words", "tree_words",
                     "output_words"):
            value = getattr(self, name)
            if value & (value - 1):
                raise SpecError(f"overlay.{name} must be a power of two, but is {value}.")
        if self.looks_up and self.table_words < 2 * self.prototypes:
            raise SpecError(f"overlay.table_words must be at least {2 * self.prototypes}, twice "
                            f"overlay.prototypes, but is {self.table_words}.")
        if self.result_words > self.output_words:
            raise SpecError(f"overlay.output_words must be at least {self.result_words}, the words "
                            f"of {self.outputs_per_cycle} outputs, but is {self.output_words}.")

    @classmethod
    def from_mapping(cls, mapping: Any, *, ignore: frozenset[str] = frozenset()) -> Any:
        """Build from parsed TOML."""
        if not isinstance(mapping, Mapping):
            raise SpecError(f"overlay must be a table, but is {show(mapping)}.")
        return super().from_mapping(mapping, ignore=ignore)

    # -- What is built -----------------------------------------------------------------------

    @property
    def looks_up(self) -> bool:
        """Whether there are encoders and tables."""
        return self.kind != "fixed"

    @property
    def depth(self) -> int:
        """Levels of a tree."""
        return ceil_log2(self.prototypes)

    @property
    def result_words(self) -> int:
        """Words of the outputs that are looked up side by side."""
        return self.outputs_per_cycle // self.lanes

    @property
    def lookups_per_cycle(self) -> int:
        """Table entries read side by side."""
        return self.lanes * self.outputs_per_cycle if self.looks_up else 0

    @property
    def products_per_cycle(self) -> int:
        """Products formed side by side."""
        return self.lanes * TAPS

    @property
    def dsp_products(self) -> int:
        """Products that are formed in DSP blocks."""
        return min(self.products_per_cycle, max(0, self.dsp_blocks - self.lanes))

    # -- Widths ------------------------------------------------------------------------------

    @property
    def bank_bits(self) -> int:
        """Bits of a word of one lane's tables or weights."""
        tables = self.outputs_per_cycle * self.table_bits if self.looks_up else 0
        return max(tables, TAPS * ACTIVATION_BITS)

    @property
    def output_bits(self) -> int:
        """Bits of an output's bias and multiplier."""
        return self.accumulator_bits + MULTIPLIER_BITS

    @property
    def dim_bits(self) -> int:
        """Bits of the number of an element."""
        return ceil_log2(TAPS)

    @property
    def tree_bits(self) -> int:
        """Bits of a tree: an entry per node, of which the first is none, and its elements."""
        return self.prototypes * ELEMENT_BITS + self.depth * self.dim_bits

    @property
    def accumulator_range(self) -> Range:
        """Sums with their bias."""
        return signed_range(self.accumulator_bits)

    # -- The memory port ---------------------------------------------------------------------

    def beats(self, bits: int) -> int:
        """Words of the port that hold so many bits."""
        return ceil_div(bits, self.port_bits)

    @property
    def table_beats(self) -> int:
        """Port words of a word of tables, all lanes."""
        return self.beats(self.lanes * self.outputs_per_cycle * self.table_bits)

    @property
    def output_beats(self) -> int:
        """Port words of a word of biases and multipliers."""
        return self.beats(self.lanes * self.output_bits)

    @property
    def tree_beats(self) -> int:
        """Port words of a lane's tree."""
        return self.beats(self.tree_bits)

    def weight_beats(self, taps: int) -> int:
        """Port words of a word of weights, all lanes, of so many taps."""
        return self.beats(self.lanes * taps * ACTIVATION_BITS)

    @property
    def most_beats(self) -> int:
        """Port words of the widest word that is loaded."""
        looked_up = (self.table_beats, self.tree_beats) if self.looks_up else ()
        return max(self.weight_beats(TAPS), self.output_beats, *looked_up)

    @property
    def configuration(self) -> int:
        """32 bits that differ where programs do not run."""
        text = json.dumps(["overlay", 1, self.to_mapping()], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
