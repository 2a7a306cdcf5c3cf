"""Graphs in files: one .npz of the arrays and, as text within it, of the nodes."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from . import ops
from .graph import Graph, Node
from .ops import GraphError, Op

__all__ = ["load_graph", "save_graph"]

TEXT = "graph.json"
"""The member that lists the nodes."""

KINDS: dict[str, type[Op]] = {kind.__name__: kind for kind in (
    ops.Add, ops.ArgMax, ops.AvgPool, ops.BatchNorm, ops.Concat, ops.Conv2d, ops.Flatten,
    ops.GlobalAvgPool, ops.Linear, ops.MaxPool, ops.PadChannels, ops.Relu, ops.Softmax,
    ops.Subsample)}


def save_graph(path: str | os.PathLike[str], graph: Graph) -> None:
    """Write a graph; equal graphs give equal bytes."""
    listed = [{"name": node.name, "op": type(node.op).__name__, "inputs": node.inputs,
               **node.op.settings()} for node in graph.nodes]
    text = json.dumps({"name": graph.name, "input_shape": graph.input_shape, "nodes": listed})
    arrays = {f"{node.name}/{field}": array for node in graph.nodes
              for field, array in node.op.parameters().items()}
    with open(path, "wb") as file:
        np.savez_compressed(file, **{TEXT: np.array(text)}, **arrays)  # type: ignore[arg-type]


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read a graph.

    Raises
    ------
    GraphError
        One sentence that begins with the file's name.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile) or TEXT not in archive:
                raise GraphError(f"{path}: is an .npz file, but not one of a pqhw graph.")
            return _graph(archive)
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
