"""Operations on elements and channels, and those that end a network."""

import dataclasses

import numpy as np

from .base import GraphError, Op, Shape

__all__ = ["Add", "ArgMax", "Concat", "Flatten", "PadChannels", "Relu", "Softmax"]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Relu(Op):
    """max(x, 0), and min with `maximum` where given: 6 makes it ReLU6."""
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.maximum is not None and not 0 < self.maximum < np.inf:
            raise GraphError(f"Relu.maximum must be positive and finite, but is {self.maximum}.")

    @property
    def kind(self) -> str:
        return "Relu" if self.maximum is None else f"Relu{self.maximum:g}"

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return np.clip(inputs[0], np.float32(0),
                       None if self.maximum is None else np.float32(self.maximum))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Add(Op):
    """The sum of inputs of one shape."""
    ARITY = 0

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if len(set(inputs)) > 1:
            raise GraphError("Add takes inputs of one shape, but is given "
                             + " and ".join(str(list(own)) for own in inputs) + ".")
        return inputs[0]

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Op):
    """Channels of all inputs, one after another."""
    ARITY = 0

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if len({own[:-1] for own in inputs}) > 1:
            raise GraphError("Concat takes inputs that differ in channels alone, but is given "
                             + " and ".join(str(list(own)) for own in inputs) + ".")
        return (*inputs[0][:-1], sum(own[-1] for own in inputs))

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return np.concatenate(inputs, axis=-1)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Flatten(Op):
    """An image as a row, channel after channel [C * H * W], as training frameworks order it."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (int(np.prod(inputs[0])),)

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        if inputs[0].ndim == 4:
            return inputs[0].transpose(0, 3, 1, 2).reshape(len(inputs[0]), -1)
        return inputs[0].reshape(len(inputs[0]), -1)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class PadChannels(Op):
    """Channels of zero `before` and `after` those of the input."""
    before: int = 0
    after: int = 0

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 0:
            raise GraphError(f"PadChannels.before and after must not be negative, but are "
                             f"{self.before} and {self.after}.")

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return (*inputs[0][:-1], self.before + inputs[0][-1] + self.after)

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        before = [(0, 0)] * (inputs[0].ndim - 1)
        return np.pad(inputs[0], (*before, (self.before, self.after)))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Op):
    """Probabilities of the classes, of rows or of each pixel; with `log` their logarithms."""
    log: bool = False

    @property
    def kind(self) -> str:
        return "LogSoftmax" if self.log else "Softmax"

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        below = inputs[0] - inputs[0].max(axis=-1, keepdims=True)
        odds = np.exp(below)
        total = odds.sum(axis=-1, keepdims=True)
        return below - np.log(total) if self.log else odds / total


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ArgMax(Op):
    """Index of the largest value of a row, the lowest on ties."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) != 1:
            raise GraphError(f"ArgMax takes rows, but is given {list(inputs[0])}.")
        return ()

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        return inputs[0].argmax(axis=-1)
