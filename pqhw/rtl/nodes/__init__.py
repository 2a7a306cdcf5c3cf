"""Nodes of a network that have no weights, each a component with streams of rows."""

from ...spec.dataflow import Part
from ...spec.network.nodes import (ArgMax, Concat, MaxPool, Mean, PadChannels, Subsample, Sum)
from .argmax import ArgMaxNode
from .base import Node
from .means import GlobalMean, WindowMean
from .pools import MaxPoolNode
from .routes import ConcatNode, PadNode, SubsampleNode
from .sums import SumNode

__all__ = ["Node", "make_node"]


def make_node(part: Part) -> Node:
    """The component of a node that is no engine."""
    match part.node.op:
        case Sum():
            return SumNode(part)
        case MaxPool():
            return MaxPoolNode(part)
        case Mean(whole=True):
            return GlobalMean(part)
        case Mean():
            return WindowMean(part)
        case Subsample():
            return SubsampleNode(part)
        case PadChannels():
            return PadNode(part)
        case Concat():
            return ConcatNode(part)
        case ArgMax():
            return ArgMaxNode(part)
    raise TypeError(f"{type(part.node.op).__name__} has no component.")
