"""The area of a design from its spec alone: a formula per part, in the cells of a family."""

from .cells import Cells, Fabric, total
from .parts import (GROUP_OF, GROUPS, PART_KINDS, PartArea, area_of, encoding_cycles, part_areas,
                    part_formulas)

__all__ = ["GROUPS", "GROUP_OF", "PART_KINDS", "Cells", "Fabric", "PartArea", "area_of",
           "encoding_cycles", "part_areas", "part_formulas", "total"]
