"""Signal expressions and operators as Verilog text."""

import itertools
from collections import Counter
from collections.abc import Iterable

from .names import Namer
from .rtlil import Assign, Cell, Chunk, Process, RTLILModule, Sigspec, Switch

__all__ = ["Expressions", "constant", "bits_of", "cut", "join"]

BINARY = {"$add": "+", "$sub": "-", "$mul": "*", "$and": "&", "$or": "|", "$xor": "^",
          "$shl": "<<", "$shr": ">>", "$sshr": ">>>", "$shift": ">>", "$eq": "==", "$ne": "!=",
          "$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">="}
UNARY = {"$neg": "-", "$not": "~", "$reduce_or": "|", "$reduce_and": "&", "$reduce_xor": "^",
         "$reduce_bool": "|"}
COMPARISONS = frozenset(("$eq", "$ne", "$lt", "$le", "$gt", "$ge"))


def constant(bits: str) -> str:
    """A sized literal: hexadecimal where that is exact and shorter."""
    if set(bits) <= {"0", "1"} and len(bits) > 4:
        return f"{len(bits)}'h{int(bits, 2):x}"
    return f"{len(bits)}'b{bits}"


def bits_of(spec: Sigspec) -> list[Chunk]:
    """The single bits of a signal expression, least significant first."""
    bits = []
    for chunk in reversed(spec):
        if chunk.wire is None:
            bits += [Chunk(None, bits=bit) for bit in reversed(chunk.bits)]
        else:
            bits += [Chunk(chunk.wire, i, i) for i in range(chunk.low, chunk.high + 1)]
    return bits


def cut(spec: Sigspec, low: int, high: int) -> Sigspec:
    """Bits `low` to `high` - 1 of a signal expression."""
    parts: list[Chunk] = []
    at = 0
    for chunk in reversed(spec):
        first, after = max(low - at, 0), min(high - at, chunk.width)
        if first < after and chunk.wire is None:
            bits = chunk.bits[chunk.width - after:chunk.width - first]
            parts.append(Chunk(None, bits=bits))
        elif first < after:
            parts.append(Chunk(chunk.wire, chunk.low + after - 1, chunk.low + first))
        at += chunk.width
        if at >= high:
            break
    return tuple(reversed(parts))


def join(bits: list[Chunk]) -> Sigspec:
    """Single bits, least significant first, as chunks as long as possible."""
    chunks: list[Chunk] = []
    for bit in bits:
        before = chunks[-1] if chunks else None
        if before and bit.wire is None and before.wire is None:
            chunks[-1] = Chunk(None, bits=bit.bits + before.bits)
        elif before and bit.wire is not None and (before.wire, before.high) == (
                bit.wire, bit.low - 1):
            chunks[-1] = Chunk(bit.wire, bit.high, before.low)
        else:
            chunks.append(bit)
    return tuple(reversed(chunks))


def process_reads(process: Process) -> Iterable[Sigspec]:
    """Every signal expression that a process reads."""
    for item in process:
        yield item.value
        if isinstance(item, Switch):
            for _, body in item.cases:
                yield from process_reads(body)


class Expressions:
    """Renders what one module computes.

    An unnamed value that is used once is written where it is used, if it means the same there:
    as a whole right side of its own width, or as one bit.

    Members
    -------
    drivers: operator cells by the wire they drive
    uses: how often a wire is read; partial reads count twice, as they cannot be replaced
    inlined: wires that need no declaration
    """

    def __init__(self, module: RTLILModule):
        self.module = module
        self.name = Namer()
        for name, wire in module.wires.items():
            if wire.direction:
                self.name(name)
        self.drivers: dict[str, Cell] = {}
        for cell in module.cells:
            if cell.type in BINARY or cell.type in UNARY or cell.type == "$mux":
                self.drivers[cell.connections["Y"][0].wire or ""] = cell
        self.connects = self._live_connects()
        self.uses: Counter[str] = Counter()
        for chunk in itertools.chain.from_iterable(self._reads()):
            if chunk.wire is not None:
                self.uses[chunk.wire] += 1 if self.whole(chunk) else 2
        for _, value in self.connects:
            for chunk in value:
                self.uses[chunk.wire or ""] += 1 if self.whole(chunk) else 2
        self.inlined: set[str] = set()

    def whole(self, chunk: Chunk) -> bool:
        """Whether a chunk is a whole wire."""
        return (chunk.wire is not None and chunk.low == 0
                and chunk.width == self.module.wires[chunk.wire].width)

    def _reads(self) -> Iterable[Sigspec]:
        """Every signal expression whose value cells and processes use."""
        for cell in self.module.cells:
            instance = cell.type.startswith("\\")
            for port, spec in cell.connections.items():
                driven = port in ("Y", "Q") or (port == "DATA" and cell.type == "$memrd_v2")
                if instance or not driven:
                    yield spec
        for process in self.module.processes:
            yield from process_reads(process)

    def _live_connects(self) -> list[tuple[Sigspec, Sigspec]]:
        """Connections to ports or to wires that something reads; the rest only give names."""
        read = {chunk.wire for spec in self._reads() for chunk in spec}
        wires = self.module.wires
        return [(target, value) for target, value in self.module.connects
                if target[0].wire in read or wires[target[0].wire or ""].direction]

    def spec(self, spec: Sigspec) -> str:
        """A signal expression as an operand; one of no bits is zero."""
        if not spec:
            return "1'b0"
        parts = []
        for chunk, run in itertools.groupby(spec):
            count = len(list(run))
            text = self._chunk(chunk)
            parts.append(f"{{{count}{{{text}}}}}" if count > 1 else text)
        return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"

    def right_side(self, spec: Sigspec) -> str:
        """A signal expression as the whole right side of an assignment of its width."""
        if len(spec) == 1 and self._replaceable(spec[0]):
            self.inlined.add(spec[0].wire or "")
            return self.operator(self.drivers[spec[0].wire or ""])
        return self.spec(spec)

    def _replaceable(self, chunk: Chunk) -> bool:
        """Whether a chunk is a whole unnamed value of an operator, used only here."""
        wire = chunk.wire
        return (wire is not None and wire.startswith("$") and wire in self.drivers
                and self.uses[wire] == 1 and self.whole(chunk))

    def _chunk(self, chunk: Chunk) -> str:
        if chunk.wire is None:
            return constant(chunk.bits)
        if chunk.width == 1 and self._replaceable(chunk):
            driver = self.drivers[chunk.wire]
            if self._one_bit(driver):
                self.inlined.add(chunk.wire)
                return f"({self.operator(driver)})"
        name = self.name(chunk.wire)
        if self.whole(chunk):
            return name
        return f"{name}[{chunk.low}]" if chunk.width == 1 else f"{name}[{chunk.high}:{chunk.low}]"

    def _one_bit(self, cell: Cell) -> bool:
        """Whether a one-bit result means the same in any context."""
        if cell.type in COMPARISONS or cell.type.startswith("$reduce"):
            return True
        return cell.type in ("$and", "$or", "$xor", "$not", "$mux") and all(
            sum(chunk.width for chunk in spec) == 1 for spec in cell.connections.values())

    def operator(self, cell: Cell) -> str:
        """The expression of an operator cell."""
        def operand(port: str) -> str:
            text = self.spec(cell.connections[port])
            return f"$signed({text})" if cell.parameters.get(f"{port}_SIGNED") == "1" else text

        if cell.type == "$mux":
            return f"{operand('S')} ? {operand('B')} : {operand('A')}"
        if cell.type in UNARY:
            one_bit = cell.type == "$not" and cell.parameters["A_WIDTH"] == "1"
            return f"{'!' if one_bit else UNARY[cell.type]}{operand('A')}"
        symbol = BINARY[cell.type]
        if cell.type == "$shift" and cell.parameters["A_SIGNED"] == "1":
            symbol = ">>>"
        return f"{operand('A')} {symbol} {operand('B')}"

    def flip_flop_processes(self) -> dict[int, Cell]:
        """Flip-flops by the index of the process that makes their whole next value."""
        made = {}
        for index, process in enumerate(self.module.processes):
            first = process[0]
            if isinstance(first, Assign) and len(first.target) == 1:
                made[first.target[0].wire] = index
        flip_flops = {}
        for cell in self.module.cells:
            data = cell.connections["D"] if cell.type == "$dff" else ()
            if len(data) == 1 and data[0].wire in made and self.whole(data[0]):
                flip_flops[made[data[0].wire]] = cell
        return flip_flops
