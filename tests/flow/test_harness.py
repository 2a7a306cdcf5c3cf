"""The register harness: every port of a design behind registers, two pins outside."""

import re
import shutil
import subprocess

import pytest
from amaranth.hdl import Shape
from amaranth.lib.wiring import In, Out
from builders import chain, small_mac, tiny

from pqhw.emit.design import TOP, design_verilog
from pqhw.flow.harness import HARNESS, Ports, harness_verilog, module_ports, stub_verilog
from pqhw.rtl.accelerator import accelerator_signature
from pqhw.spec.devices import device, resolve

TEXT = """
module inner (
  input wire clk,
  input wire [7:0] other
);
endmodule

module core (
  input wire clk,
  input wire rst,
  input wire [3:0] a,
  output wire y,
  output reg [5:0] z = 6'h0
);
  wire [9:0] input_of_inner;
endmodule
"""

PORTS = Ports((("rst", 1), ("a", 4)), (("y", 1), ("z", 6)))


def test_ports_are_read_from_the_module_asked_for():
    assert module_ports(TEXT, "core") == PORTS
    assert module_ports(TEXT, "inner") == Ports((("other", 8),), ())
    assert (PORTS.input_bits, PORTS.output_bits) == (5, 7)


@pytest.mark.parametrize("spec", [tiny(table_storage="bram"), small_mac()], ids=["pq", "mac"])
@pytest.mark.parametrize("name", ["lfe5u-25f", "ice40up5k"])
def test_all_ports_of_an_accelerator_are_found(spec, name):
    part = device(name)
    design = resolve(chain(spec), part)
    signature = accelerator_signature(design)
    bits = {In: 1, Out: 0}  # rst
    for _, member, _ in signature.flatten(signature.create()):
        bits[member.flow] += Shape.cast(member.shape).width
    ports = module_ports(design_verilog(design, target=part.family), TOP)
    assert (ports.input_bits, ports.output_bits) == (bits[In], bits[Out])


def test_the_harness_has_three_pins_and_connects_each_bit_once():
    text = harness_verilog(PORTS, "core")
    assert re.findall(r"(?:input|output) wire (\w+)", text) == ["clk", "si", "so"]
    assert f"module {HARNESS} (" in text
    connected = dict(re.findall(r"\.(\w+)\((\w+(?:\[\d+:\d+\])?)\)", text))
    assert connected == {"clk": "clk", "rst": "stimulus[0:0]", "a": "stimulus[4:1]",
                         "y": "response[0:0]", "z": "response[6:1]"}


def test_the_design_is_kept_apart():
    assert re.search(r"\(\* keep_hierarchy \*\) core dut", harness_verilog(PORTS, "core"))


def test_the_harness_has_the_flip_flops_that_are_subtracted():
    """One per input bit and two per output bit."""
    text = harness_verilog(PORTS, "core")
    bits = [int(high) + 1 for high in re.findall(r"reg \[(\d+):0\]", text)]
    assert sorted(bits) == [5, 7, 7]


def test_the_stub_has_the_ports_and_nothing_but_wires():
    text = stub_verilog(PORTS, "core")
    assert module_ports("\n" + text, "core") == PORTS
    assert "reg" not in text and "always" not in text
    driven = re.findall(r"assign (\w+\[\d+\]) = (\w+\[\d+\]);", text)
    assert [to for to, _ in driven] == ["y[0]", *(f"z[{bit}]" for bit in range(6))]
    assert {source for _, source in driven} == {"rst[0]", *(f"a[{bit}]" for bit in range(4))}


BENCH = """
module bench;
  reg clk = 0;
  reg [{last}:0] bits;
  wire so;
  integer cycle;
  harness dut (.clk(clk), .si(bits[cycle]), .so(so));
  initial begin
    bits = {width}'h{value:x};
    for (cycle = 0; cycle < {width}; cycle = cycle + 1) begin
      #1 clk = 1;
      #1 clk = 0;
    end
    $display("%b %b", dut.stimulus, dut.dut.a);
    $finish;
  end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
def test_a_bit_shifted_in_reaches_the_port_it_is_meant_for(tmp_path):
    (tmp_path / "t.v").write_text(
        stub_verilog(PORTS, "core") + harness_verilog(PORTS, "core")
        + BENCH.format(last=4, width=5, value=0b01101))
    subprocess.run(["iverilog", "-g2001", "-o", "t", "t.v", "-s", "bench"], cwd=tmp_path,
                   check=True)
    said = subprocess.run(["vvp", "-n", "t"], cwd=tmp_path, capture_output=True, text=True,
                          check=True).stdout.split()
    stimulus = "10110"  # The first bit shifted in, the lowest, has come furthest.
    assert said == [stimulus, stimulus[:4]]
