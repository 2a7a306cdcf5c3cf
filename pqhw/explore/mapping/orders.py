"""Orders of the loops at one level: one of each kind that costs the same."""

import functools
import itertools

from .workload import RELEVANT, SLIDING

__all__ = ["level_orders"]

MOST_COMPARED = 6


@functools.cache
def level_orders(dimensions: str, tensors: frozenset[str]) -> list[str]:
    """Orders from the inner to the outer loop, of which every other one equals one in cost.

    Counted are the reference's accesses (`stepwise_halo`): the loops of a level matter to a
    tensor kept further in by which of them lie inside of the first that exchanges its tile, and to
    inputs also by which loops move the window before any other does. Two orders are alike
    if that holds for whatever subset of the loops has more than one iteration. Of more than
    `MOST_COMPARED` loops all orders are kept.
    """
    if not tensors:
        return [dimensions]
    if len(dimensions) > MOST_COMPARED:
        return ["".join(order) for order in itertools.permutations(dimensions)]
    subsets = [set(subset) for size in range(1, len(dimensions) + 1)
               for subset in itertools.combinations(dimensions, size)]
    found: dict[tuple[object, ...], str] = {}
    for order in itertools.permutations(dimensions):
        kinds = tuple(_kind([name for name in order if name in subset], tensors)
                      for subset in subsets)
        found.setdefault(kinds, "".join(order))
    return list(found.values())


def _kind(loops: list[str], tensors: frozenset[str]) -> tuple[object, ...]:
    kinds: list[object] = []
    for tensor in sorted(tensors):
        chooses = [name in RELEVANT[tensor] for name in loops]
        staying = loops[:chooses.index(True)] if any(chooses) else loops
        kinds.append(frozenset(staying))
        if tensor == "inputs" and any(chooses):
            kinds.append(_run([name for name in loops if name in RELEVANT["inputs"]]))
    return tuple(kinds)


def _run(moving: list[str]) -> tuple[str, ...]:
    """The loops that move the window one way before any moves something else."""
    axis = SLIDING.get(moving[0])
    return tuple(itertools.takewhile(lambda name: axis and SLIDING.get(name) == axis, moving))
