"""The window of a convolution on its own: every tap of every output, under any stalls."""

import random

import numpy as np
import pytest
from conv_builders import conv_layers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from runner import Sink, Source, exchange, simulator

from pqhw.golden import windows
from pqhw.rtl.window import Delay, WindowBuffer
from pqhw.spec import Conv2d, WindowSpec

CHANCES = st.sampled_from((1.0, 0.6, 0.1))


def shape(fields):
    """A layer from the short names of the builders."""
    names = {"C": "in_channels", "N": "out_channels", "F": "kernel", "H": "height", "W": "width"}
    return Conv2d(**{names.get(name, name): value for name, value in fields.items()})


@st.composite
def window_specs(draw):
    layer = shape(draw(conv_layers()))
    elements = layer.unit_inputs
    return WindowSpec(layer=layer, elements=elements, lanes=draw(st.integers(1, elements)),
                      bits=draw(st.integers(1, 5)), registered=draw(st.booleans()),
                      storage=draw(st.sampled_from(("auto", "lutram", "bram"))))


def payload(values, bits):
    return sum(value << index * bits for index, value in enumerate(values))


def pixels(spec, images):
    """Transfers of images [R, H, W, C]; lanes beyond a group's channels carry anything."""
    words = []
    for pixel in images.reshape(-1, spec.layer.sets, spec.elements):
        for group in pixel:
            filled = [*group.tolist(), *[1] * (spec.lanes - 1)]
            words += [payload(filled[start:start + spec.lanes], spec.bits)
                      for start in range(0, spec.elements, spec.lanes)]
    return words


def expected(spec, images, outside, flagged):
    """Transfers of taps, without what lanes beyond the channels carry."""
    flagged = flagged and spec.masks
    inside = windows(spec.layer, np.ones_like(images))
    taps = windows(spec.layer, images)
    taps = taps + (inside << spec.bits) if flagged else np.where(inside, taps, outside)
    return taps.reshape(-1, spec.elements, spec.layer.taps)


class Announced(Source):
    """A source of images that now and then tells that one is coming."""

    def __init__(self, dut, *arguments):
        super().__init__(dut.i, *arguments)
        self.coming = dut.coming

    def before(self, ctx):
        super().before(ctx)
        ctx.set(self.coming, self.rng.random() < 0.3)


def run(spec, images, valid, ready, *, outside=0, flagged=False, pause=None):
    """The taps that leave, and the sink; `pause` images come alone, the rest after a while."""
    dut = WindowBuffer(spec, outside=outside, flagged=flagged)
    words = pixels(spec, images)
    rng = random.Random(3)
    source, sink = Announced(dut, words, valid, rng), Sink(dut.o, ready, rng)
    outputs = spec.layer.out_height * spec.layer.out_width * spec.transfers
    sim = simulator(dut)
    count = len(images) * outputs
    limit = int((spec.layer.period * spec.transfers * (len(images) + 1) + count + 50)
                * 4 / (valid * ready)) + 200

    async def bench(ctx):
        if pause:
            source.payloads = words[:pause * len(words) // len(images)]
            await exchange(ctx, source, sink, pause * outputs, limit)
            source.payloads = words
        await exchange(ctx, source, sink, count, limit)

    sim.add_testbench(bench)
    sim.run()
    return unpacked(spec, dut, sink.payloads), sink


def unpacked(spec, dut, payloads):
    """[outputs * groups, elements, taps], `last` checked."""
    rows, row = [], []
    mask = (1 << dut.tap_bits) - 1
    lanes = spec.tap_lanes
    for word in payloads:
        row += [word >> lane * dut.tap_bits & mask for lane in range(lanes)]
        if word >> lanes * dut.tap_bits:
            assert len(row) == spec.chunks * lanes, "`last` ends a group of channels"
            rows.append(row[:spec.elements * spec.layer.taps])
            row = []
    assert not row
    return np.array(rows).reshape(-1, spec.elements, spec.layer.taps)


def draw_images(spec, count):
    rng = np.random.default_rng(1)
    return rng.integers(0, 1 << spec.bits, (count, *spec.layer.input_shape))


ONE_PIXEL = WindowSpec(layer=Conv2d(in_channels=1, out_channels=1, kernel=3, padding=1, height=1,
                                    width=1), elements=1, lanes=1, bits=3)


@settings(max_examples=60)
@example(ONE_PIXEL, 1.0, 1.0, None, True)
@example(ONE_PIXEL, 0.6, 0.6, 1, False)
@given(window_specs(), CHANCES, CHANCES, st.none() | st.integers(1, 2), st.booleans())
def test_every_tap_of_every_output_leaves_once_in_order(spec, valid, ready, pause, flagged):
    images = draw_images(spec, 3)
    outside = (1 << spec.bits) - 1
    got, _ = run(spec, images, valid, ready, outside=outside, flagged=flagged, pause=pause)
    wanted = expected(spec, images, outside, flagged)
    known = got >> spec.bits if flagged and spec.masks else np.ones_like(got)
    assert got.shape == wanted.shape
    assert np.where(known, got, got >> spec.bits << spec.bits).tolist() == np.where(
        known, wanted, wanted >> spec.bits << spec.bits).tolist()


@settings(max_examples=40)
@given(window_specs())
def test_an_image_takes_its_positions_and_nothing_more(spec):
    images = draw_images(spec, 5)
    _, sink = run(spec, images, 1.0, 1.0)
    outputs = spec.layer.out_height * spec.layer.out_width * spec.transfers
    ends = sink.times[outputs - 1::outputs]
    assert ends[3] - ends[2] == ends[2] - ends[1] == spec.layer.period * spec.transfers
    first = spec.layer.first_position * spec.transfers + spec.line_stages
    assert sink.times[0] == first


@pytest.mark.parametrize("storage, words, stages", [
    ("register", 1, 1), ("register", 2, 2), ("lutram", 2, 1), ("bram", 3, 2), ("bram", 5, 1)])
def test_a_delay_gives_back_what_went_in_so_many_steps_ago(storage, words, stages):
    rng = random.Random(1)
    dut = Delay(8, words, storage, stages)
    sim = simulator(dut)
    fed, seen = [], []

    async def bench(ctx):
        pipeline = [None] * stages
        for _ in range(200):
            enable, step = rng.random() < 0.7, rng.random() < 0.6
            value = rng.randrange(256) if step else None
            ctx.set(dut.enable, enable)
            ctx.set(dut.reads, step)
            ctx.set(dut.writes, pipeline[-1] is not None)
            ctx.set(dut.i, pipeline[-1] or 0)
            if enable and pipeline[-1] is not None:
                fed.append(pipeline[-1])
                seen.append(ctx.get(dut.o))
            if enable:
                pipeline = [value, *pipeline[:-1]]
            await ctx.tick()

    sim.add_testbench(bench)
    sim.run()
    assert seen[words:] == fed[:-words] and len(seen) > 50
