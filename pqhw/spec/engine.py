"""What every engine spec answers before anything is built: shapes, widths, cycles, latency."""

import abc
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from .constants import Constants
from .conv import Conv2d, LayerShape
from .front import FrontSpec
from .image import Section
from .ranges import Range, ceil_div, ceil_log2
from .rules import check_results, check_sums
from .storage import read_stages
from .widths import MULTIPLIER_BITS, Widths
from .window import WindowSpec

__all__ = ["DSP_BITS", "EngineSpec"]

DSP_BITS = 18
"""Width of a sum that one DSP block multiplies."""

WITHOUT_WINDOW = (("convolution", "im2col"), ("line_storage", "auto"))
"""Defaults that say nothing of a dense layer."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineSpec(Widths):
    """The part of a spec that both engine kinds share.

    A row enters as `input_transfers` transfers of `lanes_in` activations and leaves as
    `output_transfers` transfers of `lanes_out` results. Outputs are computed tile by tile,
    `outputs` at a time; inputs arrive group by group, `groups` to a row.

    With a convolution a row at the ports is an image; the engine behind the window computes
    `layer.units_out` engine rows for it, whose parameters are those of `sets` sets in turn.
    """
    KIND: ClassVar[str]
    layer: LayerShape
    engine: Any
    precision: Any
    folding: Any
    constants: Constants | None = None

    def __post_init__(self) -> None:
        check_sums(self)
        check_results(self)

    # -- Tiles and groups ------------------------------------------------------------------

    @property
    def outputs(self) -> int:
        """Outputs side by side (`outputs_per_cycle`, at most N)."""
        return min(self.folding.outputs_per_cycle, self.layer.row_outputs)

    @property
    def pixels(self) -> int:
        """Engine rows computed side by side."""
        return 1

    @property
    def columns(self) -> int:
        """Sums side by side: outputs of every such row."""
        return self.outputs * self.pixels

    @property
    def tiles(self) -> int:
        """Output tiles of a row: ceil(N / outputs)."""
        return ceil_div(self.layer.row_outputs, self.outputs)

    @property
    def sets(self) -> int:
        """Sets of parameters that successive rows use in turn: the groups of a convolution."""
        return self.layer.sets

    @property
    @abc.abstractmethod
    def groups(self) -> int:
        """Groups of inputs in a row."""

    @property
    def least_interval(self) -> int:
        """Fewest cycles between two rows that gathered behind a stall."""
        return self.groups

    @property
    def registers_held(self) -> bool:
        """Whether a group held for several tiles needs a register, as the next takes time."""
        return False

    @property
    @abc.abstractmethod
    def row_cycles(self) -> int:
        """Cycles between engine rows, or `pixels` of them at once, when nothing stalls."""

    @property
    def precision_count(self) -> int:
        """Precisions among which a row chooses."""
        return 1

    @property
    def precision_bits(self) -> int:
        """Bits that tell a row's precision."""
        return ceil_log2(self.precision_count)

    @property
    def bank_bits(self) -> int:
        """Bits that tell which parameters a row uses: its precision, and above it the copy."""
        return self.precision_bits + self.engine.copies - 1

    def row_cycles_at(self, precision: int) -> int:
        """Cycles of an engine row of a precision."""
        return self.row_cycles

    def cycles_at(self, precision: int) -> int:
        """Cycles of a row at the ports, or an image, of a precision."""
        row = self.row_cycles_at(precision)
        return row if self.front is None else self.front.cycles_at(row)

    @property
    def cycles_per_row(self) -> int:
        """Cycles between rows at the ports, or images, when nothing stalls (see `FrontSpec`)."""
        return self.row_cycles if self.front is None else self.front.cycles

    @property
    def cycles_exact(self) -> bool:
        """Whether `cycles_per_row` is met exactly, and not only a bound from below."""
        return self.front is None or self.front.exact

    # -- Convolution -----------------------------------------------------------------------

    @functools.cached_property
    def front(self) -> FrontSpec | None:
        """What feeds the windows of a convolution; None for a dense layer."""
        return FrontSpec(self, self.layer) if isinstance(self.layer, Conv2d) else None

    @property
    def window(self) -> WindowSpec:
        """The window of a convolution."""
        assert self.front is not None, "a dense layer has no window"
        return self.front.window

    @property
    def encodes_pixels(self) -> bool:
        """Whether every pixel is encoded once, in front of the window."""
        return False

    @property
    @abc.abstractmethod
    def row_lanes(self) -> int:
        """Elements per transfer of an engine row."""

    @property
    def window_elements(self) -> int:
        """Elements of a pixel that enter the window for one group: channels, or codes."""
        return self.layer.unit_inputs

    @property
    def window_bits(self) -> int:
        """Bits of such an element."""
        return self.activation_range.bits

    @property
    def code_lanes(self) -> int:
        """Codes that enter the window side by side."""
        return 0

    @property
    def pixel_cycles(self) -> int:
        """Cycles of what stands in front of the window for a pixel of the input."""
        return 0

    @property
    @abc.abstractmethod
    def multipliers(self) -> int:
        """Products formed side by side, where a multiplier forms them."""

    @property
    def scale_multipliers(self) -> int:
        """Multipliers of scaled results: one DSP block for each result that leaves at once."""
        scaled = self.output is not None and self.output.mode == "scale"
        return self.lanes_out if scaled else 0

    # -- Streams ---------------------------------------------------------------------------

    @property
    def lanes_in(self) -> int:
        """Activations per transfer at `i`."""
        return self.row_lanes if self.front is None else self.front.channel_lanes

    @property
    def input_transfers(self) -> int:
        """Transfers of a row at `i`: ceil(D / lanes_in); of an image: ceil(C / lanes_in) for
        each pixel and group of channels."""
        return self.layer.units_in * ceil_div(self.layer.unit_inputs, self.lanes_in)

    @property
    def tile_interval(self) -> int:
        """Fewest cycles between two tiles of results."""
        return self.row_cycles if self.tiles == 1 else self.groups

    @functools.cached_property
    def lanes_out(self) -> int:
        """Results per transfer at `o`.

        As asked by `results_per_cycle`; else all outputs side by side, or, where each lane
        needs a shifter or a multiplier, the fewest that keep up with the tiles.
        """
        asked = self.folding.results_per_cycle
        if asked is not None:
            return min(asked, self.outputs)
        if self.output is None or (self.output.mode == "shift" and not self.loaded_shift):
            return self.outputs
        fewest = ceil_div(self.outputs, self.tile_interval)
        return next(lanes for lanes in range(fewest, self.outputs + 1) if self.outputs % lanes == 0)

    @property
    def row_transfers(self) -> int:
        """Transfers of an engine row's results: ceil(N / lanes_out)."""
        return ceil_div(self.layer.row_outputs, self.lanes_out)

    @property
    def computed_outputs(self) -> int:
        """Results that an engine row is computed with: N."""
        return self.layer.row_outputs

    @property
    def computed_transfers(self) -> int:
        """Transfers of them."""
        return ceil_div(self.computed_outputs, self.lanes_out)

    @property
    def order_stages(self) -> int:
        """Cycles that results wait for others of their row, to change their order."""
        return 0

    @property
    def result_words(self) -> int:
        """Words of the parameters of results: a transfer of every set's row."""
        return self.sets * self.computed_transfers

    def words_of_all(self, words: int) -> int:
        """Words of a memory with `words` of them for every precision, each precision's beginning
        at a multiple of a power of two."""
        return ((self.precision_count - 1) << ceil_log2(words)) + words

    @property
    def output_transfers(self) -> int:
        """Transfers of a row at `o`, or of an image."""
        return self.layer.units_out * self.row_transfers

    # -- Pipeline --------------------------------------------------------------------------

    @property
    @abc.abstractmethod
    def first_tile_cycle(self) -> int:
        """Cycles from a row's first transfer at `i` to its first tile entering the results."""

    @property
    def splits_scale(self) -> bool:
        """Whether a scaled sum is too wide for one DSP block and multiplied in two parts."""
        return self.accumulator_bits > DSP_BITS

    @property
    def result_stages(self) -> int:
        """Registers between a sum and `o`: serialiser, bias, requantiser."""
        stages = int(self.lanes_out < self.columns) + int(self.bias_bits > 0)
        if self.output is None:
            return stages
        if self.output.mode == "scale":
            return stages + 4 + 2 * int(self.loaded_shift) + int(self.splits_scale)
        return stages + (2 if self.loaded_shift else 1)

    @property
    def latency(self) -> int | None:
        """Cycles from a row's first transfer at `i` to its first result at `o`, unstalled; None
        with a convolution, where it is measured."""
        if isinstance(self.layer, Conv2d):
            return None
        return self.first_tile_cycle + self.result_stages + self.order_stages

    def latency_at(self, precision: int) -> int | None:
        """The latency of a row of a precision that finds the engine empty."""
        return self.latency

    @property
    def column_range(self) -> Range:
        """The sum of all terms as its column gives it: without what the stored bias adds."""
        return self.sum_range

    @property
    def sum_stages(self) -> int:
        """Registers of the column sums: adder tree, then accumulator."""
        accumulates = self.groups > 1 or self.signed_terms
        return ceil_log2(self.terms_per_cycle) + int(accumulates)

    @property
    def signed_terms(self) -> bool:
        """Whether terms come as magnitude and sign; the last of the signs is added in the
        accumulator's cycle."""
        return False

    @property
    @abc.abstractmethod
    def terms_per_cycle(self) -> int:
        """Terms of one output summed side by side."""

    def read_stages(self, store: str) -> int:
        """Cycles from an address to its word."""
        return read_stages(self.engine, store)

    @property
    def arithmetic(self) -> list[Any]:
        """What decides the results: two specs that agree here compute the same function."""
        built_in = [] if self.constants is None else [self.constants.digest]
        return [self.KIND, self.layer.to_mapping(), self.precision.to_mapping(), *built_in]

    @abc.abstractmethod
    def parameter_sections(self, stage: int) -> list[Section]:
        """The sections that only this kind of engine has."""

    @property
    def constant_kinds(self) -> frozenset[str]:
        """Kinds of sections that are built into the logic."""
        return frozenset()

    def bind(self, constants: Constants) -> "EngineSpec":
        """The spec with its constants, which its logic cannot be built without."""
        return dataclasses.replace(self, constants=constants)

    def section(self, kind: str) -> Section:
        """The section of a kind, whether it is loaded or constant."""
        return next(section for section in self.parameter_sections(0) if section.kind == kind)

    def sections(self, stage: int = 0) -> tuple[Section, ...]:
        """The sections of the parameter image, in their order."""
        make = functools.partial(Section, stage=stage, load_bits=self.engine.load_bits,
                                 copies=self.engine.copies)
        sections = [section for section in self.parameter_sections(stage)
                    if section.kind not in self.constant_kinds]
        if self.bias_bits:
            sections.append(make(kind="bias", words=self.words_of_all(self.result_words),
                                 fields=self.lanes_out, field_bits=self.bias_bits))
        if self.output is not None and self.output.mode == "scale":
            sections.append(make(kind="multiplier", words=self.words_of_all(self.result_words),
                                 fields=self.lanes_out, field_bits=MULTIPLIER_BITS))
        if self.loaded_shift:
            sections.append(make(kind="shift", words=self.precision_count, fields=1,
                                 field_bits=self.max_shift.bit_length()))
        return tuple(sections)

    @property
    def memory_bits(self) -> dict[str, int]:
        """Parameter bits in memories, by section."""
        return {section.name: section.stored_bits for section in self.sections()}

    # -- Files -----------------------------------------------------------------------------

    @classmethod
    @abc.abstractmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "EngineSpec":
        """Build from a parsed spec file."""

    def to_mapping(self) -> dict[str, Any]:
        """The spec as it would stand in a file, derived fields omitted."""
        engine = {"kind": self.KIND, **self.engine.to_mapping()}
        if not isinstance(self.layer, Conv2d):
            engine = {name: value for name, value in engine.items()
                      if (name, value) not in WITHOUT_WINDOW}
        return {"layer": self.layer.to_mapping(), "engine": engine,
                "precision": self.precision.to_mapping(), "folding": self.folding.to_mapping()}
