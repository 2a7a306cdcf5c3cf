"""Padding that differs between opposite sides, as engines do not have it, made equal."""

import dataclasses

import numpy as np

from .graph import Graph
from .ops import Conv2d

__all__ = ["equal_padding", "missing_taps", "widened"]

Pair = tuple[int, int]


def missing_taps(op: Conv2d) -> tuple[Pair, Pair]:
    """Taps of zero ((above, below), (left, right)) with which a kernel may have on both sides the
    padding of the larger one, and windows start where they did."""
    (top, bottom), (left, right) = op.padding
    return ((max(0, bottom - top), max(0, top - bottom)),
            (max(0, right - left), max(0, left - right)))


def widened(op: Conv2d) -> Conv2d:
    """The same convolution with equal padding on opposite sides."""
    taps = missing_taps(op)
    return dataclasses.replace(op, weights=np.pad(op.weights, ((0, 0), *taps, (0, 0))),
                               padding=tuple((max(side), max(side)) for side in op.padding))


def equal_padding(graph: Graph) -> Graph:
    """The same function with equal padding at top and bottom, and left and right, of every
    convolution: kernels grow by taps of zero.

    A 3x3 kernel of stride 2 with a pixel at the bottom and right alone, as TensorFlow pads, becomes
    4x4, which is 16 / 9 of the products.
    """
    nodes = tuple(dataclasses.replace(node, op=widened(node.op))
                  if isinstance(node.op, Conv2d) and any(map(any, missing_taps(node.op))) else node
                  for node in graph.nodes)
    return Graph(graph.name, graph.input_shape, nodes)
