"""Rounding and clamping as the hardware does it, with gradients that pass as if they did not."""

import torch
from torch import Tensor

from ....spec.ranges import Range

__all__ = ["exact_type", "quantize", "round_half_up", "shifted"]


class _RoundHalfUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        return torch.floor(values + 0.5)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


def round_half_up(values: Tensor) -> Tensor:
    """The nearest integers, halves up; gradients pass unchanged."""
    return _RoundHalfUp.apply(values)


class _Quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor, low: int, high: int) -> Tensor:
        ctx.save_for_backward(values)
        ctx.bounds = low, high
        return torch.add(values, 0.5).floor_().clamp_(low, high)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (values,), (low, high) = ctx.saved_tensors, ctx.bounds
        passed = torch.ops.aten.hardtanh_backward(gradient, values, low - 0.501, high + 0.499)
        return passed, None, None


def quantize(values: Tensor, allowed: Range) -> Tensor:
    """Integers in a range, as floating point; gradients pass where nothing is clamped."""
    return _Quantize.apply(values, allowed.low, allowed.high)


def exact_type(bound: float) -> torch.dtype:
    """A floating-point type in which integers up to the bound are exact, in any order of sums."""
    return torch.float32 if bound < 1 << 24 else torch.float64


class _Shifted(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sums: Tensor, multiplier: Tensor, shift: int, smooth: Tensor) -> Tensor:
        # 40-bit products: exact in double precision.
        products = sums.double() * multiplier
        half = float(1 << (shift - 1)) if shift else 0.0
        ctx.save_for_backward(smooth)
        return torch.floor((products + half) / float(1 << shift)).to(sums.dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (smooth,) = ctx.saved_tensors
        return gradient * smooth, None, None, None


def shifted(sums: Tensor, multiplier: Tensor, shift: int) -> Tensor:
    """(sums * multiplier + 2**(shift-1)) >> shift of integers; the gradient is that of the factor.

    `multiplier` is broadcast against `sums`.
    """
    multiplier = multiplier.double()
    return _Shifted.apply(sums, multiplier, shift, (multiplier / (1 << shift)).to(sums.dtype))
