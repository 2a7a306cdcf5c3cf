"""Tensors of ONNX files as rearrangements of a graph's: nothing is moved until it must be.

ONNX files order axes as their exporters like, and reshape and transpose in between; a graph has
images [H, W, C] and rows [D]. So each dimension of a tensor is written as the axes that it is made
of, the slowest first: ``N`` rows of the batch, ``H``, ``W`` and ``C`` of an image, ``C`` of a row.
[N, C, H, W] is ((N,), (C,), (H,), (W,)), flattened ((N,), (C, H, W)). Axes of size 1 are left out.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..ops import GraphError, Shape
from ..quantinfo import TensorQuant

__all__ = ["BATCH", "Dims", "IMAGE", "Layout", "NO_PADS", "Pads", "SplitError", "View",
           "image_view", "regroup"]

BATCH = 1_000_003
"""Stands for an open number of rows where shapes are computed: a prime that no size divides."""

Dims = tuple[tuple[str, ...], ...]
"""For every dimension the axes that it is made of."""

IMAGE: Dims = (("H",), ("W",), ("C",))
"""An image of a graph, rows of the batch left out."""

Pads = tuple[tuple[int, int], tuple[int, int]]
"""Pixels of padding: ((top, bottom), (left, right))."""

NO_PADS: Pads = ((0, 0), (0, 0))


class SplitError(GraphError):
    """A dimension would have to be cut; `target` are the sizes that were asked for."""
    remedy = "keep channels together and in order; channels that are shuffled have no engine"

    def __init__(self, message: str, target: tuple[int, ...]):
        super().__init__(message)
        self.target = target


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """A tensor of the file in terms of a graph's tensor.

    Members
    -------
    name: of the graph's tensor
    sizes: of the axes N, H, W, C
    held: axes of the graph's tensor, rows left out
    dims: axes of the file's tensor
    pads: zeros around H and W that the file's tensor has and the graph's has not yet
    codes: how its integers stand for real values, between quantising and dequantising
    label: name of the node that last rearranged it
    """
    name: str
    sizes: Mapping[str, int]
    held: Dims
    dims: Dims
    pads: Pads = NO_PADS
    codes: TensorQuant | None = None
    label: str | None = None

    def axes(self, *names: str) -> tuple[str, ...]:
        """Those of the axes that are larger than 1."""
        return tuple(name for name in names if self.sizes[name] > 1)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the file's tensor, `BATCH` for an open number of rows."""
        padded = {axis: self.sizes[axis] + sum(pads) for axis, pads in zip("HW", self.pads)}
        own = {**self.sizes, **padded}
        return tuple(math.prod(own[axis] for axis in dim) for dim in self.dims)

    @property
    def is_row(self) -> bool:
        """Whether the graph's tensor is a row."""
        return len(self.held) == 1

    @property
    def is_batch_first(self) -> bool:
        """Whether the rows of the batch come first, alone."""
        return bool(self.dims) and self.dims[0] == self.axes("N")

    def channel_dim(self) -> int | None:
        """The dimension that is the channels, all of them and nothing else."""
        found = [place for place, dim in enumerate(self.dims) if dim == ("C",)]
        return found[0] if found else None

    def split(self, array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """A constant that is broadcast to this tensor, with a dimension per axis that it varies
        along, and those axes.

        Raises `GraphError` where it does not fit or differs from row to row of the batch.
        """
        array = np.asarray(array)
        extra = array.ndim - len(self.dims)
        if extra > 0 and math.prod(array.shape[:extra]) == 1:
            array = array.reshape(array.shape[extra:])
        elif extra > 0:
            raise GraphError(f"a constant of {list(array.shape)} does not fit its other input.")
        array = array.reshape((1,) * (len(self.dims) - array.ndim) + array.shape)
        sizes: list[int] = []
        axes: list[str] = []
        for place, (own, whole, dim) in enumerate(zip(array.shape, self.shape, self.dims)):
            if own == 1:
                continue
            if own != whole or "N" in dim:
                raise GraphError(f"a constant of {list(array.shape)} does not fit its other input, "
                                 f"or differs from row to row, in dimension {place}.")
            axes += dim
            sizes += [self.sizes[axis] for axis in dim]
        return array.reshape(sizes), tuple(axes)

    def per_element(self, array: np.ndarray) -> np.ndarray:
        """A constant that is broadcast to this tensor, as one value per channel of the graph's
        tensor, or per element where that is a row.

        Raises `GraphError` where it does not fit, or differs from pixel to pixel.
        """
        array, axes = self.split(array)
        order = ("C", "H", "W")
        array = array.transpose([axes.index(axis) for axis in order if axis in axes])
        array = array.reshape([self.sizes[axis] if axis in axes else 1 for axis in order])
        if self.is_row:
            held = [order.index(axis) for axis in (*self.held[0], *order)]
            held = list(dict.fromkeys(held))
            return np.broadcast_to(array, [self.sizes[axis] for axis in order]
                                   ).transpose(held).reshape(-1)
        if (array != array[:, :1, :1]).any():
            raise GraphError("a constant that differs from pixel to pixel has no counterpart.")
        return np.broadcast_to(array[:, 0, 0], (self.sizes["C"],))


def regroup(view: View, target: Sequence[int]) -> Dims:
    """The axes of a view, in their order, as dimensions of other sizes.

    Raises `SplitError` where a dimension would hold a part of an axis.
    """
    axes = [axis for dim in view.dims for axis in dim]
    dims, place = [], 0
    for size in target:
        first, have = place, 1
        while have < size and place < len(axes):
            have *= view.sizes[axes[place]]
            place += 1
        if have != size:
            raise SplitError(f"{_text(view.shape)} cannot become {_text(target)}, which cuts "
                             "channels or pixels apart.", tuple(target))
        dims.append(tuple(axes[first:place]))
    if place < len(axes):
        raise SplitError(f"{_text(view.shape)} cannot become {_text(target)}, which is smaller.",
                         tuple(target))
    return tuple(dims)


def _text(shape: Sequence[int]) -> str:
    return "[" + ", ".join("N" if size == BATCH else str(size) for size in shape) + "]"


def image_view(name: str, batch: int, shape: Shape, spatial: str = "HW") -> View:
    """A graph's image [H, W, C] as [N, C, H, W], or with one of H and W alone."""
    sizes = {"N": batch, **dict(zip("HWC", shape))}
    dims = tuple((axis,) if sizes[axis] > 1 else () for axis in "NC" + spatial)
    return View(name, sizes, IMAGE, dims)


@dataclasses.dataclass(frozen=True)
class Layout:
    """How arrays of the file and of the graph, rows [R] in front, become each other.

    Members
    -------
    sizes: of the axes H, W, C
    held, dims: axes of the graph's tensor and of the file's
    """
    sizes: Mapping[str, int]
    held: Dims
    dims: Dims

    @classmethod
    def of(cls, view: View) -> "Layout":
        """That of a view, whose first dimension is rows unless a file for one row has removed it.
        """
        dims = view.dims[1:] if view.is_batch_first else view.dims
        return cls({axis: view.sizes[axis] for axis in "HWC"}, view.held, dims)

    @property
    def graph_shape(self) -> Shape:
        """Sizes in the graph."""
        return self._shape(self.held)

    @property
    def shape(self) -> Shape:
        """Sizes in the file."""
        return self._shape(self.dims)

    def _shape(self, dims: Dims) -> Shape:
        return tuple(math.prod(self.sizes[axis] for axis in dim) for dim in dims)

    def to_graph(self, array: np.ndarray) -> np.ndarray:
        """[R, file's sizes] as [R, graph's sizes]."""
        return self._moved(array, self.dims, self.held)

    def to_file(self, array: np.ndarray) -> np.ndarray:
        """[R, graph's sizes] as [R, file's sizes]."""
        return self._moved(array, self.held, self.dims)

    def _moved(self, array: np.ndarray, before: Dims, after: Dims) -> np.ndarray:
        array = np.asarray(array)
        if array.shape[1:] != self._shape(before):
            raise GraphError(f"arrays must be [R, {', '.join(map(str, self._shape(before)))}], "
                             f"but are {list(array.shape)}.")
        from_, to = ([axis for dim in dims for axis in dim if self.sizes[axis] > 1]
                     for dims in (before, after))
        array = array.reshape(len(array), *(self.sizes[axis] for axis in from_))
        array = array.transpose(0, *(1 + from_.index(axis) for axis in to))
        return array.reshape(len(array), *self._shape(after))
