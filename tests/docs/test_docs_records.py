"""Recorded measurements: what they say is what the pages say, and commands are the program's."""

import json
import shlex

import pytest
from docs_pages import DOCS

from pqhw.explore.overlay import compile_program
from pqhw.flow.results import Measurement
from pqhw.spec.dataflow import DataflowSpec
from pqhw.spec.devices import device
from pqhw.spec.network import load_network, load_network_parameters
from pqhw.spec.overlay import OverlaySpec
from pqhw.spec.overlay.cycles import program_cycles
from pqhw.spec.overlay.files import overlay_for

RECORDS = sorted((DOCS / "records").glob("*.json"))


SIMULATED = [path for path in RECORDS if "simulation" in json.loads(path.read_text())]
OVERLAYS = [path for path in RECORDS if path.stem.startswith("overlay-")]
NETWORKS = [path for path in RECORDS if path not in OVERLAYS]


def read(path):
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["commands"], Measurement.model_validate(record["result"])


def pages():
    return "".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_a_routed_and_verified_measurement(path):
    commands, result = read(path)
    assert result.status == "ok" and result.verified == "cxxrtl"
    assert result.cycles_per_row is not None and result.cycles_per_row_measured is not None
    assert 0.98 * result.cycles_per_row < result.cycles_per_row_measured <= result.cycles_per_row
    assert result.fmax_mhz is not None and result.provenance is not None
    assert [shlex.split(command)[0] for command in commands] == ["pqhw"] * len(commands)
    for command in commands:
        for part in shlex.split(command):
            if part.startswith("docs/"):
                assert (DOCS.parent / part).exists(), part


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_schedule_tells_the_cycles_that_were_measured(path):
    _, result = read(path)
    design = DataflowSpec.from_mapping(result.spec)
    assert design.cycles_per_row == result.cycles_per_row_measured
    assert design.with_buffers() == design


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_page_says_the_same(path):
    _, result = read(path)
    row = next(line for line in pages().splitlines() if f"(records/{path.name})" in line)
    assert result.fmax_mhz is not None and result.area is not None
    assert f"{result.fmax_mhz.median:.1f} MHz" in row
    assert f"{result.cycles_per_row_measured:,.0f}" in row
    assert f"{result.rows_per_second:,.0f}" in row
    for unit in (result.area.lut4, result.area.bram, result.area.dsp):
        assert f" {unit:,} " in row


@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: path.stem)
def test_a_recorded_simulation_equals_golden_in_the_cycles_measured(path):
    _, result = read(path)
    simulation = json.loads(path.read_text(encoding="utf-8"))["simulation"]
    level, = simulation["result"]["levels"]
    assert simulation["result"]["ok"] and level["status"] == "equal"
    assert level["cycles_per_row"] == result.cycles_per_row_measured
    assert f"{level['rows']:,} images" in pages()


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.stem)
def test_the_program_of_an_overlay_takes_the_cycles_that_were_measured(path):
    commands, result = read(path)
    overlay = OverlaySpec.from_mapping(result.spec["overlay"])
    network = DOCS.parent / shlex.split(commands[0])[2]
    spec = load_network(network)
    parameters = load_network_parameters(spec, network.with_suffix(".npz"))
    program = compile_program(spec, parameters, overlay)
    assert overlay == overlay_for(device(result.device))
    assert program_cycles(program) == result.cycles_per_row_measured
