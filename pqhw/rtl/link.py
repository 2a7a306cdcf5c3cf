"""The board's side of the serial link: requests in, responses out, an accelerator behind."""

import dataclasses
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec.design import Design
from ..spec.link import CHECK_BYTES, Code, Kind, LinkSpec
from .accelerator import status_signature
from .frames import FrameReceiver, FrameSender
from .loader import load_stream
from .memory import memory_attributes
from .streams import row_stream
from .target import Target
from .uart import UartReceiver, UartTransmitter
from .words import BytesToTransfers, TransfersToBytes

__all__ = ["Link"]

SESSION, DESTINATION = 2, slice(0, 2)
"""Bits of a request's kind: it belongs to a session; where its payload goes."""


class _Feeder:
    """A request as it comes, and its payload as it is taken.

    Members
    -------
    number, kind, header: the first two bytes of a frame, and how many of them have come
    received, overflows, lost: bytes behind them; more than the memory holds; some were not kept
    filled, place, length, destination: a payload waits, how far it was taken, its bytes, and where
        they go
    busy: no payload can be kept
    some, echo: the next byte is there; those that go back
    """

    def __init__(self, size: int):
        count = range(size + 1)
        self.number, self.kind = (Signal(8, name=name, reset_less=True)
                                  for name in ("number", "kind"))
        self.header = Signal(2, name="header")
        self.received = Signal(count, name="received")
        self.overflows, self.lost = Signal(name="overflows"), Signal(name="lost")
        self.filled, self.busy = Signal(name="filled"), Signal(name="feeder_busy")
        self.place, self.length = Signal(count, name="place"), Signal(count, name="length")
        self.destination = Signal(2, name="destination")
        self.some = Signal(name="some")
        self.echo = stream.Signature(8).create(path=("echo",))


class _Ring:
    """Results on their way: written at `write`; [base, end) is sent, at `read` now."""

    def __init__(self, size: int):
        pointers = range(2 * size)
        self.write, self.base = Signal(pointers, name="write"), Signal(pointers, name="base")
        self.end, self.read = Signal(pointers, name="end"), Signal(pointers, name="read")
        self.room, self.data = Signal(name="room"), Signal(8, name="result_byte")


@dataclasses.dataclass(frozen=True)
class _Port:
    """A memory port with an address of its own, though another port shares the memory's."""
    addr: Signal
    data: Value
    en: Value


