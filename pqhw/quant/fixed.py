"""Fixed-point weights of the multiply-accumulate engines, and their output scales."""

import numpy as np

from ..spec.widths import MULTIPLIER_BITS
from .prototypes import round_half_up

__all__ = ["SMALLEST_SCALE", "integer_weights", "multipliers"]

SMALLEST_SCALE = 2.0 ** -8
"""Scale of an output's row, at least, as a share of the layer's largest."""


def integer_weights(weights: np.ndarray, bits: int, *, per_output: bool = True
                    ) -> tuple[np.ndarray, np.ndarray]:
    """Weights [N, D] as symmetric integers and the scales [N] with weights ~ scale * integer.

    The largest magnitude of an output's row, or of the whole layer, becomes 2**(bits-1) - 1. No
    row's scale is below 1/256 of the largest: a neuron that learned nothing would else ask for
    a bias and a multiplier without bound.
    """
    top = (1 << (bits - 1)) - 1
    largest = np.abs(weights).max(axis=1 if per_output else None)
    largest = np.maximum(largest, (largest.max() or 1.0) * SMALLEST_SCALE)
    largest = np.broadcast_to(largest, len(weights))
    scale = largest / top
    return np.clip(round_half_up(weights / scale[:, None]), -top, top), scale


def multipliers(scale: np.ndarray, max_shift: int) -> tuple[np.ndarray, int]:
    """Unsigned 16-bit multipliers m [N] and one shift r with m / 2**r nearest to the scales [N].

    r is the largest that keeps every m in range, at most `max_shift`.

    Raises
    ------
    ValueError
        If a scale is 2**16 or more, which no multiplier reaches.
    """
    top = (1 << MULTIPLIER_BITS) - 1
    for shift in range(max_shift, -1, -1):
        candidates = round_half_up(scale * 2.0 ** shift)
        if candidates.max() <= top:
            return candidates, shift
    raise ValueError(f"scales must be below {top + 1}, but the largest is {scale.max():g}.")
