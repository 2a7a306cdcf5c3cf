"""Small parts: CRC, arg-min, multipliers, sums, the clamp."""

import itertools
import random
import zlib

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from builders import small_mac
from runner import GENERIC, simulator

from pqhw.rtl.checksum import CRC_INIT, CRC_RESIDUE, crc32_next
from pqhw.rtl.encoder.argmin import argmin_tree
from pqhw.rtl.mac import Multiplier
from pqhw.rtl.results import clamp
from pqhw.rtl.segments import CarryChains
from pqhw.rtl.sums import adder_tree
from pqhw.spec.ranges import ceil_log2, signed_range, unsigned_range


class Wrapped(wiring.Component):
    """Ports around a function of (module, ports) that returns the output's value."""

    def __init__(self, inputs, output, build):
        self.build = build
        super().__init__({**{name: In(shape) for name, shape in inputs.items()},
                          "y": Out(output)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.y.eq(self.build(m, self))
        return m


def outputs(component, vectors, latency):
    """`y` for each vector of inputs, `latency` cycles after it."""
    seen = []

    async def bench(ctx):
        for vector in [*vectors, *[{}] * latency]:
            for name, value in vector.items():
                ctx.set(getattr(component, name), value)
            *_, y = await ctx.tick().sample(component.y)
            seen.append(y)

    sim = simulator(component)
    sim.add_testbench(bench)
    sim.run()
    return seen[latency:]


# -- CRC ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("bits", (8, 16, 32, 64))
def test_the_crc_of_any_message_is_that_of_zlib(bits):
    rng = random.Random(bits)
    unit = Wrapped({"state": 32, "data": bits}, 32, lambda m, p: crc32_next(p.state, p.data))
    size = bits // 8
    states, words, expected = [CRC_INIT], [], []
    message = b""
    for index in range(60):
        word = bytes([0, 255][index % 2] if index < 4 else rng.randrange(256) for _ in range(size))
        message += word
        words.append(int.from_bytes(word, "little"))
        expected.append(zlib.crc32(message) ^ CRC_INIT)
        states.append(expected[-1])
    vectors = [{"state": state, "data": word} for state, word in zip(states, words)]
    assert outputs(unit, vectors, 0) == expected


@pytest.mark.parametrize("length", (0, 1, 5, 300))
def test_a_message_followed_by_its_crc_leaves_the_residue(length):
    message = bytes(range(256))[:length] + bytes(max(0, length - 256))
    whole = message + zlib.crc32(message).to_bytes(4, "little")
    assert zlib.crc32(whole) ^ CRC_INIT == CRC_RESIDUE


# -- Arg-min -----------------------------------------------------------------------------------

@pytest.mark.parametrize("largest", (False, True), ids=("smallest", "largest"))
@pytest.mark.parametrize("shape", (unsigned(3), signed(3)), ids=repr)
@pytest.mark.parametrize("count", (1, 2, 3, 4, 5, 7, 8, 12))
def test_argmin_finds_the_best_and_the_lowest_index_on_ties(count, shape, largest):
    inputs = {f"d{k}": shape for k in range(count)}
    depth = ceil_log2(count)

    def build(m, p):
        chains = CarryChains(m, GENERIC, "least")
        best, index = argmin_tree(m, chains, Const(1), [getattr(p, name) for name in inputs],
                                  largest=largest)
        chains.place()
        assert len(index) == depth
        return Cat(best, index)

    rng = random.Random(count)
    close = (-1, 2) if shape.signed else (3, 4)
    draws = [[rng.choice(values(shape) if i % 2 else close) for _ in range(count)]
             for i in range(300)]
    seen = outputs(Wrapped(inputs, 3 + depth, build),
                   [dict(zip(inputs, draw)) for draw in draws], depth)
    choose, best = (np.argmax, max) if largest else (np.argmin, min)
    assert seen == [int(choose(draw)) << 3 | best(draw) & 7 for draw in draws]


# -- Multipliers -------------------------------------------------------------------------------

def multiply(x, w, style, pairs):
    product = Shape(x.width + w.width, x.signed or w.signed)
    unit = Multiplier(x, w, product, style)
    seen = []

    async def bench(ctx):
        ctx.set(unit.enable, 1)
        for a, b in [*pairs, (0, 0), (0, 0)]:
            ctx.set(unit.x, a)
            ctx.set(unit.w, b)
            *_, value = await ctx.tick().sample(unit.product)
            seen.append(value)

    sim = simulator(unit, GENERIC)
    sim.add_testbench(bench)
    sim.run()
    return seen[2:]


def values(shape):
    low = -(1 << shape.width - 1) if shape.signed else 0
    return range(low, low + (1 << shape.width))


@pytest.mark.parametrize("style", ("lut", "dsp"))
@pytest.mark.parametrize("x", [unsigned(2), signed(2), unsigned(3), signed(4), unsigned(5)],
                         ids=repr)
@pytest.mark.parametrize("w", [signed(2), signed(3), signed(4), signed(5), unsigned(3)], ids=repr)
def test_a_multiplier_is_right_for_every_pair_of_small_operands(x, w, style):
    pairs = list(itertools.product(values(x), values(w)))
    assert multiply(x, w, style, pairs) == [a * b for a, b in pairs]


@pytest.mark.parametrize("style", ("lut", "dsp"))
@pytest.mark.parametrize("w_bits", range(2, 9))
@pytest.mark.parametrize("x", [unsigned(8), signed(8)], ids=repr)
def test_a_multiplier_is_right_for_wide_operands(x, w_bits, style):
    rng = random.Random(w_bits)
    xs, ws = values(x), values(signed(w_bits))
    corners = itertools.product((xs[0], -1 if x.signed else 1, 0, xs[-1]), (ws[0], -1, 0, ws[-1]))
    pairs = [*corners, *[(rng.choice(xs), rng.choice(ws)) for _ in range(200)]]
    assert multiply(x, signed(w_bits), style, pairs) == [a * b for a, b in pairs]


def test_products_of_a_mac_engine_fit_the_range_of_its_terms():
    spec = small_mac()
    products = [x * w for x in range(-8, 8) for w in range(-7, 8)]
    assert (min(products), max(products)) == (spec.term_range.low, spec.term_range.high)


# -- Sums and clamps ---------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [signed(4), unsigned(3)], ids=repr)
@pytest.mark.parametrize("count", (1, 2, 3, 5, 8, 11))
def test_an_adder_tree_sums_all_terms_a_level_per_cycle(count, shape):
    inputs = {f"t{i}": shape for i in range(count)}
    depth = ceil_log2(count)
    unit = Wrapped(inputs, signed(12), lambda m, p: adder_tree(
        m, GENERIC, Const(1), [getattr(p, name) for name in inputs], "sum"))
    rng = random.Random(count)
    span = values(shape)
    draws = [[span[0]] * count, [span[-1]] * count,
             *[[rng.choice(span) for _ in range(count)] for _ in range(80)]]
    seen = outputs(unit, [dict(zip(inputs, draw)) for draw in draws], depth)
    assert seen == [sum(draw) for draw in draws]


@pytest.mark.parametrize("shape", [signed(2), signed(5), signed(7), unsigned(3), unsigned(6)],
                         ids=repr)
@pytest.mark.parametrize("allowed", [signed_range(2), signed_range(5), unsigned_range(2),
                                     unsigned_range(4)], ids=repr)
def test_the_clamp_holds_every_value_to_the_range(shape, allowed):
    if not shape.signed and allowed.signed:
        shape = signed(shape.width + 1)  # Accumulators that reach a signed clamp are signed.
    unit = Wrapped({"v": shape}, Shape(allowed.bits, allowed.signed),
                   lambda m, p: clamp(p.v, allowed))
    span = values(shape) if shape.signed else range(1 << shape.width - 1)
    seen = outputs(unit, [{"v": value} for value in span], 0)
    assert seen == [max(allowed.low, min(allowed.high, value)) for value in span]


def test_these_tests_can_fail():
    """A multiplexer that keeps the right side on ties is noticed by the arg-min's test."""
    def wrong(m, p):
        nearer = Signal()
        m.d.comb += nearer.eq(p.d1 <= p.d0)
        return Mux(nearer, 1, 0)

    seen = outputs(Wrapped({"d0": 3, "d1": 3}, 1, wrong), [{"d0": 2, "d1": 2}], 0)
    assert seen != [int(np.argmin([2, 2]))]
