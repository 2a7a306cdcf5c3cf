"""All mappings that an architecture's rules allow, in blocks of arrays."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ...spec.fields import SpecError
from .architecture import AXES, Architecture
from .counts import tile_elements
from .nest import Nest, Slot, Values
from .orders import level_orders
from .workload import DIMENSIONS, TENSORS, Workload

__all__ = ["Mapspace", "Rows", "factorizations"]

BLOCK = 1 << 14
"""Mappings that are handled at a time: their arrays stay in the cache of a core."""


@functools.cache
def factorizations(size: int, places: int) -> np.ndarray:
    """All ways to write a size as an ordered product, [ways, places]; factors divide exactly."""
    if places == 0:
        return np.ones((int(size == 1), 0), np.int64)
    if places == 1:
        return np.array([[size]], np.int64)
    return np.concatenate([
        np.column_stack((np.full(len(rest), divisor), rest))
        for divisor in _divisors(size)
        for rest in [factorizations(size // divisor, places - 1)]])


def _divisors(size: int) -> list[int]:
    low = [one for one in range(1, math.isqrt(size) + 1) if size % one == 0]
    return sorted({*low, *(size // one for one in low)})


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Partly chosen mappings.

    Members
    -------
    factors: by slot, an array of one factor per mapping
    rest: by dimension, what its loops in time still have to multiply to
    cycles: of each mapping, where no bandwidth limits
    """
    factors: dict[Slot, np.ndarray]
    rest: dict[str, np.ndarray]
    cycles: np.ndarray

    def __len__(self) -> int:
        return len(self.cycles)

    def take(self, index: np.ndarray | slice) -> "Rows":
        """Some of the rows."""
        return Rows({slot: own[index] for slot, own in self.factors.items()},
                    {name: own[index] for name, own in self.rest.items()}, self.cycles[index])

    @staticmethod
    def join(parts: Sequence["Rows"]) -> "Rows":
        """Rows one after another."""
        return Rows({slot: np.concatenate([part.factors[slot] for part in parts])
                     for slot in parts[0].factors},
                    {name: np.concatenate([part.rest[name] for part in parts])
                     for name in parts[0].rest},
                    np.concatenate([part.cycles for part in parts]))


