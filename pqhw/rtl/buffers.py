"""Buffers between engine parts: replay a row, let a pipeline stand still."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, WritePort
from amaranth.lib.wiring import In, Out

from .memory import memory_attributes
from .sums import count_up, delayed
from .target import Target

__all__ = ["Replay", "Outlet", "beside"]


class Replay(wiring.Component):
    """Takes a row of `groups` transfers and plays it `repeats` times, or several rows side by side.

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
    rows:
        Rows that are taken one after another and played at once; from 2 on `o` holds a transfer
        of each, and there must be repeats.

    Latency and cost
    ----------------
    With repeats = 1, or groups = 1: `registered` cycles, width flip-flops. Otherwise a row comes
    out two cycles after its last transfer went in; 2 * 2**ceil(log2 groups) words of small memory
    for each of the rows, and about 20 LUT4.
    """

    def __init__(self, width: int, groups: int, repeats: int, *, registered: bool = False,
                 rows: int = 1):
        self.groups = groups
        self.repeats = repeats
        self.registered = registered
        self.rows = rows
        played = data.ArrayLayout(width, rows) if rows > 1 else width
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(played))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.repeats == 1:
            wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
        elif self.groups == 1 and self.rows == 1:
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
        writers, readers = [], []
        for index in range(self.rows):
            memory = Memory(shape=unsigned(len(self.i.payload)), depth=2 << bits, init=[],
                            attrs=memory_attributes(platform.small_memory))
            m.submodules["rows" if self.rows == 1 else f"rows{index}"] = memory
            writer = memory.write_port()
            reader = memory.read_port()
            writers.append(writer)
            readers.append(reader)
        some, both = Signal(name="some_full"), Signal(name="both_full")
        write_index = Signal(range(self.groups), name="write_index")
        write_bank = Signal(name="write_bank")
        read_index = Signal(range(self.groups), name="read_index")
        read_bank = Signal(name="read_bank")
        repeat = Signal(range(self.repeats), name="repeat")
        valid = Signal(name="valid")
        step = Signal(name="step")
        write_ends = Signal(name="write_ends")
        read_ends = Signal(name="read_ends")
        m.d.comb += self.i.ready.eq(~both)
        for writer in writers:
            m.d.comb += [writer.addr[:bits].eq(write_index), writer.addr[bits].eq(write_bank),
                         writer.data.eq(self.i.payload)]
        write, row_ends = self._write(m, writers, write_index)
        m.d.comb += [write_ends.eq(row_ends), step.eq((~valid | self.o.ready) & some)]
        for reader in readers:
            m.d.comb += [reader.addr[:bits].eq(read_index), reader.addr[bits].eq(read_bank),
                         reader.en.eq(step)]
        m.d.comb += [
            read_ends.eq(step & (read_index == self.groups - 1) & (repeat == self.repeats - 1)),
            self.o.valid.eq(valid),
            Value.cast(self.o.payload).eq(
                Cat(reader.data for reader in readers) if self.rows > 1 else readers[0].data)]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(step):
            m.d.sync += [valid.eq(1), read_index.eq(read_index + 1)]
            with m.If(read_index == self.groups - 1):
                m.d.sync += [read_index.eq(0), repeat.eq(repeat + 1)]
        with m.If(write):
            m.d.sync += write_index.eq(write_index + 1)
            if self.rows > 1:
                with m.If(write_index == self.groups - 1):
                    m.d.sync += write_index.eq(0)
        with m.If(write_ends):
            m.d.sync += [write_index.eq(0), write_bank.eq(~write_bank)]
        with m.If(read_ends):
            m.d.sync += [repeat.eq(0), read_bank.eq(~read_bank)]
        with m.If(write_ends & ~read_ends):
            m.d.sync += [both.eq(some), some.eq(1)]
        with m.Elif(read_ends & ~write_ends):
            m.d.sync += [some.eq(both), both.eq(0)]

    def _write(self, m: Module, writers: list[WritePort],
               index: Value) -> tuple[Value, Value]:
        """Write to the memory of each row in turn; returns whether that is done at all, and
        whether the last of the rows is complete with it."""
        if self.rows == 1:
            m.d.comb += writers[0].en.eq(self.i.valid & self.i.ready)
            return writers[0].en, writers[0].en & (index == self.groups - 1)
        write = Signal(name="write")
        row = Signal(range(self.rows), name="row")
        row_ends = Signal(name="row_ends")
        m.d.comb += [write.eq(self.i.valid & self.i.ready),
                     row_ends.eq(write & (index == self.groups - 1))]
        m.d.comb += [writer.en.eq(write & (row == number)) for number, writer in enumerate(writers)]
        count_up(m, row, self.rows, row_ends)
        return write, row_ends & (row == self.rows - 1)


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
