"""Precisions of rows on their way through a chain, for the stages behind the first."""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec import EngineSpec
from ..spec.ranges import ceil_div, ceil_log2
from .memory import memory_attributes
from .sums import count_up
from .target import Target

__all__ = ["PrecisionQueue", "rows_on_the_way"]


def rows_on_the_way(stages: Sequence[EngineSpec]) -> int:
    """Rows that stages may hold when nothing stalls: in pipelines, two in every replay, and one or
    two in every gearbox."""
    rows = 4
    for spec in stages:
        least = min(map(spec.cycles_at, range(spec.precision_count)))
        rows += 5 + ceil_div(spec.latency or 0, least)
    return rows


class PrecisionQueue(wiring.Component):
    """Keeps the precisions of rows from the border to the stage that uses them.

    A row reaches the stage several cycles after it began, so its precision is there.

    Parameters
    ----------
    bits:
        Bits of a precision.
    rows:
        Rows under way at most, rounded up to a power of two.

    Members
    -------
    begins: a row has begun in the cycle before, of `precision`
    full: no row may begin
    ends: a row's last transfer enters the stage
    head: the precision of the row whose transfers enter the stage

    Latency and cost
    ----------------
    A small memory of `rows` words and three counters.
    """

    def __init__(self, bits: int, rows: int):
        self.bits = bits
        self.rows = 1 << ceil_log2(max(4, rows))
        super().__init__({"begins": In(1), "precision": In(bits), "full": Out(1),
                          "ends": In(1), "head": Out(bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        m.submodules.kept = kept = Memory(shape=unsigned(self.bits), depth=self.rows, init=[],
                                          attrs=memory_attributes(platform.small_memory))
        writer, reader = kept.write_port(), kept.read_port()
        write, read = (Signal(range(self.rows), name=name) for name in ("write", "read"))
        count = Signal(range(self.rows + 1), name="count")
        m.d.comb += [
            writer.addr.eq(write), writer.data.eq(self.precision), writer.en.eq(self.begins),
            reader.addr.eq(Mux(self.ends, read + 1, read)), self.head.eq(reader.data),
            # One place is spare, as a row may begin while the one before is counted.
            self.full.eq(count >= self.rows - 2),
        ]
        count_up(m, write, self.rows, self.begins)
        count_up(m, read, self.rows, self.ends)
        m.d.sync += count.eq(count + self.begins - self.ends)
        return m
