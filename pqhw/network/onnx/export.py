"""Graphs written as ONNX files."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..graph import INPUT, Graph, Node
from ..ops import (Add, ArgMax, AvgPool, BatchNorm, Concat, Conv2d, Flatten, GlobalAvgPool,
                   GraphError, Linear, MaxPool, PadChannels, Relu, Softmax, Subsample)
from .installed import require_onnx

__all__ = ["OPSET", "export_onnx"]

OPSET = 17
"""Read by every ONNX tool since 2022."""

IR_VERSION = 8
"""The version of the file format that came with the opset."""

OUTPUT = "output"
ROWS = "N"


def export_onnx(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write a graph: images as [N, C, H, W], any number of rows N, standard operators alone.

    Nodes keep their names. Equal graphs give equal bytes.

    Raises
    ------
    GraphError
        If the package onnx is not installed.
    """
    require_onnx()
    model = _Writer(graph).model()
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


class _Writer:
    """Collects nodes and constants; a tensor has the name of the node that gives it."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.taken = {INPUT} | {node.name for node in graph.nodes}
        self.output = OUTPUT
        while self.output in self.taken - {graph.output}:
            self.output += "_"
        self.taken.add(self.output)

    def model(self) -> Any:
        from onnx import TensorProto, helper, numpy_helper
        for node in self.graph.nodes:
            self._write(node)
        shape = [ROWS, *_file_shape(self.graph.output_shape)]
        kind = TensorProto.INT64 if not self.graph.output_shape else TensorProto.FLOAT
        described = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, self.graph.name,
            [described(INPUT, TensorProto.FLOAT, [ROWS, *_file_shape(self.graph.input_shape)])],
            [described(self._result(self.graph.output), kind, shape)],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()])
        return helper.make_model(graph, producer_name="pqhw", ir_version=IR_VERSION,
                                 opset_imports=[helper.make_opsetid("", OPSET)])

    def _result(self, name: str) -> str:
        """Name of a node's tensor; the network's result and input have names of their own."""
        return self.output if name == self.graph.output else name

    def _add(self, op: str, name: str, inputs: list[str], output: str, **attributes: Any) -> None:
        from onnx import helper
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))

    def _constant(self, name: str, array: np.ndarray) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def _write(self, node: Node) -> None:
        inputs, output = [self._result(own) for own in node.inputs], self._result(node.name)
        shape = self.graph.shapes[node.inputs[0]]

        def add(kind: str, *more: str, **attributes: Any) -> None:
            self._add(kind, node.name, [*inputs, *more], output, **attributes)

        def constant(field: str, array: np.ndarray) -> str:
            return self._constant(f"{node.name}.{field}", array)

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
                pooled = node.name + ".pooled"
                while pooled in self.taken:
                    pooled += "_"
                self.taken.add(pooled)
                self._add("GlobalAveragePool", node.name, inputs, pooled)
                self._add("Flatten", f"{node.name}.flatten", [pooled], output, axis=1)
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


def _file_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """[C, H, W] of [H, W, C]."""
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else shape
