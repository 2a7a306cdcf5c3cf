"""Means of windows and of whole images: sums, a constant factor, a rounding shift."""

from amaranth.hdl import Module, Mux, Signal, Value

from ...spec.network.nodes import Mean
from ...spec.ranges import Range, ceil_log2
from ..sums import adder_tree, count_up, delayed
from ..target import Target
from ..window import Delay
from .base import Node, clamped, ends_of_units, packed
from .pools import windows

__all__ = ["GlobalMean", "WindowMean", "signed_digits"]

SHORTEST_MEMORY = 5
"""Sums of as many channels and more stand in a memory, fewer in registers."""

MEMORY_STAGES = 2
"""Cycles from reading a sum to writing it."""


def signed_digits(value: int) -> list[tuple[int, int]]:
    """Places and signs of the fewest powers of two whose sum is a positive number.

    Source: G. W. Reitwiesner, Binary Arithmetic, Advances in Computers 1, 1960.
    """
    digits, place = [], 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((place, sign))
            value -= sign
        value >>= 1
        place += 1
    return digits


class _MeanNode(Node):
    """What both means do with their sums."""

    @property
    def op(self) -> Mean:
        """The node's work."""
        assert isinstance(self.part.node.op, Mean)
        return self.part.node.op

    @property
    def scale_stages(self) -> int:
        """Registers from sums to results."""
        return ceil_log2(len(signed_digits(self.op.multiplier))) + 1

    def scaled(self, m: Module, enable: Value, value: Value, range_: Range, name: str) -> Value:
        """clamp((value * multiplier + 2**(shift - 1)) >> shift) as sums of shifted values."""
        op, made = self.op, self.part.results.range
        nodes: list[tuple[Value, int, Range]] = []
        for place, sign in reversed(signed_digits(op.multiplier)):
            nodes.append((value << place if place else value, sign,
                          Range(range_.low << place, range_.high << place)))
        level = 0
        while len(nodes) > 1:
            following = []
            for index in range(0, len(nodes), 2):
                following.append(self._joined(m, enable, nodes[index:index + 2],
                                              f"{name}_{level}_{index // 2}"))
            nodes, level = following, level + 1
        product, sign, _ = nodes[0]
        assert sign == 1, "the first digit of a positive number is positive"
        half = 1 << op.shift >> 1
        return self.held(m, enable, clamped((product + half) >> op.shift, made), made,
                         f"{name}_mean")

    def _joined(self, m: Module, enable: Value, pair: list[tuple[Value, int, Range]],
                name: str) -> tuple[Value, int, Range]:
        """Two digits' shares as one; the sign of the first is left to the next level."""
        (first, sign, own), rest = pair[0], pair[1:]
        if rest:
            (second, other, theirs), = rest
            if sign == other:
                first, own = first + second, own + theirs
            else:
                first = first - second
                own = Range(own.low - theirs.high, own.high - theirs.low)
        return self.held(m, enable, first, own, name), sign, own


class WindowMean(_MeanNode):
    """The mean of every window, whose padding is zeros.

    Latency and cost
    ----------------
    That of the window, a cycle for every halving of its taps and of the multiplier's digits, and
    one. Per lane an adder for every tap and every digit but one, with its register.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        range_ = self.part.inputs[0].range
        taken, lanes = windows(m, self, 0)
        taps = len(lanes[0])
        stages = ceil_log2(taps) + self.scale_stages
        enable, outlet = self.pipeline(m, taken.valid, stages)
        total = Range(taps * range_.low, taps * range_.high)
        results = [self.scaled(m, enable, adder_tree(m, platform, enable, own, f"sum{lane}",
                                                     [range_] * taps), total, f"lane{lane}")
                   for lane, own in enumerate(lanes)]
        m.d.comb += [
            taken.ready.eq(outlet.moves),
            outlet.i.last.eq(delayed(m, enable, taken.payload.last, stages, "last")[-1]),
            outlet.i.data.eq(packed(results, self.part.results.range))]
        return m


class GlobalMean(_MeanNode):
    """The mean of an image, channel by channel.

    Sums go round in a circle of a pixel's transfers; with the last pixel they leave.

    Latency and cost
    ----------------
    Two cycles, or three where sums stand in a memory, and a cycle for every halving of the
    multiplier's digits. A sum per channel: registers, or LUT RAM from 5 transfers of a pixel on;
    per lane an adder of the sum's bits and one for every digit but one.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        given, made = self.part.inputs[0], self.part.results
        (source,) = self.inputs
        height, width, _ = given.shape
        pixels, transfers = height * width, given.unit_transfers
        total = Range(pixels * given.range.low, pixels * given.range.high)
        stages = MEMORY_STAGES if transfers >= SHORTEST_MEMORY else 0
        first, last = Signal(name="first"), Signal(name="last_pixel")
        pixel = Signal(range(pixels), name="pixel")
        m.d.comb += [first.eq(pixel == 0), last.eq(pixel == pixels - 1)]
        enable, outlet = self.pipeline(m, source.valid & last, stages + 1 + self.scale_stages)
        taken = source.valid & source.ready
        m.d.comb += source.ready.eq(outlet.moves)
        count_up(m, pixel, pixels, taken & ends_of_units(m, given, taken, "place"))
        steps = delayed(m, enable, source.valid, stages, "steps", control=True)
        started = delayed(m, enable, first, stages, "started")[-1]
        m.submodules.sums = ring = Delay(total.bits * given.lanes, transfers,
                                         platform.small_memory if stages else "register", stages)
        m.d.comb += [ring.enable.eq(enable), ring.reads.eq(steps[0]), ring.writes.eq(steps[-1])]
        results, sums = [], []
        for lane in range(given.lanes):
            values = delayed(m, enable, source.payload.data[lane], stages, f"value{lane}")
            before = ring.o.word_select(lane, total.bits)
            if total.signed:
                before = before.as_signed()
            own = Mux(started, 0, before) + values[-1]
            sums.append(own)
            held = self.held(m, enable, own, total, f"sum{lane}")
            results.append(self.scaled(m, enable, held, total, f"lane{lane}"))
        ends = ends_of_units(m, made, enable & outlet.valid, "result")
        m.d.comb += [ring.i.eq(packed(sums, total)), outlet.i.last.eq(ends),
                     outlet.i.data.eq(packed(results, made.range))]
        return m
