"""The accelerator against its specification: results, cycles per row and latency, all exact."""

import pytest
from builders import chain_cases, chains, mac, odd_cases, pq
from hypothesis import given, note, settings
from hypothesis import strategies as st
from runner import differs

from pqhw.emit.image import pack_image
from pqhw.sim.pysim import simulate
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.files import dump_spec

CASES = odd_cases()
SEEDS = st.integers(0, 2 ** 32)
STALLS = st.tuples(*2 * [st.sampled_from((1.0, 0.9, 0.5, 0.1))])


def check(chain: ChainSpec, seed: int, **how):
    wrong = differs(chain, seed=seed, **how)
    if wrong:
        note(dump_spec(chain))
        pytest.fail(f"{wrong} (seed {seed}, {how})\n{dump_spec(chain)}")


@pytest.mark.parametrize("seed", (1, 2))
@pytest.mark.parametrize("name", CASES)
def test_a_named_case_computes_its_golden_results_in_the_cycles_of_its_spec(name, seed):
    check(CASES[name], seed)


@settings(max_examples=25)
@given(chains(), SEEDS)
def test_any_engine_computes_its_golden_results_in_the_cycles_of_its_spec(chain, seed):
    check(chain, seed)


@settings(max_examples=6)
@given(chains(least=2, most=3), SEEDS)
def test_any_chain_computes_its_golden_results_no_faster_than_its_spec_says(chain, seed):
    check(chain, seed)


@pytest.mark.parametrize("name", chain_cases())
def test_a_named_chain_gives_a_row_in_the_cycles_of_its_slowest_part(name):
    chain = CASES[name]
    parameters = random_parameters(chain, 1)
    rows = random_rows(chain, parameters, 24, 1)
    result = simulate(chain, pack_image(chain, parameters), rows)
    assert result.cycles_per_row == chain.cycles_per_row


@pytest.mark.xfail(strict=True, reason="stages that stand still as a whole cost each other cycles")
def test_a_chain_of_two_slowest_stages_gives_a_row_in_the_cycles_of_its_slowest_part():
    chain = ChainSpec((
        mac(D=15, N=3, weight_bits=4, activation_bits=7, activation_signed=False, load_bits=64,
            multiplier="dsp", weight_storage="lutram", bram_register=False, inputs_per_cycle=1,
            outputs_per_cycle=3, output=Requantize(bits=4)),
        pq(D=3, N=1, V=1, K=10, encoder="l1", prototype_storage="lutram", activation_bits=4,
           activation_signed=False, prototype_bits=4, load_bits=64, outputs_per_cycle=3,
           prototypes_per_cycle=2, output=Requantize(bits=7))))
    parameters = random_parameters(chain, 1)
    rows = random_rows(chain, parameters, 60, 1)
    result = simulate(chain, pack_image(chain, parameters), rows)
    assert result.cycles_per_row == chain.cycles_per_row


@settings(max_examples=10)
@given(chains(most=2), SEEDS, STALLS)
def test_stalls_change_no_result_of_any_chain(chain, seed, chances):
    check(chain, seed, rows=6, valid=chances[0], ready=chances[1])


@pytest.mark.parametrize("ready", (0.7, 0.4, 0.1))
@pytest.mark.parametrize("name", ["codes gather behind a stall", "codes gather, two groups"])
def test_rows_that_gather_behind_a_stall_are_not_lost(name, ready):
    """Their codes come faster than the one result lane can split their sums."""
    for seed in range(3):
        check(CASES[name], seed, rows=12, valid=1.0, ready=ready)


@pytest.mark.parametrize("valid, ready", [(1.0, 0.5), (0.5, 1.0), (0.3, 0.3), (1.0, 0.1),
                                          (0.1, 1.0)])
@pytest.mark.parametrize("name", ["nothing divides, shared", "mac, scale with a shift built in",
                                  "pq 6 to pq 4, 3 to mac 2"])
def test_stalls_change_no_result_of_a_named_case(name, valid, ready):
    check(CASES[name], 3, rows=6, valid=valid, ready=ready)


@pytest.mark.slow
@settings(max_examples=700, derandomize=False)
@given(chains(), SEEDS)
def test_many_engines_compute_their_golden_results_in_the_cycles_of_their_specs(chain, seed):
    check(chain, seed)


@pytest.mark.slow
@settings(max_examples=60, derandomize=False)
@given(chains(least=2, most=3), SEEDS)
def test_many_chains_compute_their_golden_results_no_faster_than_their_specs_say(chain, seed):
    check(chain, seed)


@pytest.mark.slow
@settings(max_examples=120, derandomize=False)
@given(chains(most=3), SEEDS, STALLS)
def test_stalls_change_no_result_of_many_chains(chain, seed, chances):
    check(chain, seed, valid=chances[0], ready=chances[1])
