"""The best mapping: over all that the rules allow, or over a random sample of them."""

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from ...spec.fields import SpecError, show
from .architecture import Architecture
from .cost import Bits, CostModel, Costs
from .mapping import Mapping
from .mapspace import Mapspace, Rows
from .nest import Slot, Values
from .packing import Packing
from .workload import Workload

__all__ = ["OBJECTIVES", "Found", "Optimum", "Search", "check_objective",
           "exhaustive", "make_mapspace"]

OBJECTIVES = ("edp", "energy", "cycles")

ROUNDING = 1 - 1e-9
"""Bounds are sums of floating-point numbers: what comes this close to them is still looked at."""


@dataclasses.dataclass(frozen=True)
class Optimum:
    """The best mapping for some bits.

    Members
    -------
    mapping: its loops
    picojoules: energy
    cycles: with the slowest bandwidth
    """
    mapping: Mapping
    picojoules: float
    cycles: int

    @property
    def energy(self) -> float:
        """Energy in µJ."""
        return self.picojoules * 1e-6

    @property
    def edp(self) -> float:
        """Energy-delay product in J·cycles."""
        return self.picojoules * 1e-12 * self.cycles


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search found.

    Members
    -------
    optima: for every element of the bits asked for; None where nothing fits
    evaluated: mappings whose cost was computed
    valid: mappings that fit, of those evaluated, by element of the bits
    seconds: of the search
    """
    optima: tuple[Optimum | None, ...]
    evaluated: int
    valid: tuple[int, ...]
    seconds: float


def check_objective(objective: str) -> None:
    """Refuse an unknown objective."""
    if objective not in OBJECTIVES:
        raise SpecError(f"objective must be one of {', '.join(OBJECTIVES)}, "
                        f"but is {show(objective)}.")


def make_mapspace(architecture: Architecture, workload: Workload, bits: Sequence[Bits],
                  model: CostModel) -> Mapspace:
    """The mappings that fit for any of some bits."""
    seen = model.workload(workload)
    for one in bits:
        model.check_bits(architecture, one)
    least = {tensor: min(model.narrowest(seen, tensor, one) for one in bits)
             for tensor in ("weights", "inputs", "outputs")}

    def words(level: int, tensor: str, elements: Values) -> Values:
        memory = architecture.levels[level]
        return Packing(least[tensor], memory.word_bits, model.straddle).words(elements)

    return Mapspace(architecture, seen, words=words, all_orders=model.exact)


def exhaustive(architecture: Architecture, workload: Workload, bits: Sequence[Bits],
               model: CostModel, *, objective: str = "edp", prune: bool = True,
               progress: Callable[[int], None] | None = None) -> Found:
    """The best of all mappings, for several bits at once.

    Mappings are taken in the order of their cycles; with `prune`, those whose cycles and the
    energy that no mapping can do without (`CostModel.bound`) are no better than what is found are
    left out, which never loses the best.

    Parameters
    ----------
    objective: ``edp``, ``energy`` or ``cycles``; among equals the one of less energy-delay product
    progress: called with the mappings evaluated so far

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    check_objective(objective)
    started = time.perf_counter()
    space = make_mapspace(architecture, workload, bits, model)
    search = Search(space, model, bits, objective)
    grids = space.grids()
    first = 0
    while first < len(grids):
        if prune:
            grids = grids.take(slice(first, None))
            grids = grids.take(np.flatnonzero(search.promising(grids.cycles)))
            first = 0
            if not len(grids):
                break
        last = first + GRIDS
        for rows in space.blocks(grids.take(slice(first, last))):
            if prune:
                rows = rows.take(np.flatnonzero(search.promising(rows.cycles)))
            search.look_at(rows, prune)
            if progress is not None:
                progress(search.evaluated)
        first = last
    return search.found(time.perf_counter() - started)


GRIDS = 64
"""Ways to unroll whose mappings are enumerated before the bound is asked again."""


class Search:
    """Keeps the best for every element of the bits."""

    def __init__(self, space: Mapspace, model: CostModel, bits: Sequence[Bits], objective: str):
        self.space, self.model, self.bits, self.objective = space, model, bits, objective
        self.bounds = [model.bound(space.architecture, space.workload, one) for one in bits]
        self.best: list[tuple[float, float]] = [(np.inf, np.inf)] * len(bits)
        self.chosen: list[Optimum | None] = [None] * len(bits)
        self.valid = [0] * len(bits)
        self.evaluated = 0

    def _worth(self, energy: Values, cycles: Values) -> Values:
        match self.objective:
            case "edp":
                return energy * cycles
            case "energy":
                return energy
            case _:
                return cycles

    def promising(self, cycles: np.ndarray) -> np.ndarray:
        """Where the bound leaves room for something better, for any of the bits."""
        good = np.zeros(len(cycles), bool)
        for index in range(len(self.bits)):
            good |= self.may_improve(index, cycles)
        return good

    def may_improve(self, index: int, cycles: np.ndarray) -> np.ndarray:
        bound = self.bounds[index]
        first = self._worth(np.full(1, bound), cycles) * ROUNDING
        second = bound * cycles * ROUNDING
        best = self.best[index]
        return (first < best[0]) | ((first <= best[0]) & (second < best[1]))

    def look_at(self, rows: Rows, prune: bool = False) -> None:
        """Cost a block of mappings in every order of their loops."""
        for orders in self.space.all_orders():
            self.look_at_order(rows, orders, prune)

    def look_at_order(self, rows: Rows, orders: tuple[str, ...],
                      prune: bool = False) -> dict[int, int]:
        """Cost a block of mappings in one order of their loops: where one is better than all
        before, its row, by the place of the bits."""
        if not len(rows):
            return {}
        batch = self.model.batch(self.space.nest(rows, orders))
        self.evaluated += len(rows)
        improved = {}
        for index, bits in enumerate(self.bits):
            if not prune or self.may_improve(index, rows.cycles).any():
                at = self._keep(index, rows, orders, batch.of(bits))
                if at is not None:
                    improved[index] = at
        return improved

    def _keep(self, index: int, rows: Rows, orders: tuple[str, ...], costs: Costs) -> int | None:
        valid = np.broadcast_to(costs.valid, len(rows))
        count = int(np.count_nonzero(valid))
        self.valid[index] += count
        if not count:
            return None
        energy = np.broadcast_to(costs.energy, len(rows))
        cycles = np.broadcast_to(costs.cycles, len(rows))
        worth = np.where(valid, self._worth(energy, cycles), np.inf)
        least = worth.min()
        ties = np.flatnonzero(worth == least)
        at = int(ties[np.argmin((energy * cycles)[ties])])
        reached = float(least), float(energy[at] * cycles[at])
        if reached >= self.best[index]:
            return None
        self.best[index] = reached
        factors: dict[Slot, int] = dict(self.space.fixed)
        factors.update({slot: int(own[at]) for slot, own in rows.factors.items()})
        self.chosen[index] = Optimum(Mapping.of(self.space.architecture, list(orders), factors),
                                     float(energy[at]), int(cycles[at]))
        return at

    def found(self, seconds: float) -> Found:
        return Found(tuple(self.chosen), self.evaluated, tuple(self.valid), seconds)
