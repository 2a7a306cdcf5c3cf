"""The multiply-accumulate layer on planes of bits in exact integers, a precision for every row."""

import numpy as np

from ..spec import BitplaneSpec, Conv2d
from ..spec.parameters import BitplaneParameters
from .conv import mac_sums
from .lookup import exact_product
from .requantize import requantize

__all__ = ["activations_at", "bitplane_layer", "bitplane_sums", "weights_at"]


def weights_at(spec: BitplaneSpec, weights: np.ndarray, precision: int) -> np.ndarray:
    """What the upper planes of weights stand for at a precision."""
    planes, _ = spec.precisions[precision]
    most = spec.engine.weight_bits
    if not spec.two_valued:
        return weights >> (most - planes)
    codes = (weights + (1 << most) - 1) >> 1
    return 2 * (codes >> (most - planes)) - (1 << planes) + 1


def activations_at(spec: BitplaneSpec, values: np.ndarray, precision: int) -> np.ndarray:
    """What the upper planes of activations stand for at a precision."""
    _, planes = spec.precisions[precision]
    most = spec.precision.activation_bits
    if not spec.two_valued:
        return values >> (most - planes)
    codes = values + (1 << (most - 1)) if spec.precision.activation_signed else values
    return 2 * (codes >> (most - planes)) - (1 << planes) + 1


def bitplane_layer(spec: BitplaneSpec, parameters: BitplaneParameters, rows: np.ndarray,
                   precisions: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D], or [R, OH, OW, N] of images [R, H, W, C].

    At a row's precision p: requantise(bias[p, n] + sum_d x_p[d] * w_p[n, d]).
    """
    results = np.zeros((len(rows), *spec.layer.output_shape), np.int64)
    for precision in np.unique(precisions).tolist():
        chosen = precisions == precision
        sums = bitplane_sums(spec, parameters, rows[chosen], precision)
        results[chosen] = requantize(sums, spec.output, int(parameters.shift[precision]),
                                     parameters.multiplier[precision])
    return results


def bitplane_sums(spec: BitplaneSpec, parameters: BitplaneParameters, rows: np.ndarray,
                  precision: int) -> np.ndarray:
    """Accumulators of rows of one precision, the bias included."""
    values = activations_at(spec, rows, precision)
    weights = weights_at(spec, parameters.weights, precision)
    if isinstance(spec.layer, Conv2d):
        return mac_sums(spec.layer, weights, values) + parameters.bias[precision]
    return exact_product(values, weights.T) + parameters.bias[precision]
