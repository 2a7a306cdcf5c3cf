"""Graphs in files: one .npz of the arrays and, as text within it, of the nodes; beside them the
integers of a network that came quantised."""

import contextlib
import dataclasses
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import ops
from .graph import Graph, Node
from .ops import GraphError, Op
from .quantinfo import LayerQuant, QuantInfo, TensorQuant

__all__ = ["load_graph", "load_quantisation", "save_graph"]

TEXT = "graph.json"
"""The member that lists the nodes."""

INTEGERS, PREFIX = "quantisation.json", "@quantisation/"
"""The member that tells of integers that a graph came with, and what their arrays begin with."""

ARRAYS = ("weights", "scales", "zero_points", "bias", "bias_scales")

KINDS: dict[str, type[Op]] = {kind.__name__: kind for kind in (
    ops.Add, ops.ArgMax, ops.AvgPool, ops.BatchNorm, ops.Concat, ops.Conv2d, ops.Flatten,
    ops.GlobalAvgPool, ops.Linear, ops.MaxPool, ops.PadChannels, ops.Relu, ops.Softmax,
    ops.Subsample)}


def save_graph(path: str | os.PathLike[str], graph: Graph,
               quantisation: QuantInfo | None = None) -> None:
    """Write a graph, and the integers that it came with; equal graphs give equal bytes."""
    listed = [{"name": node.name, "op": type(node.op).__name__, "inputs": node.inputs,
               **node.op.settings()} for node in graph.nodes]
    text = json.dumps({"name": graph.name, "input_shape": graph.input_shape, "nodes": listed})
    arrays = {f"{node.name}/{field}": array for node in graph.nodes
              for field, array in node.op.parameters().items()}
    if quantisation is not None:
        told, more = _quantisation_members(quantisation)
        arrays |= {INTEGERS: np.array(told), **more}
    with open(path, "wb") as file:
        np.savez_compressed(file, **{TEXT: np.array(text)}, **arrays)  # type: ignore[arg-type]


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a graph.

    Raises
    ------
    GraphError
        One sentence that begins with the file's name.
    """
    with _opened(path) as archive:
        return _graph(archive)


def load_quantisation(path: str | os.PathLike[str]) -> QuantInfo | None:
    """Read the integers that a graph came with; None where it came without.

    Raises
    ------
    GraphError
        One sentence that begins with the file's name.
    """
    with _opened(path) as archive:
        if INTEGERS not in archive:
            return None
        told = json.loads(str(archive[INTEGERS]))
        return QuantInfo({name: TensorQuant(**own) for name, own in told["tensors"].items()},
                         {name: _layer(archive, name, own) for name, own in told["layers"].items()})


def _layer(archive: np.lib.npyio.NpzFile, name: str, told: dict[str, Any]) -> LayerQuant:
    arrays: dict[str, Any] = {
        field: archive[key] for field in ARRAYS
        if (key := f"{PREFIX}{name}/{field}") in archive}
    return LayerQuant(**arrays, **told)


def _quantisation_members(info: QuantInfo) -> tuple[str, dict[str, np.ndarray]]:
    """Plain values as text, and arrays by the names of their members."""
    text = json.dumps({
        "tensors": {name: dataclasses.asdict(own) for name, own in info.tensors.items()},
        "layers": {name: {"bits": own.bits, "signed": own.signed}
                   for name, own in info.layers.items()}})
    return text, {f"{PREFIX}{name}/{field}": array for name, own in info.layers.items()
                  for field in ARRAYS if (array := getattr(own, field)) is not None}


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[np.lib.npyio.NpzFile]:
    """The members of a graph's file; what is wrong with it becomes a sentence."""
    path = Path(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile) or TEXT not in archive:
                raise GraphError(f"{path}: is an .npz file, but not one of a pqhw graph.")
            yield archive
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except (EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, GraphError):
            told = str(error)
            raise GraphError(told if told.startswith(str(path)) else f"{path}: {told}") from None
        raise GraphError(f"{path}: is not a complete .npz file of a graph.") from None


def _graph(archive: np.lib.npyio.NpzFile) -> Graph:
    listed = json.loads(str(archive[TEXT]))
    nodes = []
    for entry in listed["nodes"]:
        name, kind = entry.pop("name"), entry.pop("op")
        inputs = tuple(entry.pop("inputs"))
        arrays = {key.rpartition("/")[2]: archive[key] for key in archive
                  if key.rpartition("/")[0] == name}
        if kind not in KINDS:
            raise GraphError(f"{name}: there is no operation {kind}.")
        nodes.append(Node(name, KINDS[kind](**arrays, **entry), inputs))
    return Graph(listed["name"], tuple(listed["input_shape"]), tuple(nodes))
