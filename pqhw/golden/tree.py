"""The tree encoder in exact integers."""

import numpy as np

from ..spec import PQSpec
from ..spec.parameters import TreeParameters

__all__ = ["walk"]


def walk(spec: PQSpec, parameters: TreeParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, S] of activations [R, D]: the leaf that each sub-vector reaches; as `encode`.

    node = 0; at level t: bit = x[split_dims[s, t]] >= thresholds[s, 2**t - 1 + node], node =
    2 * node + bit. The tail of a row is padded with 0.
    """
    length = spec.engine.subvector_length
    count = spec.encoded_vectors
    subspaces = np.arange(count)
    depth = parameters.split_dims.shape[1]
    dims = np.broadcast_to(parameters.split_dims, (count, depth))
    thresholds = np.broadcast_to(parameters.thresholds, (count, (1 << depth) - 1))
    padded = np.zeros((len(rows), count * length), np.int64)
    padded[:, :rows.shape[1]] = rows
    nodes = np.zeros((len(rows), count), np.int32)
    for level in range(depth):
        elements = padded[:, subspaces * length + dims[:, level]]
        reached = elements >= thresholds[subspaces, (1 << level) - 1 + nodes]
        nodes = 2 * nodes + reached
    return nodes
