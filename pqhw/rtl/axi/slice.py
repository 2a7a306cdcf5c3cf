"""A register slice: a stream whose both sides come from flip-flops, as AXI demands."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..target import Target

__all__ = ["RegisterSlice"]


class RegisterSlice(wiring.Component):
    """Two places for transfers; no combinational path leads through it.

    Parameters
    ----------
    shape:
        Of a transfer.

    Members
    -------
    i, o: the stream
    flush: forget what is not on offer at `o` yet, and what `i` offers

    Latency and cost
    ----------------
    One cycle, a transfer per cycle. Two flip-flops and a LUT4 per bit; two flip-flops and about
    6 LUT4 of control.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
                          "flush": In(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        held = Signal.like(self.o.payload, name="held", reset_less=True)
        spare = Signal.like(self.i.payload, name="spare", reset_less=True)
        full, waits = Signal(name="full"), Signal(name="waits")
        m.d.comb += [self.i.ready.eq(~waits), self.o.valid.eq(full), self.o.payload.eq(held)]
        moves = Signal(name="moves")
        m.d.comb += moves.eq(~full | self.o.ready)
        with m.If(moves):
            m.d.sync += [full.eq((self.i.valid | waits) & ~self.flush), waits.eq(0)]
            with m.If(waits):
                m.d.sync += held.eq(spare)
            with m.Else():
                m.d.sync += held.eq(self.i.payload)
        with m.Else():
            m.d.sync += waits.eq((waits | self.i.valid) & ~self.flush)
        with m.If(self.i.ready):
            m.d.sync += spare.eq(self.i.payload)
        return m
