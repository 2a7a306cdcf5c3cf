"""Reads words of a memory over AXI4: bursts in, words out, no page crossed."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Member, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.job import BURST_WORDS
from ...spec.registers import OKAY
from ..overlay.loader import memory_layout, request_layout
from ..target import Target
from .slice import RegisterSlice

__all__ = ["BYTE_ADDRESS_BITS", "READ_LATENCY", "ReadMaster", "read_members"]

BYTE_ADDRESS_BITS = 64
"""Bits of a byte address."""

READ_LATENCY = 3
"""Cycles that the bus adds to the memory's from a request to its first word."""

PAGE_BITS = 12
"""Bits of a byte address within the 4 KiB that a burst must not leave (AXI4, A3.4.1)."""

BURSTS = 4
"""Bursts on their way at most: two requests, each cut in two where it crosses a page."""

INCR = 1
"""ARBURST: addresses rise from word to word."""

CACHE = 0b0011
"""ARCACHE: normal memory, not cached, bufferable."""


def read_members(port_bits: int) -> dict[str, Member]:
    """The read channels of an AXI4 manager, by their names in the standard."""
    return {
        "arid": Out(1), "araddr": Out(BYTE_ADDRESS_BITS), "arlen": Out(8), "arsize": Out(3),
        "arburst": Out(2), "arcache": Out(4), "arprot": Out(3), "arvalid": Out(1),
        "arready": In(1),
        "rid": In(1), "rdata": In(port_bits), "rresp": In(2), "rlast": In(1), "rvalid": In(1),
        "rready": Out(1)}


class ReadMaster(wiring.Component):
    """Asks a memory on the bus for what an overlay requests.

    A request becomes a burst, or two where it crosses a page. While `run` is 0, and after a fault,
    nothing is asked for, and words that still come are taken and dropped; an address on offer
    stays, as the standard demands.

    Parameters
    ----------
    spec:
        The overlay, hence the width of the port.

    Members
    -------
    base: byte address that requests count from, a multiple of the port's bytes; does not change
        while `run` is 1
    run: requests are taken and words given
    request, memory: as of an `Overlay`; `last` where the memory ended a request
    quiet: nothing is on its way
    fault: instead of the next word the memory answered with an error; until `run` is 0
    arid ... rready: see `read_members`

    Latency and cost
    ----------------
    `READ_LATENCY` cycles more than the memory, a word per cycle. Of words of so many bits at most
    2 * bits + 140 flip-flops, 64 of them for the address on offer and 32 for the next one's place,
    and 4 * bits + 188 LUT4.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        super().__init__({
            "base": In(BYTE_ADDRESS_BITS), "run": In(1),
            "request": In(stream.Signature(request_layout())),
            "memory": Out(stream.Signature(memory_layout(spec))),
            "quiet": Out(1), "fault": Out(1), **read_members(spec.port_bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        size = (self.spec.port_bits // 8).bit_length() - 1
        works = Signal(name="works")
        issues, crosses = Signal(name="issues"), Signal(name="crosses")
        count = Signal(range(BURST_WORDS + 1), name="burst_words")
        m.d.comb += [works.eq(self.run & ~self.fault), self.arsize.eq(size),
                     self.arburst.eq(INCR), self.arcache.eq(CACHE)]
        self._ask(m, size, works, issues, crosses, count)
        taken = self._give(m, works, issues, crosses)
        awaited = Signal(range(2 * BURST_WORDS + 1), name="awaited")
        m.d.sync += awaited.eq(awaited + Mux(issues, count, 0) - (taken & awaited.any()))
        m.d.comb += self.quiet.eq(~awaited.any() & ~self.arvalid)
        return m

    def _ask(self, m: Module, size: int, works: Signal, issues: Signal, crosses: Signal,
             count: Signal) -> None:
        """A request waits here; its address on the bus follows a cycle later."""
        page_words = 1 << PAGE_BITS - size
        waits = Signal(name="waits")
        place = Signal(32, name="place", reset_less=True)
        words = Signal.like(count, name="words", reset_less=True)
        address = Signal(BYTE_ADDRESS_BITS, name="address")
        room = Signal(range(page_words + 1), name="room")
        request = self.request
        m.d.comb += [
            address.eq(self.base + Cat(Const(0, size), place)),
            room.eq(page_words - address[size:PAGE_BITS]), crosses.eq(words > room),
            count.eq(Mux(crosses, room, words)),
            issues.eq(waits & works & (~self.arvalid | self.arready)),
            request.ready.eq(works & (~waits | (issues & ~crosses)))]
        with m.If(self.arready):
            m.d.sync += self.arvalid.eq(0)
        with m.If(issues):
            m.d.sync += [self.arvalid.eq(1), self.araddr.eq(address), self.arlen.eq(count - 1),
                         place.eq(place + room), words.eq(words - room), waits.eq(crosses)]
        with m.If(request.valid & request.ready):
            m.d.sync += [place.eq(request.payload.address), words.eq(request.payload.words),
                         waits.eq(1)]
        with m.If(~works):
            m.d.sync += waits.eq(0)

    def _give(self, m: Module, works: Signal, issues: Signal, crosses: Signal) -> Signal:
        """Words as they come; those that end a burst but not its request are not its last."""
        word = data.StructLayout({"data": self.spec.port_bits, "failed": 1, "last": 1})
        m.submodules.words = held = RegisterSlice(word)
        halves = Signal(BURSTS, name="first_halves")
        into, out = (Signal(range(BURSTS), name=name) for name in ("half_in", "half_out"))
        head, taken = held.o, Signal(name="taken")
        given = held.i.payload
        m.d.comb += [
            given.data.eq(self.rdata), given.failed.eq(self.rresp != OKAY),
            given.last.eq(self.rlast), held.i.valid.eq(self.rvalid),
            self.rready.eq(held.i.ready),
            self.memory.payload.data.eq(head.payload.data),
            self.memory.payload.last.eq(head.payload.last & ~halves.bit_select(out, 1)),
            self.memory.valid.eq(head.valid & works & ~head.payload.failed),
            head.ready.eq(self.memory.ready | ~works), taken.eq(head.valid & head.ready)]
        with m.If(issues):
            m.d.sync += [halves.bit_select(into, 1).eq(crosses), into.eq(into + 1)]
        with m.If(self.quiet):
            m.d.sync += out.eq(into)
        with m.Elif(taken & head.payload.last):
            m.d.sync += out.eq(out + 1)
        # The loader takes a word only when all before it were found good: errors keep their order.
        with m.If(~self.run):
            m.d.sync += self.fault.eq(0)
        with m.Elif(taken & works & head.payload.failed):
            m.d.sync += self.fault.eq(1)
        return taken
