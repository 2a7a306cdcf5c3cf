"""The operators `PQEncode` and `PQLookup` by their definitions, in NumPy alone."""

import dataclasses

import numpy as np

__all__ = ["Window", "pq_encode", "pq_lookup"]


@dataclasses.dataclass(frozen=True)
class Window:
    """What an operator sees of images [R, C, H, W]: the attributes of `Conv`.

    Members
    -------
    pads: rows above, columns on the left, rows below, columns on the right
    """
    kernel_shape: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    group: int = 1

    def of(self, image: np.ndarray, outside: int) -> np.ndarray:
        """What the windows of an image [C, H, W] see: [C, Fh, Fw, OH, OW]."""
        (tall, wide), (down, across) = self.kernel_shape, self.strides
        top, left, bottom, right = self.pads
        padded = np.pad(image, ((0, 0), (top, bottom), (left, right)), constant_values=outside)
        height, width = padded.shape[1] - tall + 1, padded.shape[2] - wide + 1
        return np.stack([np.stack([padded[:, y:y + height:down, x:x + width:across]
                                   for x in range(wide)], axis=1) for y in range(tall)], axis=1)


def pq_encode(values: np.ndarray, prototypes: np.ndarray | None = None,
              thresholds: np.ndarray | None = None, split_dims: np.ndarray | None = None, *,
              encoder: str, subvector_length: int, window: Window) -> np.ndarray:
    """Codes [R, G * S, OH, OW] of the windows of images [R, C, H, W].

    Parameters
    ----------
    prototypes: [G * S, K, V], or [1, K, V] for all
    thresholds, split_dims: [G * S, K - 1] and [G * S, log2 K], or with a first axis of 1; those
        of a tree
    encoder: l2, l1, chebyshev, dot or tree
    """
    codes = []
    for image in values.astype(np.int64):
        seen = window.of(image, 0)
        vectors = _cut(seen.reshape(window.group, -1, *seen.shape[3:]), subvector_length)
        if encoder == "tree":
            assert thresholds is not None and split_dims is not None
            codes.append(_leaves(vectors, thresholds.astype(np.int64), split_dims))
        else:
            assert prototypes is not None
            codes.append(_nearest(encoder, vectors, prototypes.astype(np.int64)))
    return np.stack(codes).astype(np.uint8)


def pq_lookup(codes: np.ndarray, tables: np.ndarray, bias: np.ndarray, *, wrap16: bool,
              shift: int, low: int, high: int, window: Window) -> np.ndarray:
    """Results [R, N, OH, OW] of codes [R, G * S, H, W].

    Parameters
    ----------
    tables: [Fh, Fw, S, K, N]; output n takes the codes of its own group
    bias: [N]
    wrap16: take sums modulo 2**16, as signed integers
    shift: right shift, rounding half up, before results are clamped from `low` to `high`
    """
    sums = np.stack([_sums(image, tables.astype(np.int64), window)
                     for image in codes.astype(np.int64)])
    sums += bias[:, None, None]
    if wrap16:
        sums = (sums + 32768) % 65536 - 32768
    half = (1 << shift) >> 1
    return np.clip((sums + half) // (1 << shift), low, high)


def _cut(inputs: np.ndarray, length: int) -> np.ndarray:
    """Sub-vectors [G * S, V, OH, OW] of every group's inputs [G, D, OH, OW], the tail 0."""
    tail = -inputs.shape[1] % length
    whole = np.pad(inputs, ((0, 0), (0, tail), (0, 0), (0, 0)))
    return whole.reshape(-1, length, *inputs.shape[2:])


def _nearest(encoder: str, vectors: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Codes [G * S, OH, OW]: the lowest index of the nearest prototype."""
    ours, theirs = vectors[:, None], prototypes[:, :, :, None, None]
    match encoder:
        case "l2":
            distances = ((ours - theirs) ** 2).sum(axis=2)
        case "l1":
            distances = np.abs(ours - theirs).sum(axis=2)
        case "chebyshev":
            distances = np.abs(ours - theirs).max(axis=2)
        case "dot":
            distances = (theirs ** 2).sum(axis=2) - 2 * (ours * theirs).sum(axis=2)
        case _:
            raise ValueError(f"encoder must be l2, l1, chebyshev, dot or tree, but is {encoder}.")
    return distances.argmin(axis=1)


def _leaves(vectors: np.ndarray, thresholds: np.ndarray, split_dims: np.ndarray) -> np.ndarray:
    """Codes [G * S, OH, OW]: the leaf of the tree that a sub-vector reaches."""
    own = np.broadcast_to(thresholds, (len(vectors), thresholds.shape[1]))
    dims = np.broadcast_to(split_dims, (len(vectors), split_dims.shape[1]))
    nodes = np.zeros((len(vectors), *vectors.shape[2:]), np.int64)
    for s in range(len(vectors)):
        for level in range(dims.shape[1]):
            limit = own[s][(1 << level) - 1 + nodes[s]]
            nodes[s] = 2 * nodes[s] + (vectors[s, dims[s, level]] >= limit)
    return nodes


def _sums(codes: np.ndarray, tables: np.ndarray, window: Window) -> np.ndarray:
    """Sums [N, OH, OW] of the entries that codes [G * S, H, W] choose; -1 is outside."""
    seen = window.of(codes, -1)
    tall, wide, subspaces, _, outputs = tables.shape
    each = outputs // window.group
    sums = np.zeros((outputs, *seen.shape[3:]), np.int64)
    for group in range(window.group):
        own = slice(group * each, (group + 1) * each)
        for y, x, s in np.ndindex(tall, wide, subspaces):
            code = seen[group * subspaces + s, y, x]
            sums[own] += np.where(code >= 0, tables[y, x, s, :, own].T[:, code], 0)
    return sums
