"""Prototypes: integer k-means over the sub-vectors of a layer's activations."""

import numpy as np

from ..golden.lookup import nearest
from ..spec import SpecError
from ..spec.ranges import Range

__all__ = ["INITIALISATIONS", "check_initialisation", "learn_prototypes", "round_half_up",
           "subvectors"]

INITIALISATIONS = ("kmeans", "random", "quantiles")
"""Ways to find prototypes."""

ROWS = 1 << 13
"""Sub-vectors of a subspace that are looked at, drawn at random where there are more."""

SAMPLE = 1 << 12
"""Sub-vectors on which k-means begins."""

ROUNDS = 40
"""Rounds of k-means on the sample; it has nearly always come to rest before."""

LAST_ROUNDS = 4
"""Rounds on all sub-vectors."""


def check_initialisation(initialisation: str, encoder: str) -> None:
    """Raise `SpecError` unless this is a way to find an encoder's prototypes."""
    if initialisation not in INITIALISATIONS:
        raise SpecError(f"initialisation must be one of {', '.join(INITIALISATIONS)}, "
                        f"but is {initialisation}.")
    if encoder == "tree" and initialisation != "kmeans":
        raise SpecError('initialisation must be left out with encoder = "tree", which has no '
                        f"prototypes, but is {initialisation}.")


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
                     restarts: int = 4, initialisation: str = "kmeans") -> np.ndarray:
    """Prototypes of every subspace, on the integer grid of the activations.

    * `kmeans`: with the encoder's own distance (medians for `l1`, middles for `chebyshev`),
      k-means++ starts, the best of several. It comes to rest on a sample of the sub-vectors and
      ends with a few rounds on all of them.
    * `random`: distinct sub-vectors, drawn with the odds of how often they occur.
    * `quantiles`: the distinct sub-vectors in the order of their projections onto the first
      principal direction; of N, prototype k is number floor((k + 1/2) N / K).

    A subspace with fewer distinct sub-vectors than prototypes takes each of them once and repeats
    the last: the encoder never picks a repetition, as the lowest index wins.

    Parameters
    ----------
    rows: activations [R, D], integers
    length, prototypes: V and K
    allowed: integers that a prototype element can take
    shared: learn one set from all subspaces together
    seed: chooses samples and starts; equal arguments give equal prototypes
    restarts: starts of k-means

    Returns
    -------
    [S, K, V], or [1, K, V] where `shared`.

    Source: D. Arthur, S. Vassilvitskii, k-means++, SODA 2007; D. Sculley, Web-Scale K-Means
    Clustering, WWW 2010, for small samples.
    """
    check_initialisation(initialisation, encoder)
    vectors = subvectors(rows, length)
    sets = [vectors.reshape(-1, length)] if shared else list(vectors.transpose(1, 0, 2))
    learned = []
    for index, own in enumerate(sets):
        random = np.random.default_rng([seed, index])
        # A random order: its beginning is a sample.
        own = own[random.permutation(len(own))[:ROWS]].astype(np.int64)
        if initialisation == "kmeans":
            learned.append(_cluster(own, prototypes, encoder, random, restarts))
        else:
            learned.append(_picked(own, prototypes, initialisation))
    return np.clip(np.stack(learned), allowed.low, allowed.high)


def _filled(points: np.ndarray, prototypes: int) -> np.ndarray:
    """Distinct points in ascending order, the last repeated."""
    points = np.unique(points, axis=0)
    return np.concatenate([points, points[-1:].repeat(prototypes - len(points), axis=0)])


