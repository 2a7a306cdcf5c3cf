"""What must wait where, found by following pixels."""

import itertools

import numpy as np
import pytest
from builders import mac
from dataflow_builders import around, residual, strided
from network_draws import drawn_network

from pqhw.spec import Requantize
from pqhw.spec.dataflow import DataflowSpec, Setting
from pqhw.spec.dataflow.schedule import _follow, _Steps
from pqhw.spec.network import INPUT, Engine, NetworkInput, NetworkNode, NetworkSpec


def bare(spec):
    """The spec without room."""
    return DataflowSpec(spec.network, tuple(Setting(own.lanes) for own in spec.settings))


def test_a_shortcut_waits_for_what_its_block_holds_back():
    spec, _ = residual()
    found = bare(spec).schedule
    assert found.interval == spec.cycles_per_row
    # The block's second layer gives its first pixel when the fourth is there, of 2 to a row.
    assert found.waiting["block.sum", 1] >= 4
    assert found.waiting["block.sum", 0] <= 1
    assert found.latency > 0


def test_pixels_that_come_evenly_wait_nowhere_in_a_row_of_layers():
    spec, _ = around("sum", 6)
    found = bare(spec).schedule
    assert all(count <= 1 for (target, _), count in found.waiting.items() if target != "op")


def test_room_is_whole_units_and_one_to_spare():
    spec, _ = residual()
    waiting = bare(spec).schedule.waiting
    for edge in spec.edges:
        units, transfers = waiting[edge.target, edge.index], edge.given.unit_transfers
        if units > 1:
            assert edge.words == (units + 1) * transfers
        assert edge.words % transfers == 0


@pytest.mark.parametrize("seed, source, target", [
    (82, "n2", "n3"), (106, "n2", "n3"), (52, "n5", "n7")])
def test_a_unit_waits_where_what_takes_it_is_slower_for_a_while(seed, source, target):
    """Zeros in front of a pixel, after 7 cycles for every 6 and 4 for every 4, and a tile of 8
    results that leaves in 8 cycles of 6. None of them wait by the times of whole units."""
    spec, _, _ = drawn_network(seed, 2)
    edge, = (edge for edge in spec.edges if (edge.source, edge.target) == (source, target))
    assert bare(spec).schedule.waiting[target, edge.index] == 0
    assert edge.words == edge.given.unit_transfers > 1
    assert spec.cycles_per_row == spec.fewest_cycles


def test_settings_beside_buffers_stay():
    spec, _ = around("concat", 2)
    again = spec.with_buffers()
    assert again == spec and {own.lanes for own in spec.settings} == {2, None}


@pytest.mark.parametrize(("takes", "gives", "taken", "given"), [
    # Every step takes and gives; what makes a result is busy for 3 cycles.
    ([1, 1, 1], [1, 1, 1], [0, 2, 4], [3, 6, 9]),
    # A step without a unit goes on by itself; a result then waits for nobody.
    ([1, 0, 1], [0, 0, 1], [0, 2], [5]),
])
def test_steps_follow_each_other(takes, gives, taken, given):
    steps = _Steps(np.array(takes), np.array(gives, bool), np.ones(3, int), 3)
    found = _follow(steps, [np.array([0, 2, 4])])
    pipeline = found[1][0] - given[0]
    assert found[0].tolist() == taken[:len(found[0])]
    assert (found[1] - pipeline).tolist() == given


def test_many_windows_hold_several_images():
    own = mac(C=2, N=2, F=3, H=4, W=4, padding=1, activation_bits=4, activation_signed=False,
              weight_bits=2, output=Requantize(bits=4, mode="scale"))
    names = [INPUT, *(f"layer{index}" for index in range(24))]
    network = NetworkSpec("deep", NetworkInput(height=4, width=4, channels=2, bits=4, signed=False),
                          tuple(NetworkNode(name, Engine(own), (before,))
                                for before, name in itertools.pairwise(names)))
    spec = DataflowSpec(network).with_buffers()
    assert spec.cycles_per_row == own.cycles_per_row == 16 * 18 * 2
    assert spec.schedule.latency > 2 * spec.cycles_per_row
    assert not any(edge.words for edge in spec.edges)


@pytest.mark.parametrize(("outputs", "inputs", "fewest", "told"), [
    (1, 2, 1024, 1024), (4, 8, 256, 272)])
def test_what_a_stride_holds_up_is_caught_up_with_where_pixels_are_collected_for_long(
        outputs, inputs, fewest, told):
    """A pixel that is still collected when the window stands still waits no longer for it; one
    that is complete holds up what collects the next, by a cycle for each of 16 outputs."""
    spec, _ = strided(outputs, inputs)
    assert spec.fewest_cycles == spec.parts["front"].cycles == fewest
    assert spec.cycles_per_row == told
