"""Batch normalisation moved into the layers before it."""

import dataclasses

import numpy as np

from .graph import Graph, Node
from .ops import WEIGHTED, BatchNorm, Conv2d

__all__ = ["fold_batchnorm"]


def fold_batchnorm(graph: Graph) -> Graph:
    """The same function without normalisation, as far as each follows a layer with weights that
    nobody else listens to; a normalisation elsewhere becomes a 1x1 depthwise convolution.

    A folded layer keeps its own name; who took the normalisation's result takes the layer's.
    """
    nodes: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        if not isinstance(node.op, BatchNorm):
            nodes[node.name] = dataclasses.replace(node, inputs=inputs)
            continue
        before = nodes.get(inputs[0])
        if (before is not None and isinstance(before.op, WEIGHTED)
                and len(graph.users[node.inputs[0]]) == 1):
            # Where the normalisation stood, so that the last node stays the last.
            nodes.pop(before.name)
            nodes[before.name] = dataclasses.replace(before, op=_folded(before.op, node.op))
            renamed[node.name] = before.name
        elif len(graph.shapes[node.name]) == 3:
            op = Conv2d(weights=node.op.factor.reshape(-1, 1, 1, 1), bias=node.op.offset,
                        groups=len(node.op.gamma))
            nodes[node.name] = Node(node.name, op, inputs)
        else:
            nodes[node.name] = dataclasses.replace(node, inputs=inputs)
    return Graph(graph.name, graph.input_shape, tuple(nodes.values()))


def _folded(op, norm: BatchNorm):
    """The layer with weights and bias times the norm's factor, and its offset."""
    factor = norm.factor.astype(np.float64)
    shape = (-1,) + (1,) * (op.weights.ndim - 1)
    return dataclasses.replace(op, weights=op.weights * factor.reshape(shape),
                               bias=op.bias * factor + norm.offset)
