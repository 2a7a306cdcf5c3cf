"""Rows between AXI4-Stream, where integers take whole bytes, and the accelerator's own streams."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from ...spec.ports import RowPort
from ...spec.registers import BusPort
from ..streams import row_layout, row_stream
from ..target import Target
from .slice import RegisterSlice

__all__ = ["RowsFromBus", "RowsToBus", "row_members"]


def row_members(rows: RowPort, *, target: bool, precision_bits: int = 0) -> dict[str, Member]:
    """The signals of an AXI4-Stream of rows, by their names in the standard.

    `target` says whether rows come in; `tuser`, a row's precision, is there where rows choose.
    """
    there, back = (In, Out) if target else (Out, In)
    size = BusPort(rows).data_bytes
    return {"tdata": there(8 * size), "tkeep": there(size), "tlast": there(1),
            **({"tuser": there(precision_bits)} if precision_bits else {}),
            "tvalid": there(1), "tready": back(1)}


class RowsFromBus(wiring.Component):
    """Takes rows from AXI4-Stream.

    Every integer stands in bytes of its own. TKEEP must be all ones, but for lanes past a row's
    end in its last transfer. An integer of which a byte is left out counts as 0, and of one that
    does not fit only the lower bits count; both are told.

    Parameters
    ----------
    rows:
        What the accelerator takes.
    precision_bits:
        Bits of a row's precision, where rows choose.

    Members
    -------
    tdata ... tready: see `row_members`
    o: rows
    keep_fault, value_fault: pulse after a transfer in which an integer of a row was left out, or
        did not fit

    Latency and cost
    ----------------
    One cycle. A `RegisterSlice` of the bits that count; per integer a LUT4 or two to look at its
    unused bits, and one per bit where integers can be left out.
    """

    def __init__(self, rows: RowPort, precision_bits: int = 0):
        self.rows = rows
        self.precision_bits = precision_bits
        super().__init__({
            **row_members(rows, target=True, precision_bits=precision_bits),
            "o": Out(row_stream(rows.range, rows.lanes, precision_bits=precision_bits)),
            "keep_fault": Out(1), "value_fault": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.slice = held = RegisterSlice(
            row_layout(self.rows.range, self.rows.lanes, precision_bits=self.precision_bits))
        wiring.connect(m, held.o, wiring.flipped(self.o))
        size, bits = BusPort(self.rows).lane_bytes, self.rows.range.bits
        missing, unfit = (Signal(self.rows.lanes, name=name) for name in ("missing", "unfit"))
        reach = BusPort(self.rows).reach
        for lane in range(self.rows.lanes):
            whole = self.tdata.word_select(lane, 8 * size)
            kept = self.tkeep.word_select(lane, size).all()
            counts = ~self.tlast if lane >= reach else 1
            m.d.comb += [
                Value.cast(held.i.payload.data[lane]).eq(Mux(kept, whole[:bits], 0)),
                missing[lane].eq(~kept & counts),
                unfit[lane].eq(kept & counts & self._unfit(whole))]
        m.d.comb += [held.i.payload.last.eq(self.tlast), held.i.valid.eq(self.tvalid),
                     self.tready.eq(held.i.ready)]
        if self.precision_bits:
            m.d.comb += held.i.payload.precision.eq(self.tuser)
        takes = self.tvalid & self.tready
        m.d.sync += [self.keep_fault.eq(takes & missing.any()),
                     self.value_fault.eq(takes & unfit.any())]
        return m

    def _unfit(self, whole: Value) -> Value:
        """Whether the bits above those that count are other than zeros or copies of the sign."""
        bits = self.rows.range.bits
        if self.rows.range.signed:
            return (whole[bits - 1:] != 0) & ~whole[bits - 1:].all()
        return whole[bits:] != 0


class RowsToBus(wiring.Component):
    """Gives rows out as AXI4-Stream.

    Every integer is extended to whole bytes. TKEEP is all ones, but for lanes past a row's end in
    its last transfer, whose bytes are 0.

    Parameters
    ----------
    rows:
        What the accelerator gives.

    Members
    -------
    i: rows
    tdata ... tready: see `row_members`
    flush: as of `RegisterSlice`

    Latency and cost
    ----------------
    One cycle. A `RegisterSlice`.
    """

    def __init__(self, rows: RowPort):
        self.rows = rows
        super().__init__({"i": In(row_stream(rows.range, rows.lanes)), "flush": In(1),
                          **row_members(rows, target=False)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.slice = held = RegisterSlice(row_layout(self.rows.range, self.rows.lanes))
        wiring.connect(m, wiring.flipped(self.i), held.i)
        bus = BusPort(self.rows)
        payload = held.o.payload
        lanes: list[Value] = []
        keep: list[Value] = []
        for lane in range(self.rows.lanes):
            whole = Signal(bus.lane_bytes * 8, name=f"lane{lane}")
            there = Signal(name=f"keep{lane}")
            m.d.comb += [there.eq(~payload.last if lane >= bus.reach else 1),
                         whole.eq(Mux(there, payload.data[lane], 0))]
            lanes.append(whole)
            keep.append(there.replicate(bus.lane_bytes))
        m.d.comb += [self.tdata.eq(Cat(lanes)), self.tkeep.eq(Cat(keep)),
                     self.tlast.eq(payload.last), self.tvalid.eq(held.o.valid),
                     held.o.ready.eq(self.tready), held.flush.eq(self.flush)]
        return m
