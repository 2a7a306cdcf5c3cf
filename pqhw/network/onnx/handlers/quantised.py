"""Pairs of QuantizeLinear and DequantizeLinear: integers noted, real values kept."""

import dataclasses

import numpy as np

from ...ops import Relu
from ...graph import INPUT
from ...quantinfo import TensorQuant
from ..constants import code_type
from ..conversion import Conversion
from ..reader import SourceNode
from ..state import Outcome, Unsupported
from .elements import affine

__all__ = ["QUANTISED"]

EIGHT, UNSIGNED = 8, 2
"""Codes are unsigned bytes (ONNX's type 2) where no zero point tells their type."""


def _codes(c: Conversion, node: SourceNode) -> TensorQuant:
    """Scale, zero point and type of a node of the pair, for a whole tensor."""
    scale, zero = c.constant(node, 1, "scale"), c.constant(node, 2, "zero point")
    assert scale is not None
    if scale.array.size != 1:
        raise Unsupported(f"it has {scale.array.size} scales for activations",
                          "quantise activations with one scale per tensor")
    kind: tuple[int, bool] | None = (EIGHT, False)
    if zero is not None:
        kind = code_type(zero.array.dtype)
    elif node.attributes.get("output_dtype", UNSIGNED) != UNSIGNED:
        from onnx import helper
        kind = code_type(np.dtype(helper.tensor_dtype_to_np_dtype(node.attributes["output_dtype"])))
    if kind is None:
        raise Unsupported("its codes are no integers", "quantise to integers")
    value = float(np.float32(scale.array.reshape(-1)[0]))
    if not 0 < value < np.inf:
        raise Unsupported(f"its scale must be positive and finite, but is {value:g}")
    point = 0 if zero is None else int(zero.array.reshape(-1)[0])
    return TensorQuant(scale=value, zero_point=point, bits=kind[0], signed=kind[1])


def quantise(c: Conversion, node: SourceNode) -> Outcome:
    """QuantizeLinear of what the network computes.

    Where no code stands for a negative value, it clamps as a ReLU does, and quantisers leave the
    ReLU out for it; then one is put in its place, with the largest code's value as its bound.
    """
    x = c.moving(node)
    if x.codes is not None:
        raise Unsupported("it quantises integers")
    codes = _codes(c, node)
    reason = f"scale {codes.scale:g}, zero point {codes.zero_point}"
    if codes.zero_point == codes.low and x.name not in c.positive and x.name != INPUT:
        name = c.emit(node, Relu(maximum=float(codes.scale * (codes.high - codes.low))), x)
        _note(c, name, codes)
        return c.result(node, dataclasses.replace(x, name=name, codes=codes),
                        f"{reason}; clamps as the ReLU that was left out")
    _note(c, x.name, codes)
    return c.folded(node, dataclasses.replace(x, codes=codes), reason)


def _note(c: Conversion, name: str, codes: TensorQuant) -> None:
    known = c.tensors.setdefault(name, codes)
    if known != codes:
        c.notes.append(f"{name}: is quantised twice, with scales {known.scale:g} and "
                       f"{codes.scale:g}; the first counts.")


def dequantise(c: Conversion, node: SourceNode) -> Outcome:
    """DequantizeLinear of codes that the network computes; where integers enter the network, a
    scale and an offset."""
    x = c.moving(node)
    codes = _codes(c, node)
    if x.codes is None:
        if x.name != INPUT or c.source.input_type.startswith(("float", "bfloat")):
            raise Unsupported("it takes real values for integers")
        outcome = affine(c, node, x, codes.scale, -codes.scale * codes.zero_point)
        _note(c, c.values[node.outputs[0]].name, codes)  # type: ignore[union-attr]
        return outcome
    same = (codes.scale, codes.zero_point) == (x.codes.scale, x.codes.zero_point)
    if not same:
        raise Unsupported("its scale or zero point differs from those of its QuantizeLinear",
                          "quantise again where the scale changes")
    return c.folded(node, dataclasses.replace(x, codes=None), "real values again")


QUANTISED = {"QuantizeLinear": quantise, "DequantizeLinear": dequantise}
