"""Measurements: every figure follows from the tools' reports."""

import json
import re
import shutil
import statistics

import jsonschema
import pytest
from builders import chain, mac
from flow_designs import DESIGNS, PQ, SEEDS, needs_tools, work

from pqhw.flow import measure as flow
from pqhw.flow import routed
from pqhw.flow.cache import Cache
from pqhw.flow.measure import measure
from pqhw.flow.results import results_schema
from pqhw.sim.levels import Level
from pqhw.spec.devices import device


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
    ports = routed.module_ports(flow.design_verilog(
        flow.resolve(DESIGNS[part.name], part), target=part.family), routed.TOP)
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


def test_rows_of_several_precisions_are_rated_by_the_slowest():
    design = chain(mac(D=6, N=2, scheme="bitplane", weight_bits=4, precisions=[[4, 4], [2, 2]],
                       activation_bits=4, inputs_per_cycle=3))
    assert design.cycles_per_row == 2 * 2 * 16
    result = flow.unmeasured(design, device("lfe5u-25f"), name="planes")
    level = Level("cxxrtl", "equal", rows=8, cycles_per_row=40.0, expected_cycles=40.0)
    flow._fill_verification(result, design, [level])
    assert result.verified == "cxxrtl" and result.cycles_per_row_measured == design.cycles_per_row
    late = Level("cxxrtl", "equal", rows=8, cycles_per_row=41.0, expected_cycles=40.0)
    flow._fill_verification(result, design, [late])
    assert result.verified is None
    assert result.reason == "cxxrtl took 41 cycles per row instead of 40."
