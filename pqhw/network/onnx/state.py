"""What a conversion keeps of tensors and nodes of a file."""

import dataclasses

import numpy as np

from ..ops import GraphError, Shape
from .constants import Const
from .layout import BATCH, IMAGE, View
from .reader import SourceNode

__all__ = ["Affine", "Following", "Outcome", "Unknown", "Unsupported", "Value", "file_shape",
           "held_shape", "row_view"]


class Unsupported(GraphError):
    """A node has no counterpart: why, and what to do."""

    def __init__(self, reason: str, remedy: str = ""):
        super().__init__(reason)
        self.remedy = remedy


class Following(Unsupported):
    """Nothing can be said of a node, as `node` before it is unsupported."""

    def __init__(self, node: str):
        super().__init__(f"it follows {node}, which is unsupported", f"see {node}")
        self.node = node


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A tensor of which nothing can be said but its shape, if that, as `node` before it is
    unsupported; "" where none is to blame."""
    node: str
    shape: Shape | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Affine:
    """What a normalisation made of constants computes: scale * x + offset, per channel."""
    scale: np.ndarray
    offset: np.ndarray

    @property
    def is_zero(self) -> bool:
        """Whether nothing but zeros comes out."""
        return not self.scale.any() and not self.offset.any()


@dataclasses.dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a node of the file.

    Members
    -------
    became: the graph's node, or None
    folded: whether it needs no node
    reason, remedy: in words
    inputs, output: shapes in the file, rows left out
    follows: the unsupported node in front of it, which is why nothing is known of this one
    """
    node: SourceNode
    became: str | None = None
    folded: bool = False
    reason: str = ""
    remedy: str = ""
    inputs: tuple[Shape, ...] = ()
    output: Shape | None = None
    follows: str | None = None

    @property
    def is_unsupported(self) -> bool:
        """Whether it stands in the way of a graph."""
        return self.became is None and not self.folded


Value = View | Const | Unknown
"""What is known of a tensor of the file."""


def row_view(name: str, batch: int, size: int) -> View:
    """A graph's row [D] as [N, D]."""
    sizes = {"N": batch, "H": 1, "W": 1, "C": size}
    return View(name, sizes, (("C",),), tuple((axis,) if sizes[axis] > 1 else () for axis in "NC"))


def held_shape(view: View) -> Shape:
    if view.held == IMAGE:
        return tuple(view.sizes[axis] for axis in "HWC")
    return tuple(int(np.prod([view.sizes[axis] for axis in dim])) for dim in view.held)


def file_shape(value: Value | None) -> Shape | None:
    """The shape without rows, where the first dimension is rows."""
    if isinstance(value, View):
        shape = value.shape
        return shape[1:] if value.is_batch_first else tuple(
            size for size in shape if size % BATCH or size == 0)
    if isinstance(value, Unknown):
        return None if value.shape is None else value.shape[1:]
    return tuple(value.array.shape) if isinstance(value, Const) else None
