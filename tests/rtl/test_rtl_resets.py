"""A reset at any time leaves nothing behind that shows in the rows after it."""

import random

import pytest
from amaranth.hdl import Signal
from builders import chain as chained
from builders import chains, odd_cases
from conv_builders import conv_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from runner import Sink, Source, exchange, first_difference, load, simulator

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.sim.result import SimulationError
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.sim.transfers import image_payloads, results_from_payloads, row_payloads

CASES = odd_cases()
CONVOLUTIONS = {name: spec for name, spec in conv_cases().items() if "padded" in name}


def spoiled(chain, seed, rounds=4):
    """What a reset in mid-stream spoils of the rows after it, as text; empty where nothing is.

    Each round loads an image, streams rows and is reset after a random time; one round in four
    is reset while the image loads. The rows after the last reset must be golden.
    """
    rng = random.Random(seed)
    reset = Signal()
    parameters = random_parameters(chain, seed)
    chain = bind_constants(chain, parameters)
    dut = Accelerator(chain)
    sim = simulator(dut, reset=reset)
    loads = bool(chain.image.sections)
    image = image_payloads(pack_image(chain, parameters), chain.load_bits) if loads else []
    rows = random_rows(chain, parameters, 5, seed)
    sent, last = row_payloads(chain, rows), chain.last
    patience = 4 * (chain.latency or 100) + 8 * len(sent) * chain.cycles_per_row + 200
    found = []

    async def interrupted(ctx, round_):
        if round_ % 4 == 3 and loads:
            await load(ctx, dut, image[:rng.randrange(1, len(image))], settle=0)
        else:
            await load(ctx, dut, image)
            source = Source(dut.i, sent, rng.choice((0.5, 1.0)), rng)
            sink = Sink(dut.o, rng.choice((0.0, 0.3, 1.0)), rng)
            cycles = rng.randrange(1, 4 * chain.cycles_per_row + (chain.latency or 60))
            try:
                await exchange(ctx, source, sink, len(rows) * last.output_transfers, cycles)
            except SimulationError:
                pass  # It is reset before all rows are out.
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    async def bench(ctx):
        for round_ in range(rounds):
            await interrupted(ctx, round_)
            if ctx.get(dut.status.ready) == loads or ctx.get(dut.o.valid):
                found.append(f"ready without an image, or a result, after reset {round_}")
        error = await load(ctx, dut, image)
        if error:
            found.append(f"error {error} of a good image")
            return
        sink = Sink(dut.o)
        await exchange(ctx, Source(dut.i, sent), sink, len(rows) * last.output_transfers, patience)
        results = results_from_payloads(chain, sink.payloads)
        found.append(first_difference(chain_results(chain, parameters, rows), results))
        if ctx.get(dut.status.rows_in) != len(rows):
            found.append("rows_in counts rows from before the reset")

    sim.add_testbench(bench)
    try:
        sim.run()
    except SimulationError as error:
        found.append(str(error))
    return "; ".join(text for text in found if text)


@pytest.mark.parametrize("name", [
    "nothing divides", "nothing divides, bram, l1, unsigned, shift", "two bits unsigned",
    "codes gather behind a stall", "mac, nothing divides, scale", "mac, two bits signed",
    "pq 6 to pq 4, 3 to mac 2"])
def test_a_reset_spoils_no_row_of_a_named_case(name):
    assert spoiled(CASES[name], 1) == ""


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_reset_spoils_no_image_of_a_convolution(name):
    assert spoiled(chained(CONVOLUTIONS[name]), 1) == ""


@settings(max_examples=12)
@given(chains(1, 2), st.integers(0, 1 << 16))
def test_a_reset_spoils_no_row_of_any_chain(chain, seed):
    assert spoiled(chain, seed) == "", (chain, seed)


@pytest.mark.slow
@settings(max_examples=200)
@given(chains(1, 3), st.integers(0, 1 << 16))
def test_a_reset_spoils_no_row_of_many_chains(chain, seed):
    assert spoiled(chain, seed, rounds=6) == "", (chain, seed)
