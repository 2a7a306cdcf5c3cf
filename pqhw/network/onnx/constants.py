"""Constants of ONNX files: arrays, integers that they stand for, and nodes that compute them."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .reader import SourceNode

__all__ = ["Const", "Integers", "MOST_ELEMENTS", "code_type", "dequantise", "evaluate"]

MOST_ELEMENTS = 1 << 28
"""Elements of the largest constant that is computed."""

RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
          "Bernoulli")


@dataclasses.dataclass(frozen=True, eq=False)
class Integers:
    """Integers that an array was made of: scale * (codes - zero_point), all of one shape.

    Members
    -------
    bits, signed: of a code
    """
    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    bits: int
    signed: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Const:
    """An array, and the integers that it was made of, if any."""
    array: np.ndarray
    integers: Integers | None = None

    def moved(self, move: Callable[[np.ndarray], np.ndarray]) -> "Const":
        """The constant with its values in another order or shape."""
        if self.integers is None:
            return Const(move(self.array))
        own = self.integers
        return Const(move(self.array), Integers(move(own.codes), move(own.scale),
                                                move(own.zero_point), own.bits, own.signed))

    @property
    def uniform(self) -> float | None:
        """The one value that all elements have, or None."""
        # A broadcast array is one element in memory, however large its shape.
        kept = self.array[tuple(slice(0, 1) if step == 0 else slice(None)
                                for step in self.array.strides)]
        if not kept.size:
            return None
        first = kept.reshape(-1)[0]
        return float(first) if (kept == first).all() else None


def code_type(kind: np.dtype) -> tuple[int, bool] | None:
    """Bits and sign of an integer type, 4-bit types included; None for other types."""
    if kind.kind in "iu":
        return 8 * kind.itemsize, kind.kind == "i"
    return {"int4": (4, True), "uint4": (4, False), "int2": (2, True), "uint2": (2, False)
            }.get(kind.name)


def dequantise(codes: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None, axis: int,
               block: int) -> Const:
    """Integers as real values in single precision.

    Parameters
    ----------
    scale, zero_point: one value, one per index along `axis`, or with `block` one per as many
    """
    kind = code_type(codes.dtype)
    if kind is None:
        raise ValueError("codes are no integers")
    scale = np.asarray(scale, np.float32)
    zero = np.zeros_like(scale, np.int64) if zero_point is None else zero_point.astype(np.int64)

    def spread(values: np.ndarray) -> np.ndarray:
        if block:
            values = np.repeat(values, block, axis=axis)
            values = values[tuple(slice(0, size) for size in codes.shape)]
        elif values.size == 1:
            values = values.reshape(())
        else:
            values = values.reshape([-1 if place == axis % codes.ndim else 1
                                     for place in range(codes.ndim)])
        return np.broadcast_to(values, codes.shape)

    integers = Integers(codes.astype(np.int64), spread(scale), spread(zero), *kind)
    real = (integers.codes - integers.zero_point).astype(np.float32) * integers.scale
    return Const(real, integers)


def evaluate(node: SourceNode, inputs: Sequence[Const | None], opset: int) -> list[Const]:
    """What a node gives for constant inputs; None stands for an input that is left out.

    Raises `ValueError` where that is too large, random, or more than onnx can compute.
    """
    if node.op in RANDOM:
        raise ValueError("its values are random")
    first = inputs[0] if inputs else None
    match node.op, first:
        case "Identity", Const():
            return [first]
        case "DequantizeLinear", Const():
            zero = inputs[2].array if len(inputs) > 2 and inputs[2] is not None else None
            assert inputs[1] is not None
            return [dequantise(first.array, inputs[1].array, zero,
                               int(node.attributes.get("axis", 1)),
                               int(node.attributes.get("block_size", 0)))]
        case "Transpose", Const():
            axes = node.attributes.get("perm")
            return [first.moved(lambda array: array.transpose(axes))]
        case "ConstantOfShape", Const():
            return [_filled(node, first.array)]
        case "Expand", Const() if inputs[1] is not None:
            wanted = np.broadcast_shapes(first.array.shape, tuple(map(int, inputs[1].array)))
            return [Const(np.broadcast_to(first.array, wanted))]
    results = _computed(node, inputs, opset)
    if node.op in ("Reshape", "Squeeze", "Unsqueeze", "Flatten") and first is not None:
        return [first.moved(lambda array: array.reshape(results[0].array.shape))]
    return results


def _filled(node: SourceNode, shape: np.ndarray) -> Const:
    from onnx import numpy_helper
    value = node.attributes.get("value")
    array = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    return Const(np.broadcast_to(array.reshape(()), tuple(map(int, shape))))


def _computed(node: SourceNode, inputs: Sequence[Const | None], opset: int) -> list[Const]:
    if any(own is not None and own.array.size > MOST_ELEMENTS for own in inputs):
        raise ValueError("its inputs are too large")
    from onnx import helper
    from onnx.reference import ReferenceEvaluator
    given = {name: np.asarray(own.array) for name, own in zip(node.inputs, inputs)
             if own is not None}

    def described(name: str) -> Any:
        array = given[name]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype),
                                             array.shape)

    parsed = type(node.parsed)()
    parsed.CopyFrom(node.parsed)
    parsed.domain = ""
    graph = helper.make_graph([parsed], "constant", [described(name) for name in given],
                              [helper.make_empty_tensor_value_info(name)
                               for name in node.outputs if name])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            results = ReferenceEvaluator(model).run(None, given)
        except Exception as error:
            raise ValueError(f"onnx cannot compute it ({type(error).__name__})") from None
    arrays = [np.asarray(result) for result in results]
    if any(math.prod(array.shape) > MOST_ELEMENTS for array in arrays):
        raise ValueError("its result is too large")
    named = iter(arrays)
    return [Const(next(named)) if name else Const(np.zeros(0)) for name in node.outputs]
