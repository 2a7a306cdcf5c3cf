"""Codes and sums on the way: they lead to the results that the layer gives."""

import numpy as np
import pytest
from bitplane_builders import planes
from builders import mac, pq

from pqhw.golden import layer_codes, layer_results, layer_sums, requantize
from pqhw.golden.conv import window_columns
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Conv2d, PQSpec, Requantize

SHIFT = {"output": Requantize(bits=4, signed=True, shift=2), "activation_bits": 4}
PQ = {"prototype_bits": 4, "table_bits": 5, **SHIFT}
IMAGE = {"C": 4, "N": 6, "F": 3, "H": 5, "W": 4, "padding": 1}
SPECS = {
    "dense": pq(D=7, N=3, V=2, K=5, encoder="l1", **PQ),
    "tree": pq(D=6, N=3, V=3, K=4, encoder="tree", **PQ),
    "shared": pq(D=6, N=3, V=2, K=4, shared_prototypes=True, **PQ),
    "windows": pq(**IMAGE, V=5, K=4, groups=2, **PQ),
    "pixels": pq(**IMAGE, V=2, K=4, groups=2, convolution="pixel", **PQ),
    "mac": mac(D=7, N=3, activation_bits=4,
               output=Requantize(bits=4, signed=True, mode="scale")),
    "mac windows": mac(**IMAGE, groups=2, **SHIFT),
    "planes": planes(precisions=[[2, 3], [3, 3]], output=Requantize(bits=4, signed=True)),
}


def example(name):
    design = ChainSpec((SPECS[name],))
    parameters = random_parameters(design, 3)
    return SPECS[name], parameters[0], random_rows(design, parameters, 4, 3)


@pytest.mark.parametrize("name", SPECS)
def test_requantised_sums_are_the_results(name):
    spec, parameters, rows = example(name)
    sums = layer_sums(spec, parameters, rows)
    shift = int(np.asarray(parameters.shift).ravel()[0])
    factor = np.atleast_2d(getattr(parameters, "multiplier", np.ones(1, np.int64)))[0]
    results = requantize(sums, spec.output, shift, factor)
    assert (results == layer_results(spec, parameters, rows)).all()
    assert sums.min() in spec.accumulator_range and sums.max() in spec.accumulator_range


@pytest.mark.parametrize("name", [name for name in SPECS if isinstance(SPECS[name], PQSpec)
                                  and name != "pixels"])
def test_table_entries_at_the_codes_are_the_sums(name):
    spec, parameters, rows = example(name)
    codes = layer_codes(spec, parameters, rows)
    layer, own = spec.layer, spec.encoder_subspaces
    each = layer.row_outputs
    wanted = [[sum(int(parameters.tables[s, codes[n // each * own + s, row], n])
                   for s in range(own)) + int(parameters.bias[n])
               for n in range(layer.out_channels)] for row in range(codes.shape[1])]
    found = layer_sums(spec, parameters, rows).reshape(-1, layer.out_channels)
    assert found.tolist() == wanted


def test_a_code_of_a_window_is_its_nearest_prototype():
    spec, parameters, rows = example("windows")
    assert isinstance(spec.layer, Conv2d)
    columns = window_columns(spec.layer, rows)
    padded = np.pad(columns, ((0, 0), (0, 2), (0, 0))).reshape(8, 5, -1)
    distances = ((padded[:, None] - parameters.prototypes[..., None]) ** 2).sum(axis=2)
    assert (layer_codes(spec, parameters, rows) == distances.argmin(axis=1)).all()
    pixels, own, rows = example("pixels")
    vectors = rows.reshape(-1, 2, 2).transpose(1, 2, 0)
    distances = ((vectors[:, None] - own.prototypes[..., None]) ** 2).sum(axis=2)
    assert (layer_codes(pixels, own, rows) == distances.argmin(axis=1)).all()
