"""Operators that join tensors: sums and concatenation."""

import dataclasses

import numpy as np

from ...ops import Add, Concat, PadChannels
from ..constants import Const
from ..conversion import Conversion
from ..layout import View
from ..reader import SourceNode
from ..state import Outcome, Unsupported
from .elements import affine

__all__ = ["JOINS", "plain_row"]


def add(c: Conversion, node: SourceNode) -> Outcome:
    """Add and Sum: of tensors that the network computes, and of constants per channel."""
    values = [c.value(node, place) for place in range(len(node.inputs))]
    views = [c.view(node, place) for place, own in enumerate(values) if isinstance(own, View)]
    constants = [np.asarray(own.array, np.float64) for own in values if isinstance(own, Const)]
    x = _summed(c, node, views) if len(views) > 1 else views[0]
    if not constants:
        return c.result(node, x) if len(views) > 1 else c.folded(node, x, "changes nothing")
    return affine(c, node, x, 1, sum(constants[1:], constants[0]))


def _summed(c: Conversion, node: SourceNode, views: list[View]) -> View:
    first = views[0]
    if any(own.shape != first.shape for own in views):
        raise Unsupported("it adds tensors of different shapes: "
                          + " and ".join(str(list(own.shape[1:])) for own in views),
                          "add tensors of one shape")
    if any(own.held != first.held for own in views):
        views = [c.row(own) for own in views]
        first = views[0]
    if any(own.held != first.held or own.dims != first.dims for own in views):
        raise Unsupported("it adds tensors whose channels, rows and columns are ordered "
                          "differently")
    zeros = {own.name for own in views if own.name in c.affines and c.affines[own.name].is_zero}
    kept = [own for own in views if own.name not in zeros] or views
    if len(kept) == 1:
        return kept[0]
    return c.normal(first, c.emit(node, Add(), *kept))


def concatenate(c: Conversion, node: SourceNode) -> Outcome:
    """Concat of channels; zeros at either end are padding."""
    values = [c.value(node, place) for place in range(len(node.inputs))]
    views = [c.view(node, place) for place, own in enumerate(values) if isinstance(own, View)]
    rank = len(views[0].dims)
    axis = int(node.attributes["axis"]) % rank
    parts: list[View | int] = []
    for own in values:
        if isinstance(own, Const):
            if own.uniform != 0:
                raise Unsupported("it appends constants other than zero",
                                  "leave them out and add what they give to the bias behind")
            parts.append(int(own.array.shape[axis]))
        elif isinstance(own, View):
            is_zero = own.name in c.affines and c.affines[own.name].is_zero
            parts.append(own.shape[axis] if is_zero else own)
    kept = [own for own in parts if isinstance(own, View)]
    if not kept:
        raise Unsupported("it joins nothing but zeros")
    first = parts.index(kept[0])
    last = len(parts) - 1 - parts[::-1].index(kept[-1])
    if any(not isinstance(own, View) for own in parts[first:last + 1]):
        raise Unsupported("it puts zeros between channels", "put them before or behind all others")
    joined = _joined(c, node, axis, kept)
    before, after = (sum(own for own in side if isinstance(own, int))
                     for side in (parts[:first], parts[last + 1:]))
    if before or after:
        name = c.emit(node, PadChannels(before=before, after=after), joined)
        joined = _wider(joined, name, axis, before + joined.sizes["C"] + after)
    return c.result(node, joined)


def _joined(c: Conversion, node: SourceNode, axis: int, views: list[View]) -> View:
    """Views whose channels follow each other."""
    if any(own.dims[axis] != own.axes("C") for own in views):
        views = [plain_row(c, own, axis) for own in views]
    if any(own.held != views[0].held for own in views):
        views = [plain_row(c, own, axis) for own in views]
    first = views[0]
    for own in views:
        if (own.dims[axis] != own.axes("C") or own.dims[:axis] != first.dims[:axis]
                or own.dims[axis + 1:] != first.dims[axis + 1:]):
            raise Unsupported("it joins something else than channels of images of one size",
                              "join along the channels")
    if len(views) == 1:
        return first
    name = c.emit(node, Concat(), *views)
    return _wider(first, name, axis, sum(own.sizes["C"] for own in views))


def plain_row(c: Conversion, view: View, axis: int) -> View:
    """A row whose elements the file orders as the graph does, as channels of one pixel."""
    row = c.row(view)
    inside = [name for place, dim in enumerate(view.dims) for name in dim if name != "N"]
    if list(row.axes(*row.held[0])) != inside or list(view.dims[axis]) != inside:
        raise Unsupported("it joins something else than channels of images of one size, or rows of "
                          "images flattened with their channels last",
                          "flatten with the channels first")
    size = row.shape[axis]
    sizes = {"N": row.sizes["N"], "H": 1, "W": 1, "C": size}
    dims = tuple((("C",) if size > 1 else ()) if place == axis else dim
                 for place, dim in enumerate(row.dims))
    return View(row.name, sizes, (("C",),), dims)


def _wider(view: View, name: str, axis: int, channels: int) -> View:
    dims = tuple((("C",) if channels > 1 else ()) if place == axis else dim
                 for place, dim in enumerate(view.dims))
    return dataclasses.replace(view, name=name, sizes={**view.sizes, "C": channels}, dims=dims)


JOINS = {"Add": add, "Sum": add, "Concat": concatenate}
