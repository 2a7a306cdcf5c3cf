"""Failures are results, and a design that is not verified has no performance."""

import dataclasses
import json
import re

import pytest
from builders import chain, tiny
from flow_designs import PQ, SEEDS, assert_no_performance, needs_tools, work

from pqhw.cli import main
from pqhw.flow import measure as flow
from pqhw.flow import routed
from pqhw.flow.cache import Cache
from pqhw.flow.measure import measure
from pqhw.flow.routing import route
from pqhw.flow.tools import ToolError
from pqhw.sim import cxxrtl
from pqhw.spec.devices import device
from pqhw.spec.files import dump_spec


def test_what_the_device_lacks_is_a_row_with_a_reason(cache):
    design = chain(tiny(table_storage="lutram"))
    result = measure(cache, design, device("ice40hx8k"), name="lacks")
    assert (result.status, result.verified, cache.fresh) == ("failed", None, 0)
    assert result.reason == ('engine.table_storage must be "bram" on ice40hx8k, which has no LUT '
                             'RAM, but is "lutram".')
    assert_no_performance(result)


@needs_tools
def test_a_tool_that_takes_too_long_is_a_row_with_a_reason(tmp_path):
    cache = Cache(tmp_path)
    result = measure(cache, PQ, device("ice40up5k"), name="slow", work=work(PQ),
                     options=dataclasses.replace(SEEDS, timeout=0.1))
    assert (result.status, result.verified) == ("failed", "amaranth")
    assert result.reason == "yosys did not finish within 0.1 s."
    assert not (tmp_path / "routing").exists()
    assert [path for path in (tmp_path / "synthesis").iterdir() if path.is_dir()] == []
    assert_no_performance(result)


@needs_tools
def test_a_design_that_does_not_fit_is_a_row_with_a_reason(cache, monkeypatch):
    """What nextpnr says of a netlist that is larger than the device."""
    def too_small(cache, synthesis, part, seed, **options):
        raise ToolError("nextpnr-ice40 failed: ERROR: Unable to place cell 'x', no BELs remaining")
    ports = []

    def harness_fits(cache, synthesis, part, seed, **options):
        ports.append(synthesis)
        return (route if len(ports) == 1 else too_small)(cache, synthesis, part, seed, **options)

    monkeypatch.setattr(routed, "route", harness_fits)
    result = measure(cache, PQ, device("ice40up5k"), name="large", options=SEEDS, work=work(PQ))
    assert (result.status, result.fmax_mhz, result.area) == ("failed", None, None)
    assert "no BELs remaining" in result.reason
    assert [seed.fmax_mhz for seed in result.seeds] == [None, None]
    assert result.failed_seeds == 2
    assert_no_performance(result)


@needs_tools
def test_a_seed_that_fails_is_told_and_the_others_count(cache, monkeypatch):
    def second_fails(cache, synthesis, part, seed, **options):
        if seed == 2:
            raise ToolError("nextpnr-ice40 failed: ERROR: no route")
        return route(cache, synthesis, part, seed, **options)

    monkeypatch.setattr(routed, "route", second_fails)
    result = measure(cache, PQ, device("ice40up5k"), name="one", options=SEEDS, work=work(PQ))
    assert (result.status, result.failed_seeds) == ("ok", 1)
    assert [(seed.seed, seed.reason) for seed in result.seeds] == [
        (1, None), (2, "nextpnr-ice40 failed: ERROR: no route")]
    clock = result.seeds[0].fmax_mhz
    assert result.fmax_mhz.all == [clock]
    assert result.fmax_mhz.q1 == result.fmax_mhz.median == result.fmax_mhz.q3 == clock
    assert result.rows_per_second == pytest.approx(clock * 1e6 / result.cycles_per_row, abs=0.06)


# -- Correctness first -------------------------------------------------------------------------


def wrong(verilog):
    """The bias is subtracted instead of added."""
    broken, count = re.subn(r"(biased0 <= .*) \+ ", r"\1 - ", verilog)
    assert count == 1
    return broken


@pytest.fixture
def wrong_rtl(monkeypatch):
    """Verification sees wrong RTL; the netlist is that of the right one, to save its synthesis."""
    right, verify = flow.design_verilog, flow._verify
    monkeypatch.setattr(flow, "_verify", lambda cache, chain, verilog, *rest: verify(
        cache, chain, wrong(right(chain, target="ice40")), *rest))


@needs_tools
def test_wrong_rtl_has_no_performance(cache, wrong_rtl):
    result = measure(cache, PQ, device("ice40up5k"), name="wrong", options=SEEDS)
    assert (result.status, result.verified) == ("failed", None)
    assert re.fullmatch(r"cxxrtl: row \d+, output [01] is -?\d instead of -?\d; codes: [01]\.",
                        result.reason)
    assert result.verification[0].status == "different"
    assert_no_performance(result)


@needs_tools
def test_wrong_rtl_gives_exit_status_1(cache, wrong_rtl, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PQHW_CACHE", str(cache.root))
    (tmp_path / "wrong.toml").write_text(dump_spec(PQ))
    with pytest.raises(SystemExit) as stop:
        main(["synth", str(tmp_path / "wrong.toml"), "-d", "ice40up5k", "--seeds", "1,2", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (stop.value.code, document["verified"], document["rows_per_second"]) == (1, None, None)


@needs_tools
@pytest.mark.parametrize(("field", "reason"), [
    ("cycles_per_row", r"amaranth took \d+ cycles per row instead of \d+\."),
    ("latency", r"amaranth took \d+ cycles to the first result instead of \d+\.")])
def test_cycles_that_are_not_the_formulas_have_no_performance(cache, monkeypatch, field, reason):
    simulate = flow.simulate_level

    def later(*given, **options):
        level = simulate(*given, **options)
        return dataclasses.replace(level, **{field: getattr(level, field) + 1})

    monkeypatch.setattr(flow, "simulate_level", later)
    result = measure(cache, PQ, device("ice40up5k"), name="late", options=SEEDS, work=work(PQ))
    assert result.verified is None
    assert re.fullmatch(reason, result.reason)
    assert_no_performance(result)


@needs_tools
def test_without_a_compiler_amaranth_verifies(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    cxxrtl.compiler_version.cache_clear()
    result = measure(cache, PQ, device("ice40up5k"), name="small", options=SEEDS)
    cxxrtl.compiler_version.cache_clear()
    assert [(level.level, level.status) for level in result.verification] == [
        ("cxxrtl", "not run"), ("amaranth", "equal")]
    assert (result.status, result.verified) == ("ok", "amaranth")
    assert result.rows_per_second > 0
