"""Clock and reset as the standard has them, around anything on a bus."""

from amaranth.hdl import (ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal,
                          Value)
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ..target import Target

__all__ = ["AxiTop", "attach", "place_resettable"]


def attach(m: Module, outer: wiring.Component, prefix: str, inner: wiring.Component,
           inner_prefix: str = "") -> None:
    """Connect the ports of `outer` whose names begin with `prefix` to those of `inner`."""
    for name, member in outer.signature.members.items():
        if name.startswith(prefix):
            own, other = getattr(outer, name), getattr(
                inner, inner_prefix + name.removeprefix(prefix))
            m.d.comb += other.eq(own) if member.flow == In else own.eq(other)


def place_resettable(m: Module, reset: Value, **parts: wiring.Component) -> None:
    """Place parts that `reset` resets, beside what resets the module."""
    # The names of clock and reset are those that every other module has.
    core = ClockDomain("core", local=True)
    core.clk, core.rst = Signal(name="clk"), Signal(name="rst")
    m.domains += core
    m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | reset)]
    for name, part in parts.items():
        m.submodules[name] = DomainRenamer("core")(part)


class AxiTop(wiring.Component):
    """Something on a bus, with the clock and the reset of the standard.

    Parameters
    ----------
    bus:
        What stands behind the ports; the names of all of them begin with `s_` or `m_`.

    Members
    -------
    aclk: the clock of all ports
    aresetn: resets where it is low at a rising edge
    s_*, m_*: the ports of `bus`
    """

    def __init__(self, bus: wiring.Component):
        self.bus = bus
        super().__init__({"aclk": In(1), "aresetn": In(1), **dict(bus.signature.members.items())})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        sync = ClockDomain("sync", local=True)
        sync.clk, sync.rst = Signal(name="clk"), Signal(name="rst")
        m.domains += sync
        m.submodules.bus = self.bus
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        for side in ("s_", "m_"):
            attach(m, self, side, self.bus, side)
        return m
