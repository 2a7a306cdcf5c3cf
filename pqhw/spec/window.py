"""The window of a convolution: how a stream of pixels passes it, and the memories it takes."""

import dataclasses

from .conv import Conv2d
from .ranges import ceil_div

__all__ = ["SHIFT_BITS", "WindowSpec"]

SHIFT_BITS = 256
"""Bits of a small memory that are a chain of flip-flops where a family has no LUT RAM; more take
a block RAM."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowSpec:
    """What passes the window of a convolution, and the memories that hold it.

    Parameters
    ----------
    layer:
        The convolution.
    elements:
        Elements of a pixel in one group: channels, or codes.
    lanes:
        Elements of a transfer.
    bits:
        Bits of an element.
    storage:
        Line buffers in ``lutram`` or ``bram``; ``auto`` is bram from 33 words on.
    registered:
        Whether the output of block RAM passes a register.
    """
    layer: Conv2d
    elements: int
    lanes: int
    bits: int
    storage: str = "auto"
    registered: bool = True

    @property
    def chunks(self) -> int:
        """Transfers of a pixel in one group."""
        return ceil_div(self.elements, self.lanes)

    @property
    def transfers(self) -> int:
        """Transfers of a pixel."""
        return self.layer.sets * self.chunks

    @property
    def tap_lanes(self) -> int:
        """Elements that leave side by side: every tap of a transfer."""
        return self.lanes * self.layer.taps

    @property
    def line_words(self) -> int:
        """Depth of the line buffers."""
        return self.layer.pitch * self.transfers

    @property
    def line_bits(self) -> int:
        """Width of the line buffers: all rows of the window but the newest."""
        return (self.layer.kernel[0] - 1) * self.lanes * self.bits

    @property
    def column_words(self) -> int:
        """Depth of the memory of earlier columns."""
        return self.transfers

    @property
    def column_bits(self) -> int:
        """Width of the memory of earlier columns: all columns of the window but the newest."""
        return (self.layer.kernel[1] - 1) * self.layer.kernel[0] * self.lanes * self.bits

    @property
    def line_store(self) -> str:
        """Where the line buffers stand: none, register, lutram or bram."""
        return self._store(self.line_bits, self.line_words)

    @property
    def column_store(self) -> str:
        """Where the earlier columns stand: none, register, lutram or bram."""
        return self._store(self.column_bits, self.column_words)

    def _store(self, width: int, words: int) -> str:
        if width == 0:
            return "none"
        if words <= 2:
            return "register"
        if self.storage != "auto":
            return self.storage
        return "lutram" if words <= 32 else "bram"

    @property
    def line_stages(self) -> int:
        """Steps from a pixel to its column of the window."""
        if self.line_store == "bram":
            return 1 + int(self.registered)
        return 1

    @property
    def masks(self) -> bool:
        """Whether a tap ever lies outside the image."""
        return any(self.layer.padding)

    @property
    def memory_bits(self) -> int:
        """Bits of line buffers and earlier columns."""
        return self.line_words * self.line_bits + self.column_words * self.column_bits
