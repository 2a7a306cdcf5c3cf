"""Rows of two schemes: whatever their order, they leave in that of the layer."""

import dataclasses

import numpy as np
import pytest
from builders import mac, mixed_cases, mixed_specs
from hypothesis import given, note, settings
from hypothesis import strategies as st
from runner import differs

from pqhw.emit.image import pack_image
from pqhw.sim.pysim import simulate
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.files import dump_spec
from pqhw.spec.order import row_capacity
from pqhw.spec.parameters import check_parameters

CASES = {name: ChainSpec((spec,)) for name, spec in mixed_cases().items()}
SEEDS = st.integers(0, 2 ** 32)


@settings(max_examples=15)
@given(mixed_specs(), SEEDS)
def test_any_mixed_engine_computes_its_golden_results_in_the_cycles_of_its_spec(spec, seed):
    note(dump_spec(ChainSpec((spec,))))
    assert differs(ChainSpec((spec,)), seed=seed) == ""


@pytest.mark.parametrize("ready", (0.7, 0.3, 0.1))
@pytest.mark.parametrize("name", CASES)
def test_stalls_change_no_order(name, ready):
    assert differs(CASES[name], seed=5, rows=7, valid=0.8, ready=ready) == ""


@pytest.mark.parametrize("order", ["runs", "runs, other first", "in turns", "by twos", "one late"])
@pytest.mark.parametrize("lanes", (1, 2, 4))
def test_adversarial_orders_leave_in_order(order, lanes):
    """Every row's bias tells it from all others."""
    spec = mac(D=16, N=16, scheme="mixed", weight_bits=4, activation_bits=4, inputs_per_cycle=4,
               outputs_per_cycle=8, results_per_cycle=2 if lanes == 1 else lanes, ratio="1:1",
               output=Requantize(bits=8, signed=True, shift=0))
    if lanes == 1:
        spec = dataclasses.replace(spec, folding=dataclasses.replace(
            spec.folding, inputs_per_cycle=2, results_per_cycle=1))
    assert spec.lanes_out == lanes and row_capacity(spec) == (8, 8)
    rows = np.arange(16)
    scheme = {"runs": rows >= 8, "runs, other first": rows < 8, "in turns": rows % 2,
              "by twos": rows // 2 % 2, "one late": (rows + 1) % 16 < 8}[order].astype(np.int64)
    parameters = (check_parameters(spec, {
        "weights": np.zeros((16, 16), np.int64), "scheme": scheme, "bias": rows - 5}),)
    chain = ChainSpec((spec,))
    found = simulate(chain, pack_image(chain, parameters), np.zeros((3, 16), np.int64)).results
    assert found.tolist() == [list(range(-5, 11))] * 3


@pytest.mark.slow
@settings(max_examples=300, derandomize=False)
@given(mixed_specs(), SEEDS, st.sampled_from((1.0, 0.6, 0.1)))
def test_many_mixed_engines_compute_their_golden_results(spec, seed, ready):
    chain = ChainSpec((spec,))
    note(dump_spec(chain))
    assert differs(chain, seed=seed) == ""
    assert differs(chain, seed=seed, rows=5, valid=0.9, ready=ready) == ""

