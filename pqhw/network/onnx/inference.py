"""Shapes of what an unsupported node gives, so that the nodes behind it can be judged.

ONNX's own inference is not asked: on damaged files it can end the program.
"""

import math
from collections.abc import Sequence

import numpy as np

from .constants import Const
from .layout import View
from .reader import SourceNode
from .remedies import ELEMENTWISE
from .state import Unknown, Value

__all__ = ["result_shape"]

BROADCASTING = ("Add", "Sum", "Mul", "Sub", "Div", "Pow", "Max", "Min", "PRelu", "Mean", "Where")
KEEPING = ("Clip", "Relu", "Softmax", "LogSoftmax", "BatchNormalization", "Cast", "Dropout", "Sqrt",
           "Exp", "Log", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Neg")


def result_shape(node: SourceNode, inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    """The shape of a node's first result, `BATCH` for an open number of rows; None where it is not
    known."""
    if not node.is_standard or not inputs or isinstance(inputs[0], Const):
        return None
    try:
        return _shape(node, _own(inputs[0]), inputs)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
            ZeroDivisionError):
        return None


def _shape(node: SourceNode, first: tuple[int, ...],
           inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    if node.op in KEEPING or node.op in ELEMENTWISE:
        return first
    if node.op in BROADCASTING:
        return np.broadcast_shapes(*(_own(own) for own in inputs if own is not None))
    if node.op == "Conv":
        outputs, _, *kernel = _own(inputs[1])
        return (first[0], outputs, *_windows(node, first[2:], kernel))
    if node.op in ("MaxPool", "AveragePool", "LpPool"):
        return (*first[:2], *_windows(node, first[2:], node.attributes["kernel_shape"]))
    if node.op in ("GlobalLpPool", "GlobalMaxPool", "GlobalAveragePool"):
        return (*first[:2], *(1,) * (len(first) - 2))
    if node.op in ("Gemm", "MatMul"):
        turned = node.op == "Gemm" and node.attributes.get("transB", 0)
        return (*first[:-1], _own(inputs[1])[0 if turned else -1])
    if node.op in ("Resize", "Upsample"):
        return _resized(first, inputs)
    if node.op == "Transpose":
        return tuple(first[place] for place in node.attributes["perm"])
    if node.op == "Reshape":
        return _reshaped(first, _numbers(node, inputs, 1, "shape"))
    if node.op == "Slice":
        return _sliced(first, *(_numbers(node, inputs, place, name) for place, name in enumerate(
            ("starts", "ends", "axes", "steps"), start=1)))
    return None


def _numbers(node: SourceNode, inputs: Sequence[Value | None], place: int, name: str) -> list[int]:
    """Numbers that are an attribute or a constant input."""
    given = inputs[place] if place < len(inputs) else None
    listed = given.array.reshape(-1) if isinstance(given, Const) else node.attributes.get(name, [])
    return [int(own) for own in listed]


def _reshaped(first: tuple[int, ...], target: list[int]) -> tuple[int, ...] | None:
    sizes = [first[place] if size == 0 else size for place, size in enumerate(target)]
    rest = math.prod(size for size in sizes if size != -1)
    sizes = [math.prod(first) // rest if size == -1 else size for size in sizes]
    return tuple(sizes) if math.prod(sizes) == math.prod(first) else None


def _sliced(first: tuple[int, ...], starts: list[int], ends: list[int], axes: list[int],
            steps: list[int]) -> tuple[int, ...]:
    sizes = list(first)
    for place, start, end, axis in zip(range(len(starts)), starts, ends,
                                       axes or range(len(starts))):
        step = steps[place] if steps else 1
        sizes[axis] = len(range(sizes[axis])[slice(start, end, step)])
    return tuple(sizes)


def _own(value: Value | None) -> tuple[int, ...]:
    if isinstance(value, View | Unknown) and value.shape is not None:
        return value.shape
    if isinstance(value, Const):
        return value.array.shape
    raise ValueError("nothing is known of an input")


def _windows(node: SourceNode, sizes: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """Positions of windows, dilated ones too."""
    count = len(sizes)
    steps = node.attributes.get("strides", [1] * count)
    if node.attributes.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        return [-(-size // step) for size, step in zip(sizes, steps)]
    gaps = node.attributes.get("dilations", [1] * count)
    pads = node.attributes.get("pads", [0] * (2 * count))
    return [(size + before + after - gap * (taps - 1) - 1) // step + 1
            for size, before, after, gap, taps, step in zip(
                sizes, pads[:count], pads[count:], gaps, kernel, steps)]


def _resized(first: tuple[int, ...], inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    """By scales or to sizes, the last constant that is given."""
    given = [own.array for own in inputs[1:] if isinstance(own, Const) and own.array.size]
    if not given or given[-1].size != len(first):
        return None
    if given[-1].dtype.kind in "iu":
        return (first[0], *(int(size) for size in given[-1][1:]))
    return (first[0], *(int(size * scale) for size, scale in zip(first[1:], given[-1][1:])))
