"""The cocotb side of `pqhw.sim.icarus`: a bench around an accelerator, stepped cycle by cycle.

Nothing runs in the background. A test awaits `Bench.step` or `Bench.until`; in every cycle the
streams drive, the clock rises, and the streams look at what the cycle showed. What a test reads
after a step are the values of the cycle just done.
"""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from ..spec.dataflow import design_from_mapping
from ..spec.design import Design
from .agents import Random, Sink, Source, Wire
from .result import SimulationError
from .transfers import image_payloads, results_from_payloads, row_payloads

__all__ = ["Bench"]

TIMEOUT = 3600
"""Seconds after which the simulator is ended: a combinational loop would hold it for ever."""


class Bench:
    """An accelerator with a source at `i` and at `load` and a sink at `o`.

    Members
    -------
    i, load, o: the streams
    cycle: cycles since the reset
    """

    def __init__(self, dut: Any, design: Design):
        self.dut = dut
        self.design = design
        self.cycle = 0
        self.i, self.load, self.o = Source(self, "i"), Source(self, "load"), Sink(self, "o")
        self.edge = RisingEdge(dut.clk)

    async def start(self) -> None:
        """Start the clock and reset."""
        if hasattr(signal, "alarm"):
            signal.alarm(TIMEOUT)
        Clock(self.dut.clk, 2, unit="step").start(start_high=False)
        await self.reset()

    async def reset(self, cycles: int = 2) -> None:
        """Hold `rst`; whatever the streams had under way is forgotten."""
        self.dut.rst.value = 1
        for wire in (self.i.valid, self.load.valid, self.o.monitor.ready):
            wire.write(0)
        for _ in range(cycles):
            await self.edge
        self.dut.rst.value = 0
        self.cycle = 0
        for stream in (self.i, self.load, self.o):
            stream.clear()

    async def step(self, cycles: int = 1) -> None:
        """Let cycles pass."""
        for _ in range(cycles):
            self.i.drive()
            self.load.drive()
            self.o.drive()
            await self.edge
            self.i.sample()
            self.load.sample()
            self.o.sample()
            self.cycle += 1

    async def until(self, condition: Callable[[], bool], limit: int, sentence: str) -> None:
        """Let cycles pass until `condition` holds; `SimulationError` after `limit` of them."""
        start = self.cycle
        while not condition():
            if self.cycle - start >= limit:
                raise SimulationError(f"{sentence} after {self.cycle - start} cycles")
            await self.step()

    def status(self, name: str) -> int:
        """A field of `status`."""
        return Wire(self, f"status__{name}").read()

    async def load_image(self, image: bytes) -> int:
        """Load an image; returns the `LoadError`, which is 0 for a good one."""
        words = image_payloads(image, self.design.load_bits) if image else []
        self.load.send(words)
        await self.until(lambda: self.load.done, 2 * len(words) + 10_000,
                         "the parameter image was not taken")
        await self.step(9)
        return self.status("error")

    @property
    def rows_out(self) -> int:
        """Rows that have left, counted in transfers."""
        return len(self.o.payloads) // self.design.results.transfers

    def results(self) -> np.ndarray:
        """Rows [R, N] that have left; raises `SimulationError` where `last` is misplaced."""
        whole = self.o.payloads[:self.rows_out * self.design.results.transfers]
        try:
            return results_from_payloads(self.design, whole)
        except AssertionError:
            raise SimulationError("`last` did not mark the ends of the result rows") from None


async def _run(bench: Bench, job: Any) -> dict[str, Any]:
    """What `harness.cc` does, in the same order."""
    design, rows = bench.design, job["rows"]
    random = Random(int(job["seed"]))
    await bench.start()
    error = await bench.load_image(job["image"].tobytes())
    if not bench.status("ready"):
        raise SimulationError(f"the parameter image was refused with error {error}")
    start = bench.cycle
    bench.i.willing = random.chance(float(job["valid"]))
    bench.o.willing = random.chance(float(job["ready"]))
    bench.i.send(row_payloads(design, rows, job["precisions"]) if len(rows) else [])
    await bench.until(lambda: bench.rows_out >= len(rows), int(job["limit"]),
                      "results stopped coming")
    transfers = design.results.transfers
    latency = bench.o.cycles[0] - bench.i.first if bench.i.first is not None else 0
    return {"results": bench.results(), "latency": latency, "cycles": bench.cycle - start,
            "row_ends": np.array(bench.o.cycles[transfers - 1::transfers], np.int64) - start}


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Run the job that `+pqhw_job` names; write its outcome, an error included, beside it."""
    path = Path(str(cocotb.plusargs["pqhw_job"]))
    with np.load(path) as job:
        design = design_from_mapping(json.loads(str(job["design"])))
        try:
            outcome = await _run(Bench(dut, design), job)
        except SimulationError as error:
            outcome = {"error": str(error)}
    partial = path.with_name("partial.npz")
    np.savez(partial, **outcome)
    os.replace(partial, path.with_name("outcome.npz"))
