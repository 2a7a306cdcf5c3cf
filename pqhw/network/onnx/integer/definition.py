"""The operators `PQEncode` and `PQLookup` by their definitions, in NumPy alone.

Images are [R, C, H, W] and rows [R, D] here, as in files.
"""

import numpy as np

__all__ = ["pq_encode", "pq_lookup"]


def pq_encode(values: np.ndarray, prototypes: np.ndarray | None = None,
              thresholds: np.ndarray | None = None, split_dims: np.ndarray | None = None, *,
              encoder: str, subvector_length: int, kernel: tuple[int, int] = (1, 1),
              strides: tuple[int, int] = (1, 1), pads: tuple[int, int, int, int] = (0, 0, 0, 0),
              groups: int = 1) -> np.ndarray:
    """Codes [R, G * S, OH, OW] of the windows of images, or [R, S] of rows.

    Parameters
    ----------
    prototypes: [G * S, K, V], or [1, K, V] for all
    thresholds, split_dims: [G * S, K - 1] and [G * S, log2 K], or with a first axis of 1; those
        of a tree
    encoder: l2, l1, chebyshev, dot or tree
    pads: rows above, columns on the left, rows below, columns on the right, of zeros
    """
    images = values if values.ndim == 4 else values[:, :, None, None]
    codes = []
    for image in images.astype(np.int64):
        seen = _windows(image, kernel, strides, pads, 0)
        vectors = _cut(seen.reshape(groups, -1, *seen.shape[2:]), subvector_length)
        if encoder == "tree":
            assert thresholds is not None and split_dims is not None
            codes.append(_leaves(vectors, thresholds, split_dims))
        else:
            assert prototypes is not None
            codes.append(_nearest(encoder, vectors, prototypes.astype(np.int64)))
    found = np.stack(codes).astype(np.uint8)
    return found if values.ndim == 4 else found[:, :, 0, 0]


def pq_lookup(codes: np.ndarray, tables: np.ndarray, bias: np.ndarray, *,
              kernel: tuple[int, int] = (1, 1), strides: tuple[int, int] = (1, 1),
              pads: tuple[int, int, int, int] = (0, 0, 0, 0), groups: int = 1,
              wrap16: bool = False, shift: int = 0, low: int | None = None,
              high: int | None = None) -> np.ndarray:
    """Results [R, N, OH, OW] of codes [R, G * S, H, W], or [R, N] of codes [R, S].

    Parameters
    ----------
    tables: [Fh, Fw, S, K, N], or [S, K, N] for rows
    bias: [N]
    wrap16: take sums modulo 2**16, as signed integers
    shift: right shift, rounding half up, before results are clamped from `low` to `high`; sums are
        left as they are where there are no bounds
    """
    images = codes if codes.ndim == 4 else codes[:, :, None, None]
    entries = tables if tables.ndim == 5 else tables[None, None]
    results = np.stack([_sums(image, entries.astype(np.int64), kernel, strides, pads, groups)
                        for image in images.astype(np.int64)])
    results += bias[:, None, None]
    if wrap16:
        results = (results + 32768) % 65536 - 32768
    if low is not None:
        half = (1 << shift) >> 1
        results = np.clip((results + half) // (1 << shift), low, high)
        results = results.astype(np.int8 if low < 0 else np.uint8)
    return results if codes.ndim == 4 else results[:, :, 0, 0]


def _windows(image: np.ndarray, kernel: tuple[int, int], strides: tuple[int, int],
             pads: tuple[int, int, int, int], outside: int) -> np.ndarray:
    """What the windows of an image [C, H, W] see: [C, Fh * Fw, OH, OW]."""
    top, left, bottom, right = pads
    padded = np.pad(image, ((0, 0), (top, bottom), (left, right)), constant_values=outside)
    height, width = (size - taps + 1 for size, taps in zip(padded.shape[1:], kernel))
    return np.stack([padded[:, y:y + height:strides[0], x:x + width:strides[1]]
                     for y in range(kernel[0]) for x in range(kernel[1])], axis=1)


def _cut(inputs: np.ndarray, length: int) -> np.ndarray:
    """Sub-vectors [G * S, V, OH, OW] of every group's inputs [G, D, OH, OW], the tail 0."""
    tail = -inputs.shape[1] % length
    whole = np.pad(inputs, ((0, 0), (0, tail), (0, 0), (0, 0)))
    return whole.reshape(-1, length, *inputs.shape[2:])


def _nearest(encoder: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Codes [G * S, OH, OW]: the lowest index of the nearest prototype."""
    theirs = prototypes[:, :, :, None, None]
    match encoder:
        case "l2":
            distances = ((vectors[:, None] - theirs) ** 2).sum(axis=2)
        case "l1":
            distances = np.abs(vectors[:, None] - theirs).sum(axis=2)
        case "chebyshev":
            distances = np.abs(vectors[:, None] - theirs).max(axis=2)
        case "dot":
            distances = (theirs ** 2).sum(axis=2) - 2 * (vectors[:, None] * theirs).sum(axis=2)
        case _:
            raise ValueError(f"encoder must be l2, l1, chebyshev, dot or tree, but is {encoder}.")
    return distances.argmin(axis=1)


def _leaves(vectors: np.ndarray, thresholds: np.ndarray, split_dims: np.ndarray) -> np.ndarray:
    """Codes [G * S, OH, OW]: the leaf of the tree that a sub-vector reaches."""
    subspaces = len(vectors)
    own = np.broadcast_to(thresholds.astype(np.int64), (subspaces, thresholds.shape[1]))
    dims = np.broadcast_to(split_dims, (subspaces, split_dims.shape[1]))
    nodes = np.zeros((subspaces, *vectors.shape[2:]), np.int64)
    for s in range(subspaces):
        for level in range(dims.shape[1]):
            limit = own[s][(1 << level) - 1 + nodes[s]]
            nodes[s] = 2 * nodes[s] + (vectors[s, dims[s, level]] >= limit)
    return nodes


def _sums(codes: np.ndarray, tables: np.ndarray, kernel: tuple[int, int],
          strides: tuple[int, int], pads: tuple[int, int, int, int], groups: int) -> np.ndarray:
    """Sums [N, OH, OW] of the entries that codes [G * S, H, W] choose; -1 is outside."""
    seen = _windows(codes, kernel, strides, pads, -1)
    subspaces, outputs = tables.shape[2], tables.shape[4]
    each = outputs // groups
    sums = np.zeros((outputs, *seen.shape[2:]), np.int64)
    for group in range(groups):
        own = slice(group * each, (group + 1) * each)
        for s in range(subspaces):
            for tap, code in enumerate(seen[group * subspaces + s]):
                entries = tables[tap // kernel[1], tap % kernel[1], s, :, own]
                sums[own] += np.where(code >= 0, entries.T[:, code], 0)
    return sums
