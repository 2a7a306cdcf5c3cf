"""Runs small components in Amaranth's simulator and, as emitted Verilog, in Icarus."""

import shutil
import subprocess

import pytest
from amaranth.hdl import ClockDomain, Fragment, Module, Value
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from pqhw.emit.design import component_verilog
from pqhw.rtl import TARGETS

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None,
                                  reason="iverilog is not installed")


def ports(component):
    """Inputs and outputs of a component as lists of (name, value)."""
    inputs, outputs = [], []
    for path, member, value in component.signature.flatten(component):
        value = Value.cast(value)
        (inputs if member.flow == In else outputs).append(("__".join(map(str, path)), value))
    return inputs, outputs


def amaranth_outputs(component, vectors):
    """The bits of all outputs, cycle by cycle, in Amaranth's simulator."""
    inputs, outputs = ports(component)
    seen = []

    async def bench(ctx):
        for vector in vectors:
            for (_, value), bits in zip(inputs, vector):
                ctx.set(value.as_unsigned(), bits)
            words = [ctx.get(value.as_unsigned()) for _, value in outputs]
            seen.append([f"{word:0{len(value)}b}" for word, (_, value) in zip(words, outputs)])
            await ctx.tick()

    m = Module()
    m.domains += ClockDomain("sync")
    m.submodules.dut = component
    sim = Simulator(Fragment.get(m, TARGETS["generic"]))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return seen


def bench_verilog(inputs, outputs, count, clocked):
    """A test bench that reads a word of all inputs per cycle and prints all outputs."""
    total = sum(len(value) for _, value in inputs)
    lines = ["module bench;", "  reg clk = 0;", f"  reg [{total - 1}:0] words [0:{count - 1}];",
             f"  reg [{total - 1}:0] word;", "  integer i;"]
    connections = [".clk(clk), .rst(1'b0)"] if clocked else []
    low = 0
    for name, value in inputs:
        connections.append(f".{name}(word[{low + len(value) - 1}:{low}])")
        low += len(value)
    for name, value in outputs:
        lines.append(f"  wire [{len(value) - 1}:0] {name};")
        connections.append(f".{name}({name})")
    formats = " ".join(["%b"] * len(outputs))
    shown = ", ".join(name for name, _ in outputs)
    return "\n".join([
        *lines, f"  pqhw_top dut ({', '.join(connections)});", "  initial begin",
        '    $readmemb("words.txt", words);', f"    for (i = 0; i < {count}; i = i + 1) begin",
        "      word = words[i]; #5;", f'      $display("{formats}", {shown});',
        "      clk = 1; #5; clk = 0;", "    end", "    $finish;", "  end", "endmodule", ""])


def icarus_outputs(verilog, component, vectors, folder, extra=()):
    """The bits of all outputs, cycle by cycle, in Icarus."""
    inputs, outputs = ports(component)
    words = ["".join(f"{bits:0{len(value)}b}" for bits, (_, value) in reversed(
        list(zip(vector, inputs)))) for vector in vectors]
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    (folder / "design.v").write_text(verilog)
    clocked = "input wire clk" in verilog.split(");")[0]
    (folder / "bench.v").write_text(bench_verilog(inputs, outputs, len(vectors), clocked))
    command = ["iverilog", "-g2001", "-Wall", "-o", "bench.vvp", "bench.v", "design.v", *extra]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    warnings = [line for line in built.stderr.splitlines() if line.startswith("design.v")]
    assert built.returncode == 0 and not warnings, built.stderr
    ran = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, capture_output=True, text=True,
                         check=True)
    return [line.split() for line in ran.stdout.splitlines() if not line.startswith("bench.v")]


def assert_same_meaning(component, rng, folder, cycles=200, skip=0, **how):
    """The emitted Verilog gives in Icarus what the component gives in Amaranth's simulator.

    The first `skip` cycles are not compared: registers without a reset start without a value.
    """
    inputs, outputs = ports(component)
    vectors = [[[0, (1 << len(value)) - 1, 1 << len(value) - 1][cycle % 3] if cycle < 3
                else rng.getrandbits(len(value)) for _, value in inputs]
               for cycle in range(cycles)]
    expected = amaranth_outputs(component, vectors)
    verilog = component_verilog(component, **how)
    seen = icarus_outputs(verilog, component, vectors, folder)
    assert len(seen) == cycles
    for cycle, (wanted, given) in list(enumerate(zip(expected, seen)))[skip:]:
        for (name, _), one, other in zip(outputs, wanted, given):
            assert one == other, (f"{name} in cycle {cycle} is {other} instead of {one}; inputs "
                                  f"{dict(zip([n for n, _ in inputs], vectors[cycle]))}\n{verilog}")
