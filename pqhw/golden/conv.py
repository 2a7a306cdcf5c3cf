"""Convolutions in exact integers: windows of images as rows, and codes of pixels."""

import numpy as np

from ..spec import Conv2d, MACSpec, PQSpec
from ..spec.parameters import BitplaneParameters, LookupParameters, MACParameters, Parameters
from .pq import encode, wrapped
from .requantize import requantize

__all__ = ["conv_layer", "mac_sums", "pixel_codes", "windows"]

CHUNK_ELEMENTS = 1 << 20
"""Elements of windows kept in flight."""


def windows(layer: Conv2d, images: np.ndarray, outside: int = 0) -> np.ndarray:
    """Windows [R, OH, OW, C, Fh, Fw] of images [R, H, W, C], `outside` beyond the border."""
    (top, left), (down, right) = layer.padding, layer.stride
    padded = np.pad(images, ((0, 0), (top, top), (left, left), (0, 0)), constant_values=outside)
    view = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(1, 2))
    return view[:, ::down, ::right]


def pixel_codes(spec: PQSpec, parameters: LookupParameters, images: np.ndarray) -> np.ndarray:
    """Codes [R, H, W, G] of images [R, H, W, C]: each pixel encoded once; G counts all groups."""
    codes = _encode(spec, parameters, images.reshape(-1, spec.sets, spec.vector_inputs))
    return codes.reshape(*images.shape[:3], spec.encoded_vectors)


def conv_layer(spec: PQSpec | MACSpec, parameters: Parameters,
               images: np.ndarray) -> np.ndarray:
    """Results [R, OH, OW, N] of images [R, H, W, C]."""
    layer = spec.layer
    assert isinstance(layer, Conv2d) and not isinstance(parameters, BitplaneParameters)
    step = max(1, CHUNK_ELEMENTS // (layer.units_out * layer.row_inputs))
    parts = [_sums(spec, parameters, images[start:start + step])
             for start in range(0, len(images), step)]
    sums = np.concatenate(parts) + parameters.bias
    if isinstance(spec, PQSpec) and spec.wraps:
        sums = wrapped(sums)
    multiplier = (parameters.multiplier if isinstance(parameters, MACParameters)
                  else np.ones(1, np.int64))
    return requantize(sums, spec.output, parameters.shift, multiplier)


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
    codes = _encode(spec, parameters, _window_rows(layer, images))
    sums = np.concatenate([_looked_up(spec, parameters.tables, index, codes[:, index])
                           for index in range(spec.sets)], axis=-1)
    return sums.reshape(len(images), *layer.output_shape)


def _window_rows(layer: Conv2d, images: np.ndarray) -> np.ndarray:
    """Windows [R * OH * OW, groups, D] of images, every group's channels on their own."""
    return np.ascontiguousarray(windows(layer, images)).reshape(-1, layer.sets, layer.row_inputs)


def mac_sums(layer: Conv2d, weights: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Sums [R, OH, OW, N] of products with weights [N, Fh, Fw, C / groups], exact integers."""
    rows = _window_rows(layer, images)
    ordered = weights.transpose(0, 3, 1, 2).reshape(layer.sets, layer.row_outputs,
                                                    layer.row_inputs)
    products = np.einsum("rgd,gnd->rgn", rows.astype(np.float64), ordered.astype(np.float64),
                         optimize=True)
    return products.astype(np.int64).reshape(len(images), *layer.output_shape)


def _encode(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [R, groups, S] of rows [R, groups, D], every group's tail padded with 0."""
    whole = spec.encoder_subspaces * spec.engine.subvector_length
    padded = np.zeros((*rows.shape[:2], whole), rows.dtype)
    padded[..., :rows.shape[2]] = rows
    codes = encode(spec, parameters, padded.reshape(len(rows), -1))
    return codes.reshape(len(rows), spec.sets, spec.encoder_subspaces)


def _looked_up(spec: PQSpec, tables: np.ndarray, index: int, codes: np.ndarray) -> np.ndarray:
    """Sums [..., N / groups] of a group's entries in tables [S, K, N] at codes [..., S]."""
    outputs = spec.layer.row_outputs
    own = tables[:, :, index * outputs:(index + 1) * outputs]
    sums = np.zeros((*codes.shape[:-1], outputs), np.int64)
    for s in range(codes.shape[-1]):
        sums += own[s, codes[..., s]]
    return sums


def _pixel_sums(spec: PQSpec, parameters: LookupParameters, images: np.ndarray) -> np.ndarray:
    """Sums over the taps inside the image; an entry of zeros stands for those outside."""
    layer = spec.layer
    assert isinstance(layer, Conv2d)
    none = spec.engine.prototypes
    codes = windows(layer, pixel_codes(spec, parameters, images), none)
    own = spec.encoder_subspaces
    tables = np.concatenate([parameters.tables, np.zeros_like(parameters.tables[:, :, :, :1])],
                            axis=3)
    sums = np.zeros((len(images), *layer.output_shape), np.int64)
    for index in range(layer.groups):
        mine = codes[:, :, :, index * own:(index + 1) * own]
        columns = slice(index * layer.row_outputs, (index + 1) * layer.row_outputs)
        for y in range(layer.kernel[0]):
            for x in range(layer.kernel[1]):
                sums[..., columns] += _looked_up(spec, tables[y, x], index, mine[..., y, x])
    return sums
