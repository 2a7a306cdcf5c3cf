"""Mapped netlists do what their RTL does: random cycles side by side in Icarus."""

import importlib.resources
import shutil
import subprocess
from pathlib import Path

import pytest
from amaranth.hdl import signed, unsigned
from builders import pq

from pqhw.emit.design import component_verilog
from pqhw.flow.harness import module_ports
from pqhw.flow.tools import run_tool
from pqhw.rtl.encoder.distance import DistanceLane
from pqhw.rtl.mac import Multiplier

pytestmark = pytest.mark.skipif(shutil.which("iverilog") is None,
                                reason="iverilog is not installed")

SCRIPT = """read_verilog design.v
synth_ecp5 -top core
rename core mapped
write_verilog -noattr mapped.v
"""
MODELS = (str(Path(__file__).parent / "ecp5_logic.v"),
          str(importlib.resources.files("pqhw.sim") / "models" / "ecp5.v"))
SETTLED = 40
"""Cycles until every register has seen data."""


def lane(encoder, bits, **values):
    return DistanceLane(pq(**{
        "D": 4, "N": 1, "V": 4, "K": 4, "prototypes_per_cycle": 4, "elements_per_cycle": 4,
        "encoder": encoder, "activation_bits": bits, "activation_signed": False,
        "prototype_bits": bits, **values}).encoder)


FOLDED = {"D": 7, "V": 7, "K": 5, "prototypes_per_cycle": 3, "elements_per_cycle": 3}
"""Sums over chunks of elements, and the best of chunks of prototypes."""


def bench(ports):
    """Both designs under the same random words; prints how often their outputs differ."""
    bits = ports.input_bits
    lines = ["module bench;", "  reg clk = 0;", f"  reg [{bits - 1}:0] word;",
             "  integer i, j, wrong = 0, moving = 0;"]
    inputs, low = [".clk(clk)"], 0
    for name, width in ports.inputs:
        value = {"rst": "1'b0", "enable": "1'b1"}.get(name, f"word[{low + width - 1}:{low}]")
        inputs.append(f".{name}({value})")
        low += width
    (output, width), = ports.outputs
    lines.append(f"  wire [{width - 1}:0] rtl, netlist;")
    lines.append(f"  reg [{width - 1}:0] seen = 0;")
    lines += [f"  {design} {design}_0 ({', '.join(inputs)}, .{output}({signal}));"
              for design, signal in (("core", "rtl"), ("mapped", "netlist"))]
    return "\n".join([
        *lines, "  initial begin", "    for (i = 0; i < 400; i = i + 1) begin",
        f"      for (j = 0; j < {bits}; j = j + 1) word[j] = $random;",
        "      #5 clk = 1; #5 clk = 0;",
        f"      if (i > {SETTLED}) begin",
        "        wrong = wrong + (rtl !== netlist);",
        "        moving = moving + (rtl !== seen); seen = rtl;",
        "      end", "    end", '    $display("%0d %0d", wrong, moving);',
        "  end", "endmodule", ""])


@pytest.mark.parametrize("component", [
    lane("l1", 4), lane("l1", 8, activation_signed=True, prototype_bits=6),
    lane("l1", 5, **FOLDED),
    lane("l1", 6, D=3, V=3, elements_per_cycle=1), lane("l2", 4), lane("l2", 5, **FOLDED),
    lane("l2", 8), lane("chebyshev", 4, **FOLDED), lane("chebyshev", 8, activation_signed=True),
    lane("dot", 4, multiplier="lut", **FOLDED), lane("dot", 8, D=5, V=5, elements_per_cycle=5),
    Multiplier(signed(8), signed(8), signed(16), "lut"),
    Multiplier(unsigned(5), signed(8), signed(13), "lut"),
    Multiplier(signed(3), signed(7), signed(10), "lut")],
    ids=lambda component: type(component).__name__)
def test_an_ecp5_netlist_is_its_rtl(component, tmp_path):
    verilog = component_verilog(component, target="ecp5", name="core")
    (tmp_path / "design.v").write_text(verilog)
    (tmp_path / "bench.v").write_text(bench(module_ports(verilog, "core")))
    (tmp_path / "map.ys").write_text(SCRIPT)
    run_tool("yosys", ["-q", "-s", "map.ys"], tmp_path)
    subprocess.run(["iverilog", "-g2012", "-o", "bench.vvp", "bench.v", "design.v", "mapped.v",
                    *MODELS], cwd=tmp_path, check=True, capture_output=True)
    ran = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=tmp_path, check=True,
                         capture_output=True, text=True)
    wrong, moving = map(int, ran.stdout.split())
    assert moving > 30 and wrong == 0
