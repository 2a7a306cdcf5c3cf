"""What every writer of ONNX files shares: nodes, constants with names of their own, the model."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["OPSET", "ROWS", "Writer", "file_shape", "write_model"]

OPSET = 17
"""Read by every ONNX tool since 2022."""

ROWS = "N"
"""Stands for any number of rows."""

OUTPUT = "output"


class Writer:
    """Collects nodes and constants; a tensor has the name of the node that gives it.

    Parameters
    ----------
    names: those that tensors of the network have, its input among them
    last: the one of them that is the network's result
    """

    def __init__(self, names: set[str], last: str):
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.taken = set(names)
        self.last = last
        self.output = OUTPUT
        while self.output in self.taken - {last}:
            self.output += "_"
        self.taken.add(self.output)

    def result(self, name: str) -> str:
        """Name of a node's tensor; the network's result has one of its own."""
        return self.output if name == self.last else name

    def fresh(self, name: str) -> str:
        """The name, or one like it that nothing has yet."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def add(self, op: str, name: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        """Append a node, and return it."""
        from onnx import helper
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return self.nodes[-1]

    def constant(self, name: str, array: np.ndarray) -> str:
        """Store an array; returns its tensor's name."""
        name = self.fresh(name)
        self.constants[name] = np.asarray(array, order="C")
        return name

    def graph(self, name: str, entering: Any, leaving: Any) -> Any:
        """The graph, with descriptions of its input and its output."""
        from onnx import helper, numpy_helper
        return helper.make_graph(
            self.nodes, name, [entering], [leaving],
            [numpy_helper.from_array(array, own) for own, array in self.constants.items()])


def write_model(graph: Any, path: str | os.PathLike[str], *, ir_version: int,
                domains: tuple[str, ...] = (), functions: tuple[Any, ...] = (),
                metadata: Mapping[str, str] | None = None) -> None:
    """Write a graph as a file; equal graphs give equal bytes.

    Parameters
    ----------
    ir_version: of the file format
    domains: whose operators, of version 1, the graph has besides ONNX's own
    functions: of the file
    metadata: properties of the file
    """
    from onnx import helper
    opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(own, 1) for own in domains)]
    model = helper.make_model(graph, producer_name="pqhw", ir_version=ir_version,
                              opset_imports=opsets, functions=functions)
    if metadata:
        helper.set_model_props(model, dict(metadata))
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


def file_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """[C, H, W] of [H, W, C]."""
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else shape
