"""The tree encoder in exact integers."""

import numpy as np

from ..spec.parameters import TreeParameters

__all__ = ["walk"]


def walk(parameters: TreeParameters, vectors: np.ndarray) -> np.ndarray:
    """Codes [S, R] of sub-vectors [S, V, R]: the leaf that each reaches.

    node = 0; at level t: bit = x[split_dims[s, t]] >= thresholds[s, 2**t - 1 + node], node =
    2 * node + bit.
    """
    subspaces = np.arange(len(vectors))
    depth = parameters.split_dims.shape[1]
    dims = np.broadcast_to(parameters.split_dims, (len(vectors), depth))
    thresholds = np.broadcast_to(parameters.thresholds, (len(vectors), (1 << depth) - 1))
    nodes = np.zeros((len(vectors), vectors.shape[2]), np.int32)
    for level in range(depth):
        elements = vectors[subspaces, dims[:, level]]
        own = thresholds[:, (1 << level) - 1:(2 << level) - 1]
        nodes = 2 * nodes + (elements >= np.take_along_axis(own, nodes, axis=1))
    return nodes
