"""What every operation of a layer graph is, in single precision.

Images are [R, H, W, C] (R images, channels last) and rows [R, D]; shapes of operations leave R out.
"""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

__all__ = ["GraphError", "Op", "Shape", "check_length", "checked_array", "image_shape"]

Shape = tuple[int, ...]
"""[H, W, C] of an image or [D] of a row."""

class GraphError(ValueError):
    """A graph cannot be built or run as it is; the message is one sentence that says why."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Op(abc.ABC):
    """An operation on one or more arrays.

    Members
    -------
    ARITY: inputs it takes; 0 for two or more
    """
    ARITY: ClassVar[int] = 1

    @property
    def kind(self) -> str:
        """Its name as users read it."""
        return type(self).__name__

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Shape of the result, for shapes of the inputs; `GraphError` where they do not fit."""
        return inputs[0]

    @abc.abstractmethod
    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        """Result of arrays [R, ...] whose shapes fit."""

    def parameters(self) -> dict[str, np.ndarray]:
        """Its arrays, by field name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)
                if isinstance(getattr(self, field.name), np.ndarray)}

    def settings(self) -> dict[str, Any]:
        """Its other fields, by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)
                if not isinstance(getattr(self, field.name), np.ndarray)}


def checked_array(op: Op, field: str, dimensions: int) -> np.ndarray:
    array = np.ascontiguousarray(getattr(op, field), np.float32)
    if array.ndim != dimensions or not array.size:
        raise GraphError(f"{op.kind}.{field} must have {dimensions} dimensions and values, but has "
                         f"shape {list(array.shape)}.")
    if not np.isfinite(array).all():
        raise GraphError(f"{op.kind}.{field} must be finite, but holds NaN or infinity.")
    object.__setattr__(op, field, array)
    return array


def check_length(op: Op, field: str, length: int) -> None:
    if len(checked_array(op, field, 1)) != length:
        raise GraphError(f"{op.kind}.{field} must have {length} values, "
                         f"but has {len(getattr(op, field))}.")


def image_shape(op: Op, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise GraphError(f"{op.kind} takes an image [H, W, C], but is given {list(shape)}.")
    height, width, channels = shape
    return height, width, channels
