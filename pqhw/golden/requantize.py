"""Rounding, shifting and clamping: the one place where the product rounds."""

import numpy as np

from ..spec import Requantize

__all__ = ["shift_half_up", "requantize"]


def shift_half_up(values: np.ndarray, shift: int) -> np.ndarray:
    """values / 2**shift, rounded half up: (v + 2**(shift-1)) >> shift, arithmetic."""
    if shift == 0:
        return values
    return (values + (1 << (shift - 1))) >> shift


def requantize(accumulators: np.ndarray, output: Requantize | None, shift: int,
               multiplier: np.ndarray) -> np.ndarray:
    """Accumulators [..., N] as results; unchanged where `output` is None.

    ``shift`` mode: clamp((acc + 2**(r-1)) >> r); ``scale`` mode: clamp((acc*m + 2**(r-1)) >> r).
    """
    if output is None:
        return accumulators
    if output.mode == "scale":
        accumulators = accumulators * multiplier
    return np.clip(shift_half_up(accumulators, shift), output.range.low, output.range.high)
