"""Layers of two schemes: what is refused, where rows are computed, in which order they leave."""

import numpy as np
import pytest
from builders import mac, mixed_cases, mixed_specs
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.emit.image import arrange
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.order import places, row_capacity
from pqhw.spec.parameters import check_parameters

MIXED = {"D": 12, "N": 8, "scheme": "mixed", "weight_bits": 4, "activation_bits": 4,
         "inputs_per_cycle": 3, "outputs_per_cycle": 4, "results_per_cycle": 2, "ratio": "1:1"}


def orders(spec):
    """Row orders that a placement might trip over, all of them admitted."""
    rows, (fixed, other) = spec.layer.row_outputs, row_capacity(spec)
    for count in {max(0, rows - other), min(fixed, rows)}:
        first = np.arange(rows) >= count
        yield first
        yield first[::-1]
        for step in range(2, min(rows, 5)):
            by_residue = np.argsort(np.argsort(np.arange(rows) % step, kind="stable"))
            yield by_residue >= count


def check_places(spec, scheme):
    """Rows have slots of their own, of their scheme, and leave from different lanes."""
    found = places(spec, scheme)
    rows = np.arange(len(scheme))
    assert len(set(found.slot)) == len(rows)
    assert found.slot.min() >= 0 and found.slot.max() < spec.computed_outputs
    assert np.array_equal(found.slot % spec.outputs >= spec.fixed_outputs, scheme != 0)
    assert np.array_equal(found.slot, found.transfer[0] * spec.lanes_out + found.lane)
    leaving = rows // spec.lanes_out
    assert len({*zip(leaving, found.lane)}) == len(rows)


@settings(max_examples=100)
@given(mixed_specs(), st.integers(0, 2 ** 32))
def test_rows_that_leave_together_are_computed_in_different_lanes(spec, seed):
    if not spec.permutes:
        return
    for scheme in orders(spec):
        check_places(spec, scheme.astype(np.int64))
    own = random_parameters(ChainSpec((spec,)), seed)[0]
    check_places(spec, own.scheme)


@pytest.mark.parametrize("spec", [spec for spec in mixed_cases().values() if spec.permutes])
def test_the_order_section_brings_every_row_to_its_place(spec):
    """As the hardware does: a read per lane's memory, then a choice of a lane for every place."""
    own = random_parameters(ChainSpec((spec,)), 3)[0]
    words = arrange(spec.section("order"), spec, own)[:, 0]
    transfer_bits, _ = spec.order_bits
    slots = places(spec, own.scheme).slot
    computed = np.full(spec.computed_outputs, -1)
    computed[slots] = np.arange(len(slots))
    memories = computed.reshape(-1, spec.lanes_out)
    left = []
    for word in words:
        read = [memories[field & (1 << transfer_bits) - 1, lane]
                for lane, field in enumerate(word)]
        left += [read[field >> transfer_bits] for field in word]
    assert left[:len(slots)] == list(range(len(slots)))


def test_a_mixed_engine_says_how_many_rows_of_each_scheme_it_has():
    spec = mac(**MIXED)
    assert row_capacity(spec) == (4, 4)
    assert spec.cycles_per_row == 8
    assert [core.section for core in spec.cores] == ["weights", "sp2_weights"]
    assert spec.latency == spec.first_tile_cycle + spec.result_stages + 7


@pytest.mark.parametrize("changes, message", [
    ({"inputs_per_cycle": 12, "N": 4, "outputs_per_cycle": 4, "results_per_cycle": None},
     "folding must leave at least 2 groups of inputs and 2 outputs per cycle with engine.scheme = "
     '"mixed", whose rows are put back into their order, but leaves 1 and 4.'),
    ({"outputs_per_cycle": 1, "results_per_cycle": None},
     "folding must leave at least 2 groups of inputs and 2 outputs per cycle with engine.scheme = "
     '"mixed", whose rows are put back into their order, but leaves 4 and 1.'),
    ({"ratio": "1:2"}, "engine.ratio must split the 4 outputs per cycle into whole ones, but is "
     '"1:2".'),
    ({"ratio": "1:3"}, "engine.ratio must give integer weights to a multiple of the 2 results per "
     "cycle, but gives them to 1 of 4 outputs."),
    ({"ratio": "3:1", "inputs_per_cycle": 6, "results_per_cycle": None},
     "engine.ratio must let 2 or more results leave at once, all of one scheme, but is \"3:1\"."),
    ({"scheme": "sp2"}, 'engine.ratio must be left out unless engine.scheme is "mixed", but is '
     '"1:1".'),
    ({"weight_bits": 2}, "engine.weight_bits must be an integer from 3 to 8 with engine.scheme = "
     '"mixed", but is 2.'),
    ({"weight_code": "signed"}, 'engine.weight_code must be "magnitude" or "auto" with '
     'engine.scheme = "mixed", but is "signed".')])
def test_what_cannot_be_built_is_refused(changes, message):
    with pytest.raises(SpecError) as caught:
        mac(**{**MIXED, **changes})
    assert str(caught.value) == message


WEIGHTS = np.zeros((8, 12), np.int64)
HALF = np.arange(8) % 2


@pytest.mark.parametrize("arrays, message", [
    ({}, "scheme is required, but the parameters hold weights."),
    ({"scheme": HALF[:5]}, "scheme must have shape [N] = [8], but has [5]."),
    ({"scheme": HALF * 2}, "scheme must lie in 0…1 (0 fixed, 1 sp2), but scheme[1] is 2."),
    ({"scheme": np.zeros(8, np.int64)},
     "scheme must name fixed in at most 4 rows with 2 of 4 outputs per cycle on the fixed core "
     "(engine.ratio), but names it in 8."),
    ({"scheme": ["fixed", "pot"] * 4}, "scheme must hold fixed or sp2, but scheme[1] is pot."),
    ({"scheme": HALF, "weights": WEIGHTS + 3},
     'weights must be levels of scheme "sp2" in row 1 with 4 bits, 0 or ±: 0, 1, 2, 4, 5, 6, 8, '
     "but weights[1, 0] is 3."),
    ({"scheme": HALF, "weights": WEIGHTS + 8},
     'weights must be levels of scheme "fixed" in row 0 with 4 bits, 0 or ±: 0, 1, 2, 3, 4, 5, 6, '
     "7, but weights[0, 0] is 8."),
    ({"scheme": HALF, "weights": WEIGHTS + 9}, "weights must lie in -8…8 (engine.weight_bits = 4, "
     "symmetric around zero), but weights[0, 0] is 9.")])
def test_parameters_that_do_not_fit_are_refused_by_name_and_place(arrays, message):
    with pytest.raises(SpecError) as caught:
        check_parameters(mac(**MIXED), {"weights": WEIGHTS, **arrays})
    assert str(caught.value) == message


def test_schemes_are_told_by_number_or_by_name():
    by_name = check_parameters(mac(**MIXED), {"weights": WEIGHTS, "scheme": ["sp2", "fixed"] * 4})
    assert by_name.scheme.tolist() == [1, 0] * 4


def test_a_scheme_is_no_parameter_of_other_engines():
    with pytest.raises(SpecError, match="scheme is not a parameter of this engine"):
        check_parameters(mac(D=12, N=8), {"weights": WEIGHTS, "scheme": HALF})
