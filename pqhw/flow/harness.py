"""The register harness: every port of a design behind registers, two pins outside.

Inputs come from a shift register; outputs are captured, then folded into a second shift register.
The design is synthesized on its own (`keep_hierarchy`), so that no optimisation crosses its
border; the harness's own area is measured around a design of wires and subtracted.
"""

import dataclasses
import re

__all__ = ["Ports", "HARNESS", "harness_verilog", "module_ports", "stub_verilog"]

HARNESS = "harness"

_PORT = re.compile(r"^\s*(input|output) (?:wire|reg)(?: \[(\d+):0\])? (\w+)")


@dataclasses.dataclass(frozen=True)
class Ports:
    """A module's data ports: (name, bits)."""
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def input_bits(self) -> int:
        """Bits that the harness drives."""
        return sum(bits for _, bits in self.inputs)

    @property
    def output_bits(self) -> int:
        """Bits that the harness captures."""
        return sum(bits for _, bits in self.outputs)


def module_ports(verilog: str, module: str) -> Ports:
    """The ports of a generated module, its clock left out."""
    start = verilog.index(f"\nmodule {module} (")
    head = verilog[start:verilog.index(");", start)]
    found: dict[str, list[tuple[str, int]]] = {"input": [], "output": []}
    for line in head.splitlines():
        if (match := _PORT.match(line)) and match.group(3) != "clk":
            found[match.group(1)].append((match.group(3), int(match.group(2) or 0) + 1))
    return Ports(tuple(found["input"]), tuple(found["output"]))


def harness_verilog(ports: Ports, module: str) -> str:
    """A top module with pins clk, si and so around `module`."""
    inputs, outputs = ports.input_bits, ports.output_bits
    connections = [".clk(clk)"]
    for bus, group in (("stimulus", ports.inputs), ("response", ports.outputs)):
        low = 0
        for name, bits in group:
            connections.append(f".{name}({bus}[{low + bits - 1}:{low}])")
            low += bits
    lines = [
        f"module {HARNESS} (input wire clk, input wire si, output wire so);",
        f"  (* keep *) reg [{inputs - 1}:0] stimulus;",
        f"  wire [{outputs - 1}:0] response;",
        f"  (* keep *) reg [{outputs - 1}:0] captured;",
        f"  (* keep *) reg [{outputs - 1}:0] folded;",
        "  always @(posedge clk) begin",
        f"    stimulus <= {{stimulus[{inputs - 2}:0], si}};",
        "    captured <= response;",
        f"    folded <= captured ^ {{folded[{outputs - 2}:0], 1'b0}};",
        "  end",
        f"  assign so = folded[{outputs - 1}];",
        f"  (* keep_hierarchy *) {module} dut (",
        "    " + ",\n    ".join(connections),
        "  );",
        "endmodule"]
    return "\n".join(lines) + "\n"


def stub_verilog(ports: Ports, module: str) -> str:
    """A module with the same ports that is nothing but wires."""
    declared = ["input wire clk"]
    declared += [f"input wire [{bits - 1}:0] {name}" for name, bits in ports.inputs]
    declared += [f"output wire [{bits - 1}:0] {name}" for name, bits in ports.outputs]
    bits = [f"{name}[{i}]" for name, width in ports.inputs for i in range(width)]
    lines = [f"module {module} (", ",\n".join(f"  {port}" for port in declared), ");"]
    index = 0
    for name, width in ports.outputs:
        for i in range(width):
            lines.append(f"  assign {name}[{i}] = {bits[index % len(bits)]};")
            index += 1
    return "\n".join([*lines, "endmodule"]) + "\n"
