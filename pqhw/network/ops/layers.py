"""Operations with weights: convolution, dense layer, normalisation."""

import dataclasses
from typing import Any

import numpy as np

from .base import GraphError, Op, Shape, check_length, checked_array, image_shape
from .kernels import convolve
from .window import check_window, positions

__all__ = ["BatchNorm", "Conv2d", "Linear", "WEIGHTED"]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Conv2d(Op):
    """A convolution.

    Parameters
    ----------
    weights: [N, Fh, Fw, C / groups]
    bias: [N]; zeros where left out
    stride: [y, x], or one number for both
    padding: pixels of zero around the image: one number, [y, x] or [[top, bottom], [left, right]]
    groups: input and output channels are cut into so many groups, each convolved on its own
    """
    weights: np.ndarray
    bias: Any = None
    stride: Any = 1
    padding: Any = 0
    groups: int = 1

    def __post_init__(self) -> None:
        outputs = len(checked_array(self, "weights", 4))
        if self.bias is None:
            object.__setattr__(self, "bias", np.zeros(outputs, np.float32))
        check_length(self, "bias", outputs)
        check_window(self)
        if self.groups < 1 or outputs % self.groups:
            raise GraphError(f"Conv2d.groups must divide the {outputs} outputs, "
                             f"but is {self.groups}.")

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.weights.shape[1], self.weights.shape[2]

    @property
    def in_channels(self) -> int:
        """C, of all groups."""
        return self.weights.shape[3] * self.groups

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        channels = image_shape(self, inputs[0])[2]
        if channels != self.in_channels:
            raise GraphError(f"Conv2d takes {self.in_channels} channels, but is given {channels}.")
        return (*positions(self, inputs[0], self.kernel, self.stride, self.padding),
                len(self.weights))

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return convolve(inputs[0], self.weights, self.stride, self.padding,
                                self.groups) + self.bias


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Op):
    """A dense layer: weights [N, D] and bias [N], zeros where left out."""
    weights: np.ndarray
    bias: Any = None

    def __post_init__(self) -> None:
        outputs = len(checked_array(self, "weights", 2))
        if self.bias is None:
            object.__setattr__(self, "bias", np.zeros(outputs, np.float32))
        check_length(self, "bias", outputs)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if inputs[0] != (self.weights.shape[1],):
            raise GraphError(f"Linear takes rows of {self.weights.shape[1]}, "
                             f"but is given {list(inputs[0])}.")
        return (len(self.weights),)

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0] @ self.weights.T + self.bias


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BatchNorm(Op):
    """Every channel on its own: gamma * (x - mean) / sqrt(variance + epsilon) + beta, each [C]."""
    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        channels = len(checked_array(self, "gamma", 1))
        for field in ("beta", "mean", "variance"):
            check_length(self, field, channels)
        if self.epsilon < 0 or (self.variance + self.epsilon <= 0).any():
            raise GraphError("BatchNorm.variance + epsilon must be positive, but is not.")

    @property
    def factor(self) -> np.ndarray:
        """What x is multiplied by, [C]."""
        return self.gamma / np.sqrt(self.variance + np.float32(self.epsilon))

    @property
    def offset(self) -> np.ndarray:
        """What is then added, [C]."""
        return self.beta - self.mean * self.factor

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if inputs[0][-1] != len(self.gamma):
            raise GraphError(f"BatchNorm takes {len(self.gamma)} channels, "
                             f"but is given {inputs[0][-1]}.")
        return inputs[0]

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0] * self.factor + self.offset


WEIGHTED = (Conv2d, Linear)
"""Operations that become engines."""
