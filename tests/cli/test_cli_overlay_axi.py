"""pqhw compile --target overlay --bus axi: its files agree with each other and with the map."""

import json
import re
import shutil
import subprocess

import pytest
from overlay_builders import SMALL, TINY, networks

from pqhw.emit.overlay import overlay_verilog
from pqhw.spec.files import toml_tables
from pqhw.spec.network import save_network
from pqhw.spec.overlay.job import ProgramError
from pqhw.spec.overlay.registers import overlay_registers

COMPILE = ("compile", "rows.toml", "--target", "overlay", "--overlay", "hardware.toml")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A network and hardware in files."""
    monkeypatch.chdir(tmp_path)
    save_network(tmp_path, *networks()["rows"])
    (tmp_path / "hardware.toml").write_text("\n".join(
        toml_tables("", {"overlay": TINY.to_mapping()})))
    return tmp_path


def test_ports_registers_and_header_are_those_of_the_hardware(pqhw, folder):
    assert pqhw(*COMPILE, "--bus", "axi", "-o", "a")[0] == 0
    files = {path.name: path.read_text(errors="replace") for path in (folder / "a").iterdir()}
    assert set(files) == {"pqhw_top.v", "pqhw_top.core", "pqhw_top.h", "pqhw_top.c",
                          "program.bin", "manifest.json", "spec.toml"}
    assert all(name in files["pqhw_top.core"] for name in ("pqhw_top.h", "pqhw_top.c"))
    assert files["pqhw_top.v"] == overlay_verilog(TINY, target="ecp5", bus="axi")
    head = files["pqhw_top.v"][files["pqhw_top.v"].index("module pqhw_top ("):]
    ports = {(name, direction, int(high or 0) + 1) for direction, high, name in re.findall(
        r"(input|output) (?:wire|reg)(?: \[(\d+):0\])? (\w+)", head[:head.index(");")])}
    about = json.loads(files["manifest.json"])
    assert {(own["name"], own["direction"], own["bits"]) for own in about["ports"]} == ports
    assert about["bus"]["registers"] == [own.to_json() for own in overlay_registers(TINY)]
    # The network flattens its input at once, so that it enters as a row of 15.
    assert about["streams"]["s_axis"]["transfers"] == 8
    assert (about["clock"], about["streams"]["m_axis"]["lane_bytes"]) == ("aclk", 4)
    for register in overlay_registers(TINY):
        assert f"PQHW_TOP_{register.name} 0x{register.offset:03x}u" in files["pqhw_top.h"]
    for error in list(ProgramError)[1:]:
        assert f"PQHW_TOP_ERROR_{error.name} {error.value}u" in files["pqhw_top.h"]
    if shutil.which("gcc"):
        strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion"]
        subprocess.run(["gcc", *strict, "-c", "pqhw_top.c"], cwd=folder / "a", check=True)


def test_registers_do_not_overlap():
    for spec in (TINY, SMALL):
        registers = overlay_registers(spec)
        offsets = [own.offset for own in registers]
        assert offsets == sorted(set(offsets)) and not any(own % 4 for own in offsets)
        for register in registers:
            bits = [bit for own in register.fields for bit in range(own.low, own.low + own.bits)]
            assert len(bits) == len(set(bits)) and max(bits) < 32, register.name


def test_a_bus_that_is_not_known_is_refused(refused, folder):
    assert refused(*COMPILE, "--bus", "wishbone") == (
        "--bus must be one of stream, axi, but is wishbone.")
    assert not (folder / "rows-lfe5u-25f").exists()


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
@pytest.mark.parametrize("bus", ["stream", "axi"])
@pytest.mark.parametrize("spec", [TINY, SMALL], ids=["narrow", "wide"])
def test_linters_find_nothing_to_warn_of(spec, bus, tmp_path):
    (tmp_path / "design.v").write_text(overlay_verilog(spec, bus=bus))
    commands = [["iverilog", "-g2001", "-Wall", "-Wno-timescale", "-s", "pqhw_top", "-o",
                 "out.vvp", "design.v"]]
    if shutil.which("verilator"):
        commands.append(["verilator", "--lint-only", "-Wall", "-Wno-WIDTH", "-Wno-UNUSEDSIGNAL",
                         "-Wno-DECLFILENAME", "--top-module", "pqhw_top", "design.v"])
    for command in commands:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
