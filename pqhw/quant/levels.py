"""Weights of any scheme: the nearest levels, at the scale with the least error; and which rows of
a layer of two schemes take which."""

from collections.abc import Callable

import numpy as np

from ..spec.products import SCHEMES_OF_MIXED
from ..spec.weights import magnitudes
from .fixed import SMALLEST_SCALE

__all__ = ["mixed_weights", "nearest_levels", "nearest_plane_levels", "plane_weights",
           "scheme_weights"]

SCALES = 80
"""Scales tried for a row."""

SMALLEST, LARGEST = 0.4, 1.2
"""Between which shares of the scale that lets the largest weight be the largest level."""

SMALLEST_OF_FEW = 0.1
"""The smaller share where there may be two levels, whose scale is the mean magnitude."""


def nearest_levels(values: np.ndarray, scheme: str, bits: int) -> np.ndarray:
    """The level next to each value, in units of the integers; ties to the smaller magnitude."""
    levels = magnitudes(scheme, bits)
    between = (levels[1:] + levels[:-1]) / 2
    chosen: np.ndarray = levels[np.searchsorted(between, np.abs(values), side="left")]
    return np.where(values < 0, -chosen, chosen)


def scheme_weights(weights: np.ndarray, scheme: str, bits: int, *, per_output: bool = True
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Weights [N, D] as levels of a scheme, and the scales [N] with weights ~ scale * level.

    Every row, or the layer as a whole, takes the scale of the least squared error among `SCALES`,
    spaced by equal factors; the larger one on ties.

    Returns
    -------
    Levels [N, D], int64, and scales [N], float64; none is less than 1/256 of the largest, as for
    `integer_weights`.
    """
    return _at_best_scale(weights, int(magnitudes(scheme, bits)[-1]), per_output,
                          lambda values: nearest_levels(values, scheme, bits))


def nearest_plane_levels(values: np.ndarray, planes: str, bits: int) -> np.ndarray:
    """The level of planes of bits next to each value; ties go up.

    ``twos``: -2**(bits-1) … 2**(bits-1) - 1. ``pm1``: the odd integers of ±(2**bits - 1).
    """
    if planes == "twos":
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        return np.clip(np.floor(values + 0.5), low, high).astype(np.int64)
    codes = np.clip(np.floor((values + (1 << bits)) / 2), 0, (1 << bits) - 1).astype(np.int64)
    return 2 * codes - (1 << bits) + 1


def plane_weights(weights: np.ndarray, planes: str, bits: int, *, per_output: bool = True
                  ) -> tuple[np.ndarray, np.ndarray]:
    """Weights [N, D] as levels of planes of bits, and their scales, as `scheme_weights`."""
    top = (1 << bits) - 1 if planes == "pm1" else max(1, (1 << (bits - 1)) - 1)
    return _at_best_scale(weights, top, per_output,
                          lambda values: nearest_plane_levels(values, planes, bits),
                          smallest=SMALLEST_OF_FEW)


def _at_best_scale(weights: np.ndarray, top: int, per_output: bool,
                   nearest: Callable[[np.ndarray], np.ndarray], *, smallest: float = SMALLEST
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Levels and scales of the least squared error; `top` is the largest level."""
    groups = weights if per_output else weights.reshape(1, -1)
    largest = np.abs(groups).max(axis=1)
    full = np.maximum(largest, (largest.max() or 1.0) * SMALLEST_SCALE) / top
    best = np.full(len(groups), np.inf)
    scale = full.copy()
    for share in np.geomspace(LARGEST, smallest, SCALES):
        candidate = full * share
        error = groups - candidate[:, None] * nearest(groups / candidate[:, None])
        squared = (error ** 2).sum(axis=1)
        better = squared < best
        best[better], scale[better] = squared[better], candidate[better]
    scale = np.broadcast_to(scale, len(weights))
    return nearest(weights / scale[:, None]), scale


def mixed_weights(weights: np.ndarray, bits: int, fixed_rows: int, *, by: str = "variance",
                  per_output: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights [N, D] as levels of two schemes, `fixed_rows` of them integers, the others sums of
    two powers of two.

    Parameters
    ----------
    by:
        Which rows become integers: those of the largest ``variance``, as is published for this
        scheme, or those that lose most as sums of powers of two, by the squared ``error`` of
        either. The first of equal rows.
    per_output:
        One scale for every row, or one for the layer.

    Returns
    -------
    Levels [N, D], int64; scales [N], float64; and scheme [N]: 0 for integers, 1 for the others.

    Raises
    ------
    ValueError
        If `by` is neither, or there are not so many rows.
    """
    if by not in ("variance", "error"):
        raise ValueError(f'by must be "variance" or "error", but is {by!r}.')
    if not 0 <= fixed_rows <= len(weights):
        raise ValueError(f"fixed_rows must be from 0 to {len(weights)}, but is {fixed_rows}.")
    both = [scheme_weights(weights, scheme, bits) for scheme in SCHEMES_OF_MIXED]
    if by == "variance":
        gain = weights.var(axis=1)
    else:
        fixed, other = (((weights - scale[:, None] * levels) ** 2).sum(axis=1)
                        for levels, scale in both)
        gain = other - fixed
    scheme = np.ones(len(weights), np.int64)
    scheme[np.argsort(-gain, kind="stable")[:fixed_rows]] = 0
    if not per_output:
        both = _one_scale(weights, scheme, bits)
    rows = scheme[:, None] == 0
    return (np.where(rows, both[0][0], both[1][0]), np.where(scheme == 0, both[0][1], both[1][1]),
            scheme)


def _one_scale(weights: np.ndarray, scheme: np.ndarray, bits: int
               ) -> list[tuple[np.ndarray, np.ndarray]]:
    """Levels and scales of either scheme at the one scale that suits the rows best."""
    largest = max(np.abs(weights).max(), SMALLEST_SCALE)
    best: tuple[float, list[tuple[np.ndarray, np.ndarray]]] | None = None
    for share in np.geomspace(LARGEST, SMALLEST, SCALES):
        scale = largest / magnitudes("fixed", bits)[-1] * share
        levels = [nearest_levels(weights / scale, name, bits) for name in SCHEMES_OF_MIXED]
        error = weights - scale * np.where(scheme[:, None] == 0, *levels)
        squared = float((error ** 2).sum())
        if best is None or squared < best[0]:
            best = squared, [(own, np.full(len(weights), scale)) for own in levels]
    assert best is not None
    return best[1]
