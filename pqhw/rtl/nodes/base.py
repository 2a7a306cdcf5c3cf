"""What the components of nodes have in common: ports, pipelines, the ends of units."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.dataflow import Part
from ...spec.ports import RowPort
from ...spec.ranges import Range
from ..buffers import Outlet
from ..streams import row_stream, shape_of
from ..sums import count_up, delayed

__all__ = ["Node", "clamped", "input_name", "moves", "ends_of_units"]


def input_name(index: int) -> str:
    """The name of a node's input."""
    return f"i{index}"


def moves(port: stream.Interface) -> Value:
    """Whether a transfer passes in this cycle."""
    return port.valid & port.ready


def ends_of_units(m: Module, rows: RowPort, step: Value, name: str) -> Value:
    """Whether a transfer ends its unit; `step` when it passes."""
    transfers = rows.unit_transfers
    if transfers == 1:
        return Const(1, 1)
    place = Signal(range(transfers), name=name)
    count_up(m, place, transfers, step)
    return place == transfers - 1


def clamped(value: Value, range_: Range) -> Value:
    """A value, or the end of the range beyond which it lies."""
    low, high = Const(range_.low), Const(range_.high)
    return Mux(value < low, low, Mux(value > high, high, value)) if range_.low else Mux(
        value < 0, low, Mux(value > high, high, value))


class Node(wiring.Component):
    """A node without weights.

    Parameters
    ----------
    part:
        Shapes, ranges and lanes.

    Members
    -------
    i0, i1, ...: row streams of its inputs; whether their `last` is right does not matter
    o: row stream of its results, `last` at the end of a unit
    image: an image has begun that will come in (where the node has a window)
    """

    def __init__(self, part: Part, images_ahead: int = 15):
        self.part = part
        self.images_ahead = images_ahead
        super().__init__({
            **{input_name(index): In(row_stream(rows.range, rows.lanes))
               for index, rows in enumerate(part.inputs)},
            "o": Out(row_stream(part.results.range, part.results.lanes)),
            **({"image": In(1)} if part.window is not None else {})})

    @property
    def inputs(self) -> list[stream.Interface]:
        """Its inputs in their order."""
        return [getattr(self, input_name(index)) for index in range(len(self.part.inputs))]

    def pipeline(self, m: Module, valid: Value, stages: int) -> tuple[Value, Outlet]:
        """A pipeline of so many registers in front of `o`: when it advances, and its end, whose
        payload is left to be given; a transfer enters where it advances and `valid` is high."""
        m.submodules.outlet = outlet = Outlet(self.o.payload.shape())
        wiring.connect(m, outlet.o, wiring.flipped(self.o))
        m.d.comb += outlet.valid.eq(delayed(m, outlet.enable, valid, stages, "valid",
                                            control=True)[-1])
        return outlet.enable, outlet

    def held(self, m: Module, enable: Value, value: Value, range_: Range, name: str) -> Signal:
        """A register that follows a value of a range."""
        register = Signal(shape_of(range_), name=name, reset_less=True)
        with m.If(enable):
            m.d.sync += register.eq(value)
        return register


def lanes_of(port: stream.Interface) -> list[Value]:
    """The integers of a transfer."""
    return list(port.payload.data)


def packed(values: list[Value], range_: Range) -> Value:
    """Integers of a range side by side."""
    bits = range_.bits
    return Cat(value[:bits] if len(value) >= bits else _extended(value, bits) for value in values)


def _extended(value: Value, bits: int) -> Value:
    fill = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, fill.replicate(bits - len(value)))
