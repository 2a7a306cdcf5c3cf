"""Operators that move values: shapes, orders, cuts, padding."""

import dataclasses
import math

import numpy as np

from ...ops import PadChannels, Subsample
from ..constants import Const
from ..conversion import Conversion
from ..layout import BATCH, NO_PADS, View, regroup
from ..reader import SourceNode
from ..state import Outcome, Unsupported
from .joins import plain_row

__all__ = ["SHAPES"]

ORDER = "orders values; nothing is computed"
SAME = "changes nothing"


def _regrouped(c: Conversion, node: SourceNode, x: View, target: list[int]) -> Outcome:
    dims = regroup(x, target)
    return c.folded(node, dataclasses.replace(x, dims=dims, label=node.name), ORDER)


def _unpadded(c: Conversion, node: SourceNode) -> View:
    """An input whose codes may pass, but whose padding may not wait."""
    x = c.moving(node)
    if x.pads != NO_PADS:
        c.view(node)
    return x


def reshape(c: Conversion, node: SourceNode) -> Outcome:
    """Reshape to constant sizes, 0 and -1 among them; a file that was made for one row may say 1
    where it means all rows."""
    x = _unpadded(c, node)
    target = [int(size) for size in c.setting(node, 1, "shape") or ()]
    if not node.attributes.get("allowzero", 0):
        target = [x.shape[place] if size == 0 else size for place, size in enumerate(target)]
    whole = math.prod(x.shape)
    means_all = target[:1] == [1] and x.shape[0] == BATCH
    for sizes in ([BATCH, *target[1:]] if means_all else target, target):
        rest = math.prod(size for size in sizes if size != -1)
        filled = [whole // rest if size == -1 and rest else size for size in sizes]
        if math.prod(filled) == whole:
            return _regrouped(c, node, x, filled)
    raise Unsupported(f"it reshapes {_text(x.shape)} to {_text(target)}, of another number of "
                      "values", "let the first dimension of a reshape be -1 or 0, for all rows")


def _text(shape: tuple[int, ...] | list[int]) -> str:
    return "[" + ", ".join("N" if size == BATCH else str(size) for size in shape) + "]"


def flatten(c: Conversion, node: SourceNode) -> Outcome:
    """Flatten to two dimensions."""
    x = _unpadded(c, node)
    axis = int(node.attributes.get("axis", 1))
    axis += len(x.dims) if axis < 0 else 0
    return _regrouped(c, node, x, [math.prod(x.shape[:axis]), math.prod(x.shape[axis:])])


def squeeze(c: Conversion, node: SourceNode) -> Outcome:
    """Squeeze of dimensions of size 1, all of them where none are named."""
    x = _unpadded(c, node)
    axes = c.setting(node, 1, "axes")
    places = ({int(axis) % len(x.dims) for axis in axes} if axes is not None else
              {place for place, size in enumerate(x.shape) if size == 1})
    if any(x.shape[place] != 1 for place in places):
        raise Unsupported("it removes a dimension that is larger than 1")
    if axes is None and 0 in places and len(x.dims) > 1 and not x.dims[0]:
        c.notes.append(f"{node.name}: it removes the dimension of rows too, as the file is made "
                       "for one row; rows are kept.")
    return _regrouped(c, node, x, [size for place, size in enumerate(x.shape)
                                   if place not in places])


def unsqueeze(c: Conversion, node: SourceNode) -> Outcome:
    """Unsqueeze by dimensions of size 1."""
    x = _unpadded(c, node)
    axes = c.setting(node, 1, "axes") or []
    rank = len(x.dims) + len(axes)
    places = {int(axis) % rank for axis in axes}
    sizes = iter(x.shape)
    return _regrouped(c, node, x, [1 if place in places else next(sizes) for place in range(rank)])


def transpose(c: Conversion, node: SourceNode) -> Outcome:
    """Transpose."""
    x = c.moving(node)
    order = node.attributes.get("perm", list(range(len(x.dims)))[::-1])
    dims = tuple(x.dims[place] for place in order)
    return c.folded(node, dataclasses.replace(x, dims=dims, label=node.name), ORDER)


def same(c: Conversion, node: SourceNode) -> Outcome:
    """Identity, and Dropout in evaluation mode."""
    if node.op == "Dropout":
        mode = c.constant(node, 2, "mode")
        if mode is not None and mode.array.any():
            raise Unsupported("it is in training mode", "export the network in evaluation mode")
    return c.folded(node, c.moving(node), SAME)


def cast(c: Conversion, node: SourceNode) -> Outcome:
    """Cast between types of real values; to integers only of what are integers already."""
    x = c.moving(node)
    real = (1, 10, 11, 16)
    integers = x.name in c.nodes and c.nodes[x.name].op.kind == "ArgMax"
    if node.attributes["to"] not in real and not integers:
        raise Unsupported("it rounds values to integers", "let the network compute real values")
    return c.folded(node, x, "computed in single precision" if not integers else SAME)


def expand(c: Conversion, node: SourceNode) -> Outcome:
    """Expand that changes no size."""
    x = c.moving(node)
    sizes = [int(size) for size in c.setting(node, 1, "shape") or ()]
    wanted = [1] * (len(x.dims) - len(sizes)) + sizes
    if len(wanted) != len(x.dims) or any(size not in (1, own)
                                         for size, own in zip(wanted, x.shape)):
        raise Unsupported("it repeats values")
    return c.folded(node, x, SAME)


def shape_of(c: Conversion, node: SourceNode) -> Outcome:
    """Shape: a constant, but for an open number of rows, for which `BATCH` stands."""
    sizes = np.array(c.moving(node).shape, np.int64)
    first = int(node.attributes.get("start", 0))
    return c.folded(node, Const(sizes[first:node.attributes.get("end", len(sizes))]), "a constant")


def size_of(c: Conversion, node: SourceNode) -> Outcome:
    """Size: the number of values."""
    return c.folded(node, Const(np.array(math.prod(c.moving(node).shape), np.int64)), "a constant")


def _axis(view: View, place: int) -> str | None:
    """The axis that a dimension is, also where it has size 1 and could be several."""
    dim = view.dims[place]
    if dim:
        return dim[0] if len(dim) == 1 else None
    for order in ("NCHW", "NHWC", "NCW", "NWC", "NC"):
        if len(order) == len(view.dims) and all(
                dim == view.axes(axis) for dim, axis in zip(view.dims, order)):
            return order[place]
    return None


def cut(c: Conversion, node: SourceNode) -> Outcome:
    """Slice: every so many pixels from the first on."""
    x = c.view(node)
    starts, ends = (c.setting(node, place, name) or [] for place, name in ((1, "starts"),
                                                                          (2, "ends")))
    axes = c.setting(node, 3, "axes") or list(range(len(starts)))
    steps = c.setting(node, 4, "steps") or [1] * len(starts)
    stride = {"H": 1, "W": 1}
    for start, end, place, step in zip(*(map(int, own) for own in (starts, ends, axes, steps))):
        place %= len(x.dims)
        size = x.shape[place]
        kept = range(size)[slice(start, end, step)]
        if kept == range(size):
            continue
        axis = _axis(x, place)
        if kept != range(0, size, step) or axis not in stride or x.is_row:
            raise Unsupported(
                f"it cuts {len(kept)} of {'N' if size == BATCH else size} "
                f"{'channels' if axis == 'C' else 'values'} out of dimension {place}",
                "keep all; every so many pixels from the first on can be taken")
        stride[axis] *= step
    if stride == {"H": 1, "W": 1}:
        return c.folded(node, x, SAME)
    before = c.nodes.get(x.name)
    if before is not None and isinstance(before.op, Subsample):
        down, right = before.op.stride
        op = Subsample(stride=(down * stride["H"], right * stride["W"]))
        name = c.replace(node, op, x.name)
    else:
        name = c.emit(node, Subsample(stride=(stride["H"], stride["W"])), x)
    height, width, _ = c.shapes[name]
    sizes = {**x.sizes, "H": height, "W": width}
    dims = tuple(tuple(axis for axis in dim if sizes[axis] > 1) for dim in x.dims)
    return c.result(node, dataclasses.replace(x, name=name, sizes=sizes, dims=dims))


def pad(c: Conversion, node: SourceNode) -> Outcome:
    """Pad with zeros: channels at once; pixels wait for the convolution or pooling behind."""
    x = c.padded(node)
    sizes = [int(size) for size in c.setting(node, 1, "pads") or ()]
    axes = [int(axis) % len(x.dims) for axis in c.setting(node, 3, "axes") or range(len(x.dims))]
    sides = {place: (before, after) for place, before, after in zip(
        axes, sizes[:len(axes)], sizes[len(axes):]) if before or after}
    if not sides:
        return c.folded(node, x, SAME)
    mode = node.attributes.get("mode", "constant")
    value = c.setting(node, 2, "value") or [0]
    if mode != "constant" or value[0] != 0:
        what = f"{value[0]:g}" if mode == "constant" else f"what is inside ({mode})"
        raise Unsupported(f"it pads with {what}", "pad with zeros")
    if min(map(min, sides.values())) < 0:
        raise Unsupported("its padding is negative and crops the image",
                          "crop images before they enter the network")
    if len(x.dims) == 2 and set(sides) == {1}:
        x = plain_row(c, c.view(node), 1)
    named = {_axis(x, place): (place, own) for place, own in sides.items()}
    if not set(named) <= {"H", "W", "C"}:
        raise Unsupported("it pads something else than channels, height and width")
    became = x
    if "C" in named:
        place, (before, after) = named.pop("C")
        name = c.emit(node, PadChannels(before=before, after=after), x)
        size = before + x.sizes["C"] + after
        dims = (*x.dims[:place], ("C",), *x.dims[place + 1:])
        became = dataclasses.replace(x, name=name, sizes={**x.sizes, "C": size}, dims=dims)
    if not named:
        return c.result(node, became)
    if x.is_row:
        raise Unsupported("its input is a row that would have to become an image")
    return c.folded(node, _waiting(became, {axis: own for axis, (_, own) in named.items()}),
                    "padding of the node behind")


def _waiting(view: View, sides: dict[str | None, tuple[int, int]]) -> View:
    """The view with more padding before the next window; both axes are dimensions now."""
    (top, bottom), (left, right) = view.pads
    above, below = sides.get("H", (0, 0))
    before, after = sides.get("W", (0, 0))
    return dataclasses.replace(view, pads=((top + above, bottom + below),
                                           (left + before, right + after)))


SHAPES = {"Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
          "Transpose": transpose, "Identity": same, "Dropout": same, "Cast": cast,
          "Expand": expand, "Shape": shape_of, "Size": size_of, "Slice": cut, "Pad": pad}
