"""Nodes that move integers about: every so many pixels, channels of zero, channels of many."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from ...spec.network.nodes import Concat, PadChannels, Subsample
from ...spec.ranges import ceil_div
from ..sums import count_up
from ..target import Target
from .base import Node, ends_of_units, moves

__all__ = ["ConcatNode", "PadNode", "SubsampleNode"]


class SubsampleNode(Node):
    """Lets every so many pixels pass, and swallows the others.

    Latency and cost
    ----------------
    None; counters of a pixel's transfers, of columns and rows.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        op, given, (source,) = self.part.node.op, self.part.inputs[0], self.inputs
        assert isinstance(op, Subsample)
        height, width, _ = given.shape
        step = moves(source)
        ends = ends_of_units(m, given, step, "place")
        column, row_ends = self._axis(m, width, op.stride[1], step & ends, "column")
        row, _ = self._axis(m, height, op.stride[0], step & ends & row_ends, "row")
        keeps = Signal(name="keeps")
        m.d.comb += [keeps.eq(column & row), self.o.valid.eq(source.valid & keeps),
                     source.ready.eq(self.o.ready | ~keeps),
                     self.o.payload.data.eq(source.payload.data), self.o.payload.last.eq(ends)]
        return m

    @staticmethod
    def _axis(m: Module, size: int, stride: int, step: Value, name: str) -> tuple[Value, Value]:
        """Whether a row or a column is kept, and whether it is the last."""
        place, phase = Signal(range(size), name=name), Signal(range(stride), name=f"{name}_phase")
        last = place == size - 1
        count_up(m, place, size, step)
        if stride > 1:
            with m.If(step):
                m.d.sync += phase.eq(Mux(last | (phase == stride - 1), 0, phase + 1))
        return phase == 0, last


class PadNode(Node):
    """Transfers of zeros before and behind those of a pixel.

    Nothing leaves before the pixel's first transfer waits, so that no image begins early.

    Latency and cost
    ----------------
    None; a counter of a pixel's transfers and a LUT4 per bit.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        op, given, made = self.part.node.op, self.part.inputs[0], self.part.results
        assert isinstance(op, PadChannels)
        (source,) = self.inputs
        before = op.before // given.lanes
        behind = before + given.unit_transfers
        transfers = behind + ceil_div(op.after, given.lanes)
        place = Signal(range(transfers), name="place")
        count_up(m, place, transfers, moves(self.o))
        passes, follows = Signal(name="passes"), Signal(name="follows")
        m.d.comb += [
            passes.eq((place >= before) & (place < behind)), follows.eq(place >= behind),
            self.o.valid.eq(source.valid | follows), source.ready.eq(self.o.ready & passes),
            self.o.payload.last.eq(place == transfers - 1)]
        with m.If(passes):
            m.d.comb += self.o.payload.data.eq(source.payload.data)
        assert transfers == made.unit_transfers
        return m


class ConcatNode(Node):
    """A pixel's transfers of one input after another.

    Latency and cost
    ----------------
    None; counters of a pixel's transfers and of inputs, and a multiplexer of the inputs per bit.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        assert isinstance(self.part.node.op, Concat)
        made, ports = self.part.results, self.inputs
        place = Signal(range(made.unit_transfers), name="place")
        count_up(m, place, made.unit_transfers, moves(self.o))
        which = Signal(range(len(ports)), name="which")
        end = 0
        for index, (port, given) in enumerate(zip(ports, self.part.inputs)):
            end += given.unit_transfers
            m.d.comb += port.ready.eq((which == index) & self.o.ready)
            with m.If(moves(self.o) & (place == end - 1)):
                m.d.sync += which.eq((index + 1) % len(ports))
        values = [Cat(port.payload.data, port.valid) for port in ports]
        chosen = platform.select(m, values, which, "given")
        m.d.comb += [Cat(self.o.payload.data, self.o.valid).eq(chosen),
                     self.o.payload.last.eq(place == made.unit_transfers - 1)]
        return m
