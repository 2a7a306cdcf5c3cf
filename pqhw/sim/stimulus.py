"""Random parameters and rows within a spec, extremes and ties among them."""

import math
from collections.abc import Sequence

import numpy as np

from ..spec import ChainSpec, Conv2d, EngineSpec, MACSpec, PQSpec
from ..spec.engine import MULTIPLIER_BITS
from ..spec.parameters import (Parameters, PQParameters, check_parameters,
                               rounding_constant)
from ..spec.ranges import Range

__all__ = ["random_parameters", "random_rows"]


def _draw(rng: np.random.Generator, range_: Range, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform integers, or now and then only the two ends of the range."""
    if rng.random() < 0.25:
        return rng.choice([range_.low, range_.high], size=shape)
    return rng.integers(range_.low, range_.high, size=shape, endpoint=True)


def random_parameters(chain: ChainSpec, seed: int) -> tuple[Parameters, ...]:
    """Parameters that a spec admits, drawn from `seed`."""
    rng = np.random.default_rng(seed)
    return tuple(_stage_parameters(spec, rng) for spec in chain.stages)


def _stage_parameters(spec: EngineSpec, rng: np.random.Generator) -> Parameters:
    outputs = spec.layer.out_channels
    values: dict[str, np.ndarray] = {}
    if isinstance(spec, PQSpec):
        values["prototypes"] = _draw(rng, spec.encoder.prototype_range, spec.prototype_shape)
        if rng.random() < 0.5:  # Equal prototypes are ties on every input.
            values["prototypes"][:, -1] = values["prototypes"][:, 0]
        else:  # The same elements in another order are ties on inputs that do not tell them apart.
            others = values["prototypes"][:, 1::2]
            others[:] = np.roll(values["prototypes"][:, 0:2 * others.shape[1]:2], 1, axis=-1)
        values["tables"] = _draw(rng, spec.term_range, spec.table_shape)
    elif isinstance(spec, MACSpec):
        values["weights"] = _draw(rng, spec.weight_range, spec.weight_shape)
    shift = _draw_shift(spec, rng)
    if spec.output is not None:
        values["shift"] = np.array(shift)
        if spec.output.mode == "scale":
            values["multiplier"] = _draw(rng, Range(0, (1 << MULTIPLIER_BITS) - 1), (outputs,))
    if spec.bias_width:
        rounding = rounding_constant(spec, shift)
        bias = Range(spec.bias_range.low - rounding, spec.bias_range.high - rounding)
        if rng.random() < 0.75:  # A bias of its full width would hide small sums.
            size = _typical_sum(spec)
            bias = Range(max(bias.low, -size), min(bias.high, max(size, bias.low)))
        values["bias"] = _draw(rng, bias, (outputs,))
    return check_parameters(spec, values)


def _typical_sum(spec: EngineSpec) -> int:
    """About the magnitude that sums of random terms have."""
    return max(1, spec.term_range.high * math.isqrt(spec.terms) // 2)


def _draw_shift(spec: EngineSpec, rng: np.random.Generator) -> int:
    if spec.output is None:
        return 0
    if spec.output.shift is not None:
        return spec.output.shift
    highest = spec.max_shift
    if spec.output.mode == "shift":
        highest = min(highest, spec.bias_width - 1)
    typical = max(0, _typical_sum(spec).bit_length() + 1 - spec.output.bits)
    if spec.output.mode == "scale":
        typical += MULTIPLIER_BITS - 1
    return int(rng.integers(0, highest, endpoint=True) if rng.random() < 0.2
               else min(highest, typical))


def random_rows(chain: ChainSpec, parameters: Sequence[Parameters], count: int,
                seed: int) -> np.ndarray:
    """Rows [count, D], or images [count, H, W, C]: uniform, constant extremes, and copies of
    prototypes."""
    rng = np.random.default_rng([seed, 1])
    first = chain.first
    range_ = first.activation_range
    rows = rng.integers(range_.low, range_.high, size=(count, first.layer.in_features),
                        endpoint=True)
    rows[1::5] = rng.choice([range_.low, range_.high], size=rows[1::5].shape)
    if len(rows) > 3:
        rows[2], rows[3] = range_.low, range_.high
    own = parameters[0]
    if isinstance(first.layer, Conv2d):
        images = rows.reshape(count, *first.layer.input_shape)
        if isinstance(own, PQParameters) and isinstance(first, PQSpec) and first.encodes_pixels:
            for index in range(4, count, 3):
                images[index] = _pixels_on_prototypes(first, own, rng)
        return images
    if isinstance(own, PQParameters) and isinstance(first, PQSpec):
        for index in range(4, count, 3):
            rows[index] = _on_prototypes(first, own, rng)
    return rows


def _on_prototypes(spec: PQSpec, parameters: PQParameters, rng: np.random.Generator) -> np.ndarray:
    """A row whose sub-vectors lie on, or halfway between, prototypes."""
    prototypes = np.broadcast_to(parameters.prototypes, (
        spec.encoded_vectors, *spec.prototype_shape[1:]))
    picked = rng.integers(0, spec.engine.prototypes, size=(2, spec.encoded_vectors))
    first, second = (prototypes[np.arange(spec.encoded_vectors), pick] for pick in picked)
    row = first if rng.random() < 0.5 else (first + second) // 2
    flat = row.reshape(spec.sets, -1)[:, :spec.vector_inputs].reshape(-1)
    return np.clip(flat, spec.activation_range.low, spec.activation_range.high)


def _pixels_on_prototypes(spec: PQSpec, parameters: PQParameters,
                          rng: np.random.Generator) -> np.ndarray:
    """An image of such pixels."""
    height, width, channels = spec.layer.input_shape
    pixels = [_on_prototypes(spec, parameters, rng) for _ in range(height * width)]
    return np.array(pixels).reshape(height, width, channels)
