"""The index of the largest value of a row."""

from amaranth.hdl import Const, Module, Mux, Signal, Value

from ..sums import count_up
from ..target import Target
from .base import Node, lanes_of

__all__ = ["ArgMaxNode"]


class ArgMaxNode(Node):
    """Compares a row's values as they come; the lowest index wins a draw.

    Latency and cost
    ----------------
    A cycle, a transfer per cycle. Per lane a comparison and a multiplexer of value and index; the
    largest so far and its index in registers.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        given, made = self.part.inputs[0], self.part.results
        (source,) = self.inputs
        transfers, lanes = given.unit_transfers, given.lanes
        reach = given.elements - (transfers - 1) * lanes
        place = Signal(range(transfers), name="place")
        final = Signal(name="final")
        enable, outlet = self.pipeline(m, source.valid & final, 1)
        m.d.comb += [source.ready.eq(outlet.moves), final.eq(place == transfers - 1)]
        step = enable & source.valid
        count_up(m, place, transfers, step)
        best = Signal(given.range.bits + 1, name="best", reset_less=True)
        index = Signal(made.range.bits, name="index", reset_less=True)
        # Above every value stands whether there is one; so nothing is less than anything.
        leads: tuple[Value, Value] = (Mux(place == 0, 0, best), index)
        for lane, value in enumerate(lanes_of(source)):
            offset = value - Const(given.range.low)
            there = ~final if lane >= reach else Const(1, 1)
            rank = Signal(given.range.bits + 1, name=f"rank{lane}")
            m.d.comb += rank.eq(Mux(there, (1 << given.range.bits) | offset[:given.range.bits], 0))
            here = Signal(made.range.bits, name=f"here{lane}")
            m.d.comb += here.eq(place * lanes + lane)
            wins = rank > leads[0]
            leads = Mux(wins, rank, leads[0]), Mux(wins, here, leads[1])
        with m.If(step):
            m.d.sync += [best.eq(leads[0]), index.eq(leads[1])]
        m.d.comb += [outlet.i.data.eq(index), outlet.i.last.eq(1)]
        return m
