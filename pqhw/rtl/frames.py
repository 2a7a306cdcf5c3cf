"""Frames of bytes with flags between them and a CRC-32 at the end, received and sent."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.link import ESCAPE, FLAG, FLIP
from .checksum import SerialChecksum
from .target import Target

__all__ = ["FrameReceiver", "FrameSender"]

FLIPPED = FLIP.bit_length() - 1
"""The bit of an escaped byte that is inverted."""


class FrameReceiver(wiring.Component):
    """Cuts a line's bytes into frames and checks them.

    A flag ends one frame and begins the next, so that whatever was lost, added or changed, the
    frame after the next flag is received whole: nothing waits for bytes that do not come.

    Members
    -------
    i: bytes of the line, at least `SerialChecksum.CYCLES` apart
    o: bytes of a frame's content, its CRC included
    end: a frame ends
    good: its CRC is right; counts with `end`

    Latency and cost
    ----------------
    None. A `SerialChecksum`, and about 10 LUT4.
    """

    def __init__(self) -> None:
        byte = stream.Signature(8, always_ready=True)
        super().__init__({"i": In(byte), "o": Out(byte), "end": Out(1), "good": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.checksum = checksum = SerialChecksum()
        escaped = Signal(name="escaped")
        flag, escape = Signal(name="is_flag"), Signal(name="is_escape")
        m.d.comb += [
            flag.eq(self.i.payload == FLAG), escape.eq(self.i.payload == ESCAPE),
            self.o.valid.eq(self.i.valid & ~flag & ~escape),
            self.o.payload.eq(self.i.payload ^ (escaped << FLIPPED)),
            self.end.eq(self.i.valid & flag),
            self.good.eq(checksum.good & ~escaped),
            checksum.byte.eq(self.o.payload), checksum.step.eq(self.o.valid),
            checksum.restart.eq(self.end),
        ]
        with m.If(self.i.valid):
            m.d.sync += escaped.eq(escape)
        return m


class FrameSender(wiring.Component):
    """Sends a frame: a header of three bytes, a payload, the CRC.

    Members
    -------
    start: send a frame; counts while not `busy`
    busy: a frame is being sent
    header: the first bytes, which are sent as they are when their turn comes
    more, data, take: whether the payload goes on, its next byte, and that it was taken; after
        `take` both may take a few cycles to follow, as the line is slower
    o: bytes for the line, which takes one in no less than `SerialChecksum.CYCLES`

    Latency and cost
    ----------------
    As the line. A `SerialChecksum`, and about 75 LUT4.
    """
    IDLE, BEGIN, HEADER, PAYLOAD, CHECK, END = 0, 1, 2, 5, 6, 10
    """Places in a frame; header and check go on for as many as they have bytes."""

    def __init__(self) -> None:
        super().__init__({"start": In(1), "busy": Out(1), "header": In(24), "more": In(1),
                          "data": In(8), "take": Out(1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        place = Signal(range(self.END + 1), name="place")
        m.submodules.checksum = checksum = SerialChecksum()
        # A byte is chosen while the one before is on the line; flags stand ready between frames.
        chosen, byte = Signal(8, name="chosen"), Signal(8, name="byte", init=FLAG)
        m.d.sync += byte.eq(chosen)
        marks, checks, special = Signal(name="marks"), Signal(name="checks"), Signal(name="special")
        escaping, passes = Signal(name="escaping"), Signal(name="passes")
        header = [self.header.word_select(Const(index, 2), 8) for index in range(3)]
        m.d.comb += [
            self.busy.eq(place != self.IDLE),
            marks.eq((place == self.BEGIN) | (place == self.END)),
            special.eq(((byte == FLAG) | (byte == ESCAPE)) & ~marks & ~escaping),
            passes.eq(self.o.valid & self.o.ready & ~special),
            self.take.eq(passes & (place == self.PAYLOAD)),
            self.o.valid.eq(self.busy & ((place != self.PAYLOAD) | self.more)),
            self.o.payload.eq(Mux(special, ESCAPE, byte ^ (escaping << FLIPPED))),
        ]
        with m.Switch(place):
            for index, value in enumerate(header):
                with m.Case(self.HEADER + index):
                    m.d.comb += chosen.eq(value)
            with m.Case(self.PAYLOAD):
                m.d.comb += chosen.eq(self.data)
            with m.Case(self.IDLE, self.BEGIN, self.END):
                m.d.comb += chosen.eq(FLAG)
            with m.Default():
                m.d.comb += [chosen.eq(~checksum.low), checks.eq(1)]
        m.d.comb += [checksum.byte.eq(byte), checksum.step.eq(passes & ~marks),
                     checksum.gives.eq(checks),
                     checksum.restart.eq(place == self.BEGIN)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaping.eq(special)
        with m.If(passes):
            with m.If(place == self.END):
                m.d.sync += place.eq(self.IDLE)
            with m.Elif(place != self.PAYLOAD):
                m.d.sync += place.eq(place + 1)
        with m.If((place == self.PAYLOAD) & ~self.more):
            m.d.sync += place.eq(self.CHECK)
        with m.If(self.start & ~self.busy):
            m.d.sync += place.eq(self.BEGIN)
        return m
