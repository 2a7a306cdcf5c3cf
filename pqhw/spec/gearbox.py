"""What regroups the transfers of one part into those of the next."""

import dataclasses
import math

from .many import pointwise
from .ranges import ceil_div

__all__ = ["GearboxSpec"]

gcd = pointwise(math.gcd)


@dataclasses.dataclass(frozen=True)
class GearboxSpec:
    """Regroups rows of `elements` from transfers of `lanes_in` to transfers of `lanes_out`.

    Rows that arrive may be cut differently from those that leave (`elements_out`), as where an
    image becomes one row. Where no number of lanes divides the other, or rows and transfers do
    not fall together, elements pass in transfers of the greatest common divisor.
    """
    elements: int
    lanes_in: int
    lanes_out: int
    elements_out: int | None = None

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
        """Cycles between rows that arrive when nothing stalls."""
        return ceil_div(self.elements, self.lanes_between)
