"""Shapes of what an unsupported node gives, so that the nodes behind it can be judged.

ONNX's own inference is not asked: on damaged files it can end the program.
"""

from collections.abc import Sequence

import numpy as np

from .constants import Const
from .layout import View
from .reader import SourceNode
from .remedies import ELEMENTWISE
from .state import Value

__all__ = ["result_shape"]

BROADCASTING = ("Add", "Sum", "Mul", "Sub", "Div", "Pow", "Max", "Min", "PRelu", "Mean", "Where")
KEEPING = ("Clip", "Relu", "Softmax", "LogSoftmax", "BatchNormalization", "Cast", "Dropout", "Sqrt",
           "Exp", "Log", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Neg")


def result_shape(node: SourceNode, inputs: Sequence[Value | None]) -> tuple[int, ...] | None:
    """The shape of a node's first result, `BATCH` for an open number of rows; None where it is not
    known."""
    if not node.is_standard or not inputs or not isinstance(inputs[0], View):
        return None
    try:
        return _shape(node, inputs[0].shape, inputs)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
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
    return None


def _own(value: Value | None) -> tuple[int, ...]:
    if isinstance(value, View):
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
