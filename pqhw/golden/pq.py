"""The product-quantized layer in exact integers."""

import numpy as np

from ..spec import PQSpec
from ..spec.parameters import LookupParameters, TreeParameters
from .lookup import nearest, table_sums
from .requantize import requantize
from .tree import walk

__all__ = ["encode", "encode_vectors", "lookup", "pq_layer", "wrapped"]


def encode(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, S] of activations [R, D]; the tail of a row is padded with 0."""
    length, subspaces = spec.engine.subvector_length, spec.encoded_vectors
    vectors = np.zeros((subspaces * length, len(rows)), np.float32)
    vectors[:rows.shape[1]] = rows.T
    return encode_vectors(spec, parameters, vectors.reshape(subspaces, length, -1)).T


def encode_vectors(spec: PQSpec, parameters: LookupParameters, vectors: np.ndarray) -> np.ndarray:
    """Codes [S, R] of sub-vectors [S, V, R]: a tree's leaf, or the nearest prototype."""
    if isinstance(parameters, TreeParameters):
        return walk(parameters, vectors)
    prototypes = np.broadcast_to(parameters.prototypes,
                                 (len(vectors), *parameters.prototypes.shape[1:]))
    return nearest(spec.engine.encoder, vectors, prototypes)


def lookup(spec: PQSpec, parameters: LookupParameters, codes: np.ndarray) -> np.ndarray:
    """Accumulators [R, N]: bias[n] + sum_s T[s, code[s], n], modulo 2**16 where sums wrap."""
    sums = table_sums(parameters.tables, codes.T) + parameters.bias
    return wrapped(sums) if spec.wraps else sums


def wrapped(sums: np.ndarray) -> np.ndarray:
    """Sums as signed 16-bit integers that wrap around."""
    return (sums + (1 << 15)) % (1 << 16) - (1 << 15)


def pq_layer(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D]."""
    accumulators = lookup(spec, parameters, encode(spec, parameters, rows))
    return requantize(accumulators, spec.output, parameters.shift, np.ones(1, np.int64))
