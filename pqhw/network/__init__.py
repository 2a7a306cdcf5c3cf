"""Trained networks in floating point: graphs of layers, a zoo of them, and digits to try. NumPy
alone, but for learning."""

from .dense import DenseNetwork
from .digits import Digits, LearningError, load_digits, train_digits, variations
from .files import load_graph, load_quantisation, save_graph
from .fold import fold_batchnorm
from .graph import INPUT, Graph, GraphBuilder, Node, layer_shape
from .ops import GraphError
from .padding import equal_padding
from .zoo import ZOO, zoo_network

__all__ = ["DenseNetwork", "Digits", "Graph", "GraphBuilder", "GraphError", "INPUT",
           "LearningError", "Node", "ZOO", "equal_padding", "fold_batchnorm", "layer_shape",
           "load_digits", "load_graph", "load_quantisation", "save_graph", "train_digits",
           "variations", "zoo_network"]
