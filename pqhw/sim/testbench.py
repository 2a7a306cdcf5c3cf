"""The cocotb side of `pqhw.sim.icarus`: source, sink and monitor, stepped together cycle by cycle.

Nothing runs in the background. A test awaits `Bench.step` or `Bench.until`; in every cycle the
streams drive, the clock rises, and the streams look at what the cycle showed. What a test reads
after a step are the values of the cycle just done.
"""

import json
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from ..spec import ChainSpec
from .result import SimulationError
from .transfers import image_payloads, row_payloads, rows_from_payloads

__all__ = ["Bench", "Monitor", "Random", "Sink", "Source", "always", "never", "pattern"]

TIMEOUT = 3600
"""Seconds after which the simulator is ended: a combinational loop would hold it for ever."""


def always() -> bool:
    """Willing in every cycle."""
    return True


def never() -> bool:
    """Willing in no cycle."""
    return False


def pattern(*cycles: int) -> Callable[[], bool]:
    """Willing where `cycles` has a 1, over and over."""
    state = deque(cycles)

    def willing() -> bool:
        state.rotate(-1)
        return bool(state[-1])
    return willing


class Random:
    """The generator of `harness.cc`, so that both simulators stall in the same cycles."""

    def __init__(self, seed: int):
        self.state = seed & (1 << 64) - 1 | 1

    def chance(self, probability: float) -> Callable[[], bool]:
        """Willing with a probability, rounded to 1/256."""
        of_256 = round(probability * 256)
        return always if of_256 >= 256 else lambda: self._draw() < of_256

    def _draw(self) -> int:
        state = self.state
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        self.state = state
        return state >> 24 & 255


class Wire:
    """One port: reads integers, writes changes alone."""

    def __init__(self, bench: "Bench", name: str):
        self.bench = bench
        self.name = name
        self.handle = getattr(bench.dut, name)
        self.driven: int | None = None

    def read(self) -> int:
        """The value; raises `SimulationError` if a bit of it is X or Z."""
        text = str(self.handle.value)
        try:
            return int(text, 2)
        except ValueError:
            raise SimulationError(f"{self.name} is {text} in cycle {self.bench.cycle}") from None

    def write(self, value: int) -> None:
        """Drive the port from now on."""
        if value != self.driven:
            self.driven = value
            self.handle.value = value


class Source:
    """Feeds a stream. `valid` never waits for `ready`, and what is offered stays until taken.

    Members
    -------
    willing: asked once in every cycle with something to offer; assign another one at any time
    waiting: payloads not offered yet
    taken: transfers so far
    first: cycle of the first transfer
    """

    def __init__(self, bench: "Bench", name: str):
        self.bench = bench
        self.valid, self.payload, self.ready = (
            Wire(bench, f"{name}__{part}") for part in ("valid", "payload", "ready"))
        self.willing: Callable[[], bool] = always
        self.clear()

    def clear(self) -> None:
        """Forget everything, as after a reset."""
        self.waiting: deque[int] = deque()
        self.offered = False
        self.taken = 0
        self.first: int | None = None

    def send(self, payloads: Iterable[int]) -> None:
        """Append payloads."""
        self.waiting.extend(payloads)

    @property
    def done(self) -> bool:
        """Whether everything sent has been taken."""
        return not self.waiting and not self.offered

    def drive(self) -> None:
        """Before the clock edge."""
        if not self.offered and self.waiting and self.willing():
            self.offered = True
            self.payload.write(self.waiting.popleft())
        self.valid.write(int(self.offered))

    def sample(self) -> None:
        """At the clock edge."""
        if self.ready.read() and self.offered:
            self.offered = False
            self.taken += 1
            if self.first is None:
                self.first = self.bench.cycle


