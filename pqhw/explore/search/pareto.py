"""Points that no other beats in everything."""

import numpy as np

__all__ = ["nondominated"]

BLOCK = 1024
"""Points that are compared with each other at once."""


def nondominated(costs: np.ndarray) -> np.ndarray:
    """Indices, ascending, of the rows of costs [points, objectives] that no other row dominates.

    A row dominates another if it is nowhere larger and somewhere smaller; of equal rows the first
    is kept.
    """
    if not len(costs):
        return np.zeros(0, dtype=np.int64)
    distinct, first = np.unique(costs, axis=0, return_index=True)
    # What dominates a row stands before it, as rows are sorted by their first column, then the
    # next: a row has to be compared with those that were kept before, and within its block.
    kept = np.zeros((0, costs.shape[1]))
    indices: list[np.ndarray] = []
    for start in range(0, len(distinct), BLOCK):
        block = distinct[start:start + BLOCK]
        places = first[start:start + BLOCK]
        free = ~_dominated(block, kept)
        block, places = block[free], places[free]
        free = ~_dominated(block, block)
        block, places = block[free], places[free]
        kept = np.concatenate([kept, block])
        indices.append(places)
    return np.sort(np.concatenate(indices))


def _dominated(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Whether one of the others, different from it, is nowhere larger than a row."""
    found = np.zeros(len(rows), dtype=bool)
    for start in range(0, len(others), BLOCK):
        part = others[start:start + BLOCK]
        covers = np.ones((len(rows), len(part)), dtype=bool)
        differs = np.zeros((len(rows), len(part)), dtype=bool)
        for own, theirs in zip(rows.T, part.T):
            covers &= theirs <= own[:, None]
            differs |= theirs != own[:, None]
        found |= (covers & differs).any(axis=1)
    return found
