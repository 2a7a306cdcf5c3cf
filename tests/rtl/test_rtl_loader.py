"""The loader inside an accelerator: good images load, bad ones never do, and neither hangs it."""

import numpy as np
import pytest
from amaranth.hdl import Value
from builders import chain, chain_cases, tiny
from runner import Sink, Source, exchange, load, simulator

from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.sim.transfers import image_payloads, row_payloads, rows_from_payloads
from pqhw.spec.image import LoadError
from pqhw.spec.tables import LOAD_BITS

WIDTHS = LOAD_BITS


def engine(bits):
    return chain(tiny(load_bits=bits, outputs_per_cycle=3, prototypes_per_cycle=4))


def starts(spec):
    """Where the header, the sections' headers and the sections' words begin, and where all ends."""
    at = len(spec.image.header())
    headers, words = [], []
    for section in spec.image.sections:
        headers.append(at)
        words.append(at + len(section.header()))
        at = words[-1] + section.bytes
    return headers, words, at


def framed(image, bits, cut=None):
    """The payloads of an image's first `cut` words, `last` on the final one."""
    size = bits // 8
    return image_payloads(image[:None if cut is None else cut * size], bits)


async def check_rows(ctx, spec, dut, parameters, seed):
    """Rows give their golden results with the parameters now loaded."""
    rows = random_rows(spec, parameters, 4, seed)
    source, sink = Source(dut.i, row_payloads(spec, rows)), Sink(dut.o)
    last = spec.last
    await exchange(ctx, source, sink, 4 * last.output_transfers, 3000)
    results = rows_from_payloads(last.result_range, last.lanes_out, last.layer.out_features,
                                 sink.payloads)
    assert np.array_equal(results, chain_results(spec, parameters, rows))
    ctx.set(dut.i.valid, 0)


def run(spec, bench):
    dut = Accelerator(spec)
    sim = simulator(dut)

    async def whole(ctx):
        await bench(ctx, dut)

    sim.add_testbench(whole)
    sim.run()


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_second_image_replaces_the_first(bits):
    spec = engine(bits)

    async def bench(ctx, dut):
        for seed in (1, 2, 3):
            parameters = random_parameters(spec, seed)
            image = pack_image(spec, parameters)
            assert await load(ctx, dut, framed(image, bits)) == LoadError.NONE
            assert ctx.get(dut.status.ready)
            await check_rows(ctx, spec, dut, parameters, seed)

    run(spec, bench)


def field(spec, at):
    """The error that a wrong byte must give."""
    headers, _, _ = starts(spec)
    if any(start <= at < start + 8 for start in headers):
        return LoadError.SECTION
    codes = ([LoadError.MAGIC] * 4 + [LoadError.VERSION] + [LoadError.CONFIGURATION] * 7
             + [LoadError.LENGTH] * 4)
    return codes[at] if at < 16 else LoadError.CRC


@pytest.mark.parametrize("bits", WIDTHS)
def test_every_wrong_byte_is_refused_with_its_error_and_a_good_image_then_loads(bits):
    spec = engine(bits)
    parameters = random_parameters(spec, 1)
    image = pack_image(spec, parameters)

    async def bench(ctx, dut):
        headers, words, end = starts(spec)
        first = [*range(16), *range(headers[0], headers[0] + 8)]
        filling = [words[0] - 1, headers[-1] - 1, end - 1]
        for at in [*first, *words, *filling, headers[1] + 3, len(image) - 5, len(image) - 1]:
            wrong = bytearray(image)
            wrong[at] ^= 0x40
            error = await load(ctx, dut, framed(bytes(wrong), bits))
            assert (error, ctx.get(dut.status.ready)) == (field(spec, at), 0), f"byte {at}"
        assert await load(ctx, dut, framed(image, bits)) == LoadError.NONE
        await check_rows(ctx, spec, dut, parameters, 1)

    run(spec, bench)


