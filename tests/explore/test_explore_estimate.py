"""`estimate`: figures, their errors, hints, text and JSON."""

import dataclasses
import io
import json
import re
import time
from pathlib import Path

import pytest
from builders import chain_cases, mac, pq, tiny
from rich.console import Console

from pqhw.emit.design import design_verilog
from pqhw.explore.area import area_of
from pqhw.explore.draws import random_chain
from pqhw.explore.estimate import estimate
from pqhw.explore.fit import fit_points, fitted
from pqhw.explore.hints import hints
from pqhw.explore.timing import longest_path
from pqhw.report.estimates import estimate_table
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import DEVICES, device

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FOLDED = {"D": 36, "N": 16, "V": 9, "K": 16, "subspaces_per_cycle": 2, "outputs_per_cycle": 8,
          "prototypes_per_cycle": 8, "elements_per_cycle": 9, "encoder": "l1"}


def estimated(spec, name="lfe5u-25f"):
    chain = spec if isinstance(spec, ChainSpec) else ChainSpec((spec,))
    return estimate(chain, device(name))


def text_of(result, width=120):
    console = Console(width=width, file=io.StringIO())
    console.print(estimate_table(result))
    return console.file.getvalue()


@pytest.mark.parametrize("name", DEVICES)
def test_an_estimate_holds_what_the_spec_says_and_what_the_formulas_say(name):
    chain = ChainSpec((pq(**FOLDED),))
    result = estimated(chain, name)
    assert result.cycles_per_row == chain.cycles_per_row
    assert result.latency_cycles == estimated(chain, name).latency_cycles is not None
    cells = area_of(*_resolved(chain, name))
    assert (result.area.bram, result.area.dsp, result.lutram) == (cells.bram, cells.dsp,
                                                                  cells.lutram)
    assert result.rows_per_second == result.fmax_mhz * 1e6 / result.cycles_per_row
    assert result.area.lut4 == pytest.approx(sum(part.lut4 for part in result.parts), abs=1)
    assert 10 < result.fmax_mhz < 400


def _resolved(chain, name):
    from pqhw.spec.devices import resolve
    return resolve(chain, device(name)), device(name)


def test_what_a_device_lacks_is_one_sentence():
    spec = pq(**FOLDED, table_storage="lutram")
    with pytest.raises(SpecError, match='table_storage must be "bram" on ice40up5k'):
        estimated(spec, "ice40up5k")


# -- Text and JSON -----------------------------------------------------------------------------

def test_every_estimated_figure_in_the_text_has_its_error_in_its_line():
    result = estimated(pq(**FOLDED))
    lines = text_of(result).splitlines()
    for title in ("LUT4", "FF", "Fmax", "rows per second", "LUT equivalents, PQA's prices",
                  "LUT equivalents by scarcity"):
        line, = [line for line in lines if line.startswith(title + " ")]
        assert re.search(r"±\d+(\.\d)?\s% \(median of \d+ held-out points", line), line
    for title in ("block RAM", "DSP", "cycles per row", "latency"):
        assert any(line.startswith(title) and "exact" in line for line in lines), title
    bare = [line for line in lines if "MHz" in line and "±" not in line]
    assert not bare
    head, = [line for line in lines if line.startswith("part ")]
    assert "LUT4 ±" in head and "FF ±" in head


def test_parts_of_a_chain_name_their_stage():
    result = estimated(chain_cases()["pq 6 to pq 4, 3 to mac 2"])
    names = [part.name for part in result.parts]
    assert {"guard", "loader", "0.encoder lanes", "2.multipliers", "0.gearbox"} <= set(names)
    assert "0.encoder lanes" in text_of(result)


def test_json_is_plain_and_carries_errors_and_parts():
    result = estimated(pq(**FOLDED))
    document = json.loads(json.dumps(result.to_json()))
    assert document["document"] == "estimate" and document["device"] == "lfe5u-25f"
    assert document["area"]["lut4"] == result.area.lut4
    assert document["errors"]["held_out_points"] == result.held_out > 0
    for figure in ("lut4", "ff", "fmax"):
        assert 0 <= document["errors"][figure]["median"] <= document["errors"][figure]["p90"]
    assert sum(part["bram"] for part in document["parts"]) == document["area"]["bram"]
    assert ChainSpec.from_mapping(document["spec"]).cycles_per_row == result.cycles_per_row


# -- Hints -------------------------------------------------------------------------------------

def hints_of(spec, shares=None):
    chain = spec if isinstance(spec, ChainSpec) else ChainSpec((spec,))
    return list(hints(chain, shares or {}))


def test_a_balanced_design_has_no_hints():
    spec = pq(**FOLDED)
    assert spec.row_encode_cycles == spec.tiles * spec.groups
    assert hints_of(spec, {"lut4": 0.5}) == []


@pytest.mark.parametrize("spec", [pq(D=36, N=16, V=9, K=16), mac(D=16, N=8)],
                         ids=["pq", "mac"])
def test_folding_of_one_everywhere_is_said(spec):
    assert hints_of(spec) == ["every folding is 1, the slowest design: raise [folding] until the "
                              "rate or the area is what you want."]


