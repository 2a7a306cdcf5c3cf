"""Weights of any scheme: the nearest levels, at the scale with the least error."""

import numpy as np

from ..spec.weights import magnitudes
from .fixed import SMALLEST_SCALE

__all__ = ["nearest_levels", "scheme_weights"]

SCALES = 80
"""Scales tried for a row."""

SMALLEST, LARGEST = 0.4, 1.2
"""Between which shares of the scale that lets the largest weight be the largest level."""


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
    top = magnitudes(scheme, bits)[-1]
    groups = weights if per_output else weights.reshape(1, -1)
    largest = np.abs(groups).max(axis=1)
    full = np.maximum(largest, (largest.max() or 1.0) * SMALLEST_SCALE) / top
    best = np.full(len(groups), np.inf)
    scale = full.copy()
    for share in np.geomspace(LARGEST, SMALLEST, SCALES):
        candidate = full * share
        error = groups - candidate[:, None] * nearest_levels(
            groups / candidate[:, None], scheme, bits)
        squared = (error ** 2).sum(axis=1)
        better = squared < best
        best[better], scale[better] = squared[better], candidate[better]
    scale = np.broadcast_to(scale, len(weights))
    return nearest_levels(weights / scale[:, None], scheme, bits), scale
