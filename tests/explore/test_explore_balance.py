"""Layers folded to one pace within a budget."""

import pytest
from builders import mac
from dataflow_builders import GIVEN, residual

from pqhw.explore.area.nodes import BORDER, STREAMS
from pqhw.explore.balance import balance, options
from pqhw.explore.size import parse_budget
from pqhw.spec import Requantize, SpecError
from pqhw.spec.devices import device
from pqhw.spec.network import INPUT, Engine, NetworkNode, NetworkSpec

PART = device("lfe5u-25f")
NETWORK = residual()[0].network


def test_options_are_the_ones_that_nothing_beats():
    found = options(NETWORK.engines["block.b"], PART, constant=True)
    assert [one.cycles for one in found] == sorted(one.cycles for one in found)
    for one in found:
        assert one.spec.cycles_per_row == one.cycles
        assert one.spec.layer.row_outputs % one.spec.outputs == 0
        for other in found:
            smaller = all(own <= theirs for own, theirs in zip(
                other.area.model_dump().values(), one.area.model_dump().values()))
            assert other is one or not (smaller and other.cycles <= one.cycles)


def test_no_layer_is_faster_than_it_need_be():
    budget = parse_budget(None, PART)
    slow, fast = (balance(NETWORK, PART, budget, interval=own) for own in (1000, 150))
    for found, interval in ((slow, 1000), (fast, 150)):
        assert found.design.cycles_per_row <= interval
        assert found.area.lut4 == sum(own.lut4 for own in found.areas.values())
    assert slow.area.lut4 < fast.area.lut4


def test_the_best_rate_fits_the_budget_and_more_budget_is_never_slower():
    cycles = []
    for budget in ("lut=2500,bram=8,dsp=4", "lut=5000,bram=20,dsp=10"):
        found = balance(NETWORK, PART, parse_budget(budget, PART))
        most = parse_budget(budget, PART)
        assert found.area.lut4 <= most.lut4 and found.area.bram <= most.bram
        cycles.append(found.design.cycles_per_row)
    assert cycles[1] <= cycles[0]


def wide(channels):
    """Layers whose channels have powers of two and other numbers among their divisors."""
    common = {"activation_bits": 4, "activation_signed": False, "weight_bits": 4,
              "output": Requantize(bits=4, mode="scale")}
    first = mac(C=6, N=channels, F=1, H=5, W=4, **{**common, "activation_bits": 5,
                                                   "activation_signed": True})
    second = mac(C=channels, N=16, F=1, H=5, W=4, **common)
    return NetworkSpec("wide", GIVEN, (NetworkNode("first", Engine(first), (INPUT,)),
                                       NetworkNode("second", Engine(second), ("first",))))


@pytest.mark.parametrize("channels", [12, 48])
@pytest.mark.parametrize("interval", [60, 80, 160, 320])
def test_streams_are_cut_anew_without_losing_the_pace(channels, interval):
    found = balance(wide(channels), PART, parse_budget(None, PART), interval=interval)
    assert found.design.cycles_per_row <= interval


def test_a_budget_is_that_of_the_whole_design():
    free = balance(NETWORK, PART, parse_budget(None, PART), interval=300)
    layers = sum(found.lut4 for name, found in free.areas.items() if name in NETWORK.engines)
    assert set(free.areas) == {*free.design.parts, STREAMS, BORDER}
    assert layers < free.area.lut4 == sum(found.lut4 for found in free.areas.values())
    tight = balance(NETWORK, PART, parse_budget(f"lut={layers}", PART), interval=300)
    assert tight.area.lut4 <= layers


def test_parameters_that_are_known_are_built_in():
    found = balance(NETWORK, PART, parse_budget(None, PART), interval=1000)
    assert all(own.engine.resident for own in found.design.stages)
    assert not found.design.image.sections


def test_parameters_that_are_loaded_stand_in_no_logic():
    found = balance(NETWORK, PART, parse_budget(None, PART), interval=1000, constant=False)
    assert found.design.unbound is None and found.design.image.sections


@pytest.mark.parametrize(("interval", "budget", "message"), [
    (3, None, "interval must leave room for all layers, but 3 cycles are too few for "),
    (1000, "lut=100", "interval must leave room for all layers, but 1000 cycles takes "),
    (None, "lut=100", "budget must hold the slowest design, but that takes ")])
def test_what_does_not_fit_says_what_is_short(interval, budget, message):
    with pytest.raises(SpecError, match=f"^{message}"):
        balance(NETWORK, PART, parse_budget(budget, PART), interval=interval)
