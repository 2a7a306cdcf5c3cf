"""The accelerator against its specification: results, cycles per row and latency, all exact."""

import pytest
from builders import chains, odd_cases
from hypothesis import given, note, settings
from hypothesis import strategies as st
from runner import differs

from pqhw.spec import ChainSpec
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
def test_any_chain_computes_its_golden_results_in_the_cycles_of_its_spec(chain, seed):
    check(chain, seed)


@settings(max_examples=10)
@given(chains(most=2), SEEDS, STALLS)
def test_stalls_change_no_result_of_any_chain(chain, seed, chances):
    check(chain, seed, rows=6, valid=chances[0], ready=chances[1])


@pytest.mark.parametrize("valid, ready", [(1.0, 0.5), (0.5, 1.0), (0.3, 0.3), (1.0, 0.1),
                                          (0.1, 1.0)])
@pytest.mark.parametrize("name", ["nothing divides, shared", "mac, scale with a shift built in",
                                  "pq 6 to pq 4, 3 to mac 2"])
def test_stalls_change_no_result_of_a_named_case(name, valid, ready):
    check(CASES[name], 3, rows=6, valid=valid, ready=ready)


@pytest.mark.slow
@settings(max_examples=220, derandomize=False)
@given(chains(), SEEDS)
def test_many_engines_compute_their_golden_results_in_the_cycles_of_their_specs(chain, seed):
    check(chain, seed)


@pytest.mark.slow
@settings(max_examples=60, derandomize=False)
@given(chains(least=2, most=3), SEEDS)
def test_many_chains_compute_their_golden_results_in_the_cycles_of_their_specs(chain, seed):
    check(chain, seed)


@pytest.mark.slow
@settings(max_examples=120, derandomize=False)
@given(chains(most=3), SEEDS, STALLS)
def test_stalls_change_no_result_of_many_chains(chain, seed, chances):
    check(chain, seed, valid=chances[0], ready=chances[1])
