"""The text of an accelerator on a bus: plain Verilog, clean for linters, plain ports inside."""

import re
import shutil
import subprocess

import pytest
from builders import chain, odd_cases, small_mac
from bitplane_builders import plane_cases

from pqhw.emit.design import design_verilog

CASES = {
    "odd": odd_cases()["nothing divides, bram, l1, unsigned, shift"],
    "chain": odd_cases()["pq 6 to pq 4, 3 to mac 2"],
    "planes": plane_cases()["blocks of two"],
    "wide": chain(small_mac(load_bits=1024, counter_bits=32)),
}
each = pytest.mark.parametrize("name, target", [
    *((name, "generic") for name in CASES), ("odd", "ice40")])


def text(name, target):
    return design_verilog(CASES[name], target=target, bus="axi")


@each
def test_the_text_keeps_to_plain_verilog(name, target):
    verilog = text(name, target)
    assert "always @*" not in verilog and "\\" not in verilog and verilog.isascii()
    modules = re.findall(r"^module (\w+)", verilog, re.MULTILINE)
    assert modules[0] == "pqhw_top" and len(set(modules)) == len(modules)
    ports = verilog[:verilog.index(");")]
    names = re.findall(r"put (?:wire|reg) (?:\[\d+:0\] )?(\w+)", ports)
    assert all(re.fullmatch(r"aclk|aresetn|(s_axi|s_axis|m_axis)_[a-z]+", own) for own in names)


@pytest.mark.parametrize("name", CASES)
def test_every_register_of_the_bus_has_a_reset_or_is_data(name):
    """Nothing that a handshake depends on starts as X."""
    verilog = text(name, "generic")
    for part in ("bus", "bus_port", "bus_core_window", "bus_results_slice", "bus_core_rows_slice"):
        module = verilog[verilog.index(f"module pqhw_top_{part} ("):]
        module = module[:module.index("endmodule")]
        unset = set(re.findall(r"^  reg (?:\[\d+:0\] )?(\w+);", module, re.MULTILINE))
        assert unset <= {"held", "spare", "word", "is_last", "whole", "write_address",
                         "read_address"}, (part, unset)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
@each
def test_icarus_finds_nothing_to_warn_of(name, target, tmp_path):
    (tmp_path / "design.v").write_text(text(name, target))
    result = subprocess.run(
        ["iverilog", "-g2001", "-Wall", "-Wno-timescale", "-s", "pqhw_top", "-o", "out.vvp",
         "design.v"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("verilator") is None, reason="verilator is not installed")
@each
def test_verilator_finds_nothing_to_warn_of(name, target, tmp_path):
    """Waived as for the plain ports."""
    (tmp_path / "design.v").write_text(text(name, target))
    result = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "-Wno-WIDTH", "-Wno-UNUSEDSIGNAL",
         "-Wno-DECLFILENAME", "--top-module", "pqhw_top", "design.v"], cwd=tmp_path,
        capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
