"""What every simulator returns."""

import dataclasses

import numpy as np

__all__ = ["SimulationError", "SimulationResult"]


class SimulationError(RuntimeError):
    """The simulated design did something that no results excuse; one sentence says what."""


@dataclasses.dataclass(frozen=True, eq=False)
class SimulationResult:
    """Rows out of a simulation.

    Members
    -------
    results: [R, N] integers
    latency: cycles from the first transfer in to the first transfer out
    cycles: cycles simulated, the loading of parameters not counted
    row_ends: cycle of each row's last transfer
    flushes: the last row leaves sooner than with another behind it: the window of a convolution
        waits for no further pixel then
    """
    results: np.ndarray
    latency: int
    cycles: int
    row_ends: np.ndarray
    flushes: bool = False

    @property
    def cycles_per_row(self) -> float | None:
        """Cycles between rows over the second half of the run, when the pipeline is full."""
        ends = self.row_ends[:-1] if self.flushes else self.row_ends
        if len(self.row_ends) < 4:
            return None
        half = len(ends) // 2
        return float(int(ends[-1]) - int(ends[half - 1])) / (len(ends) - half)
