"""How a layer is cut up: tiles, groups and pixels, the transfers of rows, their cycles."""

import abc
import functools
from typing import Any

from .conv import Conv2d, LayerShape
from .front import FrontSpec
from .many import choose
from .ranges import ceil_div, ceil_log2
from .widths import Widths
from .window import WindowSpec

__all__ = ["Folds"]


class Folds(Widths):
    """What of a row is computed and moved side by side, and what one after another."""
    layer: LayerShape
    engine: Any
    folding: Any

    # -- Tiles and groups ------------------------------------------------------------------

    @functools.cached_property
    def outputs(self) -> int:
        """Outputs side by side (`outputs_per_cycle`, at most N)."""
        return min(self.folding.outputs_per_cycle, self.layer.row_outputs)

    @property
    def pixels(self) -> int:
        """Engine rows computed side by side."""
        return 1

    @functools.cached_property
    def columns(self) -> int:
        """Sums side by side: outputs of every such row."""
        return self.outputs * self.pixels

    @functools.cached_property
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
    def row_transfer_cycles(self) -> int:
        """Cycles that what takes a transfer of an engine row keeps it."""
        return 1

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
    def transfer_cycles(self) -> int:
        """Cycles that what takes a transfer at `i` keeps it."""
        return self.row_transfer_cycles if self.front is None else 1

    @property
    def input_transfers(self) -> int:
        """Transfers of a row at `i`: ceil(D / lanes_in); of an image: ceil(C / lanes_in) for
        each pixel and group of channels."""
        return self.layer.units_in * ceil_div(self.layer.unit_inputs, self.lanes_in)

    @functools.cached_property
    def tile_interval(self) -> int:
        """Fewest cycles between two tiles of results."""
        return choose(self.tiles == 1, self.row_cycles, self.groups)

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
