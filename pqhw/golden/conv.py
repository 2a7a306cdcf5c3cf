"""Convolutions in exact integers: windows of images as rows, and codes of pixels."""

from collections.abc import Iterator

import numpy as np

from ..spec import Conv2d, MACSpec, PQSpec
from ..spec.parameters import BitplaneParameters, LookupParameters, MACParameters, Parameters
from .lookup import exact_product, table_sums
from .pq import encode_vectors, wrapped
from .requantize import requantize

__all__ = ["column_codes", "conv_layer", "conv_sums", "mac_sums", "pixel_codes",
           "shifted_windows", "window_columns", "windows"]

CHUNK_ELEMENTS = 1 << 20
"""Elements of windows kept in flight."""


def windows(layer: Conv2d, images: np.ndarray, outside: int = 0) -> np.ndarray:
    """Windows [R, OH, OW, C, Fh, Fw] of images [R, H, W, C], `outside` beyond the border."""
    (top, left), (down, right) = layer.padding, layer.stride
    padded = np.pad(images, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=outside)
    view = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(1, 2))
    return view[:, ::down, ::right]


def shifted_windows(images: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int],
                    padding: tuple[int, int], outside: int = 0, *, axis: int = 1
                    ) -> Iterator[np.ndarray]:
    """What each tap sees of images [..., H, W, ...], row by row of the window, `outside` beyond
    the border; `axis` is that of H. Views, with OH and OW in the place of H and W."""
    sides = [(0, 0)] * images.ndim
    sides[axis:axis + 2] = [(pad, pad) for pad in padding]
    padded = np.pad(images, sides, constant_values=outside)
    height, width = (padded.shape[axis + i] - kernel[i] + 1 for i in range(2))
    before = (slice(None),) * axis
    for y in range(kernel[0]):
        for x in range(kernel[1]):
            yield padded[(*before, slice(y, y + height, stride[0]), slice(x, x + width, stride[1]))]


def pixel_codes(spec: PQSpec, parameters: LookupParameters, images: np.ndarray) -> np.ndarray:
    """Codes [G, R, H, W] of images [R, H, W, C]: each pixel encoded once; G counts all groups."""
    channels = images.transpose(3, 0, 1, 2).reshape(spec.sets, spec.vector_inputs, -1)
    codes = column_codes(spec, parameters, channels)
    return codes.reshape(-1, *images.shape[:3])


def conv_layer(spec: PQSpec | MACSpec, parameters: Parameters,
               images: np.ndarray) -> np.ndarray:
    """Results [R, OH, OW, N] of images [R, H, W, C]."""
    multiplier = (parameters.multiplier if isinstance(parameters, MACParameters)
                  else np.ones(1, np.int64))
    assert not isinstance(parameters, BitplaneParameters)
    return requantize(conv_sums(spec, parameters, images), spec.output, parameters.shift,
                      multiplier)


def conv_sums(spec: PQSpec | MACSpec, parameters: Parameters,
              images: np.ndarray) -> np.ndarray:
    """Accumulators [R, OH, OW, N] of images [R, H, W, C], the bias included."""
    layer = spec.layer
    assert isinstance(layer, Conv2d) and not isinstance(parameters, BitplaneParameters)
    step = max(1, CHUNK_ELEMENTS // (layer.units_out * layer.row_inputs))
    sums = np.empty((len(images), *layer.output_shape), np.int64)
    for start in range(0, len(images), step):
        own = _sums(spec, parameters, images[start:start + step])
        np.add(own, parameters.bias, out=sums[start:start + step])
    return wrapped(sums) if isinstance(spec, PQSpec) and spec.wraps else sums


def _sums(spec: PQSpec | MACSpec, parameters: Parameters,
          images: np.ndarray) -> np.ndarray:
    layer = spec.layer
    assert isinstance(layer, Conv2d)
    if isinstance(spec, PQSpec) and spec.encodes_pixels:
        assert isinstance(parameters, LookupParameters)
        return _pixel_sums(spec, parameters, images)
    if isinstance(spec, MACSpec):
        assert isinstance(parameters, MACParameters)
        return mac_sums(layer, parameters.weights, images)
    assert isinstance(parameters, LookupParameters)
    codes = column_codes(spec, parameters, window_columns(layer, images))
    sums = np.concatenate([table_sums(own, codes[index]) for index, own in
                           enumerate(_of_groups(spec, parameters.tables))], axis=-1)
    return sums.reshape(len(images), *layer.output_shape)


def _of_groups(spec: PQSpec, tables: np.ndarray) -> list[np.ndarray]:
    """Each group's tables [..., N / groups]."""
    return np.split(tables, spec.sets, axis=-1)


def window_columns(layer: Conv2d, images: np.ndarray) -> np.ndarray:
    """Windows [groups, D, R * OH * OW] of images, every group's channels on their own, in single
    precision, which holds activations exactly."""
    channels = images.transpose(3, 0, 1, 2).astype(np.float32)
    shape = (layer.in_channels, layer.taps, len(images), layer.out_height, layer.out_width)
    columns = np.empty(shape, np.float32)
    taps = shifted_windows(channels, layer.kernel, layer.stride, layer.padding, axis=2)
    for index, own in enumerate(taps):
        columns[:, index] = own
    return columns.reshape(layer.sets, layer.row_inputs, -1)


def mac_sums(layer: Conv2d, weights: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Sums [R, OH, OW, N] of products with weights [N, Fh, Fw, C / groups], exact integers."""
    ordered = weights.transpose(0, 3, 1, 2).reshape(layer.sets, layer.row_outputs,
                                                    layer.row_inputs)
    columns = window_columns(layer, images)
    products = exact_product(ordered, columns)
    return products.reshape(layer.out_channels, -1).T.reshape(len(images), *layer.output_shape)


def column_codes(spec: PQSpec, parameters: LookupParameters, columns: np.ndarray) -> np.ndarray:
    """Codes [groups, S, R] of columns [groups, D, R], every group's tail padded with 0."""
    groups, depth, rows = columns.shape
    length, subspaces = spec.engine.subvector_length, spec.encoder_subspaces
    if depth < subspaces * length:
        columns = np.pad(columns, ((0, 0), (0, subspaces * length - depth), (0, 0)))
    vectors = columns.reshape(groups * subspaces, length, rows)
    return encode_vectors(spec, parameters, vectors).reshape(groups, subspaces, rows)


def _pixel_sums(spec: PQSpec, parameters: LookupParameters, images: np.ndarray) -> np.ndarray:
    """Sums over the taps inside the image; an entry of zeros stands for those outside."""
    layer = spec.layer
    assert isinstance(layer, Conv2d)
    none, own = spec.engine.prototypes, spec.encoder_subspaces
    codes = pixel_codes(spec, parameters, images)
    seen = np.stack(list(shifted_windows(codes, layer.kernel, layer.stride, layer.padding, none,
                                         axis=2)))
    columns = seen.reshape(layer.taps, layer.groups, own, -1)
    tables = np.pad(parameters.tables, ((0, 0), (0, 0), (0, 0), (0, 1), (0, 0)))
    sums = [table_sums(mine.reshape(layer.taps * own, none + 1, -1),
                       columns[:, index].reshape(layer.taps * own, -1))
            for index, mine in enumerate(_of_groups(spec, tables))]
    return np.concatenate(sums, axis=-1).reshape(len(images), *layer.output_shape)
