"""An asynchronous serial line: 8 data bits, no parity, one stop bit."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .target import Target

__all__ = ["UartReceiver", "UartTransmitter"]

BITS = 10
"""Start bit, data bits, stop bit."""


class UartReceiver(wiring.Component):
    """Bytes from a line.

    A start bit must last half a bit time, every bit is sampled in its middle, and a byte without
    its stop bit is dropped.

    Parameters
    ----------
    divider:
        Clock cycles of a bit.

    Members
    -------
    rx: the line, asynchronous to the clock; high while idle
    o: bytes, each for one cycle

    Latency and cost
    ----------------
    A byte comes in the middle of its stop bit, two cycles later. 8 + 2 flip-flops and two
    counters, about 25 LUT4.
    """

    def __init__(self, divider: int):
        self.divider = divider
        super().__init__({"rx": In(1), "o": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        early, line = Signal(name="early", init=1), Signal(name="line", init=1)
        timer = Signal(range(self.divider), name="timer")
        left = Signal(range(BITS + 1), name="bits_left")
        sample, stop = Signal(name="sample"), Signal(name="stop")
        byte = Signal(8, name="byte", reset_less=True)
        m.d.sync += [early.eq(self.rx), line.eq(early), timer.eq(timer - 1)]
        m.d.comb += [
            sample.eq((timer == 0) & (left != 0)), stop.eq(left == 1),
            self.o.valid.eq(sample & stop & line), self.o.payload.eq(byte),
        ]
        with m.If(left == 0):
            m.d.sync += timer.eq(self.divider // 2 - 1)
            with m.If(~line):
                m.d.sync += left.eq(BITS)
        with m.If(sample):
            m.d.sync += [timer.eq(self.divider - 1), left.eq(left - 1)]
            with m.If(~stop):
                m.d.sync += byte.eq(Cat(byte[1:], line))
            with m.If((left == BITS) & line):
                m.d.sync += left.eq(0)
        return m


class UartTransmitter(wiring.Component):
    """Bytes onto a line.

    Parameters
    ----------
    divider:
        Clock cycles of a bit.

    Members
    -------
    i: bytes
    tx: the line, from a flip-flop; high while idle

    Latency and cost
    ----------------
    A byte every 10 * divider + 1 cycles. 9 flip-flops and two counters, about 30 LUT4.
    """

    def __init__(self, divider: int):
        self.divider = divider
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        bits = Signal(9, name="bits", init=0x1FF)
        timer = Signal(range(self.divider), name="timer")
        left = Signal(range(BITS + 1), name="bits_left")
        m.d.comb += [self.i.ready.eq(left == 0), self.tx.eq(bits[0])]
        with m.If(self.i.ready):
            m.d.sync += timer.eq(self.divider - 1)
            with m.If(self.i.valid):
                m.d.sync += [bits.eq(Cat(0, self.i.payload)), left.eq(BITS)]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
            with m.If(timer == 0):
                m.d.sync += [timer.eq(self.divider - 1), bits.eq(Cat(bits[1:], 1)),
                             left.eq(left - 1)]
        return m
