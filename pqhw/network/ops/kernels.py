"""Convolution and pooling of images [R, H, W, C]."""

import numpy as np

__all__ = ["convolve", "pool_max", "pool_sum", "windows"]

CHUNK_ELEMENTS = 1 << 22
"""Elements of windows kept in flight."""

Pair = tuple[int, int]


def windows(images: np.ndarray, kernel: Pair, stride: Pair,
            padding: tuple[Pair, Pair] = ((0, 0), (0, 0)), outside: float = 0) -> np.ndarray:
    """Windows [R, OH, OW, Fh, Fw, C] of images, `outside` beyond the border; a view."""
    if any(any(side) for side in padding):
        images = np.pad(images, ((0, 0), *padding, (0, 0)),
                        constant_values=images.dtype.type(outside))
    view = np.lib.stride_tricks.sliding_window_view(images, kernel, axis=(1, 2))
    return view[:, ::stride[0], ::stride[1]].transpose(0, 1, 2, 4, 5, 3)


def convolve(images: np.ndarray, weights: np.ndarray, stride: Pair,
             padding: tuple[Pair, Pair], groups: int = 1) -> np.ndarray:
    """Sums [R, OH, OW, N] of windows times weights [N, Fh, Fw, C / groups], in their type."""
    outputs, height, width, depth = weights.shape
    view = windows(images, (height, width), stride, padding)
    if depth == 1 and outputs == groups:
        return _depthwise(view, weights)
    step = max(1, CHUNK_ELEMENTS // int(np.prod(view.shape[1:])))
    parts = []
    for start in range(0, len(images), step):
        own = view[start:start + step]
        shape = (*own.shape[:3], outputs)
        results = np.empty((int(np.prod(shape[:3])), outputs), weights.dtype)
        for group in range(groups):
            rows = own[..., group * depth:(group + 1) * depth].reshape(len(results), -1)
            columns = slice(group * outputs // groups, (group + 1) * outputs // groups)
            results[:, columns] = rows @ weights[columns].reshape(outputs // groups, -1).T
        parts.append(results.reshape(shape))
    return np.concatenate(parts)


def _depthwise(view: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """One filter per channel: the taps one after another."""
    total = np.zeros((*view.shape[:3], len(weights)), weights.dtype)
    for y in range(weights.shape[1]):
        for x in range(weights.shape[2]):
            total += view[:, :, :, y, x] * weights[:, y, x, 0]
    return total


def pool_max(images: np.ndarray, kernel: Pair, stride: Pair,
             padding: tuple[Pair, Pair]) -> np.ndarray:
    """Largest value of each window."""
    lowest = -np.inf if images.dtype.kind == "f" else np.iinfo(images.dtype).min
    return _reduce(np.maximum, windows(images, kernel, stride, padding, lowest))


def pool_sum(images: np.ndarray, kernel: Pair, stride: Pair,
             padding: tuple[Pair, Pair]) -> np.ndarray:
    """Sum of each window."""
    return _reduce(np.add, windows(images, kernel, stride, padding))


def _reduce(combine: np.ufunc, view: np.ndarray) -> np.ndarray:
    total = view[:, :, :, 0, 0].copy()
    for y in range(view.shape[3]):
        for x in range(view.shape[4]):
            if y or x:
                combine(total, view[:, :, :, y, x], out=total)
    return total
