"""The model of planes of bits against its definition, plane by plane and bit by bit."""

import itertools

import numpy as np
import pytest
from bitplane_builders import conv_plane_specs, plane_specs, planes
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.emit.image import arrange
from pqhw.golden import activations_at, chain_results, layer_results, weights_at
from pqhw.sim.stimulus import random_parameters, random_precisions, random_rows
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.parameters import check_parameters


def digits(value, bits, offset):
    """The planes of a value, the highest first; with an offset, those of half their sum."""
    code = value % (1 << bits) if offset is None else (value + offset) // 2
    return [code >> place & 1 for place in reversed(range(bits))]


def value_of(planes, two_valued, signed):
    """What planes stand for, the highest first."""
    weights = [1 << place for place in reversed(range(len(planes)))]
    if two_valued:
        return sum(weight if bit else -weight for weight, bit in zip(weights, planes))
    return sum(-weight * bit if signed and not index else weight * bit
               for index, (weight, bit) in enumerate(zip(weights, planes)))


def cut(spec, value, precision, axis):
    """A weight (axis 0) or an activation (axis 1) at a precision."""
    bits = (spec.engine.weight_bits, spec.precision.activation_bits)[axis]
    kept = spec.precisions[precision][axis]
    signed = axis == 0 or spec.precision.activation_signed
    if not spec.two_valued:
        return value_of(digits(value, bits, None)[:kept], False, signed)
    if axis == 1:  # An activation's integer counts the odd grid.
        value = 2 * value + 1 if signed else 2 * value - (1 << bits) + 1
    return value_of(digits(value, bits, (1 << bits) - 1)[:kept], True, signed)


@given(plane_specs(widest=8), st.data())
def test_an_engine_sums_what_its_planes_stand_for(spec, data):
    seed = data.draw(st.integers(0, 1 << 30))
    chain = ChainSpec((spec,))
    (parameters,) = random_parameters(chain, seed)
    rows = random_rows(chain, (parameters,), 5, seed)
    precisions = random_precisions(chain, 5, seed)
    got = chain_results(chain, [parameters], rows, precisions)
    for row, precision, results in zip(rows.tolist(), precisions.tolist(), got.tolist()):
        x = [cut(spec, value, precision, 1) for value in row]
        shift, output = int(parameters.shift[precision]), spec.output
        for n, own in enumerate(parameters.weights.tolist()):
            total = int(parameters.bias[precision, n]) + sum(
                a * cut(spec, w, precision, 0) for a, w in zip(x, own))
            assert total in spec.accumulator_range
            if output is not None:
                factor = int(parameters.multiplier[precision, n])
                total = total * factor if output.mode == "scale" else total
                total = (total + (1 << shift >> 1)) >> shift
                total = min(max(total, output.range.low), output.range.high)
            assert results[n] == total


@settings(max_examples=20)
@given(conv_plane_specs(widest=8), st.integers(0, 1 << 30))
def test_a_convolution_is_the_dense_layer_of_every_window(spec, seed):
    chain = ChainSpec((spec,))
    (parameters,) = random_parameters(chain, seed)
    images = random_rows(chain, (parameters,), 3, seed)
    precisions = random_precisions(chain, 3, seed)
    got = chain_results(chain, [parameters], images, precisions)
    layer = spec.layer
    (top, left), (down, right), own = layer.padding, layer.stride, layer.unit_inputs
    for image, precision, result in zip(images, precisions.tolist(), got):
        x = activations_at(spec, image, precision)
        x = np.pad(x, ((top, top), (left, left), (0, 0)))
        w = weights_at(spec, parameters.weights, precision)
        for y, across, n in itertools.product(*map(range, layer.output_shape)):
            first = n // layer.row_outputs * own
            window = x[y * down:y * down + layer.kernel[0],
                       across * right:across * right + layer.kernel[1], first:first + own]
            total = int((window * w[n]).sum() + parameters.bias[precision, n])
            if spec.output is None:
                assert result[y, across, n] == total


@pytest.mark.parametrize("which, bits, kept, value, wanted", [
    ("twos", 4, 4, -8, -8), ("twos", 4, 2, -8, -2), ("twos", 4, 2, -1, -1), ("twos", 4, 2, 7, 1),
    ("twos", 4, 1, -3, -1), ("twos", 4, 1, 3, 0), ("pm1", 1, 1, -1, -1), ("pm1", 3, 3, -7, -7),
    ("pm1", 3, 2, 7, 3), ("pm1", 3, 2, -1, -1), ("pm1", 3, 1, 1, 1), ("pm1", 3, 1, -5, -1)])
def test_weights_of_few_planes(which, bits, kept, value, wanted):
    spec = planes(weight_bits=bits, planes=which, precisions=[[kept, 3]])
    assert weights_at(spec, np.array([value]), 0).tolist() == [wanted]


@pytest.mark.parametrize("which, signed, kept, values", [
    ("twos", True, 2, [-2, -2, -1, -1, 0, 0, 1, 1]), ("twos", False, 2, [0, 0, 1, 1, 2, 2, 3, 3]),
    ("twos", True, 1, [-1, -1, -1, -1, 0, 0, 0, 0]),
    ("pm1", False, 3, [-7, -5, -3, -1, 1, 3, 5, 7]),
    ("pm1", True, 3, [-7, -5, -3, -1, 1, 3, 5, 7]), ("pm1", True, 2, [-3, -3, -1, -1, 1, 1, 3, 3])])
def test_activations_of_few_planes(which, signed, kept, values):
    spec = planes(planes=which, activation_signed=signed, precisions=[[3, kept]])
    whole = np.arange(-4, 4) if signed else np.arange(8)
    assert activations_at(spec, whole, 0).tolist() == values


def test_rows_have_the_first_precision_unless_told_otherwise():
    spec = planes(D=6, N=4, precisions=[[3, 3], [1, 1]], output=Requantize(bits=4))
    (parameters,) = random_parameters(ChainSpec((spec,)), 3)
    rows = random_rows(ChainSpec((spec,)), (parameters,), 5, 3)
    first, last = (layer_results(spec, parameters, rows, np.full(5, one)) for one in (0, 1))
    assert (layer_results(spec, parameters, rows) == first).all()
    assert (first != last).any()


def test_words_of_weights_hold_the_upper_planes_first():
    """Two groups of two inputs, two outputs at a time, padding zero."""
    spec = planes(D=3, N=3, weight_bits=2, inputs_per_cycle=2, outputs_per_cycle=2)
    parameters = check_parameters(spec, {"weights": np.array([[1, -1, -2], [0, 1, 1], [-2, 1, 0]])})
    words = arrange(spec.sections()[0], spec, parameters)[:, 0].tolist()
    assert words == [[0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0],
                     [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_a_bank_of_results_begins_at_a_power_of_two():
    spec = planes(D=3, N=5, outputs_per_cycle=2, results_per_cycle=2, planes="pm1",
                  precisions=[[3, 3], [1, 2]], output=Requantize(bits=4))
    bias = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
    parameters = check_parameters(spec, {"weights": np.ones((5, 3), int), "bias": bias,
                                         "shift": [3, 0]})
    section = next(one for one in spec.sections() if one.kind == "bias")
    first, last = 4 - 7 * 7 * 3, 0 - 1 * 3 * 3
    assert arrange(section, spec, parameters)[:, 0].tolist() == [
        [1 + first, 2 + first], [3 + first, 4 + first], [5 + first, 0], [0, 0],
        [6 + last, 7 + last], [8 + last, 9 + last], [10 + last, 0]]
