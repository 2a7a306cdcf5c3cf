"""da4ml's logic behind our ports: bit-exact, the same bytes every time, and refused with reason."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
from builders import chain, mac, pq
from external_designs import LAYERS, RELU, drawn, layer, needs_da4ml, needs_icarus

from pqhw.external import da4ml
from pqhw.external.layer import External
from pqhw.external.measure import verification_rows
from pqhw.external.rows import external_verilog
from pqhw.flow.cache import Cache
from pqhw.flow.tools import ToolMissing
from pqhw.golden import chain_results
from pqhw.sim.levels import simulate_level
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.devices import device

ECP5 = device("lfe5u-25f")


def design_of(cache, name, cutoff=2):
    return External(cache, *LAYERS[name], cutoff)


def simulated(cache, design, parameters=None):
    """Icarus Verilog against the golden model of the design's own parameters, or of others."""
    own = design.parameters if parameters is None else parameters
    rows = verification_rows(design.chain, own)
    few = rows[:2 * len(own.bias) + 40]
    return simulate_level(cache, design.chain, (own,), few, "cocotb",
                          verilog=external_verilog(design, ECP5))


@needs_icarus
@pytest.mark.parametrize("name", LAYERS)
def test_results_cycles_and_latency_are_the_golden_ones(cache, name):
    design = design_of(cache, name)
    level = simulated(cache, design)
    assert (level.status, level.reason) == ("equal", None), f"{name}: {LAYERS[name]}"
    assert (level.latency, level.cycles_per_row) == (design.latency, 1)


@needs_icarus
@pytest.mark.parametrize("cutoff", [1, 3, 16])
def test_registers_change_nothing_but_the_latency(cache, cutoff):
    design = design_of(cache, "signed, wide", cutoff)
    level = simulated(cache, design)
    assert level.status == "equal" and level.latency == design.latency
    assert {1: 5, 3: 2, 16: 1}[cutoff] == len(design.logic.stages)
    assert design.latency == len(design.logic.stages) + 2


@needs_icarus
@pytest.mark.parametrize("change", ["a weight", "a bias", "a sign"])
def test_a_mistake_is_noticed(cache, change):
    design, (parameters,) = LAYERS["signed, wide"]
    weights, bias = parameters.weights.copy(), parameters.bias.copy()
    match change:
        case "a weight":
            weights[2, 3] += 1
        case "a bias":
            bias[2] -= 1
        case "a sign":
            row, column = np.argwhere(weights < 0)[0]
            weights[row, column] *= -1
    wrong = dataclasses.replace(parameters, weights=weights, bias=bias)
    level = simulated(cache, External(cache, design, (wrong,), 2), parameters)
    assert level.status == "different" and "instead of" in level.reason


@pytest.mark.parametrize("name", LAYERS)
def test_rows_reach_both_ends_of_every_sum(name):
    design, (parameters,) = LAYERS[name]
    range_ = design.first.activation_range
    raw = dataclasses.replace(design.first, precision=dataclasses.replace(
        design.first.precision, output=None))
    sums = chain_results(ChainSpec((raw,)), (dataclasses.replace(parameters, shift=0),),
                         verification_rows(design, parameters))
    ends = np.sort(parameters.weights[..., None] * [range_.low, range_.high]).sum(axis=1)
    assert (sums.min(axis=0) == ends[:, 0] + parameters.bias).all()
    assert (sums.max(axis=0) == ends[:, 1] + parameters.bias).all()


TWICE = """
import sys
from external_designs import LAYERS
from pqhw.external.layer import External
from pqhw.external.rows import external_verilog
from pqhw.flow.cache import Cache
from pqhw.spec.devices import device
design = External(Cache(sys.argv[1]), *LAYERS["signed, wide"], 1)
sys.stdout.write(external_verilog(design, device("lfe5u-25f")))
"""


@needs_da4ml
def test_equal_layers_give_equal_bytes(tmp_path):
    texts = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", TWICE, str(tmp_path / seed)], capture_output=True, text=True,
            check=True, env=os.environ | {"PYTHONHASHSEED": seed,
                                          "PYTHONPATH": os.pathsep.join(sys.path)})
        texts.append(done.stdout)
    assert texts[0] == texts[1] and "module da4ml_stage0 (" in texts[0]


@needs_da4ml
def test_logic_is_found_once_and_multiplies_nothing(tmp_path):
    cache = Cache(tmp_path)
    weights = drawn(4, 6, 7)
    first = da4ml.constant_logic(cache, weights, LAYERS["two bits"][0].first.activation_range, 1)
    again = da4ml.constant_logic(cache, weights, LAYERS["two bits"][0].first.activation_range, 1)
    assert cache.fresh == 1 and first == again
    assert first.adders > 0 and "shift_adder #" in first.verilog
    assert "multiplier" not in first.verilog and "`timescale" not in first.verilog


def test_without_da4ml_it_is_said_how_to_get_it(cache, monkeypatch):
    monkeypatch.setattr(da4ml.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing) as refused:
        design_of(cache, "one weight")
    assert str(refused.value) == "da4ml is not installed; run: pip install 'pqhw[da4ml]'"


SCALED = chain(mac(D=2, N=2, weight_bits=3, activation_bits=3,
                   output=Requantize(bits=3, mode="scale")))
LONG = chain(mac(D=2, N=2, weight_bits=3, activation_bits=3, output=RELU),
             mac(D=2, N=2, weight_bits=3, activation_bits=3, activation_signed=False))
IMAGES = chain(mac(C=2, N=2, F=3, H=3, W=4, weight_bits=3, activation_bits=3))
TABLES = chain(pq(D=4, N=2, V=2, K=2, prototype_bits=2, table_bits=3, activation_bits=2))
MIXED = chain(mac(D=4, N=4, scheme="mixed", weight_bits=3, activation_bits=3, outputs_per_cycle=2))
PLANES = chain(mac(D=4, N=4, scheme="bitplane", weight_bits=3, activation_bits=3))
WIDE = chain(mac(D=4097, N=1, weight_bits=2, activation_bits=2))


@needs_da4ml
@pytest.mark.parametrize(("design", "words"), [
    (SCALED, 'precision.output must be "accumulator" or of mode "shift" for da4ml, but is of '
             'mode "scale".'),
    (LONG, "SPEC must hold one layer for da4ml, but holds 2."),
    (IMAGES, 'layer.kind must be "dense" for da4ml, but is "conv2d".'),
    (TABLES, 'engine.kind must be "mac" for da4ml, but is "pq".'),
    (MIXED, "engine.scheme must be one of fixed, pot, sp2 for da4ml, but is mixed."),
    (PLANES, "engine.scheme must be one of fixed, pot, sp2 for da4ml, but is bitplane."),
    (WIDE, "layer.in_features must be at most 4096 for da4ml, but is 4097."),
])
def test_a_layer_it_cannot_be_given_is_refused(cache, design, words):
    with pytest.raises(SpecError) as refused:
        External(cache, design, random_parameters(design, 1), 1)
    assert str(refused.value) == words


@needs_da4ml
def test_no_weights_and_no_registers_are_refused(cache):
    with pytest.raises(SpecError, match="^weights must not all be zero for da4ml, but are.$"):
        External(cache, *layer([[0, 0]]), 1)
    with pytest.raises(SpecError, match="^--cutoff must be from 1 to 16, but is 0.$"):
        External(cache, *layer([[1, 2]]), 0)
