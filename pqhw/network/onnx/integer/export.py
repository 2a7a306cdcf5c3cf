"""Integer networks written as ONNX files."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkNode,
                              NetworkSpec, PadChannels, Subsample, Sum)
from ....spec.parameters import Parameters
from ..installed import require_onnx
from ..writing import ROWS, file_shape, write_model
from .engines import write_engine
from .marks import DOMAIN, FORMAT, HIGH, LOW, STEP, VERSION
from .writer import NetworkWriter, byte_type

__all__ = ["export_integer_onnx"]

IR_VERSION, OVERLOADS = 8, 10
"""Versions of the file format: the one that came with the opset, and the one since which functions
have overloads."""


def export_integer_onnx(spec: NetworkSpec, parameters: Mapping[str, Parameters],
                        path: str | os.PathLike[str], *, steps: Mapping[str, float] | None = None
                        ) -> dict[str, tuple[str, ...]]:
    """Write an integer network: images as [N, C, H, W], any number of rows N.

    Every value is an integer, and every result equals that of `pqhw.golden.network_results`. Layers
    with tables are the operators `PQEncode` and `PQLookup` of the domain `pqhw`, which the file
    also holds as functions of ONNX's own operators; all else is those. An engine of several
    precisions has its first. Equal networks give equal bytes.

    Parameters
    ----------
    parameters: of every engine, by the node's name
    steps: real value of 1, by result, which becomes a property of the file

    Returns
    -------
    The file's operators for every node, by its name.

    Raises
    ------
    GraphError
        If the package onnx is not installed.
    """
    require_onnx()
    from onnx import helper
    network = _Network(spec, parameters)
    operators = {node.name: network.write(node) for node in spec.nodes}
    writer = network.writer

    def described(name: str, own: str) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(network.types[own])
        return helper.make_tensor_value_info(name, kind, [ROWS, *file_shape(spec.shapes[own])])

    graph = writer.graph(spec.name, described(INPUT, INPUT),
                         described(writer.output, spec.output))
    allowed = spec.input.range
    functions = tuple(writer.functions.values())
    version = OVERLOADS if any(own.overload for own in functions) else IR_VERSION
    real = steps or {}
    known = {f"{STEP}{writer.result(name)}": repr(float(real[name]))
             for name in spec.shapes if name in real}
    write_model(graph, path, ir_version=version, domains=(DOMAIN,) if functions else (),
                functions=functions, metadata={FORMAT: VERSION, LOW: str(allowed.low),
                                               HIGH: str(allowed.high), **known})
    return operators


class _Network:
    """Writes a network node by node.

    Members
    -------
    types: of the input and of the results, by name: 8-bit integers where they fit by declaration,
        else 64-bit integers
    """

    def __init__(self, spec: NetworkSpec, parameters: Mapping[str, Parameters]):
        self.spec, self.parameters = spec, parameters
        self.writer = NetworkWriter(set(spec.shapes), spec.output)
        self.types = {INPUT: byte_type(spec.input.signed)}

    def write(self, node: NetworkNode) -> tuple[str, ...]:
        """Append a node; returns its operators."""
        self.writer.begin(node.name)
        self.types[node.name] = self._write(node)
        return self.writer.end()

    def _write(self, node: NetworkNode) -> np.dtype:
        """Append a node; returns the type of its results."""
        writer = self.writer
        inputs = [writer.result(own) for own in node.inputs]
        values, shape = inputs[0], file_shape(self.spec.shapes[node.inputs[0]])
        kinds = [self.types[own] for own in node.inputs]
        match node.op:
            case Engine() as op:
                return write_engine(writer, op.spec, self.parameters[node.name], values)
            case Sum() as op:
                total = writer.cast(values, np.int64)
                for own in inputs[1:]:
                    total = writer.op("Add", total, writer.cast(own, np.int64))
                writer.requantise(total, 0, op.bits, op.signed)
                return byte_type(op.signed)
            case MaxPool() as op:
                self._maximum(op, values, kinds[0], self.spec.ranges[node.inputs[0]].low)
            case Mean() as op:
                total = self._total(op, writer.cast(values, np.int64), shape)
                writer.requantise(writer.op("Mul", total, op.multiplier), op.shift, op.bits,
                                  op.signed)
                return byte_type(op.signed)
            case Subsample() as op:
                writer.op("Slice", values, [0, 0], list(shape[1:]), [2, 3], list(op.stride))
            case PadChannels() as op:
                rest = [0] * (len(shape) - 1)
                writer.op("Pad", values, [0, op.before, *rest, 0, op.after, *rest])
            case Concat():
                kind = kinds[0] if len(set(kinds)) == 1 else np.dtype(np.int64)
                writer.op("Concat", *(own if one == kind else writer.cast(own, kind)
                                      for own, one in zip(inputs, kinds)), axis=1)
                return kind
            case Flatten():
                if len(shape) == 3:
                    values = writer.op("Transpose", values, perm=[0, 2, 3, 1])
                writer.op("Flatten", values, axis=1)
            case ArgMax():
                writer.op("ArgMax", values, axis=1, keepdims=1)
                return np.dtype(np.int64)
            case other:
                raise TypeError(f"{type(other).__name__} is no operation of a network.")
        return kinds[0]

    def _maximum(self, op: MaxPool, values: str, kind: np.dtype, lowest: int) -> None:
        """`MaxPool` of floating point, which holds our integers exactly and every evaluator takes,
        of an image padded before with the lowest of its values, as evaluators differ in that."""
        top, left = op.padding
        if top or left:
            values = self.writer.op("Pad", values, [0, 0, top, left, 0, 0, top, left],
                                    np.array(lowest, kind))
        real = np.float32 if kind.itemsize == 1 else np.float64
        largest = self.writer.op("MaxPool", self.writer.cast(values, real),
                                 kernel_shape=list(op.kernel), strides=list(op.stride))
        self.writer.cast(largest, kind)

    def _total(self, op: Mean, values: str, shape: tuple[int, ...]) -> str:
        """Sums over windows: products with matrices that tell which pixels a window sees."""
        if op.whole:
            return self.writer.op("ReduceSum", values, [2, 3], keepdims=0)
        down, across = (_bands(size, *own) for size, own in zip(
            shape[1:], zip(op.kernel, op.stride, op.padding)))
        rows = self.writer.op("MatMul", values, self.writer.value("columns", across.T))
        return self.writer.op("MatMul", self.writer.value("rows", down), rows)


def _bands(size: int, taps: int, stride: int, padding: int) -> np.ndarray:
    """Matrix [windows, size] of ones where a window sees a pixel."""
    firsts = np.arange((size + 2 * padding - taps) // stride + 1)[:, None] * stride - padding
    pixels = np.arange(size)
    return ((pixels >= firsts) & (pixels < firsts + taps)).astype(np.int64)
