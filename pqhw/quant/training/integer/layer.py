"""What layers of both kinds share: real weights and bias between two grids of integers."""

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ....spec import Conv2d

__all__ = ["Layer", "Scale"]


@dataclasses.dataclass(frozen=True)
class Scale:
    """Steps around a layer.

    Members
    -------
    entering, leaving: real value of 1 of its inputs and of its results; 1 where results are sums
    """
    entering: float
    leaving: float

    @property
    def ratio(self) -> float:
        """What a real weight is multiplied by to act on integers."""
        return self.entering / self.leaving


class Layer(nn.Module):
    """A layer with real weights and bias, in the orders of the integer network.

    Parameters
    ----------
    spec: of the engine
    weights: [N, Fh, Fw, C / groups] or [N, D], real
    bias: [N], real
    """

    def __init__(self, spec: Any, scale: Scale, weights: np.ndarray, bias: np.ndarray):
        super().__init__()
        self.spec, self.scale = spec, scale
        own = torch.tensor(weights, dtype=torch.float32)
        self.weights = nn.Parameter(own.permute(0, 3, 1, 2).contiguous() if own.ndim == 4 else own)
        self.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float32))

    @property
    def convolves(self) -> bool:
        """Whether it takes images."""
        return isinstance(self.spec.layer, Conv2d)

    @property
    def geometry(self) -> tuple:
        """Stride, padding, groups, whether pixels are encoded."""
        layer = self.spec.layer
        if not isinstance(layer, Conv2d):
            return (1, 1), (0, 0), 1, False
        return layer.stride, layer.padding, layer.groups, self.spec.encodes_pixels

    def per_output(self, values: Tensor) -> Tensor:
        """Values [N] against results [R, N, ...]."""
        return values.view(-1, 1, 1) if self.convolves else values

    def plain_weights(self) -> np.ndarray:
        """Real weights in the order of parameters, [N, Fh, Fw, C / groups] or [N, D]."""
        own = self.weights.detach().cpu().double().numpy()
        return own.transpose(0, 2, 3, 1) if own.ndim == 4 else own
