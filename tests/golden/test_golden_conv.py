"""Convolutions against the definition, written out in loops."""

import itertools

import numpy as np
import pytest
from builders import mac, pq
from conv_builders import conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.golden import layer_results
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.parameters import check_parameters


def rounded(total, spec, shift, multiplier):
    """One accumulator as a result, in Python integers."""
    if spec.output is None:
        return total
    if spec.output.mode == "scale":
        total *= multiplier
    if shift:
        total = (total + (1 << (shift - 1))) >> shift
    low = -(1 << (spec.output.bits - 1)) if spec.output.signed else 0
    high = (1 << (spec.output.bits - spec.output.signed)) - 1
    return min(max(total, low), high)


def nearest(encoder, vector, prototypes):
    """The lowest index of the least distance."""
    measure = {"l1": lambda parts: sum(map(abs, parts)),
               "chebyshev": lambda parts: max(map(abs, parts))}.get(
                   encoder, lambda parts: sum(part * part for part in parts))
    distances = [measure([x - c for x, c in zip(vector, prototype)]) for prototype in prototypes]
    return distances.index(min(distances))


def leaf(vector, dims, thresholds):
    """Where a walk down a tree ends."""
    node = 0
    for level, dim in enumerate(dims):
        node = 2 * node + int(vector[dim] >= thresholds[(1 << level) - 1 + node])
    return node


def encoded(spec, parameters, values, first):
    """Codes of a group's values, cut into sub-vectors and filled up with zeros."""
    length = spec.engine.subvector_length
    codes = []
    for start in range(0, len(values), length):
        vector = values[start:start + length] + [0] * max(0, start + length - len(values))
        own = 0 if spec.engine.shared_prototypes else first + start // length
        if spec.engine.encoder == "tree":
            codes.append(leaf(vector, parameters.split_dims[own], parameters.thresholds[own]))
            continue
        codes.append(nearest(spec.engine.encoder, vector, parameters.prototypes[own].tolist()))
    return codes


def reference(spec, parameters, image):
    """Results [OH, OW, N] of an image, output by output."""
    layer = spec.layer
    (fh, fw), (sy, sx), (py, px) = layer.kernel, layer.stride, layer.padding
    height, width, channels = image.shape
    own_in, own_out = channels // layer.groups, layer.out_channels // layer.groups
    rows = (height + 2 * py - fh) // sy + 1
    columns = (width + 2 * px - fw) // sx + 1
    results = np.zeros((rows, columns, layer.out_channels), np.int64)
    for oy, ox, n in itertools.product(range(rows), range(columns), range(layer.out_channels)):
        group = n // own_out
        mine = range(group * own_in, (group + 1) * own_in)

        def pixel(dy, dx, oy=oy, ox=ox, mine=mine):
            y, x = oy * sy - py + dy, ox * sx - px + dx
            if not (0 <= y < height and 0 <= x < width):
                return None
            return [int(image[y, x, c]) for c in mine]

        total = int(parameters.bias[n])
        taps = list(itertools.product(range(fh), range(fw)))
        if spec.KIND == "mac":
            for (dy, dx) in taps:
                for c, value in enumerate(pixel(dy, dx) or []):
                    total += value * int(parameters.weights[n, dy, dx, c])
        elif spec.engine.convolution == "pixel":
            for (dy, dx) in taps:
                values = pixel(dy, dx)
                if values is None:
                    continue
                count = -(-own_in // spec.engine.subvector_length)
                for g, code in enumerate(encoded(spec, parameters, values, group * count)):
                    total += int(parameters.tables[dy, dx, g, code, n])
        else:
            unrolled = [(pixel(dy, dx) or [0] * own_in)[c]
                        for c in range(own_in) for (dy, dx) in taps]
            count = -(-len(unrolled) // spec.engine.subvector_length)
            for s, code in enumerate(encoded(spec, parameters, unrolled, group * count)):
                total += int(parameters.tables[s, code, n])
        if spec.KIND == "pq" and spec.precision.compatibility == "wrap16":
            total = (total + 32768) % 65536 - 32768
        multiplier = int(parameters.multiplier[n]) if spec.KIND == "mac" else 1
        results[oy, ox, n] = rounded(total, spec, parameters.shift, multiplier)
    return results


@settings(max_examples=60)
@given(st.one_of(conv_pq_specs(), conv_pq_specs(), conv_mac_specs()), st.integers(0, 1 << 32))
def test_any_convolution_is_the_sum_over_its_taps(spec, seed):
    chain = ChainSpec((spec,))
    parameters = random_parameters(chain, seed)
    images = random_rows(chain, parameters, 3, seed)
    results = layer_results(spec, parameters[0], images)
    for image, result in zip(images, results, strict=True):
        assert result.tolist() == reference(spec, parameters[0], image).tolist()


def test_padding_adds_nothing_to_a_pixel_encoded_sum():
    spec = pq(C=1, N=1, F=3, padding=1, H=1, W=1, V=1, K=2, convolution="pixel")
    tables = np.zeros((3, 3, 1, 2, 1), np.int64)
    tables[:, :, 0, 0, 0] = 100  # The code of a zero, wherever it is looked up.
    tables[1, 1] = 7
    parameters = check_parameters(spec, {"prototypes": np.array([[[0], [5]]]), "tables": tables})
    assert layer_results(spec, parameters, np.zeros((1, 1, 1, 1), np.int64)).tolist() == [[[[7]]]]


@pytest.mark.parametrize("mode", ("im2col", "pixel"))
def test_tables_of_all_groups_are_those_of_an_output_s_own_group(mode):
    spec = pq(C=6, N=4, groups=2, F=2, H=3, W=3, V=2, K=3, convolution=mode,
              output=Requantize(bits=8, signed=True, shift=1))
    chain = ChainSpec((spec,))
    compact = random_parameters(chain, 5)[0]
    images = random_rows(chain, (compact,), 4, 5)
    own = spec.encoder_subspaces
    whole = np.full((*compact.tables.shape[:-3], 2 * own, *compact.tables.shape[-2:]), 99)
    for n in range(4):
        group = n // 2
        whole[..., group * own:(group + 1) * own, :, n] = compact.tables[..., n]
    given = {"prototypes": compact.prototypes, "tables": whole, "bias": compact.bias}
    parameters = check_parameters(spec, given)
    assert (parameters.tables == compact.tables).all()
    assert (layer_results(spec, parameters, images)
            == layer_results(spec, compact, images)).all()


def test_a_depthwise_convolution_leaves_channels_apart():
    spec = mac(C=3, N=3, groups=3, F=2, H=2, W=2)
    weights = np.array([1, 2, 3]).reshape(3, 1, 1, 1) * np.ones((3, 2, 2, 1), np.int64)
    parameters = check_parameters(spec, {"weights": weights})
    image = np.arange(12).reshape(1, 2, 2, 3)
    sums = [sum(range(c, 12, 3)) * (c + 1) for c in range(3)]
    assert layer_results(spec, parameters, image).tolist() == [[[sums]]]
