"""How rows pass a stream: what they hold, and how they are cut into transfers."""

import dataclasses
import math

from .ranges import Range, ceil_div

__all__ = ["RowPort"]


@dataclasses.dataclass(frozen=True)
class RowPort:
    """Rows, or images as rows of units, in transfers of `lanes` integers.

    Parameters
    ----------
    range:
        Of an integer.
    shape:
        [D] of a row, or [H, W, C] of an image.
    elements:
        Integers of a unit, after which a transfer is not filled up: D of a row, or a group's
        channels of a pixel.
    lanes:
        Integers of a transfer.
    """
    range: Range
    shape: tuple[int, ...]
    elements: int
    lanes: int

    @property
    def features(self) -> int:
        """Integers of a row."""
        return math.prod(self.shape)

    @property
    def units(self) -> int:
        """Units of a row."""
        return self.features // self.elements

    @property
    def unit_transfers(self) -> int:
        """Transfers of a unit."""
        return ceil_div(self.elements, self.lanes)

    @property
    def transfers(self) -> int:
        """Transfers of a row."""
        return self.units * self.unit_transfers

    @property
    def is_image(self) -> bool:
        """Whether rows are images [H, W, C]."""
        return len(self.shape) == 3
