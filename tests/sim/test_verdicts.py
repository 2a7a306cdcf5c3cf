"""Verdicts of simulation: equal results in the predicted cycles, and what reports tell of them."""

import dataclasses
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from builders import chain, mac, small_mac, tiny
from rich.console import Console

from pqhw.sim.levels import Level, meets_cycles
from pqhw.sim.run import SimulationReport
from pqhw.spec import ChainSpec, Requantize

MAC = chain(small_mac())
BOTH = chain(tiny(output=Requantize(bits=4, shift=1)),
             small_mac(D=3, N=2, activation_signed=False))


def report(design, *found, all_asked=False):
    return SimulationReport(design, list(found), np.zeros((4, 3), np.int32), all_asked)


def equal(design=MAC, **changes):
    return dataclasses.replace(
        Level("amaranth", "equal", 4, latency=design.latency,
              cycles_per_row=float(design.cycles_per_row)), **changes)


@pytest.mark.parametrize(("level", "ok"), [
    (equal(), True),
    (equal(cycles_per_row=None), True),
    (equal(cycles_per_row=MAC.cycles_per_row + 0.5), False),
    (equal(cycles_per_row=MAC.cycles_per_row - 1.0), False),
    (equal(latency=MAC.latency + 1), False),
    (equal(status="different", reason="row 0."), False),
    (equal(status="failed", reason="no."), False),
    (Level("cxxrtl", "not run", reason="no."), False)])
def test_only_equal_results_in_the_predicted_cycles_are_ok(level, ok):
    assert report(MAC, level).ok is ok
    assert report(MAC, equal(), level, all_asked=True).ok is (ok or level.status == "not run")


def test_where_cycles_are_a_bound_more_are_in_time_and_fewer_are_not():
    bound = ChainSpec((mac(C=2, N=4, F=3, H=6, W=6, stride=2, outputs_per_cycle=1),))
    exact = ChainSpec((mac(C=2, N=4, F=3, H=6, W=6, padding=1),))
    assert (bound.cycles_exact, exact.cycles_exact) == (False, True)
    for design, more, fewer in ((bound, True, False), (exact, False, False)):
        cycles = float(design.cycles_per_row)
        assert report(design, equal(design)).ok
        assert report(design, equal(design, cycles_per_row=cycles + 3)).ok is more
        assert report(design, equal(design, cycles_per_row=cycles - 1)).ok is fewer


def test_a_chains_latency_is_measured_not_predicted():
    assert BOTH.latency is None
    assert report(BOTH, equal(BOTH, latency=77)).ok


def printed(table):
    text = io.StringIO()
    Console(width=200, file=text).print(table)
    return text.getvalue()


def test_the_table_and_the_document_tell_the_same():
    late = equal(latency=MAC.latency + 1)
    missing = Level("cocotb", "not run", reason="iverilog is not installed")
    told = report(MAC, late, missing, all_asked=True)
    document = told.to_json()
    assert json.loads(json.dumps(document)) == document
    assert document["ok"] is False
    assert document["predicted"] == {"cycles_per_row": 12, "latency_cycles": MAC.latency}
    assert [level["status"] for level in document["levels"]] == ["equal", "not run"]
    text = printed(told.table())
    assert "iverilog is not installed" in text
    assert str(MAC.latency + 1) in text


@pytest.mark.parametrize("change", [{"latency": MAC.latency + 1},
                                    {"cycles_per_row": MAC.cycles_per_row + 1.0}])
def test_a_verdict_that_fails_is_told_as_such(change):
    """Who gets exit status 1 must find out why."""
    told = report(MAC, equal(**change))
    assert "equal, but not in the predicted cycles" in printed(told.table())
    assert told.to_json()["ok"] is False


def test_a_level_that_does_not_measure_cycles_is_judged_by_its_results():
    """cocotb runs once, with stalls, where loading would take most of the time."""
    told = report(MAC, equal(level="cocotb", latency=None, cycles_per_row=None))
    assert told.ok
    assert printed(told.table()).count("not measured") == 2


def test_a_network_may_be_faster_than_its_schedule_but_not_than_its_slowest_part():
    design = SimpleNamespace(fewest_cycles=90, cycles_per_row=100, cycles_exact=True,
                             has_window=True, stages=())
    assert [meets_cycles(design, cycles) for cycles in (89.0, 90.0, 95.5, 100.0, 100.5)] == [
        False, True, True, True, False]
    assert meets_cycles(design, 97.0, 97.0) and not meets_cycles(design, 96.0, 97.0)
