"""Runs components in Amaranth's simulator: whole accelerators, and single streams."""

import dataclasses
import random

import numpy as np
from amaranth.hdl import ClockDomain, Fragment, Module, ResetSignal, Value
from amaranth.sim import Simulator

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import TARGETS
from pqhw.sim.pysim import simulate
from pqhw.sim.result import SimulationError
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec.parameters import check_parameters

GENERIC = TARGETS["generic"]

LOAD_PATIENCE = 5000
"""Cycles for which an image may wait for rows under way."""


def simulator(component, target=GENERIC, reset=None):
    """A simulator with a clock, even where nothing uses it; elaborated for a target."""
    m = Module()
    m.domains += ClockDomain("sync")
    if reset is not None:
        m.d.comb += ResetSignal().eq(reset)
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


async def load(ctx, dut, payloads, settle=4):
    """Send an image back to back; returns the error told `settle` cycles later."""
    for payload in payloads:
        ctx.set(dut.load.valid, 1)
        ctx.set(Value.cast(dut.load.payload), payload)
        for _ in range(LOAD_PATIENCE):
            *_, taken = await ctx.tick().sample(dut.load.ready)
            if taken:
                break
        else:
            raise SimulationError(f"a load word is not taken in {LOAD_PATIENCE} cycles")
    ctx.set(dut.load.valid, 0)
    if settle:
        await ctx.tick().repeat(settle)
    return ctx.get(dut.status.error)


def first_difference(expected, results):
    """Where two arrays of results differ first, as text; empty where they agree."""
    if expected.shape != results.shape:
        return f"shape {results.shape} instead of {expected.shape}"
    where = np.argwhere(expected != results)
    if not len(where):
        return ""
    at = tuple(where[0].tolist())
    return f"result{list(at)} is {results[at]} instead of {expected[at]}; {len(where)} differ"


def telling_parameters(chain, seed):
    """Random parameters whose sums show in the results, and reach beyond the clamp.

    A bias from its whole range and a shift by all that the accumulators have would hide them.
    """
    rng = np.random.default_rng(seed)
    told = []
    for spec, own in zip(chain.stages, random_parameters(chain, seed)):
        changes = {}
        if spec.bias_width:
            reach = max(1, min(spec.sum_range.high, spec.bias_range.high) // 4)
            changes["bias"] = rng.integers(-reach, reach, len(own.bias), endpoint=True)
        if spec.output is not None and spec.output.mode == "scale":
            changes["multiplier"] = rng.integers(1 << 14, 1 << 16, len(own.bias))
        if spec.output is not None and spec.output.shift is None:
            shift = spec.sum_range.bits - spec.output.bits - int(rng.integers(0, 4))
            if spec.output.mode == "scale":
                shift += 16
            changes["shift"] = max(0, min(shift, spec.bias_width - 2 if spec.output.mode == "shift"
                                          else spec.max_shift))
        told.append(dataclasses.replace(own, **changes))
    for spec, own in zip(chain.stages, told):
        named = {name: value for name, value in vars(own).items()
                 if name != "multiplier" or spec.output is not None and spec.output.mode == "scale"}
        check_parameters(spec, named)
    return tuple(told)


def differs(chain, *, rows=12, seed=0, **how):
    """What is wrong with an accelerator on random rows, as text; empty where nothing is.

    Without stalls, one engine's latency and cycles per row must be those of its spec too; a
    chain's rows may come no closer than its spec says.
    """
    parameters = (telling_parameters if seed % 2 else random_parameters)(chain, seed)
    inputs = random_rows(chain, parameters, rows, seed)
    chain = bind_constants(chain, parameters)
    result = simulate(chain, pack_image(chain, parameters), inputs, **how)
    wrong = first_difference(chain_results(chain, parameters, inputs), result.results)
    if wrong or "valid" in how or "ready" in how:
        return wrong
    if chain.latency is not None and result.latency != chain.latency:
        return f"latency is {result.latency} instead of {chain.latency}"
    exact = len(chain.stages) == 1 and chain.cycles_exact
    if result.cycles_per_row < chain.cycles_per_row or (
            exact and result.cycles_per_row != chain.cycles_per_row):
        return f"cycles per row are {result.cycles_per_row} instead of {chain.cycles_per_row}"
    return ""
