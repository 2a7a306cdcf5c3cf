"""What the RTL is built for: the one place where a family changes what is elaborated."""

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from . import ecp5

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
    adder: component that instantiates the family's carry chain; None leaves it to inference
    library: where repeated modules are collected for writing out; None elaborates each in place
    """
    name: str
    small_memory: str
    block_ram: Callable[..., Any] | None = None
    multiplier: Callable[..., Any] | None = None
    adder: Callable[..., Any] | None = None
    library: Library | None = None

    def add(self, m: Module, a: Value, b: Value, shape: Shape, name: str) -> Value:
        """a + b, whose value is known to fit `shape`."""
        if self.adder is None or shape.width < SMALLEST_CHAIN:
            return a + b
        unit = place(m, self, name, f"add{shape.width}", self.adder, shape.width, clocked=False)
        m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
        total = Signal(shape, name=f"{name}_total")
        m.d.comb += total.eq(unit.total)
        return total


TARGETS = {
    "generic": Target(name="generic", small_memory="lutram"),
    "ecp5": Target(name="ecp5", small_memory="lutram", block_ram=ecp5.BlockRam,
                   multiplier=ecp5.Multiplier, adder=ecp5.Adder),
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
