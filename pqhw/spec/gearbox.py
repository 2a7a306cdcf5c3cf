"""What regroups the transfers of one part into those of the next."""

import dataclasses
import math

from .many import largest, pointwise
from .ranges import ceil_div

__all__ = ["GearboxSpec"]

gcd = pointwise(math.gcd)


@dataclasses.dataclass(frozen=True)
class GearboxSpec:
    """Regroups rows of `elements` from transfers of `lanes_in` to transfers of `lanes_out`.

    Rows that arrive may be cut differently from those that leave (`elements_out`), as where an
    image becomes one row. Where no number of lanes divides the other, or rows and transfers do
    not fall together, elements pass in transfers of the greatest common divisor. What takes a
    transfer that leaves may keep it for some cycles (`transfer_cycles`).
    """
    elements: int
    lanes_in: int
    lanes_out: int
    elements_out: int | None = None
    transfer_cycles: int = 1

    @property
    def row_out(self) -> int:
        """Elements of a row that leaves."""
        return self.elements if self.elements_out is None else self.elements_out

    @property
    def recuts(self) -> bool:
        """Whether rows leave with another length than they arrive with."""
        return self.row_out != self.elements

    @property
    def lanes_between(self) -> int:
        """Elements that pass per cycle in the middle."""
        lanes = gcd(self.lanes_in, self.lanes_out)
        return gcd(lanes, self.elements, self.row_out) if self.recuts else lanes

    @property
    def splits(self) -> bool:
        """Whether incoming transfers are cut up."""
        return self.lanes_between < self.lanes_in

    @property
    def collects(self) -> bool:
        """Whether outgoing transfers are put together."""
        return self.lanes_between < self.lanes_out

    @property
    def cycles_per_row(self) -> int:
        """Cycles between rows that leave when nothing stalls.

        The next transfer is put together while the last one waits to be taken, but the one after
        it only then: a row's last transfer, of few parts, may leave sooner than the one before
        is done with.
        """
        passing = ceil_div(self.row_out, self.lanes_between)
        parts = self.lanes_out // self.lanes_between
        whole, rest = passing // parts, passing % parts
        return (whole * largest(parts, self.transfer_cycles)
                + (rest > 0) * largest(rest, self.transfer_cycles))
