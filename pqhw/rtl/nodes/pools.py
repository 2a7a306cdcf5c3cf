"""The largest of a window."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream

from ...spec.ranges import Range, ceil_log2
from ..target import Target
from ..window import WindowBuffer
from .base import Node, packed

__all__ = ["MaxPoolNode", "windows"]


def windows(m: Module, node: Node, outside: int) -> tuple[stream.Interface, list[list[Value]]]:
    """A window behind a node's input: its stream, and the taps of every lane."""
    spec, given = node.part.window, node.part.inputs[0]
    assert spec is not None
    (source,) = node.inputs
    m.submodules.window = window = WindowBuffer(spec, outside=outside & (1 << spec.bits) - 1)
    ahead = Signal(range(node.images_ahead + 1), name="images_ahead")
    m.d.sync += ahead.eq(ahead + node.image - window.begins)
    m.d.comb += [Value.cast(window.i.payload).eq(Value.cast(source.payload.data)),
                 window.i.valid.eq(source.valid), source.ready.eq(window.i.ready),
                 window.coming.eq(ahead != 0)]
    taps = [value.as_signed() if given.range.signed else value for value in window.o.payload.data]
    per_lane = spec.layer.taps
    return window.o, [taps[lane * per_lane:][:per_lane] for lane in range(spec.lanes)]


class MaxPoolNode(Node):
    """The largest value of every window, channel by channel; padding never wins.

    Latency and cost
    ----------------
    That of the window, and a cycle for every halving of its taps. Per lane and tap but one, a
    comparison, a multiplexer and a register.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        range_ = self.part.inputs[0].range
        taken, lanes = windows(m, self, range_.low)
        stages = max(1, ceil_log2(len(lanes[0])))
        enable, outlet = self.pipeline(m, taken.valid, stages)
        results = [self._largest(m, enable, taps, range_, stages, f"lane{index}")
                   for index, taps in enumerate(lanes)]
        last = [taken.payload.last]
        for stage in range(stages):
            last.append(self.held(m, enable, last[-1], Range(0, 1), f"last{stage}"))
        m.d.comb += [taken.ready.eq(outlet.moves), outlet.i.last.eq(last[-1]),
                     outlet.i.data.eq(packed(results, range_))]
        return m

    def _largest(self, m: Module, enable: Value, values: list[Value], range_: Range, stages: int,
                 name: str) -> Value:
        for stage in range(stages):
            pairs = [values[place:place + 2] for place in range(0, len(values), 2)]
            values = [self.held(m, enable, Mux(pair[0] < pair[-1], pair[-1], pair[0]), range_,
                                f"{name}_{stage}_{place}") for place, pair in enumerate(pairs)]
        return values[0]
