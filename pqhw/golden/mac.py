"""The multiply-accumulate layer in exact integers."""

import numpy as np

from ..spec import MACSpec
from ..spec.parameters import MACParameters
from .requantize import requantize

__all__ = ["mac_layer"]


def mac_layer(spec: MACSpec, parameters: MACParameters, rows: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D]: requantise(bias[n] + sum_d x[d] * w[n, d])."""
    # Double precision is exact here: sums stay far below 2**53 (2**15 per term, 2**16 terms).
    products = rows.astype(np.float64) @ parameters.weights.T.astype(np.float64)
    accumulators = products.astype(np.int64) + parameters.bias
    return requantize(accumulators, spec.output, parameters.shift, parameters.multiplier)