class Monitor:
    """Holds a stream to its rules: known values; a waiting transfer stays, unchanged.

    Members
    -------
    stalls: cycles in which a transfer waited
    """

    def __init__(self, bench: "Bench", name: str):
        self.bench = bench
        self.name = name
        self.valid, self.payload, self.ready = (
            Wire(bench, f"{name}__{part}") for part in ("valid", "payload", "ready"))
        self.clear()

    def clear(self) -> None:
        """Forget everything, as after a reset."""
        self.held: int | None = None
        self.stalls = 0

    def sample(self) -> int | None:
        """The payload of this cycle's transfer, if there is one."""
        ready = self.ready.read()
        payload = self.payload.read() if self.valid.read() else None
        if self.held is not None and payload != self.held:
            what = "valid fell" if payload is None else "payload changed"
            raise SimulationError(f"{self.name}: {what} before ready, in cycle {self.bench.cycle}")
        self.held = None if ready else payload
        self.stalls += self.held is not None
        return payload if ready else None


class Sink:
    """Takes from a stream, under a `Monitor`.

    Members
    -------
    willing: asked once in every cycle; assign another one at any time
    payloads, cycles: of every transfer
    """

    def __init__(self, bench: "Bench", name: str):
        self.bench = bench
        self.monitor = Monitor(bench, name)
        self.willing: Callable[[], bool] = never
        self.clear()

    def clear(self) -> None:
        """Forget everything, as after a reset."""
        self.monitor.clear()
        self.payloads: list[int] = []
        self.cycles: list[int] = []

    def drive(self) -> None:
        """Before the clock edge."""
        self.monitor.ready.write(int(self.willing()))

    def sample(self) -> None:
        """At the clock edge."""
        payload = self.monitor.sample()
        if payload is not None:
            self.payloads.append(payload)
            self.cycles.append(self.bench.cycle)


class Bench:
    """An accelerator with a source at `i` and at `load` and a sink at `o`.

    Members
    -------
    i, load, o: the streams
    cycle: cycles since the reset
    """

    def __init__(self, dut: Any, chain: ChainSpec):
        self.dut = dut
        self.chain = chain
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
        words = image_payloads(image, self.chain.load_bits) if image else []
        self.load.send(words)
        await self.until(lambda: self.load.done, 2 * len(words) + 10_000,
                         "the parameter image was not taken")
        await self.step(9)
        return self.status("error")

    @property
    def rows_out(self) -> int:
        """Rows that have left, counted in transfers."""
        return len(self.o.payloads) // self.chain.last.output_transfers

    def results(self) -> np.ndarray:
        """Rows [R, N] that have left; raises `SimulationError` where `last` is misplaced."""
        last = self.chain.last
        whole = self.o.payloads[:self.rows_out * last.output_transfers]
        try:
            return rows_from_payloads(last.result_range, last.lanes_out, last.layer.out_features,
                                      whole)
        except AssertionError:
            raise SimulationError("`last` did not mark the ends of the result rows") from None


async def _run(bench: Bench, job: Any) -> dict[str, Any]:
    """What `harness.cc` does, in the same order."""
    chain, rows = bench.chain, job["rows"]
    random = Random(int(job["seed"]))
    await bench.start()
    error = await bench.load_image(job["image"].tobytes())
    if not bench.status("ready"):
        raise SimulationError(f"the parameter image was refused with error {error}")
    start = bench.cycle
    bench.i.willing = random.chance(float(job["valid"]))
    bench.o.willing = random.chance(float(job["ready"]))
    bench.i.send(row_payloads(chain, rows) if len(rows) else [])
    await bench.until(lambda: bench.rows_out >= len(rows), int(job["limit"]),
                      "results stopped coming")
    transfers = chain.last.output_transfers
    latency = bench.o.cycles[0] - bench.i.first if bench.i.first is not None else 0
    return {"results": bench.results(), "latency": latency, "cycles": bench.cycle - start,
            "row_ends": np.array(bench.o.cycles[transfers - 1::transfers], np.int64) - start}


@cocotb.test()
async def run_job(dut: Any) -> None:
    """Run the job that `+pqhw_job` names; write its outcome, an error included, beside it."""
    path = Path(str(cocotb.plusargs["pqhw_job"]))
    with np.load(path) as job:
        chain = ChainSpec.from_mapping(json.loads(str(job["chain"])))
        try:
            outcome = await _run(Bench(dut, chain), job)
        except SimulationError as error:
            outcome = {"error": str(error)}
    partial = path.with_name("partial.npz")
    np.savez(partial, **outcome)
    os.replace(partial, path.with_name("outcome.npz"))
