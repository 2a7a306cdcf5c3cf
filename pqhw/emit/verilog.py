"""Writes RTLIL modules as Verilog that people read and tools agree on.

Plain Verilog-2001, the same bytes for the same design. Flip-flops become clocked `if` and
`casez` statements, combinational logic continuous assignments: there is no ``always @*`` that a
simulator might not run at time zero. Registers without a reset have no value at power-up, so that
a four-state simulator shows whoever reads them too early. Names carry no `$`, at which
Yosys 0.70 stumbles when it maps designs with LUT RAM.
"""

import re
from collections.abc import Iterable

from .expressions import BINARY, UNARY, Expressions, bits_of, constant, join
from .names import Namer
from .processes import clocked, combinational
from .rtlil import Assign, Cell, Process, RTLILModule, Switch, Wire

__all__ = ["write_verilog"]

WRITTEN = {*BINARY, *UNARY, "$mux", "$dff", "$meminit_v2", "$memwr_v2", "$memrd_v2"}
"""Cells that are written; any other is refused."""

KEPT_ATTRIBUTES = ("keep", "ram_style", "rom_style", "no_rw_check")


def write_verilog(modules: Iterable[RTLILModule], header: str) -> str:
    """The text of all modules, the first one on top, after `header` as comment lines."""
    names = Namer()
    writers = {module.name: _ModuleWriter(module, names(module.name), {}) for module in modules}
    lines = [f"// {line}".rstrip() for line in header.splitlines()]
    for writer in writers.values():
        writer.known = writers
        lines += ["", *writer.lines()]
    return "\n".join(lines) + "\n"


def _check(cell: Cell) -> None:
    """Refuse what would otherwise be left out or mean something else."""
    if not cell.type.startswith("\\") and cell.type not in WRITTEN:
        raise NotImplementedError(f"{cell.type} cells are not written as Verilog.")
    if cell.parameters.get("CLK_POLARITY", "1")[-1] == "0" and cell.parameters.get(
            "CLK_ENABLE", "1") != "0":
        raise NotImplementedError(f"{cell.type} cells on a falling clock are not written "
                                  "as Verilog.")
    if "1" in cell.parameters.get("TRANSPARENCY_MASK", "").partition("'")[2]:
        raise NotImplementedError(f"{cell.type} cells that read what is being written are not "
                                  "written as Verilog.")


def _width(bits: int) -> str:
    return f" [{bits - 1}:0]" if bits != 1 else ""


def _literal(value: str) -> str:
    """A parameter of RTLIL: an integer, a string or sized bits."""
    return constant(value.partition("'")[2]) if "'" in value and value[0] != '"' else value


def _attributes(attributes: dict[str, str]) -> str:
    kept = [f"{key} = {_literal(value)}" for key, value in attributes.items()
            if key in KEPT_ATTRIBUTES]
    return f"(* {', '.join(kept)} *) " if kept else ""


