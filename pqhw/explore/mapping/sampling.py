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
    """The best of a random sample of mappings, for each of several bits, which share the draws.

    Factors of every dimension are drawn evenly from all its factorizations, orders evenly from
    all that may matter. With `improve`, a quarter of the samples is drawn so, and the others
    change what is best so far for one of the bits after another: the factors of one or two
    dimensions, or the order at one level.

    Parameters
    ----------
    samples: mappings drawn; those that do not fit count
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
    space = make_mapspace(architecture, workload, bits, model)
    rounds = min(ROUNDS, max(1, samples // (4 * GROUP))) if improve else 1
    searches = []
    for index in range(rounds):
        search = Search(space, model, bits, objective)
        share = samples // rounds + (index < samples % rounds)
        _Draws(space, np.random.default_rng([seed, index])).run(search, share, improve)
        searches.append(search)
    optima = [min(searches, key=lambda one: one.best[index]).chosen[index]
              for index in range(len(bits))]
    valid = [sum(one.valid[index] for one in searches) for index in range(len(bits))]
    return Found(tuple(optima), sum(one.evaluated for one in searches), tuple(valid),
                 time.perf_counter() - started)


class _Draws:
    """Draws mappings: per dimension the index of a factorization, per level that of an order."""

    def __init__(self, space: Mapspace, random: np.random.Generator):
        self.space, self.random = space, random
        self.slots = {name: space.unrolled[name] + space.timed[name] for name in DIMENSIONS
                      if space.unrolled[name] + space.timed[name]}
        self.ways = {name: factorizations(space.rest[name], len(slots))
                     for name, slots in self.slots.items()}

    def run(self, search: Search, samples: int, improve: bool) -> None:
        best: dict[int, tuple[dict[str, int], list[int]]] = {}
        drawn = turn = 0
        while drawn < samples:
            count = min(GROUP, samples - drawn)
            if best and improve and drawn >= samples // 4:
                orders, chosen = self._changed(list(best.values())[turn % len(best)], count)
                turn += 1
            else:
                orders, chosen = self._fresh(count)
            rows = self._rows(chosen, count)
            kept = np.flatnonzero(self.space.fits(rows))
            improved = search.look_at_order(rows.take(kept), tuple(
                own[index] for own, index in zip(self.space.orders, orders)))
            for index, at in improved.items():
                best[index] = {name: int(own[kept[at]]) for name, own in chosen.items()}, orders
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