@pytest.mark.parametrize("bits", WIDTHS)
def test_an_image_of_any_wrong_length_is_refused_and_a_good_one_then_loads(bits):
    spec = engine(bits)
    parameters = random_parameters(spec, 2)
    image = pack_image(spec, parameters)
    words = len(image) // (bits // 8)

    async def bench(ctx, dut):
        for cut in sorted({*range(1, min(words, 40)), max(1, words - 2), words - 1}):
            error = await load(ctx, dut, framed(image, bits, cut))
            assert (error, ctx.get(dut.status.ready)) == (LoadError.TRUNCATED, 0), f"{cut} words"
        for extra in (1, 2, 30):
            longer = image + bytes(extra * bits // 8)
            error = await load(ctx, dut, framed(longer, bits))
            assert (error, ctx.get(dut.status.ready)) == (LoadError.TOO_LONG, 0), f"+{extra}"
        assert await load(ctx, dut, framed(image, bits)) == LoadError.NONE
        await check_rows(ctx, spec, dut, parameters, 2)

    run(spec, bench)


def test_an_image_of_another_configuration_is_refused():
    spec, other = engine(8), chain(tiny(outputs_per_cycle=3))

    async def bench(ctx, dut):
        image = pack_image(other, random_parameters(other, 1))
        assert await load(ctx, dut, framed(image, 8)) == LoadError.CONFIGURATION

    run(spec, bench)


def test_a_wrong_section_of_a_chain_is_told_by_its_number():
    spec = chain_cases()["pq 6 lanes to pq 4"]
    parameters = random_parameters(spec, 1)
    image = pack_image(spec, parameters)
    starts, at = [], 16
    for section in spec.image.sections:
        starts.append(at)
        at += 8 + section.bytes

    async def bench(ctx, dut):
        for number, start in enumerate(starts):
            wrong = bytearray(image)
            wrong[start] ^= 1
            assert await load(ctx, dut, framed(bytes(wrong), 8)) == LoadError.SECTION
            assert ctx.get(dut.status.error_section) == number

    run(spec, bench)


def test_no_row_is_taken_before_a_good_image():
    spec = engine(8)

    async def bench(ctx, dut):
        ctx.set(dut.i.valid, 1)
        for _ in range(50):
            assert not ctx.get(dut.i.ready)
            await ctx.tick()

    run(spec, bench)


def test_an_image_waits_until_the_rows_under_way_have_left():
    spec = engine(8)
    parameters = random_parameters(spec, 1)
    image = framed(pack_image(spec, parameters), 8)
    rows = random_rows(spec, parameters, 1, 1)

    async def bench(ctx, dut):
        await load(ctx, dut, image)
        payloads = row_payloads(spec, rows)
        for payload in payloads:
            ctx.set(dut.i.valid, 1)
            ctx.set(Value.cast(dut.i.payload), payload)
            taken = False
            while not taken:
                *_, taken = await ctx.tick().sample(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.load.valid, 1)
        ctx.set(Value.cast(dut.load.payload), image[0])
        for _ in range(60):
            assert not ctx.get(dut.load.ready) and ctx.get(dut.status.loading)
            await ctx.tick()
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(20)
        assert ctx.get(dut.status.rows_out) == 1
        assert not ctx.get(dut.status.ready)

    run(spec, bench)


def test_status_counts_rows_stalls_and_mended_rows():
    spec = engine(8)
    parameters = random_parameters(spec, 1)

    async def bench(ctx, dut):
        await load(ctx, dut, framed(pack_image(spec, parameters), 8))
        await check_rows(ctx, spec, dut, parameters, 1)
        assert (ctx.get(dut.status.rows_in), ctx.get(dut.status.rows_out)) == (4, 4)
        assert (ctx.get(dut.status.row_short), ctx.get(dut.status.row_long)) == (0, 0)
        before = ctx.get(dut.status.stall_cycles)
        ctx.set(dut.o.ready, 0)
        await ctx.tick().repeat(5)
        assert ctx.get(dut.status.stall_cycles) == before, "nothing waits to be taken"
        payload = row_payloads(spec, random_rows(spec, parameters, 1, 1))[0]
        ctx.set(Value.cast(dut.i.payload), payload | 1 << spec.first.lanes_in * 4)
        ctx.set(dut.i.valid, 1)
        await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await ctx.tick().until(dut.o.valid)
        start = ctx.get(dut.status.stall_cycles)
        await ctx.tick().repeat(10)
        assert start >= before and ctx.get(dut.status.stall_cycles) == start + 10
        assert (ctx.get(dut.status.row_short), ctx.get(dut.status.row_long)) == (
            int(spec.first.input_transfers > 1), 0)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(20)
        assert await load(ctx, dut, framed(pack_image(spec, parameters), 8)) == LoadError.NONE
        assert (ctx.get(dut.status.row_short), ctx.get(dut.status.row_long)) == (0, 0)

    run(spec, bench)
