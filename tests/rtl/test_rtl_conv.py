"""Accelerators of convolutions against their golden results, in the cycles of their specs."""

import pytest
from builders import mac, pq
from conv_builders import conv_cases, conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from runner import differs

from pqhw.emit.image import pack_image
from pqhw.sim.pysim import simulate
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.files import dump_spec

SMALL = {"most_pixels": 4, "most_channels": 4}
SPECS = st.one_of(conv_pq_specs(**SMALL), conv_pq_specs(**SMALL), conv_mac_specs(**SMALL))
SEEDS = st.integers(0, 2 ** 32)
STALLS = st.sampled_from(({}, {}, {"valid": 0.5, "ready": 0.5}, {"valid": 1.0, "ready": 0.2},
                          {"valid": 0.2, "ready": 1.0}))
FEW = {"activation_bits": 4, "prototype_bits": 4, "table_bits": 4}
U4 = Requantize(bits=4, shift=3)
CASES = conv_cases()


def check(chain, seed, rows=5, **how):
    wrong = differs(chain, seed=seed, rows=rows, **how)
    if wrong:
        pytest.fail(f"{wrong} (seed {seed}, {how})\n{dump_spec(chain)}")


@pytest.mark.parametrize("how", ({}, {"valid": 0.5, "ready": 0.3}), ids=("free", "stalled"))
@pytest.mark.parametrize("name", CASES)
def test_a_named_convolution_computes_its_golden_results(name, how):
    check(ChainSpec((CASES[name],)), 1, **how)


@settings(max_examples=8)
@given(SPECS, SEEDS, STALLS)
def test_any_convolution_computes_its_golden_results_in_the_cycles_of_its_spec(spec, seed, how):
    check(ChainSpec((spec,)), seed, **how)


@pytest.mark.slow
@settings(max_examples=300)
@given(SPECS, SEEDS, STALLS)
def test_many_convolutions_compute_their_golden_results(spec, seed, how):
    check(ChainSpec((spec,)), seed, **how)


def conv_chain(**second):
    first = pq(C=2, N=4, F=3, H=4, W=4, V=2, K=4, padding=1, convolution="pixel", **FEW,
               subspaces_per_cycle=3, outputs_per_cycle=3, output=U4)
    fields = {"activation_bits": 4, "activation_signed": False, **second}
    if "K" in second:
        return first, pq(**fields, prototype_bits=4, table_bits=4)
    return first, mac(**fields, weight_bits=4)


CHAINS = {
    "conv to conv": conv_chain(C=4, N=2, F=2, H=4, W=4, stride=2, inputs_per_cycle=3),
    "conv to grouped conv": conv_chain(C=4, N=6, F=3, H=4, W=4, groups=2, V=3, K=3,
                                       subspaces_per_cycle=2),
    "conv to dense": conv_chain(D=64, N=3, inputs_per_cycle=6),
    "dense to conv": (mac(D=3, N=12, activation_bits=4, weight_bits=4, outputs_per_cycle=4,
                          output=Requantize(bits=4)),
                      mac(C=3, N=2, F=2, H=2, W=2, activation_bits=4, activation_signed=False,
                          inputs_per_cycle=5)),
}


@pytest.mark.parametrize("how", ({}, {"valid": 0.5, "ready": 0.3}), ids=("free", "stalled"))
@pytest.mark.parametrize("name", CHAINS)
def test_convolutions_in_a_chain_compute_their_golden_results(name, how):
    check(ChainSpec(CHAINS[name]), 1, rows=4, **how)


def test_an_image_leaves_whole_before_the_next_one_comes():
    chain = ChainSpec((CASES["pixel, padded, K a power of two"],))
    parameters = random_parameters(chain, 1)
    image = random_rows(chain, parameters, 1, 1)
    result = simulate(chain, pack_image(chain, parameters), image)
    assert result.results.shape == (1, 4, 5, 3)


def test_pixels_encoded_once_need_an_eighth_of_the_encoder_s_work_at_most():
    fields = {"C": 16, "N": 16, "F": 3, "H": 32, "W": 32, "padding": 1, "K": 16}
    once, often = pq(**fields, V=8, convolution="pixel"), pq(**fields, V=9)
    assert 8 * once.distance_operations <= often.distance_operations
