"""Trees: the splits of a layer's sub-vectors after which each leaf's mean stands for it best."""

import numpy as np

from ..spec.ranges import Range
from .prototypes import ROWS, subvectors

__all__ = ["learn_trees", "leaf_means"]

CANDIDATES = 16
"""Elements that a level may compare: those with the largest error, where there are more."""


def learn_trees(rows: np.ndarray, *, length: int, leaves: int, allowed: Range,
                metric: np.ndarray | None = None, dims: np.ndarray | None = None,
                shared: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Balanced trees of every subspace, grown level by level.

    A level compares one element in all its nodes, each with a threshold of its own: the element
    and the thresholds that leave the least squared error between sub-vectors and the means of
    their nodes. Thresholds of least error are found among all of the grid; between two values of
    the data the middle is taken. Draws go to the lowest element and the lowest threshold.

    Parameters
    ----------
    rows: activations [R, D], integers
    length, leaves: V and K, a power of two
    allowed: integers that a threshold can be
    metric: [S, V, V], or [1, V, V] where shared: the error of a difference d is d metric d; its
        square where left out
    dims: [S, log2 K] or [1, log2 K]: elements to compare, where they are fixed
    shared: grow one tree from all subspaces together
    seed: chooses among rows where there are many

    Returns
    -------
    split_dims [S, log2 K] and thresholds [S, K - 1], node j of level t at 2**t - 1 + j; [1, ...]
    where shared. An element of at least the threshold goes right.

    Source: D. Blalock, J. Guttag, Multiplying Matrices Without Multiplying, ICML 2021, algorithms
    1 and 2, with a metric added.
    """
    vectors = subvectors(rows, length)
    sets = [vectors.reshape(-1, length)] if shared else list(vectors.transpose(1, 0, 2))
    depth = leaves.bit_length() - 1
    made = []
    for index, own in enumerate(sets):
        chosen = np.random.default_rng([seed, index]).permutation(len(own))[:ROWS]
        fixed = None if dims is None else dims[min(index, len(dims) - 1)]
        made.append(_grown(own[chosen].astype(np.int64), depth, allowed, fixed,
                           None if metric is None else metric[index]))
    return np.stack([own[0] for own in made]), np.stack([own[1] for own in made])


def leaf_means(rows: np.ndarray, codes: np.ndarray, length: int, leaves: int) -> np.ndarray:
    """Means [S, K, V] of the sub-vectors of rows [R, D] in the leaves that codes [R, S] name; a
    leaf that none has reached takes the mean of the smallest branch that some have."""
    subspaces = codes.shape[1]
    place = (np.arange(subspaces) * leaves + codes)[:, :, None] * length + np.arange(length)
    sums = [np.bincount(place.ravel(), subvectors(rows, length).ravel(), place[0].size * leaves)
            .reshape(subspaces, leaves, length)]
    counts = [np.bincount(place[:, :, 0].ravel() // length, minlength=subspaces * leaves)
              .reshape(subspaces, leaves, 1)]
    while counts[-1].shape[1] > 1:
        sums.append(sums[-1][:, ::2] + sums[-1][:, 1::2])
        counts.append(counts[-1][:, ::2] + counts[-1][:, 1::2])
    means = sums.pop() / counts.pop()
    for total, count in zip(reversed(sums), reversed(counts)):
        means = np.where(count, total / np.maximum(count, 1), means.repeat(2, axis=1))
    return means


def _grown(vectors: np.ndarray, depth: int, allowed: Range, dims: np.ndarray | None,
           metric: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Split dimensions [depth] and thresholds [2**depth - 1] of vectors [R, V]."""
    judged = vectors.astype(np.float64)
    judged -= judged.mean(axis=0)
    if metric is not None:
        size, axes = np.linalg.eigh(metric)
        judged = judged @ (axes * np.sqrt(np.maximum(size, 0)))
    nodes = np.zeros(len(vectors), np.int64)
    chosen, thresholds = [], []
    for level in range(depth):
        best, least = -1, (-np.inf, np.zeros(0, np.int64))
        tried = _candidates(vectors, nodes, 1 << level) if dims is None else dims[level:level + 1]
        for dim in tried.tolist():
            found = _best_split(vectors[:, dim], judged, nodes, 1 << level, allowed)
            if found[0] > least[0]:
                best, least = dim, found
        chosen.append(best)
        thresholds.append(least[1])
        nodes = 2 * nodes + (vectors[:, best] >= least[1][nodes])
    return np.array(chosen), np.concatenate(thresholds)


def _candidates(vectors: np.ndarray, nodes: np.ndarray, count: int) -> np.ndarray:
    """The elements of largest squared error about the means of their nodes, in ascending order."""
    if vectors.shape[1] <= CANDIDATES:
        return np.arange(vectors.shape[1])
    held = np.maximum(np.bincount(nodes, minlength=count), 1)
    means = np.stack([np.bincount(nodes, own, count) / held for own in vectors.T], axis=1)
    errors = ((vectors - means[nodes]) ** 2).sum(axis=0)
    return np.sort(np.argsort(-errors, kind="stable")[:CANDIDATES])


def _best_split(values: np.ndarray, judged: np.ndarray, nodes: np.ndarray, count: int,
                allowed: Range) -> tuple[float, np.ndarray]:
    """How much the best thresholds [count] for values [R] lower the error of `judged` [R, W].

    The squared error about means is that about 0 less |sum|**2 / number of every part.
    """
    # Where all thresholds lie on one side of the values, all values take one side.
    low = min(max(int(values.min()), allowed.low - 1), allowed.high - 1)
    levels = max(min(int(values.max()), allowed.high) - low + 1, 2)
    place = nodes * levels + np.clip(values - low, 0, levels - 1)
    below = np.bincount(place, minlength=count * levels).reshape(count, levels).cumsum(axis=1)
    gain = np.zeros((count, levels))
    above = below[:, -1:] - below
    for own in judged.T:
        left = np.bincount(place, own, count * levels).reshape(count, levels).cumsum(axis=1)
        gain += left ** 2 / np.maximum(below, 1)
        gain += (left[:, -1:] - left) ** 2 / np.maximum(above, 1)
    # A split after level i has the threshold low + 1 + i.
    gain, below = gain[:, :-1], below[:, :-1]
    first = gain.argmax(axis=1)
    node = np.arange(count)
    same = (below == below[node, first][:, None]) & (np.arange(levels - 1) >= first[:, None])
    middle = first + (same.sum(axis=1) - 1) // 2
    return float(gain[node, first].sum()), low + 1 + middle
