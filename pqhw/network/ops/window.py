"""Operations on windows of images: pooling and subsampling."""

import dataclasses
from typing import Any

import numpy as np

from .base import GraphError, Op, Shape, image_shape
from .kernels import pool_max, pool_sum

__all__ = ["AvgPool", "GlobalAvgPool", "MaxPool", "Pads", "Subsample", "check_window", "positions"]

Pads = tuple[tuple[int, int], tuple[int, int]]
"""Pixels of padding: ((top, bottom), (left, right))."""


def _pair(value: Any) -> tuple[int, int]:
    y, x = (value, value) if isinstance(value, int) else value
    return int(y), int(x)


def _pads(value: Any) -> Pads:
    """A number, [y, x] or [[top, bottom], [left, right]]."""
    (top, bottom), (left, right) = (_pair(side) for side in (
        (value, value) if isinstance(value, int) else value))
    return (top, bottom), (left, right)


def positions(op: Op, shape: Shape, kernel: tuple[int, int], stride: tuple[int, int],
               padding: Pads) -> tuple[int, int]:
    sizes = []
    for size, taps, step, pads in zip(shape, kernel, stride, padding):
        if size + sum(pads) < taps:
            raise GraphError(f"{op.kind}.kernel must fit into the padded image, "
                             f"but is {list(kernel)} for an image of {list(shape[:2])}.")
        sizes.append((size + sum(pads) - taps) // step + 1)
    return sizes[0], sizes[1]


def check_window(op: Any) -> None:
    """Kernel, stride and padding as pairs, all in range."""
    for field in ("kernel", "stride"):
        if hasattr(op, field):
            pair = _pair(getattr(op, field))
            if min(pair) < 1:
                raise GraphError(f"{op.kind}.{field} must be positive, but is {list(pair)}.")
            if field in {own.name for own in dataclasses.fields(op)}:
                object.__setattr__(op, field, pair)
    if hasattr(op, "padding"):
        pads = _pads(op.padding)
        if min(min(side) for side in pads) < 0:
            raise GraphError(f"{op.kind}.padding must not be negative, but is {pads}.")
        object.__setattr__(op, "padding", pads)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(Op):
    """The largest value of each window; padding never wins."""
    kernel: Any
    stride: Any = 1
    padding: Any = 0

    def __post_init__(self) -> None:
        _check_pool(self)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return _pooled(self, inputs[0])

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return pool_max(inputs[0], self.kernel, self.stride, self.padding)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class AvgPool(Op):
    """The mean of each window; padding counts as zeros where `count_padding`, else not at all."""
    kernel: Any
    stride: Any = 1
    padding: Any = 0
    count_padding: bool = True

    def __post_init__(self) -> None:
        _check_pool(self)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return _pooled(self, inputs[0])

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        sums = pool_sum(inputs[0], self.kernel, self.stride, self.padding)
        if self.count_padding:
            return sums / np.float32(self.kernel[0] * self.kernel[1])
        ones = np.ones((1, *inputs[0].shape[1:3], 1), np.float32)
        return sums / pool_sum(ones, self.kernel, self.stride, self.padding)


def _pooled(op: MaxPool | AvgPool, shape: Shape) -> Shape:
    channels = image_shape(op, shape)[2]
    return (*positions(op, shape, op.kernel, op.stride, op.padding), channels)


def _check_pool(op: MaxPool | AvgPool) -> None:
    check_window(op)
    if any(max(pads) >= taps for pads, taps in zip(op.padding, op.kernel)):
        raise GraphError(f"{op.kind}.padding must be less than its kernel {list(op.kernel)}, "
                         f"but is {op.padding}.")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GlobalAvgPool(Op):
    """The mean of every channel, as a row [C]."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (image_shape(self, inputs[0])[2],)

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].mean(axis=(1, 2))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Subsample(Op):
    """Every `stride`-th [y, x] pixel, from the first on."""
    stride: Any

    def __post_init__(self) -> None:
        check_window(self)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        height, width, channels = image_shape(self, inputs[0])
        down, right = self.stride
        return -(-height // down), -(-width // right), channels

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0][:, ::self.stride[0], ::self.stride[1]]
