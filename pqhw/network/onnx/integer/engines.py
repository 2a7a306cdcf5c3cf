"""Engines of an integer network as nodes of a file."""

from typing import Any

import numpy as np

from ....golden.bitplane import weights_at
from ....spec import BitplaneSpec, Conv2d, EngineSpec, MACSpec, PQSpec
from ....spec.parameters import (BitplaneParameters, LookupParameters, MACParameters, Parameters,
                                 TreeParameters)
from .functions import encode_body, lookup_body
from .writer import NetworkWriter, byte_type

__all__ = ["write_engine"]

HALF = 128
"""What makes 8-bit integers unsigned."""


def write_engine(writer: NetworkWriter, spec: EngineSpec, parameters: Parameters,
                 values: str) -> np.dtype:
    """Append an engine; returns the type of its results, which is that of 64-bit integers where
    they are raw sums."""
    if isinstance(spec, PQSpec):
        assert isinstance(parameters, LookupParameters)
        _write_lookup(writer, spec, parameters, values)
    else:
        assert isinstance(spec, MACSpec) and isinstance(parameters,
                                                        MACParameters | BitplaneParameters)
        _write_products(writer, spec, parameters, values)
    return np.dtype(np.int64) if spec.output is None else byte_type(spec.output.signed)


def _window(layer: Any, *, whole: bool = True) -> dict[str, Any]:
    """A layer's window as attributes, as those of `Conv`; a pixel alone, of a dense layer and
    where the window is another operator's."""
    group = layer.groups if isinstance(layer, Conv2d) else 1
    if not whole or not isinstance(layer, Conv2d):
        return {"kernel_shape": [1, 1], "strides": [1, 1], "pads": [0, 0, 0, 0], "group": group}
    return {"kernel_shape": list(layer.kernel), "strides": list(layer.stride),
            "pads": [*layer.padding, *layer.padding], "group": group}


# -- Product quantization ----------------------------------------------------------------------


def _write_lookup(writer: NetworkWriter, spec: PQSpec, parameters: LookupParameters,
                  values: str) -> None:
    """`PQEncode` and `PQLookup`: the first has the window, or the second where pixels are
    encoded. A row passes as an image of one pixel."""
    layer, engine = spec.layer, spec.engine
    dense = not isinstance(layer, Conv2d)
    if dense:
        values = writer.op("Unsqueeze", values, [2, 3])
    kind = byte_type(spec.precision.activation_signed)
    if isinstance(parameters, TreeParameters):
        stored = [writer.value("thresholds", parameters.thresholds.astype(kind)),
                  writer.value("split_dims", parameters.split_dims.astype(np.uint8))]
    else:
        stored = [writer.value("prototypes", parameters.prototypes.astype(kind))]
    codes = writer.call(
        encode_body(engine.encoder, spec.code_bits), values, *stored, encoder=engine.encoder,
        subvector_length=engine.subvector_length, **_window(layer, whole=not spec.encodes_pixels))
    tables = parameters.tables if spec.encodes_pixels else parameters.tables[None, None]
    bounds = spec.result_range
    results = writer.call(
        lookup_body(spec.wraps), codes,
        writer.value("tables", tables.astype(np.int16 if spec.wraps else np.int8)),
        writer.value("bias", parameters.bias), wrap16=int(spec.wraps), shift=parameters.shift,
        low=bounds.low, high=bounds.high, **_window(layer, whole=spec.encodes_pixels))
    if dense:
        results = writer.op("Squeeze", results, [2, 3])
    if spec.output is not None:
        writer.cast(results, byte_type(spec.output.signed))


# -- Multiplying and accumulating --------------------------------------------------------------


def _write_products(writer: NetworkWriter, spec: MACSpec,
                    parameters: MACParameters | BitplaneParameters, values: str) -> None:
    """Products of 8 bits, exact in 32, with every digit of the weights; sums in 64 bits.

    Both factors are unsigned with a zero point: some processors saturate sums of two products of
    a signed and an unsigned factor.
    """
    signed = spec.precision.activation_signed
    offset = HALF if signed else 0
    if isinstance(parameters, BitplaneParameters):
        assert isinstance(spec, BitplaneSpec)
        codes, zero, weights, bias = _planes(writer, spec, parameters, values)
        multiplier, shift = parameters.multiplier[0], int(parameters.shift[0])
    else:
        codes, zero = _raised(writer, values, offset), offset
        weights, bias = parameters.weights, parameters.bias
        multiplier, shift = parameters.multiplier, parameters.shift
    sums = ""
    for place, digit in enumerate(_digits(weights)):
        part = writer.cast(_product(writer, spec, codes, zero, digit, f"weights{place or ''}"),
                           np.int64)
        if place:
            part = writer.op("Mul", part, 256 ** place)
        sums = writer.op("Add", sums, part) if sums else part
    shape = (-1, 1, 1) if isinstance(spec.layer, Conv2d) else (-1,)
    sums = writer.op("Add", sums, writer.value("bias", bias.reshape(shape)))
    if spec.output is not None:
        if spec.output.mode == "scale":
            sums = writer.op("Mul", sums, writer.value("multiplier", multiplier.reshape(shape)))
        writer.requantise(sums, shift, spec.output.bits, spec.output.signed)


def _raised(writer: NetworkWriter, values: str, offset: int, dropped: int = 0) -> str:
    """Activations as unsigned 8-bit integers, the offset added, the lowest bits dropped."""
    if offset or dropped:
        values = writer.cast(values, np.int32)
    if offset:
        values = writer.op("Add", values, np.array(offset, np.int32))
    if dropped:
        values = writer.op("Div", values, np.array(1 << dropped, np.int32))
    return writer.cast(values, np.uint8)


def _planes(writer: NetworkWriter, spec: BitplaneSpec, parameters: BitplaneParameters,
            values: str) -> tuple[str, int, np.ndarray, np.ndarray]:
    """Activations, their zero point, weights and biases of an engine's first precision."""
    most, signed = spec.precision.activation_bits, spec.precision.activation_signed
    weights, bias = weights_at(spec, parameters.weights, 0), parameters.bias[0]
    used = spec.precisions[0][1]
    dropped = most - used
    offset = (1 << most - 1 if spec.two_valued else HALF) if signed else 0
    codes = _raised(writer, values, offset, dropped)
    if not spec.two_valued:
        return codes, offset >> dropped, weights, bias
    # An activation is twice its code, less all ones.
    ones = (1 << used) - 1
    return codes, 0, 2 * weights, bias - ones * weights.reshape(len(weights), -1).sum(axis=1)


def _digits(weights: np.ndarray) -> list[np.ndarray]:
    """Digits from -128 to 127 of weights to the base of 256, the lowest first, raised by 128."""
    digits: list[np.ndarray] = []
    while weights.any() or not digits:
        lowest = (weights + HALF) % 256 - HALF
        digits.append((lowest + HALF).astype(np.uint8))
        weights = (weights - lowest) // 256
    return digits


def _product(writer: NetworkWriter, spec: MACSpec, codes: str, zero: int, digit: np.ndarray,
             label: str) -> str:
    """Sums of products with one digit of the weights, in 32 bits."""
    zeros = [np.array(zero, np.uint8), np.array(HALF, np.uint8)]
    if not isinstance(spec.layer, Conv2d):
        return writer.op("MatMulInteger", codes, writer.value(label, digit.T), *zeros)
    return writer.op("ConvInteger", codes, writer.value(label, digit.transpose(0, 3, 1, 2)),
                     *zeros, **_window(spec.layer))