class _ModuleWriter:
    """One module of Verilog name `name`.

    `known` finds the writers of the modules it instantiates; `registers` maps wires that are
    written in clocked statements to their init.
    """

    def __init__(self, module: RTLILModule, name: str, known: "dict[str, _ModuleWriter]"):
        for cell in module.cells:
            _check(cell)
        self.module = module
        self.name = name
        self.known = known
        self.text = Expressions(module)
        self.registers: dict[str, str] = {}

    def lines(self) -> list[str]:
        """The module's text."""
        text = self.text
        body = [*self._flip_flops(), *self._memories(), *self._instances()]
        flip_flops = text.flip_flop_processes()
        for index, process in enumerate(self.module.processes):
            if index not in flip_flops:
                body += combinational(text, process)
        body += [f"  assign {text.spec(target)} = {text.right_side(value)};"
                 for target, value in text.connects]
        body += self._operators()
        return [*self._head(), *self._declarations(body), *body, "endmodule"]

    def _operators(self) -> list[str]:
        """Operators whose results have a name or several readers."""
        text = self.text
        rendered = {wire: f"  assign {text.name(wire)} = {text.operator(cell)};"
                    for wire, cell in text.drivers.items()
                    if text.uses[wire] or self.module.wires[wire].direction}
        return [line for wire, line in rendered.items() if wire not in text.inlined]

    def _head(self) -> list[str]:
        ports = [wire for wire in self.module.wires.values() if wire.direction]
        ports.sort(key=lambda wire: (wire.name not in ("\\clk", "\\rst"), wire.direction))
        lines = [f"  {wire.direction} {self._declared(wire)}" for wire in ports]
        return [f"module {self.name} (", ",\n".join(lines), ");"]

    def _declarations(self, body: list[str]) -> list[str]:
        used = set(re.findall(r"\w+", "\n".join(body)))
        lines = []
        for wire in self.module.wires.values():
            name = self.text.name(wire.name)
            if wire.direction or name not in used:
                continue
            lines.append(f"  {_attributes(wire.attributes)}{self._declared(wire)};")
        for memory in self.module.memories.values():
            lines.append(f"  {_attributes(memory.attributes)}reg{_width(memory.width)} "
                         f"{self.text.name(memory.name)} [0:{memory.size - 1}];")
        return lines

    def _declared(self, wire: Wire) -> str:
        kind = "reg" if wire.name in self.registers else "wire"
        start = self.registers.get(wire.name)
        init = f" = {constant(start)}" if start else ""
        return f"{kind}{_width(wire.width)} {self.text.name(wire.name)}{init}"

    def _flip_flops(self) -> list[str]:
        """Clocked statements; registers that a reset reaches also have a value at power-up."""
        text = self.text
        processes = {id(cell): index for index, cell in text.flip_flop_processes().items()}
        clocks: dict[str, list[tuple[str, Process]]] = {}
        for cell in self.module.cells:
            if cell.type != "$dff":
                continue
            target = cell.connections["Q"][0].wire or ""
            self.registers[target] = ""
            process: Process = [Assign(cell.connections["Q"], cell.connections["D"])]
            if id(cell) in processes:
                process = self.module.processes[processes[id(cell)]]
            if any(isinstance(item, Switch) and item.value[0].wire == "\\rst" for item in process):
                init = self.module.wires[target].attributes["init"]
                self.registers[target] = init.partition("'")[2]
            clocks.setdefault(text.spec(cell.connections["CLK"]), []).append((target, process))
        lines = []
        for clock, flip_flops in clocks.items():
            lines += [f"  always @(posedge {clock}) begin", *clocked(text, flip_flops), "  end"]
        return lines

    # -- Memories --------------------------------------------------------------------------

    def _memories(self) -> list[str]:
        lines = []
        for cell in self.module.cells:
            match cell.type:
                case "$meminit_v2":
                    lines += self._memory_init(cell)
                case "$memwr_v2":
                    lines += self._memory_write(cell)
                case "$memrd_v2":
                    lines += self._memory_read(cell)
        return lines

    def _memory(self, cell: Cell) -> str:
        return self.text.name("\\" + cell.parameters["MEMID"].strip('"').lstrip("\\"))

    def _memory_init(self, cell: Cell) -> list[str]:
        """Contents at power-up, where there are any; of a memory that is never written also where
        all of them are 0."""
        width = int(cell.parameters["WIDTH"])
        bits = "".join(chunk.bits for chunk in cell.connections["DATA"])
        written = any(other.type == "$memwr_v2" and other.parameters["MEMID"]
                      == cell.parameters["MEMID"] for other in self.module.cells)
        if "1" not in bits and written:
            return []
        words = [bits[i:i + width] for i in range(0, len(bits), width)][::-1]
        return ["  initial begin", *(f"    {self._memory(cell)}[{index}] = {constant(word)};"
                                     for index, word in enumerate(words)), "  end"]

    def _memory_read(self, cell: Cell) -> list[str]:
        wire = cell.connections["DATA"][0].wire or ""
        name = self.text.name(wire)
        word = f"{self._memory(cell)}[{self.text.spec(cell.connections['ADDR'])}]"
        if cell.parameters["CLK_ENABLE"] == "0":
            return [f"  assign {name} = {word};"]
        self.registers[wire] = ""
        enable = cell.connections["EN"]
        guard = "" if enable[0].bits == "1" else f"if ({self.text.spec(enable)}) "
        return [f"  always @(posedge {self.text.spec(cell.connections['CLK'])})",
                f"    {guard}{name} <= {word};"]

    def _memory_write(self, cell: Cell) -> list[str]:
        text = self.text
        lines = [f"  always @(posedge {text.spec(cell.connections['CLK'])})", "    begin"]
        word = f"{self._memory(cell)}[{text.spec(cell.connections['ADDR'])}]"
        data = bits_of(cell.connections["DATA"])
        enables = bits_of(cell.connections["EN"])
        low = 0
        while low < len(enables):
            high = low
            while high + 1 < len(enables) and enables[high + 1] == enables[low]:
                high += 1
            part = "" if high - low + 1 == len(enables) else f"[{high}:{low}]"
            lines.append(f"      if ({text.spec((enables[low],))}) {word}{part} <= "
                         f"{text.spec(join(data[low:high + 1]))};")
            low = high + 1
        return [*lines, "    end"]

    # -- Instances -------------------------------------------------------------------------

    def _instances(self) -> list[str]:
        text = self.text
        lines = []
        for cell in self.module.cells:
            if not cell.type.startswith("\\"):
                continue
            known = self.known.get(cell.type)
            connections = list(cell.connections.items())
            if known is not None:
                wires = known.module.wires
                connections = [(known.text.name("\\" + port), spec) for port, spec in connections
                               if "\\" + port in wires and wires["\\" + port].direction]
            ports = [f"    .{port}({text.spec(spec)})" for port, spec in connections]
            name = cell.type[1:] if known is None else known.name
            parameters = ", ".join(f".{key}({_literal(value)})"
                                   for key, value in cell.parameters.items())
            lines += [f"  {name} {f'#({parameters}) ' if parameters else ''}"
                      f"{text.name(cell.name)} (", ",\n".join(ports), "  );"]
        return lines
