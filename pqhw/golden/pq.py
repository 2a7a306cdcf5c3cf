"""The product-quantized layer in exact integers."""

import numpy as np

from ..spec import PQSpec
from ..spec.parameters import PQParameters
from .requantize import requantize

__all__ = ["encode", "lookup", "pq_layer"]

CHUNK_BYTES = 1 << 25
"""Largest difference array made at once."""


def encode(spec: PQSpec, parameters: PQParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, S] of activations [R, D]: the nearest prototype, the lowest index on ties.

    l2: argmin_k sum_v (x-c)**2; l1: argmin_k sum_v |x-c|. The tail of a row is padded with 0.
    """
    length = spec.engine.subvector_length
    padded = np.zeros((len(rows), spec.subspaces * length), np.int32)
    padded[:, :rows.shape[1]] = rows
    vectors = padded.reshape(len(rows), spec.subspaces, length)
    prototypes = np.broadcast_to(parameters.prototypes.astype(np.int32),
                                 (spec.subspaces, spec.engine.prototypes, length))
    codes = np.empty((len(rows), spec.subspaces), np.int32)
    step = max(1, CHUNK_BYTES // (4 * spec.engine.prototypes * length))
    for s in range(spec.subspaces):
        for start in range(0, len(rows), step):
            x = vectors[start:start + step, s, None, :]
            codes[start:start + step, s] = _distances(spec, x, prototypes[s]).argmin(axis=1)
    return codes


def _distances(spec: PQSpec, x: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    difference = x - prototypes
    if spec.engine.encoder == "l2":
        return np.einsum("rkv,rkv->rk", difference, difference)
    return np.abs(difference).sum(axis=2)


def lookup(spec: PQSpec, parameters: PQParameters, codes: np.ndarray) -> np.ndarray:
    """Accumulators [R, N]: bias[n] + sum_s T[s, code[s], n]."""
    sums = np.broadcast_to(parameters.bias, (len(codes), spec.layer.out_features)).copy()
    for s in range(spec.subspaces):
        sums += parameters.tables[s, codes[:, s]]
    return sums


def pq_layer(spec: PQSpec, parameters: PQParameters, rows: np.ndarray) -> np.ndarray:
    """Results [R, N] of activations [R, D]."""
    accumulators = lookup(spec, parameters, encode(spec, parameters, rows))
    return requantize(accumulators, spec.output, parameters.shift, np.ones(1, np.int64))
