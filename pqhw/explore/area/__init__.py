"""The area of a design from its spec alone: a formula per part, in the cells of a family."""

from .cells import Cells, Fabric, total
from .parts import GROUPS, PART_KINDS, PartArea, area_of, encoding_cycles, part_areas

__all__ = ["GROUPS", "PART_KINDS", "Cells", "Fabric", "PartArea", "area_of", "encoding_cycles",
           "part_areas", "total"]
