"""Reads the RTLIL that Amaranth writes into plain data: the subset it uses, nothing more."""

import dataclasses
import re

__all__ = ["Chunk", "Sigspec", "Wire", "Memory", "Cell", "Assign", "Switch", "Process",
           "RTLILModule", "parse_rtlil"]


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Bits `high` down to `low` of a wire, or constant `bits` (most significant first)."""
    wire: str | None
    high: int = 0
    low: int = 0
    bits: str = ""

    @property
    def width(self) -> int:
        """Number of bits."""
        return len(self.bits) if self.wire is None else self.high - self.low + 1


Sigspec = tuple[Chunk, ...]
"""Chunks side by side, the most significant first."""


@dataclasses.dataclass
class Wire:
    """A declared wire; `direction` is input, output or empty."""
    name: str
    width: int
    direction: str
    signed: bool
    attributes: dict[str, str]


@dataclasses.dataclass
class Memory:
    """A declared memory."""
    name: str
    width: int
    size: int
    attributes: dict[str, str]


@dataclasses.dataclass
class Cell:
    """An operator, a memory port, a flip-flop or an instance."""
    type: str
    name: str
    attributes: dict[str, str]
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    connections: dict[str, Sigspec] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Assign:
    """Within a process: `target` takes `value`; later assignments override."""
    target: Sigspec
    value: Sigspec


@dataclasses.dataclass
class Switch:
    """The first case whose patterns match `value` runs; no patterns match everything."""
    value: Sigspec
    cases: list[tuple[list[str], list["Assign | Switch"]]]


Process = list[Assign | Switch]


@dataclasses.dataclass
class RTLILModule:
    """One module, its contents in the order of the text."""
    name: str
    wires: dict[str, Wire] = dataclasses.field(default_factory=dict)
    memories: dict[str, Memory] = dataclasses.field(default_factory=dict)
    cells: list[Cell] = dataclasses.field(default_factory=list)
    processes: list[Process] = dataclasses.field(default_factory=list)
    connects: list[tuple[Sigspec, Sigspec]] = dataclasses.field(default_factory=list)


_TOKEN = re.compile(r"[{}]|\d+'[01x-]+"
                    r"|(?P<name>[\\$][^\s]+)(?: \[(?P<high>\d+)(?::(?P<low>\d+))?\])?|\d+'")


class _Parser:
    def __init__(self, text: str) -> None:
        self.lines = [line.strip() for line in text.splitlines() if line.strip()]
        self.at = 0
        self.module = RTLILModule("")
        self.attributes: dict[str, str] = {}

    def next(self) -> tuple[str, str]:
        """The next line's keyword and the rest."""
        word, _, rest = self.lines[self.at].partition(" ")
        self.at += 1
        return word, rest

    def sigspec(self, text: str) -> Sigspec:
        chunks = []
        for match in _TOKEN.finditer(text):
            name = match.group("name")
            if name is not None:
                wire = self.module.wires[name]
                if match.group("high") is None:
                    chunks.append(Chunk(name, wire.width - 1, 0))
                else:
                    high = int(match.group("high"))
                    chunks.append(Chunk(name, high, int(match.group("low") or high)))
            elif "'" in match.group():
                bits = match.group().partition("'")[2]
                if bits:
                    chunks.append(Chunk(None, bits=bits))
        return tuple(chunks)

    def pair(self, rest: str) -> tuple[Sigspec, Sigspec]:
        """Two signal expressions in one line."""
        first = _TOKEN.match(rest)
        end = rest.index("}") + 1 if rest.startswith("{") else first.end() if first else 0
        return self.sigspec(rest[:end]), self.sigspec(rest[end:])

    def wire(self, rest: str) -> None:
        words = rest.split()
        direction = next((word for word in words if word in ("input", "output")), "")
        self.module.wires[words[-1]] = Wire(words[-1], int(words[1]), direction, "signed" in words,
                                            self.take_attributes())

    def take_attributes(self) -> dict[str, str]:
        attributes, self.attributes = self.attributes, {}
        return attributes

    def cell(self, rest: str) -> None:
        type_, name = rest.split()
        cell = Cell(type_, name, self.take_attributes())
        while (line := self.next())[0] != "end":
            key, _, value = line[1].partition(" ")
            if line[0] == "parameter":
                cell.parameters[key[1:]] = value
            else:
                cell.connections[key[1:]] = self.sigspec(value)
        self.module.cells.append(cell)

    def body(self) -> tuple[Process, bool]:
        """Statements up to the next case or end, and whether it was an end."""
        statements: Process = []
        while True:
            word, rest = self.next()
            if word == "assign":
                statements.append(Assign(*self.pair(rest)))
            elif word == "switch":
                statements.append(self.switch(rest))
            else:
                self.at -= word == "case"
                return statements, word == "end"

    def switch(self, rest: str) -> Switch:
        switch = Switch(self.sigspec(rest), [])
        ended = self.lines[self.at] == "end"
        self.at += ended
        while not ended:
            _, rest = self.next()
            patterns = [pattern.partition("'")[2].strip() for pattern in rest.split(",")]
            patterns = [pattern for pattern in patterns if pattern]
            statements, ended = self.body()
            switch.cases.append((patterns, statements))
        return switch

    def parse(self) -> list[RTLILModule]:
        modules = []
        while self.at < len(self.lines):
            word, rest = self.next()
            match word:
                case "attribute":
                    key, _, value = rest.partition(" ")
                    self.attributes[key[1:]] = value
                case "module":
                    self.take_attributes()
                    self.module = RTLILModule(rest)
                    modules.append(self.module)
                case "wire":
                    self.wire(rest)
                case "memory":
                    _, width, _, size, name = rest.split()
                    self.module.memories[name] = Memory(name, int(width), int(size),
                                                        self.take_attributes())
                case "cell":
                    self.cell(rest)
                case "process":
                    self.module.processes.append(self.body()[0])
                case "connect":
                    self.module.connects.append(self.pair(rest))
        return modules


def parse_rtlil(text: str) -> list[RTLILModule]:
    """All modules of an RTLIL text, in its order."""
    return _Parser(text).parse()
