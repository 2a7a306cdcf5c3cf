"""Operators on one value at a time: ReLU and its bounds, scales and offsets from constants."""

import numpy as np

from ...ops import BatchNorm, GraphError, Relu
from ..constants import Const
from ..conversion import Conversion
from ..layout import View
from ..reader import SourceNode
from ..state import Affine, Outcome, Unsupported

__all__ = ["ELEMENTS", "affine", "bounded"]

RELU = "train with Relu, or with Clip from 0 to a bound"


def relu(c: Conversion, node: SourceNode) -> Outcome:
    """Relu."""
    return bounded(c, node, c.view(node), 0, np.inf)


def clip(c: Conversion, node: SourceNode) -> Outcome:
    """Clip, whose bounds are attributes or inputs."""
    low, high = (_bound(c, node, place, name, default) for place, name, default in (
        (1, "min", -np.inf), (2, "max", np.inf)))
    return bounded(c, node, c.view(node), low, high)


def _bound(c: Conversion, node: SourceNode, place: int, name: str, default: float) -> float:
    given = c.setting(node, place, name)
    if not given:
        return default
    value = float(given[0])
    # Exporters write the largest number of the type where there is no bound.
    return default if abs(value) > 1e38 else value


def bounded(c: Conversion, node: SourceNode, x: View, low: float, high: float) -> Outcome:
    """Values between two bounds: ReLU where the lower one is 0, or where values are known not to be
    negative; a ReLU in front of it becomes one with it."""
    if low <= 0 and x.name in c.positive:
        low = 0
        if high == np.inf:
            return c.folded(node, x, "changes nothing, as there are no negative values")
    if low == -np.inf and high == np.inf:
        return c.folded(node, x, "changes nothing")
    if low != 0 or high <= 0:
        raise Unsupported(f"it bounds values from {low:g} to {high:g}, and engines clamp from 0",
                          RELU)
    before = c.nodes.get(x.name)
    most = None if high == np.inf else float(high)
    if before is not None and isinstance(before.op, Relu):
        bounds = [own for own in (most, before.op.maximum) if own is not None]
        name = c.replace(node, Relu(maximum=min(bounds, default=None)), x.name)
    else:
        name = c.emit(node, Relu(maximum=most), x)
    return c.result(node, c.normal(x, name))


def _pair(c: Conversion, node: SourceNode) -> tuple[View, Const, bool]:
    """The computed input and the constant one, and whether the constant comes first."""
    left, right = c.value(node, 0), c.value(node, 1)
    if isinstance(left, View) and isinstance(right, View):
        raise Unsupported("it combines two tensors that the network computes",
                          "gates and attention have no engine; train without them")
    if isinstance(left, Const):
        assert isinstance(right, View)
        return c.view(node, 1), left, True
    assert isinstance(right, Const)
    return c.view(node, 0), right, False


def affine(c: Conversion, node: SourceNode, x: View, scale: np.ndarray | float,
           offset: np.ndarray | float) -> Outcome:
    """scale * x + offset, each broadcast to x: a normalisation, one with such a one before it."""
    scale, offset = (np.asarray(own, np.float64) for own in (scale, offset))
    try:
        own_scale, own_offset = x.per_element(scale), x.per_element(offset)
    except GraphError as error:
        if len(x.dims) > 2 or x.is_row:
            raise Unsupported(str(error), "use one constant per channel") from None
        x = c.row(x)
        own_scale, own_offset = x.per_element(scale), x.per_element(offset)
    if (own_scale == 1).all() and not own_offset.any():
        return c.folded(node, x, "changes nothing")
    start = c.affines.get(x.name)
    if start is not None:
        own_offset = own_scale * start.offset + own_offset
        own_scale = own_scale * start.scale
    zeros = np.zeros(len(own_scale))
    op = BatchNorm(gamma=own_scale, beta=own_offset, mean=zeros, variance=zeros + 1, epsilon=0.0)
    name = c.emit(node, op, x) if start is None else c.replace(node, op, x.name)
    if x.name in c.positive and min(own_scale.min(), own_offset.min()) >= 0 and start is None:
        c.positive.add(name)
    c.affines[name] = Affine(np.array(own_scale), np.array(own_offset))
    return c.result(node, c.normal(x, name))


def multiply(c: Conversion, node: SourceNode) -> Outcome:
    """Mul by a constant."""
    x, constant, _ = _pair(c, node)
    return affine(c, node, x, constant.array, 0)


def divide(c: Conversion, node: SourceNode) -> Outcome:
    """Div by a constant."""
    x, constant, is_first = _pair(c, node)
    if is_first:
        raise Unsupported("it divides by values that the network computes")
    if (np.asarray(constant.array) == 0).any():
        raise Unsupported("it divides by zero")
    return affine(c, node, x, 1 / np.asarray(constant.array, np.float64), 0)


def subtract(c: Conversion, node: SourceNode) -> Outcome:
    """Sub with a constant on either side."""
    x, constant, is_first = _pair(c, node)
    array = np.asarray(constant.array, np.float64)
    return affine(c, node, x, -1 if is_first else 1, array if is_first else -array)


def negate(c: Conversion, node: SourceNode) -> Outcome:
    """Neg."""
    return affine(c, node, c.view(node), -1, 0)


def scaler(c: Conversion, node: SourceNode) -> Outcome:
    """Scaler of ai.onnx.ml: (x - offset) * scale per feature."""
    scale, offset = (np.asarray(node.attributes.get(name, default), np.float64)
                     for name, default in (("scale", [1.0]), ("offset", [0.0])))
    return affine(c, node, c.view(node), scale, -offset * scale)


def extreme(c: Conversion, node: SourceNode) -> Outcome:
    """Max or Min with one value, which bounds from below or above."""
    if len(node.inputs) == 1:
        return c.folded(node, c.view(node), "changes nothing")
    if len(node.inputs) > 2:
        raise Unsupported(f"it compares {len(node.inputs)} tensors", RELU)
    x, constant, _ = _pair(c, node)
    bound = constant.uniform
    if bound is None:
        raise Unsupported("it bounds elements differently", RELU)
    low, high = (bound, np.inf) if node.op == "Max" else (-np.inf, bound)
    return bounded(c, node, x, low, high)


ELEMENTS = {"Relu": relu, "Clip": clip, "Mul": multiply, "Div": divide, "Sub": subtract,
            "Neg": negate, "Scaler": scaler, "Max": extreme, "Min": extreme}
