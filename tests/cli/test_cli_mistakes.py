"""Every mistake is told in one sentence, with an exit status that says so."""

import re

import numpy as np
import pytest
from cli_files import SIM

from pqhw.cli import main
from pqhw.console import parse_seeds
from pqhw.spec import SpecError


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
    (("synth", "layer.toml", "-d", "lfe5u-25f", "--placer", "annealing"),
     "--placer must be one of auto, heap, heap-router2, static, but is annealing."),
    (("synth", "layer.toml", "-d", "lfe5u-25f", "--input", "x.npy"),
     "--input must come with --params, but --params is missing."),
    (("compare", "layer.toml"), "SPEC must be given at least twice, but is given 1 times."),
    (("schema", "everything"), "schema must be one of spec, results, but is everything."),
    (("report", "nowhere", "-o", "r.html"), "nowhere: cannot be read (No such file or directory)."),
    (("report", ".", "-o", "r.html"), ".: holds no result of pqhw synth, compare, map, explore, "
     "search, sweep or demo."),
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
