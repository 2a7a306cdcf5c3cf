"""Segments of carry chains: what they compute, what names tell, and how they share chains."""

import itertools

import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hypothesis import given
from hypothesis import strategies as st
from runner import simulator
from segment_model import SEGMENTS, draws, result

from pqhw.rtl.segments import CarryChains, Segment, parse_segments
from pqhw.rtl.target import TARGETS


class Portable(wiring.Component):
    """A segment as a plain expression."""

    def __init__(self, segment):
        self.segment = segment
        super().__init__({**{name: In(width) for name, width in segment.inputs.items()},
                          "total": Out(segment.width)})

    def elaborate(self, platform):
        m = Module()
        ports = {name: getattr(self, name) for name in self.segment.inputs}
        m.d.comb += self.total.eq(self.segment.value(**ports))
        return m


@pytest.mark.parametrize("segment", SEGMENTS, ids=lambda segment: segment.token)
def test_the_portable_expression_of_a_segment_is_its_operation(segment):
    unit = Portable(segment)
    made = draws(segment, 1, 300)
    seen = []

    async def bench(ctx):
        for inputs in made:
            for name, value in inputs.items():
                ctx.set(getattr(unit, name), value)
            await ctx.tick()
            seen.append(ctx.get(unit.total))

    sim = simulator(unit)
    sim.add_testbench(bench)
    sim.run()
    assert seen == [result(segment, **inputs) for inputs in made]


def test_the_greater_of_two_differences_has_no_smaller_magnitude():
    """All pairs of 4-bit differences: |d| = (d ^ s) + s."""
    segment = Segment("greater", 4, 4, "xy")
    for p, q in itertools.product(range(-16, 16), repeat=2):
        greater = result(segment, p & 15, q & 15, x=int(p >= 0), y=int(q >= 0))
        assert (abs(p) >= abs(q)) if greater else (abs(q) >= abs(p)), (p, q)


@given(st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=6))
def test_a_name_tells_its_segments(segments):
    tokens = "_".join(segment.token for segment in segments)
    assert parse_segments(tokens) == segments


@pytest.mark.parametrize("count, chains", [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_segments_share_chains_of_up_to_48_halves(count, chains):
    """Nine halves each, and one at the end of a chain."""
    m = Module()
    collected = CarryChains(m, TARGETS["ecp5"], "own")
    for index in range(count):
        collected.difference(Signal(8), Signal(8), f"d{index}")
    collected.place()
    assert len(Fragment.get(m, TARGETS["ecp5"]).subfragments) == chains
