"""The front of a convolution's engine: its window, what follows it, and the cycles of an image."""

import dataclasses
import functools
from typing import TYPE_CHECKING

from .conv import Conv2d
from .gearbox import GearboxSpec
from .many import choose, every, largest
from .ranges import ceil_div
from .window import WindowSpec

if TYPE_CHECKING:
    from .folds import Folds

__all__ = ["FrontSpec"]


@dataclasses.dataclass(frozen=True)
class FrontSpec:
    """How an engine is fed with the windows of images.

    Parameters
    ----------
    engine:
        The engine that computes the rows.
    layer:
        Its convolution.
    """
    engine: "Folds"
    layer: Conv2d

    @functools.cached_property
    def channel_lanes(self) -> int:
        """Channels that enter the window side by side.

        As asked by `channels_per_cycle`; else the fewest that cost at most a twentieth of the
        cycles that all of them would take.
        """
        channels = self.layer.unit_inputs
        asked = self.engine.folding.channels_per_cycle
        if asked is not None:
            return min(asked, channels)
        most = 21 * self._cycles_in_bursts(channels)
        fewest = (lanes for lanes in range(1, channels + 1)
                  if lanes == 1 or ceil_div(channels, lanes) < ceil_div(channels, lanes - 1))
        found = 0
        for lanes in fewest:
            enough = 20 * self._cycles_in_bursts(lanes) <= most
            found = choose((found == 0) & enough, lanes, found)
            if every(found):
                break
        return found

    def _cycles_in_bursts(self, lanes: int) -> int:
        """Cycles of an image where the window waits whenever the engine is slower."""
        layer, window = self.layer, self._window(lanes)
        outputs = layer.out_height * layer.out_width
        busy = largest(self._engine_cycles(window) // self.engine.pixels, window.transfers)
        return outputs * busy + (layer.period - outputs) * window.transfers

    def _window(self, lanes: int) -> WindowSpec:
        engine = self.engine
        return WindowSpec(layer=self.layer, elements=engine.window_elements, lanes=lanes,
                          bits=engine.window_bits, storage=engine.engine.line_storage,
                          registered=engine.engine.bram_register)

    @functools.cached_property
    def window(self) -> WindowSpec:
        """The window, over activations or over codes."""
        encodes = self.engine.encodes_pixels
        return self._window(self.engine.code_lanes if encodes else self.channel_lanes)

    def _gearbox(self, window: WindowSpec) -> GearboxSpec:
        return GearboxSpec(window.elements * self.layer.taps, window.tap_lanes,
                           self.engine.row_lanes,
                           transfer_cycles=self.engine.row_transfer_cycles)

    @property
    def gearbox(self) -> GearboxSpec:
        """What regroups the taps of the window to the lanes of a row."""
        return self._gearbox(self.window)

    def _engine_cycles(self, window: WindowSpec, row_cycles: int | None = None) -> int:
        """Cycles of what stands behind the window for the pixels computed side by side."""
        own = self.engine.row_cycles if row_cycles is None else row_cycles
        return self.layer.sets * largest(
            own, self.engine.pixels * self._gearbox(window).cycles_per_row)

    @property
    def output_cycles(self) -> int:
        """Cycles of what stands behind the window for a pixel of the output."""
        return ceil_div(self._engine_cycles(self.window), self.engine.pixels)

    @property
    def cycles(self) -> int:
        """Cycles of an image when nothing stalls, exact where `exact`.

        Otherwise the window waits for the engine in bursts, and this is what no image can beat:
        the most of what the positions, the engine and the encoder of pixels take.
        """
        return self.cycles_at(self.engine.row_cycles)

    def cycles_at(self, row_cycles: int) -> int:
        """The same where an engine row takes `row_cycles`."""
        layer = self.layer
        output_cycles = self._engine_cycles(self.window, row_cycles)
        return largest(layer.period * self.window.transfers,
                       layer.out_height * layer.out_width // self.engine.pixels * output_cycles,
                       layer.height * layer.width * self.engine.pixel_cycles)

    @property
    def exact(self) -> bool:
        """Whether `cycles` are met: every position gives an output, and has a pixel where pixels
        are what is waited for; or nothing waits."""
        pixels = self.layer.height * self.layer.width
        supplied = (self.engine.pixel_cycles <= self.window.transfers
                    or pixels == self.layer.period)
        return supplied and (self.layer.steady or self.output_cycles <= self.window.transfers)
