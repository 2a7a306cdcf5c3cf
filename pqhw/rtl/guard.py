"""The outer border for rows: what passes is exactly one complete row after another."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..spec.ports import RowPort
from ..spec.ranges import ceil_log2
from .streams import lanes_layout, row_stream
from .target import Target

__all__ = ["RowGuard"]


class RowGuard(wiring.Component):
    """Takes rows in only while allowed, and mends their framing.

    A row whose `last` comes early is completed with zeros; one whose `last` comes late is cut and
    its rest swallowed. Both are flagged. Lanes that the row does not reach are cleared. A row may
    be an image: units, groups of channels, each in transfers of its own.

    Parameters
    ----------
    rows:
        What enters.
    banked:
        Whether rows carry the copy of the parameters that they use.
    precisions:
        Precisions among which a row chooses.

    Members
    -------
    i: row stream from outside; `ready` is low between rows while `open` is low. With several
        precisions, its `precision` counts with a row's first transfer; one beyond the last is taken
        as the last
    o: lanes, in complete rows of units * ceil(D / lanes) transfers
    open: whether a new row may begin
    idle: no row is under way here
    begins: pulses when a row's first transfer is taken
    row: pulses a cycle after a row's last transfer has left
    short, long: pulse a cycle after a row was found too short or too long
    bank, o_bank: the bank in use now, and that of the row at `o`: the one in use when it began
    o_precision, wait: the precision of the row at `o`; no row may begin, as precisions of so many
        rows are kept (with several precisions)

    Latency and cost
    ----------------
    One cycle, full throughput. lanes * bits flip-flops, cleared by their synchronous reset, and
    about 10 LUT4 of control.
    """

    def __init__(self, rows: RowPort, banked: bool = False, precisions: int = 1):
        self.rows = rows
        self.precisions = precisions
        self.precision_bits = ceil_log2(precisions)
        self.banked = banked
        range_, lanes = rows.range, rows.lanes
        super().__init__({
            "i": In(row_stream(range_, lanes, precision_bits=self.precision_bits)),
            "o": Out(stream.Signature(lanes_layout(range_, lanes))),
            "open": In(1), "idle": Out(1), "begins": Out(1), "row": Out(1),
            "short": Out(1), "long": Out(1),
            **({"bank": In(1), "o_bank": Out(1)} if banked else {}),
            **({"o_precision": Out(self.precision_bits), "wait": In(1)} if precisions > 1 else {}),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        lanes, units, transfers = self.rows.lanes, self.rows.units, self.rows.unit_transfers
        final = transfers - 1
        reach = self.rows.elements - final * lanes
        index = Signal(range(transfers), name="index")
        filling = Signal(name="filling")
        draining = Signal(name="draining")
        full = Signal(name="full")
        unit = Signal(range(units), name="unit")
        begun = Signal(name="begun")
        tail = Signal(name="tail")
        ends = Signal(name="ends")
        held = Signal(name="held_ends")
        room = Signal(name="room")
        short, long = Signal(name="is_short"), Signal(name="is_long")
        take = Signal(name="take")
        data = [Signal(shape.width, name=f"lane{i}", reset_less=True)
                for i, shape in enumerate([self.o.payload[0].shape()] * lanes)]
        may_begin = self.open & ~self.wait if self.precisions > 1 else self.open
        m.d.comb += [
            room.eq(~full | self.o.ready),
            tail.eq(index == final),
            ends.eq(tail & (unit == units - 1)),
            take.eq(self.i.valid & self.i.ready & ~draining),
            self.i.ready.eq(draining | (room & ~filling & (may_begin | begun))),
            self.o.valid.eq(full),
            self.begins.eq(take & ~begun),
            self.idle.eq(~full & ~begun & ~draining & ~self.row),
            short.eq(take & self.i.payload.last & ~ends),
            long.eq(take & ~self.i.payload.last & ends),
        ]
        m.d.sync += [self.row.eq(full & self.o.ready & held), self.short.eq(short),
                     self.long.eq(long)]
        with m.If(room):
            m.d.sync += [full.eq(take | filling), held.eq(ends)]
            with m.If(take | filling):
                m.d.sync += [index.eq(index + 1), begun.eq(~ends)]
                with m.If(tail):
                    m.d.sync += [index.eq(0), unit.eq(unit + 1)]
                with m.If(ends):
                    m.d.sync += [unit.eq(0), filling.eq(0)]
        if self.banked:
            with m.If(self.begins):
                m.d.sync += self.o_bank.eq(self.bank)
        if self.precisions > 1:
            asked = self.i.payload.precision
            with m.If(self.begins):
                m.d.sync += self.o_precision.eq(
                    Mux(asked < self.precisions, asked, self.precisions - 1))
        with m.If(short):
            m.d.sync += filling.eq(1)
        with m.If(long):
            m.d.sync += draining.eq(1)
        with m.If(draining & self.i.valid & self.i.payload.last):
            m.d.sync += draining.eq(0)
        for lane, register in enumerate(data):
            cleared = filling | tail if lane >= reach else filling
            m.d.comb += self.o.payload[lane].eq(register)
            with m.If(room):
                m.d.sync += register.eq(self.i.payload.data[lane])
                with m.If(cleared):
                    m.d.sync += register.eq(0)
        return m
