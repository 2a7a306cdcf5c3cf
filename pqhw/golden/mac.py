"""The multiply-accumulate layer in exact integers."""

import numpy as np

from ..spec import MACSpec
from ..spec.parameters import MACParameters
from .lookup import exact_product
from .requantize import requantize

__all__ = ["mac_layer"]


def mac_layer(spec: MACSpec, parameters: MACParameters, rows: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D]: requantise(bias[n] + sum_d x[d] * w[n, d])."""
    accumulators = exact_product(rows, parameters.weights.T) + parameters.bias
    return requantize(accumulators, spec.output, parameters.shift, parameters.multiplier)
