"""Products by shifts, and sums whose terms carry their signs beside them."""

import random

import pytest
from amaranth.hdl import Const, Module, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from runner import GENERIC, simulator

from pqhw.rtl.mac import ShiftProduct
from pqhw.rtl.segments import CarryChains
from pqhw.rtl.signed_sums import SignedNode, added, signed_tree
from pqhw.spec.ranges import Range, ceil_log2, signed_range, unsigned_range
from pqhw.spec.weights import magnitude_codes, magnitudes

CODES = [*(("pot", bits) for bits in (3, 4, 5, 6)), *(("sp2", bits) for bits in range(3, 9))]


def values(shape):
    low = -(1 << shape.width - 1) if shape.signed else 0
    return range(low, low + (1 << shape.width))


@pytest.mark.parametrize("scheme, bits", CODES)
@pytest.mark.parametrize("x", [unsigned(2), signed(4), unsigned(8), signed(8)], ids=repr)
def test_a_shift_product_is_right_for_every_level(x, scheme, bits):
    levels = magnitudes(scheme, bits).tolist()
    span = values(x)
    rng = random.Random(bits)
    chosen = span if len(span) <= 16 else [span[0], span[-1], 0, 1, *rng.sample(span, 6)]
    pairs = [(a, level) for level in levels for a in chosen]
    product = (signed_range if x.signed else unsigned_range)(x.width) * Range(0, levels[-1])
    unit = ShiftProduct(x, Shape(product.bits, x.signed), scheme, bits)
    codes = magnitude_codes(scheme, bits)
    seen = []

    async def bench(ctx):
        ctx.set(unit.enable, 1)
        for a, level in [*pairs, (0, 0), (0, 0)]:
            ctx.set(unit.x, a)
            sign = rng.randrange(2) << bits - 1  # It changes nothing.
            ctx.set(unit.w, codes[level] | sign)
            *_, value = await ctx.tick().sample(unit.product)
            seen.append(value)

    sim = simulator(unit, GENERIC)
    sim.add_testbench(bench)
    sim.run()
    assert seen[2:] == [a * level for a, level in pairs]


class SignedSum(wiring.Component):
    """Terms and signs, their tree, and the addition that takes the last sign."""

    def __init__(self, count, shape, range_):
        self.count, self.shape, self.range = count, shape, range_
        super().__init__({**{f"t{i}": In(shape) for i in range(count)}, "signs": In(count),
                          "y": Out(signed(16))})

    def elaborate(self, platform):
        m = Module()
        nodes = [SignedNode(getattr(self, f"t{i}"), self.range, self.signs[i])
                 for i in range(self.count)]
        root = signed_tree(m, platform, Const(1), nodes, "sum")
        chains = CarryChains(m, platform, "last")
        total = Signal(signed(16))
        none = SignedNode(Const(0, 1), Range(0, 0))
        m.d.comb += total.eq(added(chains, none, root, "total", root.range))
        chains.place()
        m.d.sync += self.y.eq(total)
        assert len(root.pending) == 1
        return m


@pytest.mark.parametrize("shape", [signed(4), unsigned(3)], ids=repr)
@pytest.mark.parametrize("count", (1, 2, 3, 4, 5, 7, 8, 11))
def test_a_signed_tree_adds_and_subtracts(count, shape):
    span = values(shape)
    most = max(-span[0], span[-1])
    unit = SignedSum(count, shape, Range(-most, most))
    rng = random.Random(count)
    draws = [([span[0]] * count, [1] * count), ([span[-1]] * count, [0] * count),
             ([0] * count, [1] * count),
             *[([rng.choice(span) for _ in range(count)], [rng.randrange(2) for _ in range(count)])
               for _ in range(150)]]
    seen = []
    latency = ceil_log2(count) + 1

    async def bench(ctx):
        for terms, signs in [*draws, *[draws[0]] * latency]:
            for index, term in enumerate(terms):
                ctx.set(getattr(unit, f"t{index}"), term)
            ctx.set(unit.signs, sum(sign << index for index, sign in enumerate(signs)))
            *_, value = await ctx.tick().sample(unit.y)
            seen.append(value)

    sim = simulator(unit, GENERIC)
    sim.add_testbench(bench)
    sim.run()
    assert seen[latency:] == [sum(-term if sign else term for term, sign in zip(*draw))
                              for draw in draws]