def test_a_design_of_one_lane_that_has_no_more_to_fold_is_not_blamed():
    assert hints_of(mac(D=1, N=1)) == []


def test_halves_of_unequal_rates_are_said_with_a_remedy():
    slow, = hints_of(pq(**FOLDED | {"prototypes_per_cycle": 1}))
    assert slow == ("the encoder takes 32 cycles per row and the lookup 4: raise "
                    "prototypes_per_cycle or elements_per_cycle, or lower outputs_per_cycle to 1.")
    fast, = hints_of(pq(**FOLDED | {"outputs_per_cycle": 1, "prototypes_per_cycle": 16}))
    assert fast.startswith("the encoder takes 2 cycles per row and the lookup 32: raise outputs")


def test_a_full_device_is_said_and_one_that_is_too_small_more_so():
    spec = pq(**FOLDED)
    nearly, over, absent = (hints_of(spec, {"lut4": share}) for share in (0.9, 1.2, float("inf")))
    assert nearly == ["90 % of the device's LUT4 are used: above 85 % routing becomes slow, "
                      "or fails."]
    assert over == ["the design does not fit: it takes 120 % of the device's LUT4."]
    assert "more than all" in absent[0]
    assert hints_of(spec, {"lut4": 0.85}) == []


def test_a_stage_that_holds_up_others_is_said():
    chain = chain_cases()["pq 6 lanes to pq 4"]
    cycles = [spec.cycles_per_row for spec in chain.stages]
    found = [hint for hint in hints_of(chain) if "holds up" in hint]
    assert bool(found) == (max(cycles) > 2 * min(cycles))
    assert all(hint.startswith(("stage", "the gearbox")) for hint in hints_of(chain))


# -- Fit ---------------------------------------------------------------------------------------

def test_the_fit_that_is_shipped_meets_its_target_on_points_it_has_not_seen():
    for family, values in fitted()["families"].items():
        assert values["points"]["held_out"] >= 5, family
        assert values["errors"]["lut4"]["median"] <= 0.10, family


def points_of(family, count, scale):
    """Points whose area is the formula's times `scale`, a nanosecond slower than their path."""
    for index in range(count):
        chain, part = random_chain(family, index)
        cells = area_of(chain, part)
        yield {"device": part.name, "spec": chain.to_mapping(), "held_out": index % 3 == 2,
               "tools": {"yosys": "y"}, "fmax_mhz": 1000 / (1 + longest_path(chain, part)[1]),
               "area": {"lut4": scale * cells.lut4, "ff": cells.ff, "bram": 0, "dsp": 0}}


def test_the_fit_that_is_shipped_is_that_of_the_points_beside_it():
    points = json.loads((BENCHMARKS / "estimator_points.json").read_text(encoding="utf-8"))
    refitted = fit_points(points["points"])["families"]
    assert refitted.keys() == fitted()["families"].keys()
    for family, values in fitted()["families"].items():
        again = refitted[family]
        for name in ("groups", "features", "points", "tools"):
            assert again[name] == values[name], (family, name)
        for name in ("lut4", "ff", "period"):  # To the last of four digits, whatever the machine.
            assert again[name] == pytest.approx(values[name], abs=1.1e-4), (family, name)
        for name, own in values["errors"].items():
            assert again["errors"][name] == pytest.approx(own, abs=2e-4), (family, name)


def test_a_fit_recovers_a_known_factor_and_says_its_error():
    values = fit_points(list(points_of("ecp5", 15, 1.2)))["families"]["ecp5"]
    assert values["errors"]["lut4"]["median"] < 0.02
    assert values["errors"]["fmax"]["p90"] < 0.02
    assert values["points"] == {"fitted": 10, "held_out": 5}


def test_points_that_were_not_routed_are_left_out():
    points = list(points_of("ecp5", 6, 1.0))
    failed = [{key: value for key, value in points[0].items() if key != "area"}]
    assert fit_points(points + failed) == fit_points(points)


# -- Speed -------------------------------------------------------------------------------------

def test_an_estimate_takes_a_small_part_of_what_elaboration_takes():
    chain = ChainSpec((dataclasses.replace(tiny(), layer=tiny(D=8, N=5).layer),))
    estimated(chain)

    def seconds(call):
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    design_verilog.cache_clear()
    build = seconds(lambda: design_verilog(chain, target="ecp5"))
    assert min(seconds(lambda: estimated(chain)) for _ in range(5)) < build / 10


def test_encoding_pixels_is_held_against_the_lookups_of_an_image():
    """4 x 4 pixels, 16 outputs: 16 codes of 4 cycles each, and 16 rows of 9 lookups."""
    spec = pq(C=4, N=8, F=3, H=4, W=4, V=4, K=16, padding=1, convolution="pixel",
              outputs_per_cycle=8, prototypes_per_cycle=4, elements_per_cycle=4)
    assert hints_of(spec) == [
        "the encoder takes 64 cycles per row and the lookup 144: raise outputs_per_cycle, or lower "
        "prototypes_per_cycle, elements_per_cycle or encoders_per_cycle."]
