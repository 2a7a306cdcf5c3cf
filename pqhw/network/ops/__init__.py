"""Operations of a layer graph: what each needs, gives and computes, in single precision."""

from .base import GraphError, Op, Shape
from .layers import WEIGHTED, BatchNorm, Conv2d, Linear
from .simple import Add, ArgMax, Concat, Flatten, PadChannels, Relu, Softmax
from .window import AvgPool, GlobalAvgPool, MaxPool, Subsample

__all__ = ["Add", "ArgMax", "AvgPool", "BatchNorm", "Concat", "Conv2d", "Flatten", "GlobalAvgPool",
           "GraphError", "Linear", "MaxPool", "Op", "PadChannels", "Relu", "Shape", "Softmax",
           "Subsample", "WEIGHTED"]
