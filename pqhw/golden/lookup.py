"""Products, nearest prototypes and sums of table entries, many at once, in exact integers."""

from collections.abc import Iterator

import numpy as np

from ..spec.ranges import ceil_log2

__all__ = ["exact_product", "nearest", "table_sums"]

CHUNK_ELEMENTS = 1 << 17
"""Distances kept in flight, so that they stay in the processor's cache."""

MOST_ENTRIES = 1024
"""Entries of a table that stands for several subspaces at once."""

def _exact_type(bound: int) -> type:
    """A floating-point type in which integers up to the bound are exact, in any order of sums."""
    return np.float32 if bound < 1 << 24 else np.float64


def exact_product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The matrix product [..., N, R] of integers [..., N, D] and [..., D, R], as int64."""
    bound = left.shape[-1] * int(np.abs(left).max(initial=1)) * int(np.abs(right).max(initial=1))
    dtype = _exact_type(bound)
    return np.matmul(left.astype(dtype), right.astype(dtype, copy=False)).astype(np.int64)


def nearest(encoder: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Codes [S, R] of vectors [S, V, R]: the nearest of prototypes [S, K, V], the lowest index on
    ties.

    l2: argmin_k sum_v (x-c)**2; l1: argmin_k sum_v |x-c|; chebyshev: argmin_k max_v |x-c|; dot:
    argmax_k (2 sum_v xc - sum_v c**2).
    """
    subspaces, _, rows = vectors.shape
    codes = np.empty((subspaces, rows), np.int32)
    step = max(1, CHUNK_ELEMENTS // (subspaces * prototypes.shape[1]))
    find = _by_products if encoder in ("l2", "dot") else _by_differences
    for start in range(0, rows, step):
        codes[:, start:start + step] = find(encoder, vectors[:, :, start:start + step], prototypes)
    return codes


def _by_products(_: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """sum c**2 - 2 sum xc, which orders prototypes as `l2` and `dot` do, with the index as its
    lowest bits: the least of these keys has the code. All products are exact."""
    count, length = prototypes.shape[1:]
    bits = ceil_log2(count)
    widest = max(int(np.abs(vectors).max(initial=1)), int(np.abs(prototypes).max(initial=1)))
    bound = 3 * length * widest * widest + 1 << bits
    dtype = _exact_type(bound)
    own = prototypes.astype(np.int64)
    squares = (((own * own).sum(axis=2) << bits) + np.arange(count)).astype(dtype)
    keys = np.matmul((-own << bits + 1).astype(dtype), vectors.astype(dtype, copy=False))
    keys += squares[:, :, None]
    return keys.min(axis=1).astype(np.int64) & ((1 << bits) - 1)


def _by_differences(encoder: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """One prototype after another; only a strictly smaller distance replaces the best."""
    # 64 differences of 9 bits make 15.
    ours, theirs = vectors.astype(np.int16), prototypes.astype(np.int16)
    codes = np.zeros((vectors.shape[0], vectors.shape[2]), np.int32)
    best = _distance(encoder, ours, theirs[:, 0])
    for k in range(1, prototypes.shape[1]):
        distance = _distance(encoder, ours, theirs[:, k])
        np.copyto(codes, k, where=distance < best)
        np.minimum(best, distance, out=best)
    return codes


def _distance(encoder: str, vectors: np.ndarray, prototype: np.ndarray) -> np.ndarray:
    """Distances [S, R] of vectors [S, V, R] to one prototype [S, V] of each subspace."""
    combine = np.maximum if encoder == "chebyshev" else np.add
    total = np.abs(vectors[:, 0] - prototype[:, :1])
    part = np.empty_like(total)
    for v in range(1, vectors.shape[1]):
        np.subtract(vectors[:, v], prototype[:, v, None], out=part)
        np.abs(part, out=part)
        combine(total, part, out=total)
    return total


def table_sums(tables: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sums [R, N] of entries in tables [S, K, N] at codes [S, R]: sum_s T[s, code[s]].

    A few subspaces at a time are looked up together, in the table of the sums of all combinations
    of their entries.
    """
    subspaces, count, outputs = tables.shape
    bound = subspaces * int(np.abs(tables).max(initial=0))
    dtype = np.int32 if bound < 1 << 31 else np.int64
    sums = np.zeros((codes.shape[1], outputs), dtype)
    part = np.empty_like(sums)
    for entries, index in _joined(tables.astype(dtype), codes, codes.shape[1]):
        np.take(entries, index, axis=0, out=part, mode="clip")
        sums += part
    return sums.astype(np.int64)


def _joined(tables: np.ndarray, codes: np.ndarray, rows: int
            ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tables [K**j, N] of j subspaces each, and the indices [R] into them."""
    count = tables.shape[1]
    most = max(count, min(MOST_ENTRIES, rows // 4))
    start = 0
    while start < len(tables):
        entries, index = tables[start], codes[start].astype(np.intp)
        start += 1
        while start < len(tables) and len(entries) * count <= most:
            entries = (entries[:, None] + tables[start]).reshape(-1, tables.shape[2])
            index = index * count + codes[start]
            start += 1
        yield entries, index