class Link(wiring.Component):
    """Serves requests over a serial line, one at a time.

    Nothing of a request counts before its CRC was right. Requests of a session are numbered: the
    next number is carried out, the number before answered again with what it was answered with,
    any other refused. So a host that repeats what was not answered has every request carried out
    exactly once, whatever the line loses, adds or changes. Results wait until the request after
    the one that they were sent for.

    Parameters
    ----------
    design:
        What the accelerator computes.
    link:
        The line, and how much is buffered.
    identity:
        `IDENTITY_BYTES`, sent on request.

    Members
    -------
    rx, tx: the line
    rows, load, results, status: the accelerator's `i`, `load`, `o` and `status`
    restart: the accelerator is to be reset, at once or a cycle later; for two cycles, as a session
        is opened, in which nothing that it gives is kept
    active: changes with every request that is carried out
    fault: the last parameter image was refused
    waits: a payload is not taken yet

    Latency and cost
    ----------------
    A response begins some cycles after its request ended. Two memories of `buffer_bytes`. About
    400 LUT4 and 220 flip-flops, and a flip-flop per bit of the widest transfer.
    """

    def __init__(self, design: Design, link: LinkSpec, identity: bytes):
        self.design = design
        self.link = link
        self.identity = identity
        super().__init__({
            "rx": In(1), "tx": Out(1, init=1),
            "rows": Out(row_stream(design.input.range, design.input.lanes,
                                   precision_bits=design.precision_bits)),
            "load": Out(load_stream(design.load_bits)),
            "results": In(row_stream(design.results.range, design.results.lanes)),
            "status": In(status_signature(design)),
            "restart": Out(1), "active": Out(1), "fault": Out(1), "waits": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.link.divider)
        m.submodules.frames = frames = FrameReceiver()
        m.submodules.sender = sender = FrameSender()
        m.submodules.transmitter = transmitter = UartTransmitter(self.link.divider)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        wiring.connect(m, receiver.o, frames.i)
        wiring.connect(m, sender.o, transmitter.i)
        feeder = self._feeder(m, frames)
        ring = self._ring(m, feeder)
        self._decide(m, frames, sender, feeder, ring)
        with m.If(self.restart):
            m.d.sync += [pointer.eq(0) for pointer in (
                ring.write, ring.base, ring.end, ring.read, feeder.place, feeder.length,
                feeder.filled)]
        return m

    def _feeder(self, m: Module, frames: FrameReceiver) -> _Feeder:
        """The memory that a request's payload is collected in, and what takes it from there.

        It is written only while empty, so that a payload that comes too early is lost whole.
        """
        feeder = _Feeder(self.link.buffer_bytes)
        writer, reader = self._memory(m, "requests", ~feeder.busy)
        transfers = BytesToTransfers(self.design)
        m.submodules.transfers = ResetInserter(self.restart)(transfers)
        wiring.connect(m, transfers.rows, wiring.flipped(self.rows))
        wiring.connect(m, transfers.load, wiring.flipped(self.load))
        payload = frames.o.valid & (feeder.header == 2)
        fresh, ended = Signal(name="fresh"), Signal(name="ended")
        echoes = feeder.destination == Kind.ECHO & 3
        m.d.comb += [
            writer.addr.eq(feeder.received[:-1]), writer.data.eq(frames.o.payload),
            writer.en.eq(payload & ~feeder.busy & ~feeder.received[-1]),
            reader.addr.eq(feeder.place[:-1]),
            feeder.echo.payload.eq(reader.data), transfers.i.payload.eq(reader.data),
            ended.eq(feeder.place == feeder.length),
            feeder.some.eq(feeder.filled & fresh & ~ended),
            feeder.echo.valid.eq(feeder.some & echoes),
            transfers.i.valid.eq(feeder.some & ~echoes),
            transfers.to_load.eq(feeder.destination[1]),
            transfers.final.eq(ended & (feeder.destination == Kind.LOAD_END & 3)),
            feeder.busy.eq(feeder.filled | ~transfers.idle),
        ]
        with m.If(frames.o.valid):
            with m.If(feeder.header != 2):
                m.d.sync += feeder.header.eq(feeder.header + 1)
            with m.If(feeder.header == 0):
                m.d.sync += feeder.number.eq(frames.o.payload)
            with m.If(feeder.header == 1):
                m.d.sync += feeder.kind.eq(frames.o.payload)
        with m.If(payload):
            m.d.sync += feeder.lost.eq(feeder.lost | feeder.busy)
            with m.If(feeder.received[-1]):
                m.d.sync += feeder.overflows.eq(1)
            with m.Else():
                m.d.sync += feeder.received.eq(feeder.received + 1)
        moves = Mux(echoes, feeder.echo.ready, transfers.i.ready)
        m.d.sync += fresh.eq(feeder.filled)
        with m.If(feeder.some & moves):
            m.d.sync += [feeder.place.eq(feeder.place + 1), fresh.eq(0)]
        with m.If(ended):
            m.d.sync += feeder.filled.eq(0)
        return feeder

    def _ring(self, m: Module, feeder: _Feeder) -> _Ring:
        """The memory that results wait in: [base, end) is sent, and again until it is confirmed.

        With a single port it is written and read in turns; the line is far slower.
        """
        ring = _Ring(self.link.buffer_bytes)
        turn = Signal(name="turn_to_write")
        writer, reader = self._memory(m, "responses", turn)
        source = TransfersToBytes(self.design)
        m.submodules.bytes = ResetInserter(self.restart)(source)
        wiring.connect(m, wiring.flipped(self.results), source.i)
        room: Value = ring.room
        if self.link.storage == "spram":
            room = ring.room & turn
            m.d.sync += turn.eq(~turn)
        m.d.comb += [
            ring.room.eq((ring.write[:-1] != ring.base[:-1]) | (ring.write[-1] == ring.base[-1])),
            source.o.ready.eq(room), feeder.echo.ready.eq(room & ~source.o.valid),
            writer.en.eq(room & (source.o.valid | feeder.echo.valid)),
            writer.addr.eq(ring.write[:-1]),
            writer.data.eq(Mux(source.o.valid, source.o.payload, feeder.echo.payload)),
            reader.addr.eq(ring.read[:-1]),
            ring.data.eq(reader.data),
        ]
        with m.If(writer.en):
            m.d.sync += ring.write.eq(ring.write + 1)
        return ring

    def _memory(self, m: Module, name: str, turn: Value) -> tuple[Any, Any]:
        """The ports of a memory of `buffer_bytes`, which is read in every cycle; with a single port
        only where it is not the `turn` to write, and what was read then stays."""
        m.submodules[name] = memory = Memory(shape=8, depth=self.link.buffer_bytes, init=[],
                                             attrs=memory_attributes(self.link.storage))
        writer, reader = memory.write_port(), memory.read_port()
        if self.link.storage == "bram":
            return writer, reader
        place = Signal.like(writer.addr, name=f"{name}_place")
        write, read = (_Port(Signal.like(port.addr, name=f"{name}_{path}_at"), port.data, port.en)
                       for path, port in (("write", writer), ("read", reader)))
        m.d.comb += [place.eq(Mux(turn, write.addr, read.addr)), writer.addr.eq(place),
                     reader.addr.eq(place), reader.en.eq(~turn)]
        return write, read

    def _decide(self, m: Module, frames: FrameReceiver, sender: FrameSender, feeder: _Feeder,
                ring: _Ring) -> None:
        """What becomes of a request as its frame ends."""
        number, last = feeder.number, Signal(8, name="last_number")
        session, refused = Signal(name="session"), Signal(name="refused")
        code, answered = Signal(3, name="code"), Signal(8, name="answered_number", reset_less=True)
        start, tells, gives = Signal(name="start"), Signal(name="tells"), Signal(name="gives")
        ahead, whole, empty = Signal(8, name="ahead"), Signal(name="whole"), Signal(name="empty")
        identity = Array(Const(byte, 8) for byte in self.identity)
        index = Signal(5, name="identity_index")
        state = Cat(code, feeder.busy, self.status.ready, self.status.loading, self.fault, session)
        found = Cat(self.status.error, self._section())
        # What is known of a frame is settled long before its flag has come.
        m.d.sync += [
            ahead.eq(number - last), empty.eq(feeder.received == CHECK_BYTES),
            whole.eq((feeder.header == 2) & (feeder.received >= CHECK_BYTES) & frames.good
                     & ~feeder.overflows)]
        m.d.comb += [
            self.fault.eq(self.status.error != 0), self.waits.eq(feeder.busy),
            sender.start.eq(start), sender.header.eq(Cat(answered, state, found)),
            sender.more.eq(Mux(tells, ~index[-1], gives & (ring.read != ring.end))),
            sender.data.eq(Mux(tells, identity[index[:-1]], ring.data)),
        ]
        opened, again = Signal(name="opened"), Signal(name="opened_before")
        m.d.comb += self.restart.eq(opened | again)
        m.d.sync += [start.eq(0), opened.eq(0), again.eq(opened)]
        with m.If(start):
            m.d.sync += ring.read.eq(ring.base)
        with m.If(sender.take):
            m.d.sync += [index.eq(index + 1), ring.read.eq(ring.read + 1)]
        with m.If(frames.end):
            m.d.sync += [feeder.header.eq(0), feeder.received.eq(0), feeder.lost.eq(0),
                         feeder.overflows.eq(0)]
        with m.If(frames.end & (feeder.header != 0) & ~sender.busy & ~start):
            m.d.sync += [start.eq(1), answered.eq(number), tells.eq(0), gives.eq(0), index.eq(0)]
            with m.If(~whole):
                m.d.sync += code.eq(Code.DAMAGED)
            with m.Elif(~feeder.kind[SESSION]):
                m.d.sync += [code.eq(Code.OK), tells.eq(1)]
                with m.If(feeder.kind[0]):
                    m.d.sync += [session.eq(1), last.eq(number), opened.eq(1)]
            with m.Elif(~session):
                m.d.sync += code.eq(Code.CLOSED)
            with m.Elif(ahead == 0):
                m.d.sync += [code.eq(Mux(refused, Code.REFUSED, Code.OK)), gives.eq(1)]
            with m.Elif(ahead == 1):
                m.d.sync += [
                    code.eq(Mux(feeder.lost & ~empty, Code.REFUSED, Code.OK)), gives.eq(1),
                    refused.eq(feeder.lost & ~empty), last.eq(number),
                    ring.base.eq(ring.end), ring.end.eq(ring.write),
                    self.active.eq(~self.active)]
                with m.If(~feeder.lost & ~empty):
                    m.d.sync += [feeder.filled.eq(1), feeder.place.eq(0),
                                 feeder.length.eq(feeder.received - CHECK_BYTES),
                                 feeder.destination.eq(feeder.kind[DESTINATION])]
            with m.Else():
                m.d.sync += code.eq(Code.SEQUENCE)

    def _section(self) -> Value:
        """The section of the image in which a fault was found, as far as four bits tell."""
        return (self.status.error_section | Const(0, 4))[:4]
