"""Random parameters and rows within a spec, extremes and ties among them."""

import math
from collections.abc import Sequence

import numpy as np

from ..spec import BitplaneSpec, Conv2d, EngineSpec, MACSpec, PQSpec, TreeSpec
from ..spec.design import Design
from ..spec.order import row_capacity
from ..spec.widths import MULTIPLIER_BITS
from ..spec.parameters import (Parameters, PQParameters, TreeParameters, check_parameters,
                               rounding_constant)
from ..spec.ranges import Range

__all__ = ["random_parameters", "random_precisions", "random_rows"]


def _draw(rng: np.random.Generator, range_: Range, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform integers, or now and then only the two ends of the range."""
    if rng.random() < 0.25:
        return rng.choice([range_.low, range_.high], size=shape)
    return rng.integers(range_.low, range_.high, size=shape, endpoint=True)


def random_parameters(design: Design, seed: int) -> tuple[Parameters, ...]:
    """Parameters that a spec admits, drawn from `seed`."""
    rng = np.random.default_rng(seed)
    return tuple(_stage_parameters(spec, rng) for spec in design.stages)


def _stage_parameters(spec: EngineSpec, rng: np.random.Generator) -> Parameters:
    if isinstance(spec, BitplaneSpec):
        return _bitplane_parameters(spec, rng)
    outputs = spec.layer.out_channels
    values: dict[str, np.ndarray] = {}
    if isinstance(spec, PQSpec):
        values |= _encoder_arrays(spec, rng)
        values["tables"] = _draw(rng, spec.term_range, spec.table_shape)
    elif isinstance(spec, MACSpec):
        values |= _weights(spec, rng)
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


def _bitplane_parameters(spec: BitplaneSpec, rng: np.random.Generator) -> Parameters:
    """Levels, and a bank of what makes results of sums for every precision."""
    size = _typical_sum(spec)
    levels = _draw(rng, Range(0, len(spec.levels) - 1), spec.weight_shape)
    values: dict[str, np.ndarray] = {"weights": spec.levels[levels]}
    shape = (spec.precision_count, spec.layer.out_channels)
    shifts = [_draw_shift(spec, rng) for _ in range(spec.precision_count)]
    if spec.output is not None:
        values["shift"] = np.array(shifts)
        if spec.output.mode == "scale":
            values["multiplier"] = _draw(rng, Range(0, (1 << MULTIPLIER_BITS) - 1), shape)
    rounding = max(rounding_constant(spec, shift) for shift in shifts)
    if spec.bias_width:
        reach = Range(max(spec.bias_range.low, -size), min(spec.bias_range.high - rounding, size))
        values["bias"] = _draw(rng, reach, shape)
    return check_parameters(spec, values)


def random_precisions(design: Design, count: int, seed: int) -> np.ndarray:
    """A precision for each of `count` rows: the first ones one after another, then any."""
    rng = np.random.default_rng([seed, 2])
    drawn = rng.integers(0, design.precision_count, size=count)
    drawn[:design.precision_count] = np.arange(design.precision_count)[:count]
    return drawn


def _weights(spec: MACSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Levels of the scheme, all of them alike, or extremes; rows of two schemes in any order."""
    if spec.engine.scheme == "fixed":
        return {"weights": _draw(rng, spec.weight_range, spec.weight_shape)}
    drawn = []
    for name in spec.schemes:
        levels = spec.levels_of(name)
        levels = np.concatenate([-levels[:0:-1], levels])
        drawn.append(levels[_draw(rng, Range(0, len(levels) - 1), spec.weight_shape)])
    if len(drawn) == 1:
        return {"weights": drawn[0]}
    scheme = np.concatenate([_row_schemes(spec, rng) for _ in range(spec.sets)])
    own = scheme.reshape(-1, *[1] * (len(spec.weight_shape) - 1))
    return {"weights": np.where(own == 0, *drawn), "scheme": scheme}


def _row_schemes(spec: MACSpec, rng: np.random.Generator) -> np.ndarray:
    """Schemes of a set's rows, as few or as many of the first as may be: in runs, in turns, or
    drawn."""
    rows, (most, others) = spec.layer.row_outputs, row_capacity(spec)
    fixed = int(rng.integers(max(0, rows - others), min(rows, most), endpoint=True))
    if rng.random() < 0.5:
        fixed = min(rows, most)
    scheme = np.arange(rows) >= fixed
    kind = rng.integers(4)
    if kind == 1:
        scheme = scheme[::-1]
    elif kind == 2:
        scheme = np.argsort(np.argsort(np.arange(rows) % max(1, spec.lanes_out),
                                       kind="stable"), kind="stable") >= fixed
    elif kind == 3:
        scheme = rng.permutation(scheme)
    return scheme.astype(np.int64)


def _encoder_arrays(spec: PQSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the encoder compares with."""
    sets, count, length = spec.prototype_shape
    range_ = spec.encoder.prototype_range
    if not isinstance(spec.encoder, TreeSpec):
        prototypes = _draw(rng, range_, spec.prototype_shape)
        if rng.random() < 0.5:  # Equal prototypes are ties on every input.
            prototypes[:, -1] = prototypes[:, 0]
        else:  # The same elements in another order are ties on inputs that do not tell them apart.
            others = prototypes[:, 1::2]
            others[:] = np.roll(prototypes[:, 0:2 * others.shape[1]:2], 1, axis=-1)
        return {"prototypes": prototypes}
    arrays = {"thresholds": _draw(rng, range_, (sets, count - 1))}
    if spec.encoder.fixed_dims is None:
        arrays["split_dims"] = _draw(rng, Range(0, length - 1), (sets, spec.encoder.depth))
    return arrays


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


def random_rows(design: Design, parameters: Sequence[Parameters], count: int,
                seed: int) -> np.ndarray:
    """Rows [count, D], or images [count, H, W, C]: uniform, constant extremes, and, where an engine
    is what they enter, copies of prototypes."""
    rng = np.random.default_rng([seed, 1])
    first, range_ = design.stages[0], design.input.range
    rows = rng.integers(range_.low, range_.high, size=(count, design.input.features),
                        endpoint=True)
    rows[1::5] = rng.choice([range_.low, range_.high], size=rows[1::5].shape)
    if len(rows) > 3:
        rows[2], rows[3] = range_.low, range_.high
    own = parameters[0]
    if (first.input.shape, first.input.range) != (design.input.shape, range_):
        return rows.reshape(count, *design.input.shape)
    if isinstance(first.layer, Conv2d):
        images = rows.reshape(count, *first.layer.input_shape)
        if isinstance(own, PQParameters) and isinstance(first, PQSpec) and first.encodes_pixels:
            for index in range(4, count, 3):
                images[index] = _pixels_on_prototypes(first, own, rng)
        return images
    for index in range(4, count, 3):
        match first, own:
            case PQSpec(), PQParameters():
                rows[index] = _on_prototypes(first, own, rng)
            case PQSpec(), TreeParameters():
                rows[index] = _on_thresholds(first, own, rows[index], rng)
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


def _on_thresholds(spec: PQSpec, parameters: TreeParameters, row: np.ndarray,
                   rng: np.random.Generator) -> np.ndarray:
    """A row whose compared elements are thresholds of their level, or one below."""
    sets, depth = parameters.split_dims.shape
    row = row.copy()
    for s in range(spec.subspaces):
        own = min(s, sets - 1)
        for level in range(depth):
            at = s * spec.engine.subvector_length + parameters.split_dims[own, level]
            if at < len(row):
                node = (1 << level) - 1 + rng.integers(0, 1 << level)
                row[at] = parameters.thresholds[own, node] - rng.integers(0, 2)
    return np.clip(row, spec.activation_range.low, spec.activation_range.high)
