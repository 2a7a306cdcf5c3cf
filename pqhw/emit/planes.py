"""Arranges the parameters of engines on planes of bits: planes of weights, banks of results."""

import numpy as np

from ..spec import BitplaneSpec, Conv2d, Section
from ..spec.parameters import BitplaneParameters, rounding_constant
from ..spec.ranges import ceil_log2

__all__ = ["arrange_planes"]


def arrange_planes(section: Section, spec: BitplaneSpec,
                   parameters: BitplaneParameters) -> np.ndarray:
    """One section's fields in the order of its memory: [words, banks, fields]."""
    match section.kind:
        case "weights":
            return _weights(spec, parameters.weights)
        case "bias":
            constants = [rounding_constant(spec, int(shift)) + spec.bias_constant(precision)
                         for precision, shift in enumerate(parameters.shift)]
            return _banks(spec, section, parameters.bias + np.array(constants)[:, None])
        case "multiplier":
            return _banks(spec, section, parameters.multiplier)
        case "shift":
            return parameters.shift.reshape(-1, 1, 1)
    raise TypeError(f"{type(parameters).__name__} have no section {section.kind}.")


def _weights(spec: BitplaneSpec, weights: np.ndarray) -> np.ndarray:
    """[N, D] as words (set, tile, block of planes, group) of (output, input) fields.

    The first block holds the upper planes. Bits of -1 and 1 are stored inverted, so that an
    exclusive or with an activation's bit tells that they are equal. Padding is zero.
    """
    if isinstance(spec.layer, Conv2d):
        weights = weights.transpose(0, 3, 1, 2).reshape(spec.layer.out_channels, -1)
    codes = weights
    if spec.two_valued:
        codes = ~((weights + (1 << spec.engine.weight_bits) - 1) >> 1)
    outputs, inputs = spec.layer.row_outputs, spec.layer.row_inputs
    padded = np.zeros((spec.sets, spec.tiles * spec.outputs, spec.groups * spec.row_lanes),
                      np.int64)
    padded[:, :outputs, :inputs] = codes.reshape(spec.sets, outputs, inputs)
    blocks = np.arange(1, spec.weight_blocks + 1)
    places = spec.engine.weight_bits - spec.weight_planes * blocks
    cut = (padded[..., None] >> places) & ((1 << spec.weight_planes) - 1)
    shaped = cut.reshape(spec.sets, spec.tiles, spec.outputs, spec.groups, spec.row_lanes, -1)
    return shaped.transpose(0, 1, 5, 3, 2, 4).reshape(spec.weight_words, 1, -1)


def _banks(spec: BitplaneSpec, section: Section, values: np.ndarray) -> np.ndarray:
    """[P, N], set by set, result transfer by result transfer; each precision's first word stands
    at a multiple of a power of two."""
    step = 1 << ceil_log2(spec.result_words)
    padded = np.zeros((spec.precision_count, spec.sets, spec.row_transfers * spec.lanes_out),
                      np.int64)
    padded[:, :, :spec.layer.row_outputs] = values.reshape(spec.precision_count, spec.sets, -1)
    words = np.zeros((spec.precision_count, step, spec.lanes_out), np.int64)
    words[:, :spec.result_words] = padded.reshape(spec.precision_count, spec.result_words, -1)
    return words.reshape(-1, 1, spec.lanes_out)[:section.words]
