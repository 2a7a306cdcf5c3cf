"""Trees and tables of a layer in the words of an overlay, whose trees may be deeper."""

from collections.abc import Callable

import numpy as np

from ...spec.overlay.overlay import ELEMENT_BITS, WINDOW, OverlaySpec
from ...spec.parameters import TreeParameters
from ...spec.pq import PQSpec
from ...spec.ranges import ceil_div

__all__ = ["fitted_trees", "table_words"]

ALWAYS = -(1 << ELEMENT_BITS - 1)
"""A threshold that every element reaches."""


def fitted_trees(spec: OverlaySpec, engine: PQSpec, own: TreeParameters,
                 kernel: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds [words, lanes, K] and dims [words, lanes, log2 K].

    A tree of fewer levels hangs below levels that always go on to the upper node, so that its
    codes are the highest ones.
    """
    subspaces = engine.subspaces
    words = ceil_div(subspaces, spec.lanes)
    depth = own.split_dims.shape[1]
    missing = spec.depth - depth
    thresholds = np.zeros((words * spec.lanes, spec.prototypes), np.int64)
    dims = np.zeros((words * spec.lanes, spec.depth), np.int64)
    split = np.broadcast_to(own.split_dims, (subspaces, depth))
    if kernel != (1, 1):
        split = split // kernel[1] * WINDOW + split % kernel[1]
    dims[:subspaces, missing:] = split
    given = np.broadcast_to(own.thresholds, (subspaces, own.thresholds.shape[1]))
    for level in range(spec.depth):
        first = 1 << level
        if level < missing:
            thresholds[:subspaces, first:2 * first] = ALWAYS
            continue
        size = 1 << level - missing
        upper = 2 * first - size
        thresholds[:subspaces, upper:upper + size] = given[:, size - 1:2 * size - 1]
    return (thresholds.reshape(words, spec.lanes, -1), dims.reshape(words, spec.lanes, -1))


def table_words(spec: OverlaySpec, own: TreeParameters,
                subspaces: int) -> Callable[[slice], np.ndarray]:
    """Entries [words, lanes, Q] of some outputs, K words to a subspace of every lane."""
    entries = own.tables.reshape(subspaces, -1, own.tables.shape[-1])
    count = entries.shape[1]
    groups, lanes, size = ceil_div(subspaces, spec.lanes), spec.lanes, spec.outputs_per_cycle
    highest = spec.prototypes - count

    def words(outputs: slice) -> np.ndarray:
        part = entries[:, :, outputs]
        placed = np.zeros((groups * lanes, spec.prototypes, size), np.int64)
        placed[:subspaces, highest:, :part.shape[2]] = part
        ordered = placed.reshape(groups, lanes, spec.prototypes, size).transpose(0, 2, 1, 3)
        return ordered.reshape(-1, lanes, size)

    return words
