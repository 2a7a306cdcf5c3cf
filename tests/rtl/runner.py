"""Runs components in Amaranth's simulator: whole accelerators, and single streams."""

import random

import numpy as np
from amaranth.hdl import ClockDomain, Fragment, Module, Value
from amaranth.sim import Simulator

from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import TARGETS, Accelerator
from pqhw.sim.result import SimulationError, SimulationResult
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.sim.transfers import image_payloads, row_payloads, rows_from_payloads

GENERIC = TARGETS["generic"]


def simulator(component, target=GENERIC):
    """A simulator with a clock, even where nothing uses it; elaborated for a target."""
    m = Module()
    m.domains += ClockDomain("sync")
    m.submodules.dut = component
    sim = Simulator(Fragment.get(m, target))
    sim.add_clock(1e-6)
    return sim


class Source:
    """Offers payloads, each with a chance per cycle; an offer stands until it is taken."""

    def __init__(self, port, payloads, chance=1.0, rng=None):
        self.port, self.payloads, self.chance = port, payloads, chance
        self.rng = rng or random.Random(0)
        self.times = []
        self.offers = False

    def before(self, ctx):
        """Drive the port in this cycle."""
        rest = len(self.times) < len(self.payloads)
        self.offers = rest and (self.offers or self.rng.random() < self.chance)
        ctx.set(self.port.valid, self.offers)
        if self.offers:
            ctx.set(Value.cast(self.port.payload), self.payloads[len(self.times)])

    def after(self, cycle, ready):
        """Note whether the offer was taken."""
        if self.offers and ready:
            self.times.append(cycle)
            self.offers = False


class Sink:
    """Takes payloads with a chance per cycle; checks that an offer stands until it is taken."""

    def __init__(self, port, chance=1.0, rng=None):
        self.port, self.chance = port, chance
        self.rng = rng or random.Random(0)
        self.payloads, self.times = [], []
        self.takes = False
        self.waiting = None

    def before(self, ctx):
        """Drive the port in this cycle."""
        self.takes = self.rng.random() < self.chance
        ctx.set(self.port.ready, self.takes)

    def after(self, cycle, valid, payload):
        """Note what was taken."""
        if self.waiting is not None and (not valid or payload != self.waiting):
            raise SimulationError(f"an offer was changed or withdrawn in cycle {cycle}")
        self.waiting = payload if valid and not self.takes else None
        if valid and self.takes:
            self.payloads.append(payload)
            self.times.append(cycle)


async def exchange(ctx, source, sink, count, limit):
    """Run until the sink has `count` payloads."""
    for cycle in range(limit):
        if len(sink.payloads) == count:
            return
        source.before(ctx)
        sink.before(ctx)
        *_, ready, valid, payload = await ctx.tick().sample(
            source.port.ready, sink.port.valid, Value.cast(sink.port.payload))
        source.after(cycle, ready)
        sink.after(cycle, valid, payload)
    raise SimulationError(f"{len(sink.payloads)} of {count} transfers came in {limit} cycles")


async def load(ctx, dut, payloads):
    """Send an image back to back; returns the error the accelerator then tells."""
    for payload in payloads:
        ctx.set(dut.load.valid, 1)
        ctx.set(Value.cast(dut.load.payload), payload)
        taken = False
        while not taken:
            *_, taken = await ctx.tick().sample(dut.load.ready)
    ctx.set(dut.load.valid, 0)
    await ctx.tick().repeat(3)
    return ctx.get(dut.status.error)


def simulate(chain, image, rows, *, valid=1.0, ready=1.0, seed=1, target="generic",
             accelerator=None):
    """Run rows [R, D] through an accelerator.

    `valid` and `ready` are chances per cycle that the source offers and the sink takes.
    """
    dut = accelerator or Accelerator(chain)
    sim = simulator(dut, TARGETS[target])
    rng = random.Random(seed)
    source = Source(dut.i, row_payloads(chain, rows), valid, rng)
    sink = Sink(dut.o, ready, rng)
    last = chain.last
    count = len(rows) * last.output_transfers
    slowest = max(chain.cycles_per_row, chain.first.input_transfers, last.output_transfers)
    limit = int((len(rows) + 8 * len(chain.stages)) * slowest * 4 / (valid * ready)) + 1000

    async def bench(ctx):
        error = await load(ctx, dut, image_payloads(image, chain.load_bits))
        if error or not ctx.get(dut.status.ready):
            raise SimulationError(f"the parameter image was refused with error {error}")
        await exchange(ctx, source, sink, count, limit)

    sim.add_testbench(bench)
    sim.run()
    results = rows_from_payloads(last.result_range, last.lanes_out, last.layer.out_features,
                                 sink.payloads)
    ends = sink.times[last.output_transfers - 1::last.output_transfers]
    return SimulationResult(results=results, latency=sink.times[0] - source.times[0],
                            cycles=sink.times[-1], row_ends=np.array(ends))


def first_difference(expected, results):
    """Where two arrays of results differ first, as text; empty where they agree."""
    if expected.shape != results.shape:
        return f"shape {results.shape} instead of {expected.shape}"
    where = np.argwhere(expected != results)
    if not len(where):
        return ""
    at = tuple(where[0].tolist())
    return f"result{list(at)} is {results[at]} instead of {expected[at]}; {len(where)} differ"


def differs(chain, *, rows=12, seed=0, parameters=None, **how):
    """What is wrong with an accelerator on random rows, as text; empty where nothing is.

    Without stalls, latency and cycles per row must be those of the spec too.
    """
    parameters = parameters or random_parameters(chain, seed)
    inputs = random_rows(chain, parameters, rows, seed)
    result = simulate(chain, pack_image(chain, parameters), inputs, **how)
    wrong = first_difference(chain_results(chain, parameters, inputs), result.results)
    if wrong or "valid" in how or "ready" in how:
        return wrong
    if chain.latency is not None and result.latency != chain.latency:
        return f"latency is {result.latency} instead of {chain.latency}"
    if result.cycles_per_row != chain.cycles_per_row:
        return f"cycles per row are {result.cycles_per_row} instead of {chain.cycles_per_row}"
    return ""
