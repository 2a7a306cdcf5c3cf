"""Amaranth's own simulator: needs nothing but Python, a thousand cycles per second."""

import dataclasses
import random
from collections.abc import Callable

import numpy as np
from amaranth.hdl import Fragment, Value
from amaranth.sim import Simulator

from ..rtl import TARGETS, Accelerator
from ..spec import LoadError
from ..spec.design import Design
from .result import SimulationError, SimulationResult
from .transfers import image_payloads, results_from_payloads, row_payloads

__all__ = ["simulate"]

SETTLE_CYCLES = 8
"""Cycles after an image's last word in which `status.ready` must rise."""


@dataclasses.dataclass
class _Run:
    """What is observed while rows pass."""
    payloads: list[int] = dataclasses.field(default_factory=list)
    row_ends: list[int] = dataclasses.field(default_factory=list)
    first_in: int | None = None
    first_out: int | None = None
    cycle: int = 0


def simulate(design: Design, image: bytes, rows: np.ndarray, *,
             precisions: np.ndarray | None = None, valid: float = 1.0,
             ready: float = 1.0, seed: int = 1,
             progress: Callable[[int], None] | None = None) -> SimulationResult:
    """Run rows [R, D] through the portable RTL, without writing Verilog.

    Parameters
    ----------
    precisions:
        The precision [R] of every row; 0 where left out.
    valid, ready:
        Chance per cycle that the source offers and the sink takes.
    progress:
        Called with the number of rows that have left.

    Raises
    ------
    SimulationError
        If the image is refused, or results do not come.
    """
    dut = Accelerator(design)
    simulator = Simulator(Fragment.get(dut, TARGETS["generic"]))
    simulator.add_clock(1e-6)
    words = image_payloads(image, design.load_bits)
    offered = row_payloads(design, rows, precisions)
    transfers = design.results.transfers
    wanted = len(rows) * transfers
    limit = _limit(design, len(rows), valid, ready)
    rng = random.Random(seed)
    run = _Run()

    async def load(ctx) -> None:
        ctx.set(dut.load.valid, 1)
        for word in words:
            ctx.set(Value.cast(dut.load.payload), word)
            taken = 0
            while not taken:
                *_, taken = await ctx.tick().sample(dut.load.ready)
        ctx.set(dut.load.valid, 0)
        for _ in range(SETTLE_CYCLES):
            await ctx.tick()
        if not ctx.get(dut.status.ready):
            raise SimulationError("the parameter image was refused: "
                                  f"{LoadError.NAMES[ctx.get(dut.status.error)]}.")

    async def bench(ctx) -> None:
        await load(ctx)
        sent, offering = 0, False
        while len(run.payloads) < wanted:
            if run.cycle > limit:
                raise SimulationError(f"results stopped coming after {run.cycle} cycles.")
            offering = sent < len(offered) and (offering or rng.random() < valid)
            willing = rng.random() < ready
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.o.ready, willing)
            if offering:
                ctx.set(Value.cast(dut.i.payload), offered[sent])
            *_, taken, given, payload = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, Value.cast(dut.o.payload))
            if offering and taken:
                run.first_in = run.cycle if run.first_in is None else run.first_in
                sent, offering = sent + 1, False
            if willing and given:
                run.first_out = run.cycle if run.first_out is None else run.first_out
                run.payloads.append(payload)
                if len(run.payloads) % transfers == 0:
                    run.row_ends.append(run.cycle)
                    if progress is not None:
                        progress(len(run.row_ends))
            run.cycle += 1

    simulator.add_testbench(bench)
    simulator.run()
    assert run.first_in is not None and run.first_out is not None
    results = results_from_payloads(design, run.payloads)
    return SimulationResult(results=results, latency=run.first_out - run.first_in,
                            cycles=run.cycle, row_ends=np.array(run.row_ends, np.uint64),
                            flushes=design.has_window)


def _limit(design: Design, rows: int, valid: float, ready: float) -> int:
    """Cycles after which a run without all its results is given up."""
    slowest = max(design.cycles_per_row, design.input.transfers, design.results.transfers)
    stages = len(design.stages) + 1
    return int((rows + 8 * stages) * slowest / max(1e-3, valid * ready) * 4 + 10_000)
