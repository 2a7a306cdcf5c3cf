"""What drives and watches streams under cocotb, one call before and one at every clock edge.

Values are read at the rising edge, before registers change: those of the cycle just ending.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from .result import SimulationError

__all__ = ["Monitor", "Random", "Sink", "Source", "Wire", "always", "never", "pattern"]


class Cycles(Protocol):
    """What an agent must know of its bench: the design and the cycle."""
    dut: Any
    cycle: int


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
        self.state = (2 * seed + 1) & ((1 << 64) - 1)

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

    def __init__(self, bench: Cycles, name: str):
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

    def __init__(self, bench: Cycles, name: str):
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

    def __init__(self, bench: Cycles, name: str):
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

    def __init__(self, bench: Cycles, name: str):
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
