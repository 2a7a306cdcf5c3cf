"""pqhw verilog --bus axi: its files agree with each other and with the register map."""

import importlib.util
import json
import re
import shutil
import subprocess

import pytest
from cli_files import BOTH, IMAGES, PQ, write

from pqhw import __version__
from pqhw.emit.design import design_verilog
from pqhw.spec.registers import register_map

FILES = ["manifest.json", "parameters.bin", "pqhw_top.c", "pqhw_top.core", "pqhw_top.h",
         "pqhw_top.v", "spec.toml"]


def build(pqhw, *words):
    assert pqhw("verilog", "layer.toml", "-o", "build", "--bus", "axi", *words)[0] == 0


def test_the_same_spec_gives_the_same_bytes(pqhw, folder):
    kept = {}
    for _ in range(2):
        design_verilog.cache_clear()
        build(pqhw, "--params", "p.npz")
        now = {path.name: path.read_bytes() for path in (folder / "build").iterdir()}
        assert sorted(now) == FILES and now == (kept or now)
        kept = now
    assert all(str(folder).encode() not in content for content in kept.values())


def test_without_the_option_nothing_of_a_bus_is_written(pqhw, folder):
    for words in ((), ("--bus", "stream")):
        assert pqhw("verilog", "layer.toml", "-o", "plain", *words)[0] == 0
        assert (folder / "plain" / "pqhw_top.v").read_text() == design_verilog(PQ)
        assert sorted(path.name for path in (folder / "plain").iterdir()) == [
            "manifest.json", "pqhw_top.core", "pqhw_top.v", "spec.toml"]
        assert "axi" not in (folder / "plain" / "manifest.json").read_text()


def test_an_unknown_bus_is_refused(refused, folder):
    assert refused("verilog", "layer.toml", "-o", "build", "--bus", "AXI") == (
        "--bus must be one of stream, axi, but is AXI.")
    assert not (folder / "build").exists()


@pytest.mark.parametrize("design", [PQ, BOTH, IMAGES], ids=["pq", "both", "images"])
def test_the_manifest_has_the_ports_of_the_verilog_and_the_map(pqhw, folder, design):
    write(design)
    build(pqhw)
    manifest = json.loads((folder / "build" / "manifest.json").read_text())
    verilog = (folder / "build" / "pqhw_top.v").read_text()
    head = verilog[verilog.index("module pqhw_top ("):]
    head = head[:head.index(");")]
    ports = {(name, direction, int(high or 0) + 1) for direction, high, name in re.findall(
        r"(input|output) (?:wire|reg)(?: \[(\d+):0\])? (\w+)", head)}
    assert {(port["name"], port["direction"], port["bits"])
            for port in manifest["ports"]} == ports
    widths = {name: bits for name, _, bits in ports}
    for stream, rows in (("s_axis", design.input), ("m_axis", design.results)):
        about = manifest["streams"][stream]
        assert widths[f"{stream}_tdata"] == 8 * about["data_bytes"] == 8 * widths[
            f"{stream}_tkeep"]
        assert (about["lanes"], about["transfers_per_row"]) == (rows.lanes, rows.transfers)
        assert 8 * about["lane_bytes"] >= rows.range.bits > 4 * about["lane_bytes"] * (
            about["lane_bytes"] > 1)
    assert manifest["bus"]["registers"] == [own.to_json() for own in register_map(design)]
    assert manifest["latency_cycles"] == (None if design.latency is None else design.latency + 2)
    assert (manifest["clock"], manifest["hashes"]["rtl_sha256"] == "") == ("aclk", False)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("design", [PQ, IMAGES], ids=["pq", "images"])
def test_the_header_has_the_registers_of_the_map(pqhw, folder, design):
    write(design)
    build(pqhw)
    wanted = {}
    for register in register_map(design):
        name = f"PQHW_TOP_{register.name}"
        wanted[name] = register.offset
        for field in register.fields:
            wanted |= {f"{name}_{field.name}_SHIFT": field.low,
                       f"{name}_{field.name}_MASK": field.mask}
            if field.value is not None:
                wanted[f"{name}_{field.name}_VALUE"] = field.value
    lines = [f'    printf("{name} %llu\\n", (unsigned long long){name});' for name in wanted]
    (folder / "show.c").write_text("\n".join([
        "#include <stdio.h>", '#include "pqhw_top.h"', "int main(void)", "{", *lines,
        '    printf("input %d result %d\\n", (int)sizeof(pqhw_top_input),',
        "           (int)sizeof(pqhw_top_output));", "    return 0;", "}", ""]))
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wno-long-long"]
    subprocess.run(["gcc", *strict, "-I", "build", "show.c", "build/pqhw_top.c", "-o", "show"],
                   check=True)
    shown = subprocess.run(["./show"], capture_output=True, text=True, check=True).stdout
    *values, sizes = shown.splitlines()
    assert {name: int(value) for name, value in map(str.split, values)} == wanted
    streams = json.loads((folder / "build" / "manifest.json").read_text())["streams"]
    assert sizes == (f"input {streams['s_axis']['lane_bytes']} "
                     f"result {streams['m_axis']['lane_bytes']}")


def test_the_core_lists_every_source(pqhw, folder):
    yaml = pytest.importorskip("yaml")
    for bus, sources in (("axi", {"pqhw_top.v", "pqhw_top.h", "pqhw_top.c"}),
                         ("stream", {"pqhw_top.v"})):
        assert pqhw("verilog", "layer.toml", "-o", bus, "--bus", bus)[0] == 0
        text = (folder / bus / "pqhw_top.core").read_text()
        core = yaml.safe_load(text.removeprefix("CAPI=2:\n"))
        assert core["name"] == f"::pqhw_top:{__version__}"
        listed = {name for files in core["filesets"].values() for file in files["files"]
                  for name in (file if isinstance(file, dict) else [file])}
        assert listed == sources and all((folder / bus / name).is_file() for name in listed)
        assert all(own in core["filesets"] for target in core["targets"].values()
                   for own in target["filesets"])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("fusesoc") is None
                    or shutil.which("verilator") is None,
                    reason="FuseSoC or Verilator is not installed")
@pytest.mark.parametrize("bus", ["stream", "axi"])
def test_fusesoc_takes_the_core_and_verilator_its_lint_target(pqhw, folder, bus, monkeypatch):
    assert pqhw("verilog", "layer.toml", "-o", "build", "--bus", bus)[0] == 0
    monkeypatch.setenv("HOME", str(folder))
    done = subprocess.run(["fusesoc", "--cores-root", "build", "run", "--target=lint",
                           "--build-root", "work", "pqhw_top"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stdout + done.stderr
    assert any((folder / "work").rglob("pqhw_top.v"))
