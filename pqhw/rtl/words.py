"""Between bytes of a serial link and the transfers of an accelerator's streams."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.design import Design
from ..spec.ranges import ceil_div
from .loader import load_stream
from .streams import row_stream
from .sums import count_up
from .target import Target

__all__ = ["BytesToTransfers", "TransfersToBytes", "result_bytes", "row_bytes"]


def row_bytes(design: Design) -> int:
    """Bytes of a transfer of rows: its integers, the row's precision behind them, then zeros."""
    rows = design.input
    return ceil_div(rows.lanes * rows.range.bits + design.precision_bits, 8)


def result_bytes(design: Design) -> int:
    """Bytes of a transfer of results: its integers, then zeros."""
    return ceil_div(design.results.lanes * design.results.range.bits, 8)


class BytesToTransfers(wiring.Component):
    """Collects bytes to transfers of rows or words of the parameter image.

    Bytes of a transfer come lowest first. `last` is set on every row's final transfer, by count,
    and on a word of the image while `final` is high.

    Members
    -------
    i: bytes
    to_load: where the byte goes; counts with `i`
    final: no byte of the image follows; holds from a cycle behind the last one until it was taken
    rows, load: what was collected
    idle: nothing waits to be taken

    Latency and cost
    ----------------
    A byte per cycle; a transfer follows its last byte by a cycle. As many flip-flops as the larger
    transfer has bits in whole bytes, counters of its bytes and of a row's transfers, and about
    10 LUT4.
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__({
            "i": In(stream.Signature(8)), "to_load": In(1), "final": In(1),
            "rows": Out(row_stream(design.input.range, design.input.lanes,
                                   precision_bits=design.precision_bits)),
            "load": Out(load_stream(design.load_bits)), "idle": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        design = self.design
        sizes = row_bytes(design), design.load_bits // 8
        word = Signal(8 * max(sizes), name="word", reset_less=True)
        index = Signal(range(max(sizes)), name="index")
        full, loads = Signal(name="full"), Signal(name="loads")
        taken = Signal(name="taken")
        complete = Mux(self.to_load, index == sizes[1] - 1, index == sizes[0] - 1)
        of_rows, of_load = (word[-8 * size:] for size in sizes)
        given = design.input.lanes * design.input.range.bits
        transfer = Signal(range(design.input.transfers), name="transfer")
        count_up(m, transfer, design.input.transfers, self.rows.valid & self.rows.ready)
        m.d.comb += [
            self.i.ready.eq(~full), self.idle.eq(~full),
            self.rows.valid.eq(full & ~loads), self.load.valid.eq(full & loads),
            Value.cast(self.rows.payload.data).eq(of_rows[:given]),
            self.rows.payload.last.eq(transfer == design.input.transfers - 1),
            self.load.payload.data.eq(of_load), self.load.payload.last.eq(self.final),
            taken.eq(Mux(loads, self.load.ready, self.rows.ready)),
        ]
        if design.precision_bits:
            m.d.comb += self.rows.payload.precision.eq(of_rows[given:])
        with m.If(full):
            m.d.sync += full.eq(~taken)
        with m.Elif(self.i.valid):
            m.d.sync += [word.eq(Cat(word[8:], self.i.payload)), index.eq(index + 1),
                         loads.eq(self.to_load)]
            with m.If(complete):
                m.d.sync += [full.eq(1), index.eq(0)]
        return m


class TransfersToBytes(wiring.Component):
    """Cuts transfers of results into bytes, the lowest first; `last` is left out.

    Latency and cost
    ----------------
    A byte per cycle. Nothing where a transfer fits a byte; otherwise a flip-flop and a LUT4 per bit
    and a counter of bytes, and a cycle per transfer to take it.
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__({"i": In(row_stream(design.results.range, design.results.lanes)),
                          "o": Out(stream.Signature(8))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        size = result_bytes(self.design)
        given = Value.cast(self.i.payload.data)
        if size == 1:
            m.d.comb += [self.o.payload.eq(given.as_unsigned()), self.o.valid.eq(self.i.valid),
                         self.i.ready.eq(self.o.ready)]
            return m
        held = Signal(8 * size, name="held", reset_less=True)
        left = Signal(range(size + 1), name="bytes_left")
        m.d.comb += [self.i.ready.eq(left == 0), self.o.valid.eq(left != 0),
                     self.o.payload.eq(held[:8])]
        with m.If(self.i.ready):
            with m.If(self.i.valid):
                m.d.sync += [held.eq(given.as_unsigned()), left.eq(size)]
        with m.Elif(self.o.ready):
            m.d.sync += [held.eq(held >> 8), left.eq(left - 1)]
        return m
