"""Buffers between engine parts: replay a row, split transfers, collect transfers."""

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec.gearbox import GearboxSpec
from ..spec.ranges import Range
from .memory import memory_attributes
from .streams import row_stream
from .sums import delayed
from .target import Target

__all__ = ["Replay", "Splitter", "Collector", "Outlet", "Gearbox", "beside"]


class Replay(wiring.Component):
    """Takes a row of `groups` transfers and plays it `repeats` times.

    One row is played while the next is taken, so that neither side waits. A single transfer is
    held at the input, or, where the source needs the time to make the next, in a register.

    Parameters
    ----------
    width:
        Bits of a transfer.
    groups, repeats:
        Transfers of a row, and how often the row is played.
    registered:
        Whether a single transfer is held in a register.

    Latency and cost
    ----------------
    With repeats = 1, or groups = 1: `registered` cycles, width flip-flops. Otherwise a row comes
    out two cycles after its last transfer went in; 2 * 2**ceil(log2 groups) words of small memory
    and about 20 LUT4.
    """

    def __init__(self, width: int, groups: int, repeats: int, *, registered: bool = False):
        self.groups = groups
        self.repeats = repeats
        self.registered = registered
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.repeats == 1:
            wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
        elif self.groups == 1:
            self._hold(m)
        else:
            self._store(m, platform)
        return m

    def _hold(self, m: Module) -> None:
        repeat = Signal(range(self.repeats), name="repeat")
        final = Signal(name="final")
        m.d.comb += final.eq(repeat == self.repeats - 1)
        if self.registered:
            held = Signal.like(self.i.payload, name="held", reset_less=True)
            full = Signal(name="full")
            m.d.comb += [self.o.payload.eq(held), self.o.valid.eq(full),
                         self.i.ready.eq(~full | (self.o.ready & final))]
            with m.If(self.i.ready):
                m.d.sync += [full.eq(self.i.valid), held.eq(self.i.payload)]
        else:
            m.d.comb += [self.o.payload.eq(self.i.payload), self.o.valid.eq(self.i.valid),
                         self.i.ready.eq(self.o.ready & final)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += repeat.eq(repeat + 1)
            with m.If(final):
                m.d.sync += repeat.eq(0)

    def _store(self, m: Module, platform: Target) -> None:
        bits = (self.groups - 1).bit_length()
        m.submodules.rows = rows = Memory(shape=unsigned(len(self.i.payload)), depth=2 << bits,
                                          init=[], attrs=memory_attributes(platform.small_memory))
        writer = rows.write_port()
        reader = rows.read_port()
        full = Signal(2, name="full")
        write_index = Signal(range(self.groups), name="write_index")
        write_bank = Signal(name="write_bank")
        read_index = Signal(range(self.groups), name="read_index")
        read_bank = Signal(name="read_bank")
        repeat = Signal(range(self.repeats), name="repeat")
        valid = Signal(name="valid")
        step = Signal(name="step")
        write_ends = Signal(name="write_ends")
        read_ends = Signal(name="read_ends")
        m.d.comb += [
            self.i.ready.eq(~full.bit_select(write_bank, 1)),
            writer.addr[:bits].eq(write_index), writer.addr[bits].eq(write_bank),
            writer.data.eq(self.i.payload), writer.en.eq(self.i.valid & self.i.ready),
            write_ends.eq(writer.en & (write_index == self.groups - 1)),
            step.eq((~valid | self.o.ready) & full.bit_select(read_bank, 1)),
            reader.addr[:bits].eq(read_index), reader.addr[bits].eq(read_bank),
            reader.en.eq(step),
            read_ends.eq(step & (read_index == self.groups - 1) & (repeat == self.repeats - 1)),
            self.o.valid.eq(valid), self.o.payload.eq(reader.data),
        ]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(step):
            m.d.sync += [valid.eq(1), read_index.eq(read_index + 1)]
            with m.If(read_index == self.groups - 1):
                m.d.sync += [read_index.eq(0), repeat.eq(repeat + 1)]
        with m.If(writer.en):
            m.d.sync += write_index.eq(write_index + 1)
        with m.If(write_ends):
            m.d.sync += [write_index.eq(0), write_bank.eq(~write_bank),
                         full.bit_select(write_bank, 1).eq(1)]
        with m.If(read_ends):
            m.d.sync += [repeat.eq(0), read_bank.eq(~read_bank),
                         full.bit_select(read_bank, 1).eq(0)]


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
    banked:
        Whether transfers carry a bank.

    Latency and cost
    ----------------
    One cycle. lanes_in * bits flip-flops and (lanes_in - lanes_out) * bits LUT4 of shift
    register, plus a counter.
    """

    def __init__(self, elements: int, range_: Range, lanes_in: int, lanes_out: int,
                 banked: bool = False):
        self.banked = banked
        self.lanes_in = lanes_in
        self.lanes_out = lanes_out
        self.parts = lanes_in // lanes_out
        tail = (elements - 1) % lanes_in + 1
        self.tail_parts = -(-tail // lanes_out)
        super().__init__({"i": In(row_stream(range_, lanes_in, banked)),
                          "o": Out(row_stream(range_, lanes_out, banked))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        held = Signal(self.i.payload.shape(), name="held", reset_less=True)
        left = Signal(range(self.parts + 1), name="parts_left")
        single = Signal(name="single")
        load = Signal(name="load")
        m.d.comb += [
            single.eq(left == 1),
            self.o.valid.eq(left != 0),
            self.o.payload.last.eq(held.last & single),
            self.i.ready.eq(~self.o.valid | (single & self.o.ready)),
            load.eq(self.i.valid & self.i.ready),
        ]
        if self.banked:
            m.d.comb += self.o.payload.bank.eq(held.bank)
        m.d.comb += [self.o.payload.data[lane].eq(held.data[lane])
                     for lane in range(self.lanes_out)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += left.eq(left - 1)
            m.d.sync += [held.data[lane].eq(held.data[lane + self.lanes_out])
                         for lane in range(self.lanes_in - self.lanes_out)]
        with m.If(load):
            m.d.sync += [held.eq(self.i.payload), left.eq(self.parts)]
            if self.tail_parts < self.parts:
                with m.If(self.i.payload.last):
                    m.d.sync += left.eq(self.tail_parts)
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
    banked:
        Whether transfers carry a bank.

    Latency and cost
    ----------------
    A transfer comes out one cycle after its last part went in. (2 * lanes_out - lanes_in) * bits
    flip-flops with enables and resets, and about lanes_out / lanes_in + 6 LUT4.
    """

    def __init__(self, elements: int, range_: Range, lanes_in: int, lanes_out: int,
                 banked: bool = False):
        self.banked = banked
        self.lanes_in = lanes_in
        self.parts = lanes_out // lanes_in
        self.completing = {self.parts - 1, (-(-elements // lanes_in) - 1) % self.parts}
        super().__init__({"i": In(row_stream(range_, lanes_in, banked)),
                          "o": Out(row_stream(range_, lanes_out, banked))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        part = Signal(range(self.parts), name="part")
        full = Signal(name="full")
        completes = Signal(name="completes")
        take = Signal(name="take")
        held = Signal(self.o.payload.shape(), name="held", reset_less=True)
        early = Signal(self.o.payload.data.shape(), name="early")
        m.d.comb += [
            completes.eq(self.i.payload.last | (part == self.parts - 1)),
            self.i.ready.eq(~completes | ~full | self.o.ready),
            take.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(full),
            self.o.payload.eq(held),
        ]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(take):
            m.d.sync += part.eq(part + 1)
            with m.If(completes):
                m.d.sync += [part.eq(0), full.eq(1), held.last.eq(self.i.payload.last)]
                if self.banked:
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
            with m.If(take & completes):
                m.d.sync += early.eq(0)


class Outlet(wiring.Component):
    """The end of a pipeline that stands still as a whole: one spare place in front of a stream.

    While the stream is held up, one transfer moves to the spare place and the pipeline stops. So
    `enable` comes straight from a flip-flop and can reach thousands of clock enables in a cycle.

    Parameters
    ----------
    shape:
        What a transfer holds.

    Members
    -------
    i, valid: what the pipeline's last stage holds
    enable: the pipeline advances
    moves: the same from a flip-flop of its own, for the handshake in front of the pipeline, which
        would wait for a signal that reaches every stage
    o: the transfers as a stream

    Latency and cost
    ----------------
    None. Per bit a flip-flop and a LUT4.
    """

    def __init__(self, shape):
        super().__init__({"i": In(shape), "valid": In(1), "enable": Out(1, init=1),
                          "moves": Out(1), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spare = Signal.like(self.i, name="spare", reset_less=True)
        m.d.comb += [self.o.valid.eq(~self.enable | self.valid),
                     self.o.payload.eq(Mux(self.enable, self.i, spare))]
        held = Signal(name="held")  # Not `enable` again, which synthesis would merge with it.
        m.d.sync += [self.enable.eq(self.o.ready | ~self.o.valid),
                     held.eq(self.o.valid & ~self.o.ready)]
        m.d.comb += self.moves.eq(~held)
        with m.If(self.enable):
            m.d.sync += spare.eq(self.i)
        return m


def beside(m: Module, outlet: Outlet, value: Value, stages: int, name: str) -> Value:
    """`value`, which enters a pipeline of `stages` registers, as it leaves through its outlet."""
    value = delayed(m, outlet.enable, value, stages, name)[-1]
    spare = Signal.like(value, name=f"{name}_spare", reset_less=True)
    with m.If(outlet.enable):
        m.d.sync += spare.eq(value)
    return Mux(outlet.enable, value, spare)


class Gearbox(wiring.Component):
    """Regroups rows from one number of lanes to another.

    Where the lanes agree, one transfer is held: the engine in front must not stand still as a
    whole while the one behind works on a transfer, or both lose cycles.

    Latency and cost
    ----------------
    Those of a splitter, a collector or both; where the lanes agree, those of a splitter in one.
    Where rows leave with another length, `last` is right only if they are collected.
    """

    def __init__(self, spec: GearboxSpec, range_: Range, banked: bool = False):
        self.spec = spec
        self.range = range_
        self.banked = banked
        super().__init__({"i": In(row_stream(range_, spec.lanes_in, banked)),
                          "o": Out(row_stream(range_, spec.lanes_out, banked))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        source = wiring.flipped(self.i)
        if spec.splits or not spec.collects:
            m.submodules.splitter = splitter = Splitter(spec.elements, self.range, spec.lanes_in,
                                                        spec.lanes_between, self.banked)
            wiring.connect(m, source, splitter.i)
            source = splitter.o
        if spec.collects:
            m.submodules.collector = collector = Collector(spec.row_out, self.range,
                                                           spec.lanes_between, spec.lanes_out,
                                                           self.banked)
            last = self._recut(m, source) if spec.recuts else source.payload.last
            m.d.comb += [collector.i.payload.data.eq(source.payload.data),
                         collector.i.payload.last.eq(last),
                         collector.i.valid.eq(source.valid), source.ready.eq(collector.i.ready)]
            if self.banked:
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