class Mapspace:
    """The mappings of a workload on an architecture.

    Parameters
    ----------
    workload: as the cost model sees it
    words: the fewest words that a tile takes, of a level, tensor and number of elements; what
        cannot fit with these is left out
    all_orders: keep every order of loops, also those that `level_orders` shows to be alike

    Raises
    ------
    SpecError
        If no rule admits a dimension, or the rules leave no mapping.
    """

    def __init__(self, architecture: Architecture, workload: Workload, *,
                 words: Callable[[int, str, Values], Values], all_orders: bool = False):
        architecture.check_admits(workload)
        self.architecture, self.workload, self.words = architecture, workload, words
        self.fixed: dict[Slot, int] = {}
        self.unrolled: dict[str, list[Slot]] = {}
        self.timed: dict[str, list[Slot]] = {}
        self.rest: dict[str, int] = {}
        for dimension, size in workload.sizes.items():
            self._place(dimension, size)
        self.orders = self._orders(all_orders)

    def _place(self, dimension: str, size: int) -> None:
        places = [(Slot(level, axis, dimension), rule)
                  for level, axis, rule in self.architecture.places()]
        whole = [slot for slot, rule in places if dimension in rule.whole]
        free, rest = [], size
        for slot, rule in places:
            factor = rule.factor(dimension, size) if not whole else size if slot in whole else 1
            if factor is None:
                free.append(slot)
            elif factor > 1:
                self.fixed[slot] = factor
                if rest % factor:
                    raise SpecError(f"{dimension} must be a multiple of {factor}, which "
                                    f"{self.architecture.name} fixes, but is {size}.")
                rest //= factor
        self.unrolled[dimension] = [slot for slot in free if slot.axis != "t"]
        self.timed[dimension] = [slot for slot in free if slot.axis == "t"]
        if rest > 1 and not free:
            raise SpecError(f"{dimension} must be at most {size // rest}, which the rules of "
                            f"{self.architecture.name} fix, but is {size}.")
        self.rest[dimension] = rest

    def _orders(self, every: bool) -> list[list[str]]:
        """Per level, from the outermost, the orders of its loops that may matter."""
        choices = []
        for number, level in enumerate(self.architecture.levels):
            used = "".join(dimension for dimension in DIMENSIONS
                           if Slot(number, "t", dimension) in self.fixed
                           or Slot(number, "t", dimension) in self.timed[dimension])
            inner = frozenset(tensor for below in self.architecture.levels[number + 1:]
                              for tensor in below.keeps)
            if level.temporal.order:
                choices.append([level.temporal.order])
            elif every and inner:
                choices.append(["".join(order) for order in itertools.permutations(used)])
            else:
                choices.append(level_orders(used, inner))
        return choices

    @property
    def size(self) -> int:
        """Combinations of factors and orders, before what does not fit is left out."""
        total = math.prod(map(len, self.orders))
        for dimension in DIMENSIONS:
            total *= len(factorizations(self.rest[dimension], max(1, len(
                self.unrolled[dimension] + self.timed[dimension]))))
        return total

    def all_orders(self) -> Iterator[tuple[str, ...]]:
        """All choices of one order per level."""
        return itertools.product(*self.orders)

    # -- Rows ------------------------------------------------------------------------------

    def grids(self) -> Rows:
        """All ways to unroll loops, those of fewest cycles first."""
        rows = Rows({}, {}, np.ones(1, np.int64))
        for dimension in DIMENSIONS:
            slots = self.unrolled[dimension]
            size = self.rest[dimension]
            ways = factorizations(size, len(slots) + 1)
            if not self.timed[dimension]:
                ways = ways[ways[:, -1] == 1]
            index = np.repeat(np.arange(len(rows)), len(ways))
            chosen = np.tile(ways, (len(rows), 1))
            rows = rows.take(index)
            rows.factors.update({slot: chosen[:, at] for at, slot in enumerate(slots)})
            rows.rest[dimension] = chosen[:, -1]
            rows = rows.take(np.flatnonzero(self._fits_grid(rows.factors, len(rows))))
        used: Values = 1
        for slot, factor in (self.fixed | rows.factors).items():
            used = used * factor if slot.axis != "t" else used
        cycles = np.broadcast_to(self.workload.multiply_accumulates // used, len(rows))
        order = np.argsort(cycles, kind="stable")
        return Rows(rows.factors, rows.rest, cycles).take(order)

    def _fits_grid(self, factors: dict[Slot, np.ndarray], rows: int) -> np.ndarray:
        good = np.ones(rows, bool)
        for number, level in enumerate(self.architecture.levels):
            for axis in AXES:
                fanout = level.fanout(axis)
                if fanout is not None:
                    used: Values = 1
                    for slot, factor in (self.fixed | factors).items():
                        if (slot.level, slot.axis) == (number, axis):
                            used = used * factor
                    good &= used <= fanout.size
        return good

    def blocks(self, rows: Rows) -> Iterator[Rows]:
        """All mappings with the loops unrolled as in `rows`, in order, in blocks of about
        `BLOCK`; what does not fit any level is left out."""
        dimensions = sorted((name for name in DIMENSIONS if self.timed[name]),
                            key=lambda name: -len(factorizations(self.rest[name],
                                                                 len(self.timed[name]))))
        kept: list[Rows] = []
        for block in self._expanded(rows, dimensions):
            kept.append(block)
            if sum(map(len, kept)) >= BLOCK:
                yield Rows.join(kept)
                kept = []
        if kept:
            yield Rows.join(kept)

    def _expanded(self, rows: Rows, dimensions: Sequence[str]) -> Iterator[Rows]:
        if not dimensions:
            if len(rows):
                yield rows
            return
        dimension, slots = dimensions[0], self.timed[dimensions[0]]
        values, which = np.unique(rows.rest[dimension], return_inverse=True)
        tables = [factorizations(int(value), len(slots)) for value in values]
        counts = np.array([len(table) for table in tables], np.int64)
        starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
        ways = np.concatenate(tables) if tables else np.ones((0, len(slots)), np.int64)
        ends = np.cumsum(counts[which])
        first = 0
        while first < len(rows):
            before = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, before + BLOCK, side="right")))
            index = np.repeat(np.arange(first, last), counts[which[first:last]])
            within = np.arange(len(index)) - (ends[index] - counts[which[index]] - before)
            chosen = ways[starts[which[index]] + within]
            part = rows.take(index)
            part.factors.update({slot: chosen[:, at] for at, slot in enumerate(slots)})
            part = part.take(np.flatnonzero(self._fits(part)))
            yield from self._expanded(part, dimensions[1:])
            first = last

    def fits(self, rows: Rows) -> np.ndarray:
        """Where no more instances are used than there are, and all that is kept fits."""
        return self._fits_grid(rows.factors, len(rows)) & self._fits(rows)

    def _fits(self, rows: Rows) -> np.ndarray:
        """Whether what is chosen so far fits; loops not chosen yet only make tiles larger."""
        good = np.ones(len(rows), bool)
        nest = self.nest(rows, next(self.all_orders()))
        for number, level in enumerate(self.architecture.levels):
            if level.entries is not None and level.keeps:
                inside = nest.inside(number)
                good &= sum(self.words(number, tensor, tile_elements(self.workload, tensor, inside))
                            for tensor in TENSORS if tensor in level.keeps) <= level.entries
        return good

    def nest(self, rows: Rows, orders: Sequence[str]) -> Nest:
        """The loops of rows in given orders."""
        return Nest.of(self.architecture, self.workload, orders, self.fixed | rows.factors)
