"""Sums of tensors, as at the end of a residual block."""

import functools
import operator

from amaranth.hdl import Cat, Module, Value

from ..target import Target
from .base import Node, clamped, ends_of_units, lanes_of, packed

__all__ = ["SumNode"]


class SumNode(Node):
    """clamp(a + b + ...), integer by integer; of a single input the clamp alone.

    Latency and cost
    ----------------
    Two cycles, a transfer per cycle. Per lane an adder of each further input, two comparisons and
    a multiplexer, and of a result's bits two flip-flops and a LUT4, of the sum's a flip-flop.
    """

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        ports, made = self.inputs, self.part.results
        valid: Value = Cat(port.valid for port in ports).all()
        enable, outlet = self.pipeline(m, valid, 2)
        for port in ports:
            m.d.comb += port.ready.eq(outlet.moves & valid)
        total = functools.reduce(operator.add, self.part.ranges)
        results = []
        for lane in range(made.lanes):
            terms = [lanes_of(port)[lane] for port in ports]
            sums = self.held(m, enable, sum(terms[1:], terms[0]), total, f"sum{lane}")
            results.append(self.held(m, enable, clamped(sums, made.range), made.range,
                                     f"result{lane}"))
        last = ends_of_units(m, made, enable & outlet.valid, "place")
        m.d.comb += [outlet.i.data.eq(packed(results, made.range)), outlet.i.last.eq(last)]
        return m
