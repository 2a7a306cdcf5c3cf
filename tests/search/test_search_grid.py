"""Figures of all foldings at once are those that the estimator gives of each."""

import dataclasses
import itertools
import random

import numpy as np
import pytest
from builders import mac, pq

from pqhw.explore.draws import random_chain
from pqhw.explore.estimate import estimate
from pqhw.explore.search import pq_points
from pqhw.explore.search.grid import layer_grid
from pqhw.spec import ChainSpec, PQSpec, Requantize, SpecError
from pqhw.spec.devices import DEVICES, device

ECP5 = device("lfe5u-25f")
MOST_POINTS = 3000
"""Points of a random engine whose parameters are loaded: their loader is counted one by one."""


def assert_equal(grid, indices):
    for index in indices:
        wanted = estimate(grid.chain(int(index)), grid.part)
        area = wanted.area.model_dump()
        found = {name: values[index] for name, values in grid.figures.items()}
        where = (grid.spec, {name: int(values[index]) for name, values in grid.knobs.items()})
        assert {name: found[name] for name in area} == area, where
        assert found["cycles"] == wanted.cycles_per_row, where
        assert found["fmax_mhz"] == pytest.approx(wanted.fmax_mhz, rel=1e-9), where


def sample(grid, count=12, seed=1):
    return np.random.default_rng(seed).integers(0, len(grid), count)


def small(spec):
    """Whether an engine has few enough foldings to count the loader of each."""
    if not isinstance(spec, PQSpec):
        return spec.layer.row_inputs * spec.layer.row_outputs <= 600
    return spec.subspaces * spec.layer.row_outputs * spec.engine.prototypes <= 400


def random_specs(family, count):
    """Engines of the estimator's own random designs, some with constants, some loaded."""
    for index in range(count):
        chain, part = random_chain(family, 1000 + index)
        spec, rng = chain.first, random.Random(index)
        changes = {"resident": True}
        if isinstance(spec, PQSpec):
            changes["table_storage"] = rng.choice(("bram", "lutram"))
        if not small(spec) or rng.random() < 0.6:
            spec = dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, **changes))
        yield spec, part


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_random_engines(family):
    kinds = set()
    for spec, part in random_specs(family, 14):
        kinds.add((spec.KIND, spec.engine.resident, spec.front is None))
        grid = layer_grid(spec, part)
        assert_equal(grid, sample(grid))
    assert len(kinds) >= 3, "engines of many kinds"


PIXELS = {"C": 6, "N": 4, "F": 3, "H": 7, "W": 5, "padding": 1}
WINDOWS = {"C": 4, "N": 4, "F": 3, "H": 6, "W": 6, "stride": 2}
OUTPUT = Requantize(bits=4, shift=2)
ENGINES = {
    "pixels": lambda: pq(**PIXELS, V=3, K=4, convolution="pixel", output=OUTPUT,
                         resident=True, table_storage="bram"),
    "windows": lambda: pq(**WINDOWS, V=9, K=5, encoder="l1", output=OUTPUT,
                          resident=True, table_storage="lutram"),
    "mac windows": lambda: mac(**WINDOWS, weight_bits=3, output=OUTPUT,
                               resident=True),
    "tree": lambda: pq(D=32, N=6, V=4, K=8, encoder="tree", resident=True, table_storage="bram"),
    "wide squares": lambda: pq(D=24, N=6, V=4, K=4, activation_bits=8, prototype_bits=8,
                               resident=True, table_storage="bram"),
    "two schemes": lambda: mac(D=12, N=10, weight_bits=4, scheme="mixed", outputs_per_cycle=2),
    "planes": lambda: mac(D=9, N=6, weight_bits=4, activation_bits=4, scheme="bitplane"),
    "mac pixels": lambda: mac(**PIXELS, weight_bits=4, resident=True, multiplier="lut"),
    "mac shifts": lambda: mac(D=20, N=6, weight_bits=4, scheme="sp2", resident=True,
                              output=Requantize(bits=4, mode="scale")),
    "mac powers": lambda: mac(D=20, N=6, weight_bits=4, scheme="pot", load_bits=32),
    "mac two schemes": lambda: mac(**PIXELS, weight_bits=4, scheme="mixed", outputs_per_cycle=2,
                                   resident=True),
    "planes of ones": lambda: mac(D=9, N=6, weight_bits=4, activation_bits=4, scheme="bitplane",
                                  planes="pm1", load_bits=16),
    "loaded pixels": lambda: pq(**PIXELS, V=3, K=4, convolution="pixel", load_bits=64),
    "loaded": lambda: pq(D=12, N=6, V=3, K=4, output=Requantize(bits=4)),
}


