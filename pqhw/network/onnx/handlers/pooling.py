"""Pooling over windows and over whole images."""

import dataclasses

from ...ops import AvgPool, GlobalAvgPool, MaxPool, Op
from ..conversion import Conversion
from ..layout import NO_PADS, Pads, View, image_view
from ..reader import SourceNode
from ..state import Outcome, Unsupported
from .windows import Window, window

__all__ = ["POOLING"]

OWN_SIZE = "choose sizes that windows fill, or pad the image in a node of its own"


def _pooled(c: Conversion, node: SourceNode) -> tuple[View, str, Window]:
    x = c.padded(node)
    spatial = c.image(x)
    return x, spatial, window(node, x, spatial, list(node.attributes["kernel_shape"]))


def _overhang(own: Window, image: View, ceiling: bool) -> Pads:
    """Pixels beyond the padding that the last windows cover where sizes are rounded up.

    A window counts that begins within the image or the padding before it.
    """
    if not ceiling:
        return NO_PADS
    extra = []
    for axis, taps, step, pads, waiting in zip("HW", own.kernel, own.stride, own.padding,
                                               image.pads):
        size = image.sizes[axis] + sum(waiting)
        count = -(-(size + sum(pads) - taps) // step) + 1
        if (count - 1) * step >= size + pads[0]:
            count -= 1
        extra.append((0, max(0, (count - 1) * step + taps - size - sum(pads))))
    return extra[0], extra[1]


def _sum(*pads: Pads) -> Pads:
    (top, bottom), (left, right) = (tuple(map(sum, zip(*sides))) for sides in zip(*pads))
    return (top, bottom), (left, right)


def _emitted(c: Conversion, node: SourceNode, x: View, spatial: str, op: Op) -> Outcome:
    """A pooling; of one pixel held as a row nothing but that pixel remains."""
    if x.is_row:
        if op.shape(((1, 1, 1),)) != (1, 1, 1) or x.pads != NO_PADS:
            raise Unsupported("its input is a single pixel, which it spreads")
        return c.folded(node, x, "pools a single pixel")
    name = c.emit(node, op, x)
    return c.result(node, image_view(name, x.sizes["N"], c.shapes[name], spatial))


def max_pool(c: Conversion, node: SourceNode) -> Outcome:
    """MaxPool; zeros that a Pad put around values that are never negative do no harm."""
    x, spatial, own = _pooled(c, node)
    if x.pads != NO_PADS and x.name not in c.positive:
        raise Unsupported("zeros are padded before it, which may be larger than what they surround",
                          "pad in the pooling itself, or put Relu in front of the padding")
    extra = _overhang(own, x, bool(node.attributes.get("ceil_mode", 0)))
    return _emitted(c, node, x, spatial, MaxPool(kernel=own.kernel, stride=own.stride,
                                                 padding=_sum(own.padding, x.pads, extra)))


def average_pool(c: Conversion, node: SourceNode) -> Outcome:
    """AveragePool; its padding counts as zeros or not at all, all of it alike."""
    x, spatial, own = _pooled(c, node)
    counted = bool(node.attributes.get("count_include_pad", 0))
    extra = _overhang(own, x, bool(node.attributes.get("ceil_mode", 0)))
    if extra != NO_PADS and (counted or x.pads != NO_PADS):
        raise Unsupported("windows hang over the image and its padding (ceil_mode), of which one "
                          "counts and the other does not", OWN_SIZE)
    if x.pads != NO_PADS:
        if own.padding != NO_PADS and not counted:
            raise Unsupported("zeros are padded before it, which count, and by itself, which do "
                              "not", "pad in one place")
        counted = True
    padding = _sum(own.padding, x.pads, extra)
    if padding == NO_PADS:
        counted = True
    return _emitted(c, node, x, spatial, AvgPool(kernel=own.kernel, stride=own.stride,
                                                 padding=padding, count_padding=counted))


def _whole(c: Conversion, node: SourceNode, x: View, over: set[str], largest: bool,
           dims: tuple) -> Outcome:
    """The mean or the largest value along axes of an image."""
    over = {axis for axis in over if x.sizes[axis] > 1}
    is_pixel = max(x.sizes["H"], x.sizes["W"]) == 1
    if not over and (x.is_row or largest or not is_pixel):
        return c.folded(node, dataclasses.replace(x, dims=dims), "pools a single pixel")
    if not over <= {"H", "W"}:
        raise Unsupported("it combines rows, or channels with each other",
                          "engines pool over height and width")
    if x.is_row:
        raise Unsupported("its input is a row that would have to become an image")
    height, width, channels = c.shapes[x.name]
    if over == set(x.axes("H", "W")) and not largest:
        name = c.emit(node, GlobalAvgPool(), x)
        sizes = {"N": x.sizes["N"], "H": 1, "W": 1, "C": channels}
        return c.result(node, View(name, sizes, (("C",),), dims))
    kernel = (height if "H" in over else 1, width if "W" in over else 1)
    name = c.emit(node, MaxPool(kernel=kernel) if largest else AvgPool(kernel=kernel), x)
    sizes = {**x.sizes, **dict.fromkeys(over, 1)}
    return c.result(node, View(name, sizes, x.held, dims))


def _global(largest: bool):
    def handler(c: Conversion, node: SourceNode) -> Outcome:
        x = c.view(node)
        spatial = c.image(x)
        return _whole(c, node, x, set(spatial), largest, (*x.dims[:2], *((),) * len(spatial)))
    return handler


def _reduced(largest: bool):
    def handler(c: Conversion, node: SourceNode) -> Outcome:
        x = c.view(node)
        axes = c.setting(node, 1, "axes")
        if not axes:
            if node.attributes.get("noop_with_empty_axes", 0):
                return c.folded(node, x, "changes nothing")
            axes = list(range(len(x.dims)))
        places = {axis % len(x.dims) for axis in map(int, axes)}
        over = {axis for place in places for axis in x.dims[place]}
        keep = node.attributes.get("keepdims", 1)
        dims = tuple(() if place in places else dim for place, dim in enumerate(x.dims)
                     if keep or place not in places)
        return _whole(c, node, x, over, largest, dims)
    return handler


POOLING = {"MaxPool": max_pool, "AveragePool": average_pool, "GlobalAveragePool": _global(False),
           "GlobalMaxPool": _global(True), "ReduceMean": _reduced(False),
           "ReduceMax": _reduced(True)}
