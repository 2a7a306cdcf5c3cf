"""The product-quantized layer in exact integers."""

import numpy as np

from ..spec import PQSpec
from ..spec.parameters import LookupParameters, PQParameters, TreeParameters
from .requantize import requantize
from .tree import walk

__all__ = ["encode", "lookup", "nearest", "pq_layer", "wrapped"]

CHUNK_ELEMENTS = 1 << 15
"""Distances kept in flight, so that they stay in the processor's cache."""


def encode(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, S] of activations [R, D]: a tree's leaf, or the nearest prototype."""
    if isinstance(parameters, TreeParameters):
        return walk(spec, parameters, rows)
    return _nearest_prototypes(spec, parameters, rows)


def _nearest_prototypes(spec: PQSpec, parameters: PQParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, S] of activations [R, D]: the nearest prototype, the lowest index on ties.

    l2: argmin_k sum_v (x-c)**2; l1: argmin_k sum_v |x-c|; chebyshev: argmin_k max_v |x-c|; dot:
    argmax_k (2 sum_v xc - sum_v c**2). The tail of a row is padded with 0.
    """
    length, subspaces = spec.engine.subvector_length, spec.encoded_vectors
    # The widest distance, 64 elements of 9-bit differences, has 15 bits (l1) or 22 bits (l2); a
    # score (dot) has 23.
    dtype = np.int32 if spec.engine.encoder in ("l2", "dot") else np.int16
    shape = (subspaces, spec.engine.prototypes, length)
    prototypes = np.broadcast_to(parameters.prototypes, shape).astype(dtype)
    codes = np.empty((len(rows), subspaces), np.int32)
    step = max(1, CHUNK_ELEMENTS // subspaces)
    for start in range(0, len(rows), step):
        chunk = rows[start:start + step]
        padded = np.zeros((len(chunk), subspaces * length), dtype)
        padded[:, :rows.shape[1]] = chunk
        vectors = padded.reshape(len(chunk), subspaces, length).transpose(2, 1, 0).copy()
        codes[start:start + step] = nearest(spec.engine.encoder, vectors, prototypes).T
    return codes


def nearest(encoder: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Codes [S, R] of vectors [V, S, R]; only a strictly smaller distance replaces the best."""
    codes = np.zeros(vectors.shape[1:], np.int32)
    best = _distance(encoder, vectors, prototypes[:, 0])
    for k in range(1, prototypes.shape[1]):
        distance = _distance(encoder, vectors, prototypes[:, k])
        np.copyto(codes, k, where=distance < best)
        np.minimum(best, distance, out=best)
    return codes


def _distance(encoder: str, vectors: np.ndarray, prototype: np.ndarray) -> np.ndarray:
    """Distances [S, R] of vectors [V, S, R] to one prototype [S, V] of each subspace.

    For dot, the score with its sign turned.
    """
    total = np.zeros(vectors.shape[1:], vectors.dtype)
    part = np.empty_like(total)
    for element, own in zip(vectors, prototype.T):
        if encoder == "dot":
            np.multiply(element, own[:, None], out=part)
            total += (own * own)[:, None] - 2 * part
            continue
        np.subtract(element, own[:, None], out=part)
        if encoder == "l2":
            np.multiply(part, part, out=part)
        else:
            np.abs(part, out=part)
        if encoder == "chebyshev":
            np.maximum(total, part, out=total)
        else:
            total += part
    return total


def lookup(spec: PQSpec, parameters: LookupParameters, codes: np.ndarray) -> np.ndarray:
    """Accumulators [R, N]: bias[n] + sum_s T[s, code[s], n], modulo 2**16 where sums wrap."""
    sums = np.broadcast_to(parameters.bias, (len(codes), spec.layer.out_features)).copy()
    for s in range(spec.subspaces):
        sums += parameters.tables[s, codes[:, s]]
    return wrapped(sums) if spec.wraps else sums


def wrapped(sums: np.ndarray) -> np.ndarray:
    """Sums as signed 16-bit integers that wrap around."""
    return (sums + (1 << 15)) % (1 << 16) - (1 << 15)


def pq_layer(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D]."""
    accumulators = lookup(spec, parameters, encode(spec, parameters, rows))
    return requantize(accumulators, spec.output, parameters.shift, np.ones(1, np.int64))
