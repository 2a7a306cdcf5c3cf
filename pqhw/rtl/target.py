"""What the RTL is built for: the one place where a family changes what is elaborated."""

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

from amaranth.hdl import (Cat, ClockSignal, Const, Instance, Module, Mux, ResetSignal, Shape,
                          Signal, Value, signed)
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from . import ecp5, ecp5_columns, ecp5_rom, ecp5_segments

__all__ = ["Library", "Target", "TARGETS", "place"]


SMALLEST_CHAIN = 5
"""Sums narrower than this are left to the synthesis tool, which makes plain LUT4 of them."""


class Library:
    """Modules that are written out once and instantiated many times."""

    def __init__(self) -> None:
        self.modules: dict[str, wiring.Component] = {}
        self._names: dict[tuple[str, tuple[Hashable, ...]], str] = {}

    def find(self, base: str, make: Callable[..., wiring.Component],
             arguments: tuple[Hashable, ...]) -> tuple[str, wiring.Component]:
        """The module `make(*arguments)` and its name; equal arguments share a module."""
        key = (base, arguments)
        if key not in self._names:
            same = sum(known[0] == base for known in self._names)
            self._names[key] = f"{base}_{same}" if same else base
            self.modules[self._names[key]] = make(*arguments)
        return self._names[key], self.modules[self._names[key]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Passed to `elaborate` as the platform.

    Members
    -------
    name: the family
    small_memory: storage of buffers of a few words
    block_ram: component that instantiates the family's block RAM; None leaves it to inference
    multiplier: component that instantiates the family's DSP block; None leaves it to inference
    multiplier_bits: bits of an operand without sign that a DSP block takes
    column_tree: component that sums signed terms, a register per level; None builds it of adders
    chains: components on the family's carry chain (`Adder`, `AtLeast`, `AtLeastChosen`,
        `Difference`, `GatedAdder`, `GatedSum`, `Less`, `RowPair`, `ShiftedOrZero`); None leaves it
        to inference
    segment_chain: component that places segments on a carry chain, likewise
    selector: component that chooses one of up to eight values; None leaves it to inference
    rom: component that holds constant words in logic, likewise
    library: where repeated modules are collected for writing out; None elaborates each in place
    """
    name: str
    small_memory: str
    block_ram: Callable[..., Any] | None = None
    multiplier: Callable[..., Any] | None = None
    multiplier_bits: int = 16
    column_tree: Callable[..., Any] | None = None
    chains: Any = None
    segment_chain: Callable[..., Any] | None = None
    selector: Callable[..., Any] | None = None
    rom: Callable[..., Any] | None = None
    library: Library | None = None

    def add(self, m: Module, a: Value, b: Value, shape: Shape, name: str) -> Value:
        """a + b, whose value is known to fit `shape`."""
        if self.chains is None or shape.width < SMALLEST_CHAIN:
            return a + b
        unit = self._unit(m, name, f"add{shape.width}", self.chains.Adder, shape.width)
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        return _named(m, name, shape, unit.total)

    def add_gated(self, m: Module, a: Value, b: Value, gate: Value, shape: Shape, name: str, *,
                  subtract: bool = False) -> Value:
        """a + b or a - b where `gate` is high, else a; the value is known to fit `shape`."""
        if self.chains is None:
            gated = Mux(gate, b, 0)
            return a - gated if subtract else a + gated
        base = "subtract_gated" if subtract else "add_gated"
        unit = self._unit(m, name, f"{base}{shape.width}", self.chains.GatedAdder, shape.width,
                          subtract)
        m.d.comb += [unit.a.eq(a), unit.b.eq(b), unit.gate.eq(gate)]
        return _named(m, name, shape, unit.total)

    def add_both_gated(self, m: Module, a: Value, a_gate: Value, b: Value, b_gate: Value,
                       shape: Shape, name: str) -> Value:
        """(a where `a_gate` is high) + (b where `b_gate` is high); known to fit `shape`."""
        if self.chains is None:
            return Mux(a_gate, a, 0) + Mux(b_gate, b, 0)
        unit = self._unit(m, name, f"add_both_gated{shape.width}", self.chains.GatedSum,
                          shape.width)
        m.d.comb += [unit.a.eq(a), unit.a_gate.eq(a_gate), unit.b.eq(b), unit.b_gate.eq(b_gate)]
        return _named(m, name, shape, unit.total)

    def subtract(self, m: Module, a: Value, b: Value, name: str) -> Value:
        """a - b, signed."""
        if self.chains is None:
            return a - b
        shape = Shape(max(len(a), len(b)), a.shape().signed)
        base = f"subtract{shape.width}{'s' if shape.signed else 'u'}"
        unit = self._unit(m, name, base, self.chains.Difference, shape)
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        return _named(m, name, signed(shape.width + 1), unit.total)

    def less(self, m: Module, a: Value, b: Value, name: str) -> Value:
        """a < b, both unsigned and equally wide."""
        if self.chains is None or len(a) < SMALLEST_CHAIN:
            return a < b
        unit = self._unit(m, name, f"less{len(a)}", self.chains.Less, len(a))
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        return unit.total

    def at_least(self, m: Module, a: Value, b: Value, shape: Shape, name: str) -> Value:
        """a >= b, both within `shape`."""
        if self.chains is None or shape.width < SMALLEST_CHAIN:
            return a >= b
        unit = self._unit(m, name, f"at_least{_suffix(shape)}", self.chains.AtLeast, shape)
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        return unit.total

    def at_least_chosen(self, m: Module, low: Value, high: Value, index: Value, b: Value,
                        shape: Shape, name: str) -> Value:
        """(high if index else low) >= b, all within `shape`."""
        if self.chains is None or shape.width < SMALLEST_CHAIN:
            return _named(m, name, shape, Mux(index, high, low)) >= b
        unit = self._unit(m, name, f"at_least_chosen{_suffix(shape)}", self.chains.AtLeastChosen,
                          shape)
        m.d.comb += [unit.low.eq(low), unit.high.eq(high), unit.index.eq(index), unit.b.eq(b)]
        return unit.total

    def select(self, m: Module, values: list[Value], index: Value, name: str) -> Value:
        """One of up to eight equally shaped values; an index beyond the last gives any."""
        if len(values) == 1:
            return values[0]
        if len(values) == 2:
            return Mux(index[0], values[1], values[0])
        width, count = len(values[0]), len(values)
        if self.selector is None:
            return Cat(values).word_select(index, width)
        unit = self._unit(m, name, f"select{width}_from{count}", self.selector, width, count)
        m.d.comb += [unit.choices.eq(Cat(values)), unit.index.eq(index)]
        return unit.value

    def constant_word(self, m: Module, words: tuple[int, ...], width: int, address: Value,
                      name: str) -> Value:
        """One of constant words of `width` bits, in logic; an address beyond them gives any.

        Bits that are the same in all words, or one as the other, are found by synthesis, or here.
        """
        if self.rom is None or not ecp5_rom.LUT_WORDS < len(words) <= ecp5_rom.MOST_WORDS:
            memory = Memory(shape=width, depth=len(words), init=words,
                            attrs={"rom_style": "logic"})
            m.submodules[name] = memory
            reader = memory.read_port(domain="comb")
            m.d.comb += reader.addr.eq(address)
            return reader.data
        columns = [tuple(word >> bit & 1 for word in words) for bit in range(width)]
        kept = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
        narrow = tuple(sum(column[index] << place for place, column in enumerate(kept))
                       for index in range(len(words)))
        value: Value = Const(0, 0)
        if kept:
            unit = self._unit(m, name, f"rom{len(kept)}x{len(words)}", self.rom, len(kept), narrow)
            m.d.comb += unit.address.eq(address)
            value = unit.value
        return Cat(value[kept.index(column)] if column in kept else Const(column[0], 1)
                   for column in columns)

    def shifted_or_zero(self, m: Module, x: Value, places: tuple[int | None, ...], index: Value,
                        name: str) -> Value:
        """x << places[index], or 0 where that is None."""
        most = max(place for place in places if place is not None)
        shape = Shape(len(x) + most, x.shape().signed)
        if self.chains is None or len(places) != 4:
            chosen = Signal(shape, name=name)
            with m.Switch(index):
                for own, place in enumerate(places):
                    if place is not None:
                        with m.Case(own):
                            m.d.comb += chosen.eq(x << place)
            return chosen
        told = "_".join("none" if place is None else str(place) for place in places)
        unit = self._unit(m, name, f"shifted{_suffix(x.shape())}_{told}", self.chains.ShiftedOrZero,
                          x.shape(), places, shape.width)
        m.d.comb += [unit.x.eq(x), unit.index.eq(index)]
        return _named(m, name, shape, unit.value)

    def row_pair(self, m: Module, a: Value, bits: Value, name: str, *,
                 subtract: bool = False) -> Value:
        """a * bits[0] + 2 * a * bits[1], or with the upper row subtracted."""
        shape = a.shape()
        result = Shape(shape.width + 2, shape.signed or subtract)
        if self.chains is None:
            low, high = Mux(bits[0], a, 0), Mux(bits[1], a, 0) << 1
            return _named(m, name, result, low - high if subtract else low + high)
        base = f"rows{shape.width}{'s' if shape.signed else 'u'}{'_minus' if subtract else ''}"
        unit = self._unit(m, name, base, self.chains.RowPair, shape, subtract)
        m.d.comb += [unit.a.eq(a), unit.low.eq(bits[0]), unit.high.eq(bits[1])]
        return _named(m, name, result, unit.total)

    def place_chain(self, m: Module, name: str, base: str, make: Callable[..., wiring.Component],
                    *arguments: Hashable) -> Any:
        """A module of carry chains."""
        return place(m, self, name, base, make, *arguments, clocked=False)

    def _unit(self, m: Module, name: str, base: str, make: Callable[..., wiring.Component],
              *arguments: Hashable) -> Any:
        return place(m, self, name, base, make, *arguments, clocked=False)


def _suffix(shape: Shape) -> str:
    return f"{shape.width}{'s' if shape.signed else 'u'}"


def _named(m: Module, name: str, shape: Shape, value: Value) -> Signal:
    """`value` as a signal of its own, which gives it a sign."""
    total = Signal(shape, name=f"{name}_total")
    m.d.comb += total.eq(value)
    return total


TARGETS = {
    "generic": Target(name="generic", small_memory="lutram"),
    "ecp5": Target(name="ecp5", small_memory="lutram", block_ram=ecp5.BlockRam,
                   multiplier=ecp5.Multiplier, multiplier_bits=17,
                   column_tree=ecp5_columns.ColumnTree,
                   chains=ecp5, segment_chain=ecp5_segments.SegmentChain,
                   selector=ecp5.Select, rom=ecp5_rom.Rom),
    "ice40": Target(name="ice40", small_memory="bram"),
}


def place(m: Module, target: Target, name: str, base: str,
          make: Callable[..., wiring.Component], *arguments: Hashable, clocked: bool = True) -> Any:
    """Add a submodule `make(*arguments)` that stands many times in a design.

    Simulation elaborates it in place. Where modules are collected, it becomes an instance of
    module `base`, clocked by domain ``sync``. Returns an object with the component's ports.
    """
    if target.library is None:
        m.submodules[name] = component = make(*arguments)
        return component
    module, component = target.library.find(base, make, arguments)
    ports = component.signature.create(path=(name,))
    connections: dict[str, Any] = {}
    if clocked:
        connections = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
    for path, member, value in component.signature.flatten(ports):
        direction = "i" if member.flow == In else "o"
        connections[f"{direction}_{'__'.join(map(str, path))}"] = Value.cast(value)
    m.submodules[name] = Instance(module, **connections)
    return ports
