"""Integers of a network that came quantised: scales of tensors, weights of layers."""

import dataclasses
from collections.abc import Mapping

import numpy as np

__all__ = ["LayerQuant", "QuantInfo", "TensorQuant"]


@dataclasses.dataclass(frozen=True)
class TensorQuant:
    """How a tensor of activations stands for real values: scale * (code - zero_point).

    Members
    -------
    bits, signed: of a code
    """
    scale: float
    zero_point: int
    bits: int
    signed: bool

    @property
    def low(self) -> int:
        """Smallest code."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return self.low + (1 << self.bits) - 1


@dataclasses.dataclass(frozen=True, eq=False)
class LayerQuant:
    """The integer weights of a layer; its weights in the graph are exactly
    ``scales * (weights - zero_points)`` in single precision, a scale and a zero point per output.

    Members
    -------
    weights: integers in the shape of the layer's weights, [N, Fh, Fw, C / groups] or [N, D]
    scales: [N], single precision
    zero_points: [N] integers, 0 where weights are symmetric
    bits, signed: of a weight
    bias: [N] integers, or None where the bias came as real values
    bias_scales: [N], single precision, or None likewise; as a rule the input's scale times `scales`
    """
    weights: np.ndarray
    scales: np.ndarray
    zero_points: np.ndarray
    bits: int
    signed: bool
    bias: np.ndarray | None = None
    bias_scales: np.ndarray | None = None

    def dequantised(self) -> np.ndarray:
        """The weights that the graph has."""
        shape = (-1,) + (1,) * (self.weights.ndim - 1)
        return ((self.weights - self.zero_points.reshape(shape)).astype(np.float32)
                * self.scales.reshape(shape))

    def widened(self, taps: tuple[tuple[int, int], tuple[int, int]]) -> "LayerQuant":
        """With integers that stand for zero around a convolution's kernel."""
        outputs, height, width, depth = self.weights.shape
        (above, below), (left, right) = taps
        shape = (outputs, above + height + below, left + width + right, depth)
        weights = np.broadcast_to(self.zero_points.reshape(-1, 1, 1, 1), shape).copy()
        weights[:, above:above + height, left:left + width] = self.weights
        return dataclasses.replace(self, weights=weights)


@dataclasses.dataclass(frozen=True)
class QuantInfo:
    """What a quantised file knows beyond its real-valued graph.

    Members
    -------
    tensors: by the name of the graph's tensor, of those that are quantised
    layers: by the name of the node, of those whose weights came as integers
    """
    tensors: Mapping[str, TensorQuant]
    layers: Mapping[str, LayerQuant]
