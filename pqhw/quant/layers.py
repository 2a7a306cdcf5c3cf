"""One layer in integers: levels of its weights, products of its prototypes, its bias and shift."""

import dataclasses
from typing import Any

import numpy as np

from ..spec import BitplaneSpec, EngineSpec, MACSpec, SpecError
from ..spec.order import row_capacity
from ..spec.parameters import rounding_constant
from ..spec.ranges import Range
from .fixed import integer_weights
from .levels import mixed_weights, plane_weights, scheme_weights
from .prototypes import subvectors

__all__ = ["fixed_shift", "layer_levels", "products"]


def products(prototypes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Prototype times weight [S, K, N], for prototypes [S or 1, K, V] and weights [N, D]."""
    pieces = subvectors(weights, prototypes.shape[2])
    return np.einsum("skv,nsv->skn", np.broadcast_to(
        prototypes, (pieces.shape[1], *prototypes.shape[1:])), pieces)


def fixed_shift(spec: EngineSpec, shift: int, bias: np.ndarray
                 ) -> tuple[Any, dict[str, Any]]:
    """The spec with its shift built in and the fewest bias bits, and those two parameters."""
    precision = spec.precision
    if spec.output is not None:
        precision = dataclasses.replace(
            precision, output=dataclasses.replace(spec.output, shift=shift))
    probe = dataclasses.replace(spec, precision=dataclasses.replace(
        precision, bias_bits=32, output=precision.output))
    stored = bias + rounding_constant(probe, shift)
    # The rounding constant has to fit, whatever the biases make of it.
    least = max(2, shift + 1 if rounding_constant(probe, shift) else 0)
    held = max(least, Range(min(int(stored.min()), -1), max(int(stored.max()), 0)).bits)
    precision = dataclasses.replace(precision, bias_bits=held)
    values = {"bias": bias} if spec.output is None else {"bias": bias, "shift": shift}
    return dataclasses.replace(spec, precision=precision), values


def layer_levels(spec: MACSpec, weights: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Weights as levels of the engine's scheme, of two schemes with that of each row, and their
    scales. Of two, integers fill the lanes that the engine has for them."""
    scheme, bits, per_output = spec.engine.scheme, spec.engine.weight_bits, spec.output is not None
    if scheme == "mixed":
        fixed = min(len(weights), row_capacity(spec)[0])
        levels, scale, rows = mixed_weights(weights, bits, fixed, per_output=per_output)
        return {"weights": levels, "scheme": rows}, scale
    if isinstance(spec, BitplaneSpec):
        if spec.two_valued or spec.precision_count > 1:
            raise SpecError('engine.planes must be "twos" and engine.precisions have one row to '
                            "convert a network, whose activations have a zero and whose scales are "
                            f'those of one precision, but is "{spec.engine.planes}" with '
                            f"{spec.precision_count}.")
        levels, scale = plane_weights(weights, spec.engine.planes, bits, per_output=per_output)
        return {"weights": levels}, scale
    if scheme == "fixed":
        levels, scale = integer_weights(weights, bits, per_output=per_output)
    else:
        levels, scale = scheme_weights(weights, scheme, bits, per_output=per_output)
    return {"weights": levels}, scale


