"""Good mappings of spaces that are too large to be searched whole: random draws, improved."""

import time
from collections.abc import Sequence

import numpy as np

from ...spec.fields import Integer
from .architecture import Architecture
from .cost import Bits, CostModel
from .mapspace import Mapspace, Rows, factorizations
from .search import Found, Search, check_objective, make_mapspace
from .workload import DIMENSIONS, Workload

__all__ = ["sampled"]

GROUP = 1024
"""Mappings that share one order of loops and are costed at a time."""

ROUNDS = 8
"""Beginnings among which the samples are divided."""


def sampled(architecture: Architecture, workload: Workload, bits: Sequence[Bits],
            model: CostModel, *, samples: int = 200_000, seed: int = 0, improve: bool = True,
            objective: str = "edp") -> Found:
    """The best of a random sample of mappings, for each of several bits.

    Factors of every dimension are drawn evenly from all its factorizations, orders evenly from
    all that may matter. With `improve`, a quarter of the samples is drawn so, and the others
    change what is best so far: the factors of one or two dimensions, or the order at one level.

    Parameters
    ----------
    samples: mappings drawn, for each element of `bits`; those that do not fit count
    seed: equal seeds give equal results

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    check_objective(objective)
    Integer(1, 1 << 40).check("samples", samples)
    Integer(0, 1 << 62).check("seed", seed)
    started = time.perf_counter()
    optima, valid, evaluated = [], [], 0
    for one in bits:
        space = make_mapspace(architecture, workload, [one], model)
        rounds = min(ROUNDS, max(1, samples // (4 * GROUP))) if improve else 1
        found = []
        for index in range(rounds):
            draws = _Draws(space, np.random.default_rng([seed, index]))
            search = Search(space, model, [one], objective)
            share = samples // rounds + (index < samples % rounds)
            draws.run(search, share, improve)
            found.append((search.best[0], index, search.chosen[0]))
            valid.append(search.valid[0])
            evaluated += search.evaluated
        optima.append(min(found, key=lambda own: own[:2])[2])
        valid[-rounds:] = [sum(valid[-rounds:])]
    return Found(tuple(optima), evaluated, tuple(valid), time.perf_counter() - started)


class _Draws:
    """Draws mappings: per dimension the index of a factorization, per level that of an order."""

    def __init__(self, space: Mapspace, random: np.random.Generator):
        self.space, self.random = space, random
        self.slots = {name: space.unrolled[name] + space.timed[name] for name in DIMENSIONS
                      if space.unrolled[name] + space.timed[name]}
        self.ways = {name: factorizations(space.rest[name], len(slots))
                     for name, slots in self.slots.items()}

    def run(self, search: Search, samples: int, improve: bool) -> None:
        drawn = 0
        best: tuple[dict[str, int], list[int]] | None = None
        reached = search.best[0]
        while drawn < samples:
            count = min(GROUP, samples - drawn)
            fresh = best is None or not improve or drawn < samples // 4
            orders, chosen = self._fresh(count) if best is None or fresh \
                else self._changed(best, count)
            rows = self._rows(chosen, count)
            kept = np.flatnonzero(self.space.fits(rows))
            at = search.look_at_order(rows.take(kept), tuple(
                own[index] for own, index in zip(self.space.orders, orders)))
            if at is not None and search.best[0] < reached:
                reached = search.best[0]
                best = {name: int(own[kept[at]]) for name, own in chosen.items()}, orders
            drawn += count

    def _fresh(self, count: int) -> tuple[list[int], dict[str, np.ndarray]]:
        return [int(self.random.integers(len(own))) for own in self.space.orders], {
            name: self.random.integers(len(ways), size=count) for name, ways in self.ways.items()}

    def _changed(self, best: tuple[dict[str, int], list[int]],
                 count: int) -> tuple[list[int], dict[str, np.ndarray]]:
        factors, orders = best
        orders = list(orders)
        if self.random.random() < 0.5:
            level = int(self.random.integers(len(orders)))
            orders[level] = int(self.random.integers(len(self.space.orders[level])))
        names = list(self.ways)
        chosen = {name: np.full(count, factors[name]) for name in names}
        for _ in range(2):
            which = self.random.integers(len(names) + 1, size=count)
            for index, name in enumerate(names):
                rows = np.flatnonzero(which == index)
                chosen[name][rows] = self.random.integers(len(self.ways[name]), size=len(rows))
        return orders, chosen

    def _rows(self, chosen: dict[str, np.ndarray], count: int) -> Rows:
        factors = {}
        used = np.ones(count, np.int64)
        for slot, factor in self.space.fixed.items():
            used *= factor if slot.axis != "t" else 1
        for name, slots in self.slots.items():
            own = self.ways[name][chosen[name]]
            for at, slot in enumerate(slots):
                factors[slot] = own[:, at]
                if slot.axis != "t":
                    used *= own[:, at]
        return Rows(factors, {}, self.space.workload.multiply_accumulates // used)
