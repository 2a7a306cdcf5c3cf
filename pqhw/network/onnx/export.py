"""Graphs written as ONNX files."""

import os
from typing import Any

import numpy as np

from ..graph import INPUT, Graph, Node
from ..ops import (Add, ArgMax, AvgPool, BatchNorm, Concat, Conv2d, Flatten, GlobalAvgPool,
                   GraphError, Linear, MaxPool, PadChannels, Relu, Softmax, Subsample)
from .installed import require_onnx
from .writing import OPSET, ROWS, Writer, file_shape, write_model

__all__ = ["OPSET", "export_onnx"]

IR_VERSION = 8
"""The version of the file format that came with the opset."""


def export_onnx(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write a graph: images as [N, C, H, W], any number of rows N, standard operators alone.

    Nodes keep their names. Equal graphs give equal bytes.

    Raises
    ------
    GraphError
        If the package onnx is not installed.
    """
    require_onnx()
    write_model(_Writer(graph).written(), path, ir_version=IR_VERSION)


class _Writer(Writer):
    """Writes a graph node by node."""

    def __init__(self, source: Graph):
        super().__init__({INPUT} | {node.name for node in source.nodes}, source.output)
        self.source = source

    def written(self) -> Any:
        """The graph of the file."""
        from onnx import TensorProto, helper
        for node in self.source.nodes:
            self._write(node)
        shape = [ROWS, *file_shape(self.source.output_shape)]
        kind = TensorProto.INT64 if not self.source.output_shape else TensorProto.FLOAT
        described = helper.make_tensor_value_info
        return self.graph(
            self.source.name,
            described(INPUT, TensorProto.FLOAT, [ROWS, *file_shape(self.source.input_shape)]),
            described(self.result(self.source.output), kind, shape))

    def _write(self, node: Node) -> None:
        inputs, output = [self.result(own) for own in node.inputs], self.result(node.name)
        shape = self.source.shapes[node.inputs[0]]

        def add(kind: str, *more: str, **attributes: Any) -> None:
            self.add(kind, node.name, [*inputs, *more], output, **attributes)

        def constant(field: str, array: np.ndarray) -> str:
            return self.constant(f"{node.name}.{field}", array)

        match node.op:
            case Conv2d() as op:
                add("Conv", constant("weights", op.weights.transpose(0, 3, 1, 2)),
                    constant("bias", op.bias), group=op.groups, **_window(op))
            case Linear() as op:
                add("Gemm", constant("weights", op.weights), constant("bias", op.bias), transB=1)
            case BatchNorm() as op:
                add("BatchNormalization", *(constant(field, getattr(op, field)) for field in (
                    "gamma", "beta", "mean", "variance")), epsilon=float(op.epsilon))
            case Relu(maximum=None):
                add("Relu")
            case Relu() as op:
                add("Clip", *(constant(field, np.array(bound, np.float32)) for field, bound in (
                    ("low", 0), ("high", op.maximum))))
            case Add():
                add("Add" if len(inputs) == 2 else "Sum")
            case Concat():
                add("Concat", axis=1)
            case MaxPool() as op:
                add("MaxPool", **_window(op))
            case AvgPool() as op:
                add("AveragePool", count_include_pad=int(op.count_padding), **_window(op))
            case GlobalAvgPool():
                pooled = self.fresh(f"{node.name}.pooled")
                self.add("GlobalAveragePool", node.name, inputs, pooled)
                self.add("Flatten", f"{node.name}.flatten", [pooled], output, axis=1)
            case Flatten():
                add("Flatten", axis=1)
            case Subsample() as op:
                sides = [constant(field, np.array(numbers, np.int64)) for field, numbers in (
                    ("starts", [0, 0]), ("ends", shape[:2]), ("axes", [2, 3]),
                    ("steps", op.stride))]
                add("Slice", *sides)
            case PadChannels() as op:
                rest = [0] * (len(shape) - 1)
                pads = [0, op.before, *rest, 0, op.after, *rest]
                add("Pad", constant("pads", np.array(pads, np.int64)))
            case Softmax() as op:
                add(op.kind, axis=1)
            case ArgMax():
                add("ArgMax", axis=1, keepdims=0)
            case op:
                raise GraphError(f"{node.name}: {op.kind} has no operator in ONNX files.")


def _window(op: Conv2d | MaxPool | AvgPool) -> dict[str, list[int]]:
    (top, bottom), (left, right) = op.padding
    return {"kernel_shape": list(op.kernel), "strides": list(op.stride),
            "pads": [top, left, bottom, right]}