def _picked(vectors: np.ndarray, prototypes: int, initialisation: str) -> np.ndarray:
    """Prototypes [K, V] among vectors [R, V] in random order."""
    points, first = np.unique(vectors, axis=0, return_index=True)
    if len(points) <= prototypes:
        return _filled(points, prototypes)
    if initialisation == "random":
        return vectors[np.sort(first)[:prototypes]]
    centred = vectors - vectors.mean(axis=0)
    direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    # Which of its two ends an axis points to must not depend on the machine.
    direction *= np.sign(direction[np.abs(direction).argmax()])
    ordered = points[np.argsort(points @ direction, kind="stable")]
    return ordered[(2 * np.arange(prototypes) + 1) * len(points) // (2 * prototypes)]


def _cluster(vectors: np.ndarray, prototypes: int, encoder: str, random: np.random.Generator,
             restarts: int) -> np.ndarray:
    """k-means of vectors [R, V] in random order: prototypes [K, V]."""
    best, least = vectors[:0], np.inf
    for _ in range(restarts):
        centres = _start(vectors[:SAMPLE], prototypes, encoder, random)
        if len(centres) < prototypes:
            centres = _start(vectors, prototypes, encoder, random)
        if len(centres) < prototypes:
            return _filled(centres, prototypes)
        centres = _rounds(vectors[:SAMPLE], centres, encoder, ROUNDS)
        centres = _rounds(vectors, centres, encoder, LAST_ROUNDS)
        if restarts == 1:
            return centres
        error = float(distances(vectors, centres, encoder).min(axis=1).sum())
        if error < least:
            best, least = centres, error
    return best


def _rounds(vectors: np.ndarray, centres: np.ndarray, encoder: str, most: int) -> np.ndarray:
    """Centres [K, V] after rounds of k-means on vectors [R, V], so many unless they rest before."""
    columns = vectors.T[None].astype(np.float32)
    for _ in range(most):
        moved = _centres(vectors, nearest(encoder, columns, centres[None])[0], centres, encoder)
        if (moved == centres).all():
            break
        centres = moved
    return centres


def distances(points: np.ndarray, centres: np.ndarray, encoder: str) -> np.ndarray:
    """Distances [P, K] of points [P, V] to centres [K, V]; `dot` finds what `l2` finds."""
    if encoder not in ("l1", "chebyshev"):
        # Integers far below 2**53: exact.
        own, theirs = points.astype(np.float64), centres.astype(np.float64)
        return ((own * own).sum(axis=1)[:, None] + (theirs * theirs).sum(axis=1)
                - 2 * (own @ theirs.T))
    difference = np.abs(points[:, None, :] - centres[None, :, :])
    return difference.sum(axis=2) if encoder == "l1" else difference.max(axis=2)


def _start(points: np.ndarray, prototypes: int, encoder: str,
           random: np.random.Generator) -> np.ndarray:
    """k-means++: each start is drawn with the odds of its distance to those before. All distinct
    points where there are not as many."""
    chosen = [points[0]]
    near = distances(points, points[:1], encoder)[:, 0]
    while len(chosen) < prototypes:
        reached = near.cumsum()
        if not reached[-1]:
            break
        drawn = np.searchsorted(reached, random.random() * reached[-1], side="right")
        chosen.append(points[drawn])
        near = np.minimum(near, distances(points, points[drawn, None], encoder)[:, 0])
    return np.stack(chosen)


def _centres(vectors: np.ndarray, codes: np.ndarray, before: np.ndarray,
             encoder: str) -> np.ndarray:
    """What lies nearest to all vectors [R, V] of a code [R]: the mean, the lower median for `l1`,
    the middle between the ends for `chebyshev`; where there are none, what was there before."""
    count, length = before.shape
    held = np.bincount(codes, minlength=count)[:, None]
    place = codes[:, None] * length + np.arange(length)
    if encoder not in ("l1", "chebyshev"):
        sums = np.bincount(place.ravel(), vectors.ravel(), before.size).reshape(before.shape)
        return np.where(held, round_half_up(sums / np.maximum(held, 1)), before)
    low, levels = vectors.min(), int(np.ptp(vectors)) + 1
    found = np.bincount((place * levels + vectors - low).ravel(), minlength=before.size * levels)
    reached = found.reshape(count, length, levels).cumsum(axis=2)

    def level(rank: np.ndarray | int) -> np.ndarray:
        return low + (reached >= np.broadcast_to(rank, held.shape)[:, :, None]).argmax(axis=2)

    if encoder == "l1":
        return np.where(held, level((held + 1) // 2), before)
    return np.where(held, round_half_up((level(1) + level(held)) / 2), before)
