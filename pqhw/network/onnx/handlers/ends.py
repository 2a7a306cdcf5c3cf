"""Operators that end a network: probabilities and the class."""

import dataclasses
import math

from ...ops import ArgMax, Softmax
from ..conversion import Conversion
from ..layout import View, regroup
from ..reader import SourceNode
from ..state import Outcome, Unsupported

__all__ = ["ENDS"]



def softmax(c: Conversion, node: SourceNode) -> Outcome:
    """Softmax and LogSoftmax over the channels, or over rows.

    Before opset 13 they take all dimensions from the axis on together.
    """
    x = c.view(node)
    is_old = c.source.opset < 13
    axis = int(node.attributes.get("axis", 1 if is_old else -1)) % len(x.dims)
    dims = x.dims
    if is_old:
        x = dataclasses.replace(x, dims=regroup(x, [*x.shape[:axis], math.prod(x.shape[axis:])]))
    if x.dims[axis] != x.axes("C"):
        if len(x.dims) != 2 or axis != 1:
            raise Unsupported("it takes probabilities over something else than channels")
        x = c.row(x)
    name = c.emit(node, Softmax(log=node.op == "LogSoftmax"), x)
    return c.result(node, dataclasses.replace(x, name=name, dims=dims))


def argmax(c: Conversion, node: SourceNode) -> Outcome:
    """ArgMax of rows."""
    x = c.view(node)
    axis = int(node.attributes.get("axis", 0)) % len(x.dims)
    if node.attributes.get("select_last_index", 0):
        raise Unsupported("of equal values it takes the last one", "take the first one")
    if any(name != "N" for place, dim in enumerate(x.dims) if place != axis for name in dim):
        raise Unsupported("it chooses among something else than the values of a row",
                          "flatten before it, or leave it out")
    row = c.row(x)
    if tuple(name for name in row.held[0] if x.sizes[name] > 1) != x.dims[axis]:
        raise Unsupported("it numbers an image's values with the channels last",
                          "flatten with the channels first")
    name = c.emit(node, ArgMax(), row)
    dims = tuple(() if place == axis else dim for place, dim in enumerate(x.dims)
                 if place != axis or node.attributes.get("keepdims", 1))
    return c.result(node, View(name, {**x.sizes, "H": 1, "W": 1, "C": 1}, (), dims))


ENDS = {"Softmax": softmax, "LogSoftmax": softmax, "ArgMax": argmax}
