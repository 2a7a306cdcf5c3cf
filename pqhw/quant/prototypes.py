"""Prototypes: integer k-means over the sub-vectors of a layer's activations."""

import numpy as np

from ..spec.ranges import Range

__all__ = ["learn_prototypes", "round_half_up", "subvectors"]

ITERATIONS = 40
"""Rounds of k-means; it has nearly always come to rest before."""


def round_half_up(values: np.ndarray) -> np.ndarray:
    """Real values to the nearest integers, halves up, as the hardware rounds."""
    return np.floor(np.asarray(values) + 0.5).astype(np.int64)


def subvectors(rows: np.ndarray, length: int) -> np.ndarray:
    """Sub-vectors [R, S, V] of rows [R, D], the tail padded with 0."""
    subspaces = -(-rows.shape[1] // length)
    padded = np.zeros((len(rows), subspaces * length), rows.dtype)
    padded[:, :rows.shape[1]] = rows
    return padded.reshape(len(rows), subspaces, length)


def learn_prototypes(rows: np.ndarray, *, length: int, prototypes: int, allowed: Range,
                     encoder: str = "l2", shared: bool = False, seed: int = 0,
                     restarts: int = 4) -> np.ndarray:
    """Prototypes of every subspace, on the integer grid of the activations.

    k-means with the encoder's own distance (k-medians for `l1`, middles for `chebyshev`), k-means++
    starts, the best of several. A subspace with fewer distinct sub-vectors than prototypes takes
    each of them once and repeats the last: the encoder never picks a repetition, as the lowest
    index wins.

    Parameters
    ----------
    rows: activations [R, D], integers
    length, prototypes: V and K
    allowed: integers that a prototype element can take
    shared: learn one set from all subspaces together
    seed: chooses the starts; equal arguments give equal prototypes

    Returns
    -------
    [S, K, V], or [1, K, V] where `shared`.
    """
    vectors = subvectors(rows, length)
    sets = [vectors.reshape(-1, length)] if shared else list(vectors.transpose(1, 0, 2))
    learned = [_cluster(own, prototypes, encoder, np.random.default_rng([seed, index]), restarts)
               for index, own in enumerate(sets)]
    return np.clip(np.stack(learned), allowed.low, allowed.high)


def _cluster(vectors: np.ndarray, prototypes: int, encoder: str, random: np.random.Generator,
             restarts: int) -> np.ndarray:
    points, counts = np.unique(vectors, axis=0, return_counts=True)
    if len(points) <= prototypes:
        return np.concatenate([points, points[-1:].repeat(prototypes - len(points), axis=0)])
    best, least = points[:prototypes], np.inf
    for _ in range(restarts):
        centres = _start(points, counts, prototypes, encoder, random)
        for _ in range(ITERATIONS):
            nearest = distances(points, centres, encoder).argmin(axis=1)
            moved = _centres(points, counts, nearest, centres, encoder)
            if (moved == centres).all():
                break
            centres = moved
        error = float(counts @ distances(points, centres, encoder).min(axis=1))
        if error < least:
            best, least = centres, error
    return best


def distances(points: np.ndarray, centres: np.ndarray, encoder: str) -> np.ndarray:
    """Distances [P, K] of points [P, V] to centres [K, V]; `dot` finds what `l2` finds."""
    if encoder not in ("l1", "chebyshev"):
        # Integers far below 2**53: exact.
        own, theirs = points.astype(np.float64), centres.astype(np.float64)
        return ((own * own).sum(axis=1)[:, None] + (theirs * theirs).sum(axis=1)
                - 2 * (own @ theirs.T))
    difference = np.abs(points[:, None, :] - centres[None, :, :])
    return difference.sum(axis=2) if encoder == "l1" else difference.max(axis=2)


def _start(points: np.ndarray, counts: np.ndarray, prototypes: int, encoder: str,
           random: np.random.Generator) -> np.ndarray:
    """k-means++: each start is drawn with the odds of its distance to those before."""
    chosen = [points[random.choice(len(points), p=counts / counts.sum())]]
    for _ in range(prototypes - 1):
        odds = counts * distances(points, np.stack(chosen), encoder).min(axis=1)
        chosen.append(points[random.choice(len(points), p=odds / odds.sum())])
    return np.stack(chosen)


def _centres(points: np.ndarray, counts: np.ndarray, nearest: np.ndarray, before: np.ndarray,
             encoder: str) -> np.ndarray:
    """Centres [K, V] of the clusters that `nearest` [P] names."""
    if encoder not in ("l1", "chebyshev"):
        weights = np.zeros((len(before), len(points)))
        weights[nearest, np.arange(len(points))] = counts
        total = weights.sum(axis=1, keepdims=True)
        means = round_half_up((weights @ points) / np.maximum(total, 1))
        return np.where(total > 0, means, before)
    return np.stack([_centre(points[nearest == k], counts[nearest == k], own, encoder)
                     for k, own in enumerate(before)])


def _centre(points: np.ndarray, counts: np.ndarray, before: np.ndarray,
            encoder: str) -> np.ndarray:
    """What lies nearest to all: the lower median for `l1`, the middle between the ends for
    `chebyshev`; an empty cluster stays where it was."""
    if not len(points):
        return before
    if encoder == "chebyshev":
        return round_half_up((points.min(axis=0) + points.max(axis=0)) / 2)
    order = np.argsort(points, axis=0, kind="stable")
    reached = np.cumsum(counts[order], axis=0) * 2 >= counts.sum()
    middle = order[reached.argmax(axis=0), np.arange(points.shape[1])]
    return points[middle, np.arange(points.shape[1])]
