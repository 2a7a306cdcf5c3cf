"""Loop nests: places of loops in an architecture, with the factors of one or of many mappings."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .architecture import AXES, Architecture
from .workload import DIMENSIONS, Workload

__all__ = ["Loop", "Nest", "Slot", "Values"]

Values = Any
"""An integer for all mappings of a batch, or an array of one integer per mapping."""


class Slot(NamedTuple):
    """Where a loop may stand.

    Members
    -------
    level: its index, 0 the outermost
    axis: ``x`` or ``y`` for loops unrolled over the instances below the level, ``t`` for others
    dimension: what is looped over
    """
    level: int
    axis: str
    dimension: str


class Loop(NamedTuple):
    """A loop of a nest; `step` is how far one iteration moves in its dimension."""
    slot: Slot
    factor: Values
    step: Values


@dataclasses.dataclass(frozen=True, eq=False)
class Nest:
    """The loops of one or of many mappings that share an order, from the inner to the outer.

    Parameters
    ----------
    architecture, workload: what is mapped on what
    loops: those of the innermost level first, at each level the unrolled ones before the others
    """
    architecture: Architecture
    workload: Workload
    loops: tuple[Loop, ...]
    _inside: dict[int, dict[str, Values]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, architecture: Architecture, workload: Workload,
           orders: Sequence[str], factors: Mapping[Slot, Values]) -> "Nest":
        """The nest with given factors.

        Parameters
        ----------
        orders: per level from the outermost, the dimensions of its loops in time from the inner
            to the outer
        factors: by slot; loops of factor 1 may be left out
        """
        extent: dict[str, Values] = dict.fromkeys(DIMENSIONS, 1)
        loops = []
        for level in reversed(range(len(architecture.levels))):
            slots = [Slot(level, axis, dimension) for axis in AXES for dimension in DIMENSIONS]
            slots += [Slot(level, "t", dimension) for dimension in orders[level]]
            for slot in slots:
                factor = factors.get(slot, 1)
                if isinstance(factor, int) and factor == 1:
                    continue
                loops.append(Loop(slot, factor, extent[slot.dimension]))
                extent[slot.dimension] = extent[slot.dimension] * factor
        return cls(architecture, workload, tuple(loops))

    def inside(self, level: int) -> dict[str, Values]:
        """Sizes by dimension of what all loops up to those of a level run over."""
        if level not in self._inside:
            last = level == len(self.architecture.levels)
            extent = dict.fromkeys(DIMENSIONS, 1) if last else dict(self.inside(level + 1))
            for loop in self.loops:
                if loop.slot.level == level:
                    dimension = loop.slot.dimension
                    extent[dimension] = extent[dimension] * loop.factor
            self._inside[level] = extent
        return self._inside[level]

    def outside(self, level: int) -> list[Loop]:
        """The loops in time outside of a level, from the inner to the outer."""
        return [loop for loop in self.loops if loop.slot.level < level and loop.slot.axis == "t"]

    def unrolled(self, outer: int, inner: int, dimensions: str = DIMENSIONS) -> Values:
        """Product of the unrolled factors of some dimensions below levels `outer` to
        `inner` - 1."""
        total: Values = 1
        for loop in self.loops:
            slot = loop.slot
            if outer <= slot.level < inner and slot.axis != "t" and slot.dimension in dimensions:
                total = total * loop.factor
        return total

    def instances(self, level: int) -> Values:
        """Instances of a level that are used; of the multipliers where `level` is behind the
        last."""
        return self.unrolled(0, level)

    @property
    def cycles(self) -> Values:
        """Iterations of the loops in time: cycles where no bandwidth limits."""
        total: Values = 1
        for loop in self.outside(len(self.architecture.levels)):
            total = total * loop.factor
        return total

    def keepers(self, tensor: str) -> Iterator[tuple[int, int]]:
        """Levels that keep a tensor from the inside out, each with the level that it feeds; that
        is one behind the last where it feeds the multipliers."""
        fed = len(self.architecture.levels)
        for level in reversed(range(fed)):
            if tensor in self.architecture.levels[level].keeps:
                yield level, fed
                fed = level

    def size(self) -> int:
        """Mappings in the batch."""
        return max((np.size(loop.factor) for loop in self.loops), default=1)
