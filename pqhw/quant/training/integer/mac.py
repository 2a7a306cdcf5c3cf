"""The multiply-accumulate layer, whose forward pass is that of the engine, number for number."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ....spec import MACSpec
from ...fixed import multipliers
from ...layers import fixed_shift, layer_levels
from .layer import Layer
from .rounding import exact_type, quantize, round_half_up, shifted

__all__ = ["MACLayer"]


class MACLayer(Layer):
    """Products of levels, with weights rounded onto them at each step."""
    spec: MACSpec

    def forward(self, inputs: Tensor) -> Tensor:
        levels, scale, _ = self._levels()
        bias = self.integer_bias(scale)
        sums = self._product(inputs, levels, float(bias.detach().abs().max()))
        sums = sums + self.per_output(bias).to(sums.dtype)
        if self.spec.output is None:
            return sums
        multiplier, shift = self.factors(scale)
        factor = self.per_output(torch.as_tensor(multiplier, device=sums.device))
        return quantize(shifted(sums, factor, shift), self.spec.output.range).float()

    def integer_bias(self, scale: Tensor) -> Tensor:
        """Bias [N] in units of the sums."""
        return round_half_up(self.bias / (scale * self.scale.leaving))

    def factors(self, scale: Tensor) -> tuple[np.ndarray, int]:
        """Multipliers [N] and the shift of the requantiser."""
        return multipliers(scale.detach().cpu().double().numpy(), self.spec.max_shift)

    def _levels(self) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Levels with straight-through gradients, scales [N] and what else follows."""
        ratio = self.scale.ratio
        flat = (self.plain_weights() * ratio).reshape(len(self.weights), -1)
        values, scale = layer_levels(self.spec, flat)
        levels = torch.as_tensor(values["weights"], dtype=torch.float32,
                                 device=self.weights.device)
        if self.weights.ndim == 4:
            n, c, h, w = self.weights.shape
            levels = levels.view(n, h, w, c).permute(0, 3, 1, 2)
        own = torch.as_tensor(np.array(scale), dtype=torch.float64,
                              device=self.weights.device)
        shape = (-1,) + (1,) * (self.weights.ndim - 1)
        smooth = self.weights * (ratio / own).float().view(shape)
        return smooth + (levels - smooth).detach(), own, values

    @torch.no_grad()
    def units(self) -> float:
        """Units of a sum in a step of the first output's result."""
        return 1 / float(self._levels()[1][0])

    def _product(self, inputs: Tensor, levels: Tensor, bias: float) -> Tensor:
        """Sums of products in a type that holds them with a bias of this magnitude."""
        dtype = exact_type(self.spec.sum_range.magnitude().high + bias)
        inputs, levels = inputs.to(dtype), levels.to(dtype)
        if not self.convolves:
            return inputs @ levels.T
        stride, padding, groups, _ = self.geometry
        return functional.conv2d(inputs, levels, None, stride, padding, 1, groups)

    @torch.no_grad()
    def values(self) -> tuple[MACSpec, dict[str, Any]]:
        """The finished spec and the parameters."""
        weights = self.plain_weights()
        _, _, values = self._levels()
        flat = (weights * self.scale.ratio).reshape(len(weights), -1)
        _, scale = layer_levels(self.spec, flat)
        values = dict(values, weights=values["weights"].reshape(weights.shape))
        bias = torch.floor(self.bias / (torch.as_tensor(np.array(scale),
                                                        device=self.bias.device)
                                        * self.scale.leaving) + 0.5)
        shift = 0
        if self.spec.output is not None:
            values["multiplier"], shift = multipliers(scale, self.spec.max_shift)
        made, fixed = fixed_shift(self.spec, shift, bias.cpu().numpy().astype(np.int64))
        return made, values | fixed