@pytest.mark.parametrize("name", ENGINES)
def test_engines_of_every_kind(name):
    for part in (ECP5, device("ice40up5k")):
        grid = layer_grid(ENGINES[name](), part)
        assert_equal(grid, sample(grid, 25))


@pytest.mark.parametrize("changes", [{}, {"scheme": "mixed", "outputs_per_cycle": 2},
                                     {"activation_signed": True, "weight_bits": 3}, PIXELS])
def test_numbers_of_dsp_blocks_are_folded_together(changes):
    shape = {} if "C" in changes else {"D": 24, "N": 6}
    spec = mac(**{"weight_bits": 5, "activation_bits": 5, "resident": True, **shape, **changes})
    grid = layer_grid(spec, ECP5, dsp_blocks=(1, 2, 4, 8, 16, 28))
    assert_equal(grid, sample(grid, 60))
    assert len(set(grid.knobs["dsp_blocks"].tolist())) > 3
    alone = layer_grid(dataclasses.replace(spec, engine=dataclasses.replace(
        spec.engine, dsp_blocks=4)), ECP5)
    both = np.isin(grid.knobs["dsp_blocks"], [1, 2, 4])
    assert max(grid.figures["dsp"][both]) == max(alone.figures["dsp"])
    known = {tuple(map(float, row)) for row in zip(*grid.figures.values())}
    assert all(tuple(map(float, row)) in known for row in zip(*alone.figures.values()))


def test_points_are_all_foldings_that_are_worth_having():
    spec = pq(D=8, N=5, V=2, K=4, encoder="l1", resident=True, table_storage="bram")
    grid = layer_grid(spec, ECP5)
    found = {tuple(int(grid.knobs[name][index]) for name in (
        "subspaces", "encoders", "outputs", "prototypes", "elements"))
        for index in range(len(grid))}
    assert found == {(s, e, o, p, v) for s, e, o, p, v in itertools.product(
        (1, 2, 4), (1, 2, 4), (1, 2, 3, 5), (1, 2, 4), (1, 2)) if s % e == 0}
    assert len({tuple(map(int, row)) for row in zip(*grid.knobs.values())}) == len(grid)


def test_a_wrong_knob_is_noticed(monkeypatch):
    spec = ENGINES["tree"]()
    monkeypatch.setitem(pq_points.PQ_KNOBS, "tables", ("subspaces",))
    grid = layer_grid.__wrapped__(spec, ECP5)
    with pytest.raises(AssertionError):
        assert_equal(grid, sample(grid, 40))


@pytest.mark.parametrize("spec, part, sentence", [
    (pq(D=4, N=2, V=2, K=2, table_storage="lutram"), "ice40up5k",
     'engine.table_storage must be "bram" on ice40up5k'),
    (pq(D=4, N=2, V=2, K=2, resident=True), "lfe5u-25f",
     'engine.table_storage must be "bram" or "lutram" for all'),
    (mac(D=4, N=2, multiplier="dsp"), "ice40hx8k", "engine.multiplier must be")])
def test_what_the_device_lacks_is_told(spec, part, sentence):
    with pytest.raises(SpecError) as told:
        layer_grid(spec, DEVICES[part])
    assert str(told.value).startswith(sentence)


def test_points_are_designs_of_the_layer():
    spec = ENGINES["wide squares"]()
    grid = layer_grid(spec, ECP5)
    chain = grid.chain(len(grid) - 1)
    assert isinstance(chain, ChainSpec) and chain.first.layer == spec.layer
    assert chain.first.precision == spec.precision
