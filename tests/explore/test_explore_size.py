"""The best folding within a budget: nothing that fits is better, and what is wrong is said."""

import dataclasses
import time

import pytest
from builders import chain, mac, pq

from pqhw.explore.estimate import estimate
from pqhw.explore.size import KINDS, as_kind, parse_budget, resized, size, size_kinds, useful
from pqhw.flow.results import Area
from pqhw.spec import ChainSpec, MACFolding, Requantize, SpecError
from pqhw.spec.devices import device

PART = device("lfe5u-25f")
FILE = {
    "layer": {"in_features": 144, "out_features": 32},
    "engine": {"kind": "pq", "subvector_length": 9, "prototypes": 16, "encoder": "l1",
               "weight_bits": 4},
    "precision": {"activation_bits": 4, "activation_signed": False, "prototype_bits": 4,
                  "output": {"bits": 4, "shift": 4}}}


def fits(area, budget):
    return all(used <= most for used, most in zip(area.model_dump().values(),
                                                  budget.model_dump().values()))


def test_lanes_worth_having_each_save_a_cycle():
    assert useful(10) == [1, 2, 3, 4, 5, 10]
    assert useful(7, most=3) == [1, 2, 3]


@pytest.mark.parametrize("budget", ["lut=900,dsp=0,bram=8", "lut=700,dsp=12", "lut=1500,dsp=6"])
@pytest.mark.parametrize("bits", [4, 8])
def test_no_folding_that_fits_is_faster(budget, bits):
    most = parse_budget(budget, PART)
    spec = mac(D=18, N=12, activation_bits=bits, weight_bits=bits, activation_signed=False,
               output=Requantize(bits=4, shift=4))
    found = size(spec, PART, most)
    assert found and fits(found[1].area, most)
    best = 0.0
    for inputs in useful(18):
        for outputs in useful(12):
            for multiplier in ("dsp", "lut"):
                for storage in ("bram", "lutram"):
                    folding = MACFolding(inputs_per_cycle=inputs, outputs_per_cycle=outputs)
                    own = dataclasses.replace(spec, folding=folding, engine=dataclasses.replace(
                        spec.engine, multiplier=multiplier, weight_storage=storage))
                    try:
                        other = estimate(ChainSpec((own,)), PART)
                    except SpecError:
                        continue
                    if fits(other.area, most):
                        best = max(best, other.rows_per_second)
    assert found[1].rows_per_second >= 0.97 * best


def test_a_larger_budget_is_never_slower():
    rates = []
    for luts in (1200, 2500, 5000, 10000):
        found = size(as_kind(FILE, "pq"), PART, parse_budget(f"lut={luts},bram=30", PART))
        rates.append(found[1].rows_per_second)
    assert rates == sorted(rates) and rates[-1] > 2 * rates[0]


def test_every_kind_is_sized_in_a_second_best_first():
    begun = time.perf_counter()
    found = size_kinds(FILE, KINDS, PART, parse_budget(None, PART))
    assert time.perf_counter() - begun < 4 * 3  # Seconds; a loaded machine is slow.
    assert sorted(one.kind for one in found) == sorted(KINDS)
    rates = [one.estimate.rows_per_second for one in found]
    assert rates == sorted(rates, reverse=True)
    assert found[0].kind == "pq"
    assert found[0].chain.first.engine.encoder == "l1"


def test_a_kind_that_cannot_be_says_why():
    found = size_kinds({**FILE, "engine": {"weight_bits": 2}}, KINDS, PART,
                       parse_budget("lut=3000", PART))
    reasons = {one.kind: one.reason for one in found if one.chain is None}
    assert reasons == {
        "pq": "engine.subvector_length is required (elements V of a sub-vector), but [engine] does "
              "not give it.",
        "pot": 'engine.weight_bits must be an integer from 3 to 6 with engine.scheme = "pot", '
               "but is 2.",
        "sp2": 'engine.weight_bits must be an integer from 3 to 8 with engine.scheme = "sp2", '
               "but is 2.",
        "mixed": 'engine.weight_bits must be an integer from 3 to 8 with engine.scheme = "mixed", '
                 "but is 2."}


@pytest.mark.parametrize("kinds, mapping, budget, message", [
    (["mac"], FILE, "lut=3000",
     "kind must be one of pq, fixed, pot, sp2, mixed, bitplane, but is mac."),
    (["pq"], {"stage": [FILE, FILE]}, None,
     "--layer must be a spec file of one layer, but holds a chain."),
    (["fixed"], FILE, "lut=10", "fixed: nothing fits the budget.")])
def test_what_cannot_be_sized(kinds, mapping, budget, message):
    with pytest.raises(SpecError) as caught:
        size_kinds(mapping, kinds, PART, parse_budget(budget, PART))
    assert str(caught.value) == message


@pytest.mark.parametrize("text, message", [
    ("lut", "budget must be like lut=5000,dsp=10,bram=20,ff=8000, but holds lut."),
    ("lut=3k", "budget must be like lut=5000,dsp=10,bram=20,ff=8000, but holds lut=3k."),
    ("dsp=29", "budget must give at most 28 dsp on lfe5u-25f, but gives 29.")])
def test_a_budget_that_is_none(text, message):
    with pytest.raises(SpecError) as caught:
        parse_budget(text, PART)
    assert str(caught.value) == message


def test_what_a_budget_leaves_out_is_all_but_a_fifth_of_the_logic():
    assert parse_budget(None, PART) == Area(lut4=19430, ff=19430, bram=56, dsp=28)
    assert parse_budget("bram=3, dsp=0", PART) == Area(lut4=19430, ff=19430, bram=3, dsp=0)


def test_designs_are_given_one_budget_each_their_best_folding():
    most = parse_budget("lut=2500,bram=20,dsp=0", PART)
    for design in (pq(D=64, N=32, V=4, K=16), mac(D=64, N=32)):
        found = resized(chain(design), PART, most)
        assert fits(estimate(found, PART).area, most)
        assert found.cycles_per_row < chain(design).cycles_per_row
    with pytest.raises(SpecError, match="must have one engine, but one has 2"):
        resized(chain(mac(D=4, N=3, output=Requantize(bits=8, signed=True)), mac(D=3, N=2)), PART,
                most)
