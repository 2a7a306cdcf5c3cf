"""Streams from one number of lanes to another: split transfers, collect transfers, or both."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.gearbox import GearboxSpec
from ..spec.ranges import Range
from .streams import row_stream
from .target import Target

__all__ = ["Splitter", "Collector", "Gearbox"]


class Splitter(wiring.Component):
    """Cuts transfers of a row into smaller ones, a transfer per cycle without gaps.

    Parameters
    ----------
    elements:
        Elements of a row.
    range_:
        Range of an element.
    lanes_in, lanes_out:
        Elements per transfer; `lanes_out` divides `lanes_in`.
    bank_bits:
        Bits of the bank that transfers carry; 0 for none.
    together:
        Both sides move with `o.ready`, and only with it: a pipeline's enable.

    Latency and cost
    ----------------
    One cycle. lanes_in * bits flip-flops and (lanes_in - lanes_out) * bits LUT4 of shift
    register, plus a counter and what is known of it a cycle ahead. What is held is chosen by
    flip-flops alone, whether a transfer comes or not: what comes with `valid` low is not used.
    """

    def __init__(self, elements: int, range_: Range, lanes_in: int, lanes_out: int,
                 bank_bits: int = 0, *, together: bool = False):
        self.bank_bits = bank_bits
        self.together = together
        self.lanes_in = lanes_in
        self.lanes_out = lanes_out
        self.parts = lanes_in // lanes_out
        tail = (elements - 1) % lanes_in + 1
        self.tail_parts = -(-tail // lanes_out)
        super().__init__({"i": In(row_stream(range_, lanes_in, bank_bits)),
                          "o": Out(row_stream(range_, lanes_out, bank_bits))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        held = Signal(self.i.payload.shape(), name="held", reset_less=True)
        left = Signal(range(self.parts + 1), name="parts_left")
        some, single = Signal(name="some_left"), Signal(name="single_left")
        moves, open_ = Signal(name="moves"), Signal(name="open")
        m.d.comb += [
            self.o.valid.eq(some),
            self.o.payload.last.eq(held.last & single),
            open_.eq(~some | single),
            moves.eq(self.o.ready if self.together else ~some | self.o.ready),
            self.i.ready.eq(open_ & moves),
        ]
        if self.bank_bits:
            m.d.comb += self.o.payload.bank.eq(held.bank)
        m.d.comb += [self.o.payload.data[lane].eq(held.data[lane])
                     for lane in range(self.lanes_out)]
        with m.If(moves):
            with m.If(open_):
                m.d.sync += [held.eq(self.i.payload), some.eq(self.i.valid), left.eq(self.parts),
                             single.eq(self.parts == 1)]
                if self.tail_parts < self.parts:
                    with m.If(self.i.payload.last):
                        m.d.sync += [left.eq(self.tail_parts), single.eq(self.tail_parts == 1)]
            with m.Else():
                m.d.sync += [left.eq(left - 1), single.eq(left == 2)]
                m.d.sync += [held.data[lane].eq(held.data[lane + self.lanes_out])
                             for lane in range(self.lanes_in - self.lanes_out)]
        return m


class Collector(wiring.Component):
    """Puts transfers of a row together to larger ones; a row's end leaves the rest zero.

    The next transfer is collected while the last one waits to be taken.

    Parameters
    ----------
    elements:
        Elements of a row.
    range_:
        Range of an element.
    lanes_in, lanes_out:
        Elements per transfer; `lanes_in` divides `lanes_out`.
    bank_bits:
        Bits of the bank that transfers carry; 0 for none.

    Latency and cost
    ----------------
    A transfer comes out one cycle after its last part went in. (2 * lanes_out - lanes_in) * bits
    flip-flops with enables, and resets where a row may end before them, and about
    lanes_out / lanes_in + 6 LUT4.
    """

    def __init__(self, elements: int, range_: Range, lanes_in: int, lanes_out: int,
                 bank_bits: int = 0):
        self.bank_bits = bank_bits
        self.lanes_in = lanes_in
        self.parts = lanes_out // lanes_in
        self.completing = {self.parts - 1, (-(-elements // lanes_in) - 1) % self.parts}
        self.ends_early = len(self.completing) > 1
        super().__init__({"i": In(row_stream(range_, lanes_in, bank_bits)),
                          "o": Out(row_stream(range_, lanes_out, bank_bits))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        part = Signal(range(self.parts), name="part")
        final = Signal(name="final_part")
        full = Signal(name="full")
        completes = Signal(name="completes")
        take = Signal(name="take")
        held = Signal(self.o.payload.shape(), name="held", reset_less=True)
        early = Signal(self.o.payload.data.shape(), name="early")
        m.d.comb += [
            completes.eq(final | self.i.payload.last if self.ends_early else final),
            self.i.ready.eq(~completes | ~full | self.o.ready),
            take.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(full),
            self.o.payload.eq(held),
        ]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(take):
            m.d.sync += [part.eq(part + 1), final.eq(part == self.parts - 2)]
            with m.If(completes):
                m.d.sync += [part.eq(0), final.eq(0), full.eq(1), held.last.eq(self.i.payload.last)]
                if self.bank_bits:
                    m.d.sync += held.bank.eq(self.i.payload.bank)
        for index in range(self.parts):
            for lane in range(self.lanes_in):
                self._slot(m, index, self.i.payload.data[lane], take, completes, part,
                           early[index * self.lanes_in + lane],
                           held.data[index * self.lanes_in + lane])
        return m

    def _slot(self, m: Module, index, value, take, completes, part, early, held) -> None:
        """One lane of part `index`: gathered early, or passed on with the completing part."""
        here = part == index
        with m.If(take & completes):
            m.d.sync += held.eq(early)
            if index in self.completing:
                with m.If(here):
                    m.d.sync += held.eq(value)
        if index < self.parts - 1:
            with m.If(take & here):
                m.d.sync += early.eq(value)
            if index > min(self.completing):
                with m.If(take & completes):
                    m.d.sync += early.eq(0)


class Gearbox(wiring.Component):
    """Regroups rows from one number of lanes to another.

    Where the lanes agree, one transfer is held: the engine in front must not stand still as a
    whole while the one behind works on a transfer, or both lose cycles.

    Latency and cost
    ----------------
    Those of a splitter, a collector or both; where the lanes agree, those of a splitter in one.
    Where rows leave with another length, `last` is right only if they are collected.
    """

    def __init__(self, spec: GearboxSpec, range_: Range, bank_bits: int = 0):
        self.spec = spec
        self.range = range_
        self.bank_bits = bank_bits
        super().__init__({"i": In(row_stream(range_, spec.lanes_in, bank_bits)),
                          "o": Out(row_stream(range_, spec.lanes_out, bank_bits))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        source = wiring.flipped(self.i)
        if spec.splits or not spec.collects:
            m.submodules.splitter = splitter = Splitter(spec.elements, self.range, spec.lanes_in,
                                                        spec.lanes_between, self.bank_bits)
            wiring.connect(m, source, splitter.i)
            source = splitter.o
        if spec.collects:
            m.submodules.collector = collector = Collector(spec.row_out, self.range,
                                                           spec.lanes_between, spec.lanes_out,
                                                           self.bank_bits)
            last = self._recut(m, source) if spec.recuts else source.payload.last
            m.d.comb += [collector.i.payload.data.eq(source.payload.data),
                         collector.i.payload.last.eq(last),
                         collector.i.valid.eq(source.valid), source.ready.eq(collector.i.ready)]
            if self.bank_bits:
                m.d.comb += collector.i.payload.bank.eq(source.payload.bank)
            source = collector.o
        wiring.connect(m, source, wiring.flipped(self.o))
        return m

    def _recut(self, m: Module, source) -> Value:
        """Whether a transfer in the middle ends a row that leaves."""
        transfers = self.spec.row_out // self.spec.lanes_between
        index = Signal(range(transfers), name="index")
        with m.If(source.valid & source.ready):
            m.d.sync += index.eq(index + 1)
            with m.If(index == transfers - 1):
                m.d.sync += index.eq(0)
        return index == transfers - 1
