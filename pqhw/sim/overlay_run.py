"""`pqhw sim` of an overlay: the program, then the Verilog, held against the golden network."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from rich.markup import escape
from rich.table import Table

from ..flow.cache import Cache
from ..flow.tools import ToolError, ToolMissing
from ..golden.overlay import program_results
from ..spec.fields import SpecError
from ..spec.overlay import Program
from ..spec.overlay.cycles import program_cycles
from .overlay import simulate_program
from .result import SimulationError

__all__ = ["OVERLAY_LEVELS", "OverlayReport", "simulate_levels"]

OVERLAY_LEVELS = ("golden", "program", "cxxrtl", "all")
"""What can be asked for."""

STALLED_IMAGES = 20
"""Images that are run once more with everything stalled at random."""

STALLS = {"valid": 0.5, "ready": 0.5, "memory": 0.6}
"""Chances per cycle of these."""


@dataclasses.dataclass(frozen=True)
class OverlayLevel:
    """What a level found: equal, different, failed, or not run, and why not equal."""
    level: str
    status: Literal["equal", "different", "failed", "not run"]
    images: int
    cycles: int | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class OverlayReport:
    """All levels, and the results [R, ...] of the golden network."""
    program: Program
    levels: tuple[OverlayLevel, ...]
    results: np.ndarray
    all_asked: bool

    @property
    def ok(self) -> bool:
        """Whether every level that ran was equal, in the cycles of the model, and one that was
        asked for by name did run."""
        return all(level.status == "equal" or (level.status == "not run" and self.all_asked)
                   for level in self.levels)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"schema_version": 1, "document": "overlay simulation",
                "network": self.program.name, "cycles_per_image": program_cycles(self.program),
                "levels": [dataclasses.asdict(level) for level in self.levels]}

    def table(self) -> Table:
        """A row per level."""
        table = Table("level", "verdict", "images", "cycles per image",
                      title=f"{escape(self.program.name)}: results against the golden network")
        table.add_row("golden", "reference", str(len(self.results)),
                      f"{program_cycles(self.program)} (model)")
        for level in self.levels:
            verdict = f"[green]{level.status}[/]" if level.status == "equal" else escape(
                f"{level.status}: {level.reason}")
            table.add_row(level.level, verdict, str(level.images or ""),
                          "" if level.cycles is None else str(level.cycles))
        return table


def simulate_levels(cache: Cache, program: Program, images: np.ndarray, expected: np.ndarray,
                    level: str, *, target: str = "generic",
                    progress: Callable[[str], None] = lambda name: None) -> OverlayReport:
    """Run one level, or all of them, over images whose results must be `expected`.

    Raises
    ------
    SpecError
        If there is no such level.
    """
    if level not in OVERLAY_LEVELS:
        raise SpecError(f"--level must be one of {', '.join(OVERLAY_LEVELS)} for an overlay, "
                        f"but is {level}.")
    found = []
    if level in ("program", "all"):
        progress("program")
        found.append(_compared("program", program_results(program, images), expected))
    if level in ("cxxrtl", "all"):
        progress("cxxrtl")
        found.append(_simulated(cache, program, images, expected, target))
    return OverlayReport(program, tuple(found), expected, level == "all")


def _compared(level: str, results: np.ndarray, expected: np.ndarray,
              cycles: int | None = None) -> OverlayLevel:
    different = results != expected
    if not different.any():
        return OverlayLevel(level, "equal", len(results), cycles)
    at = tuple(int(index) for index in np.argwhere(different)[0])
    return OverlayLevel(level, "different", len(results), cycles,
                        f"image {at[0]}, output {list(at[1:])} is {results[at]} instead of "
                        f"{expected[at]}.")


def _simulated(cache: Cache, program: Program, images: np.ndarray, expected: np.ndarray,
               target: str) -> OverlayLevel:
    """All images without stalls, whose cycles count, then some with them."""
    model = program_cycles(program)
    limit = 10_000 + 2 * model * (len(images) + 1)
    try:
        run = simulate_program(cache, program, images, target=target, cycle_limit=limit)
        between = np.diff(run.image_ends.astype(np.int64))
        cycles = int(between[-1]) if len(between) else None
        found = _compared("cxxrtl", run.results, expected, cycles)
        if found.status == "equal" and (between != model).any():
            return dataclasses.replace(found, status="different", reason=(
                f"an image took {int(between[between != model][0])} cycles instead of {model}."))
        few = images[:STALLED_IMAGES]
        stalled = simulate_program(cache, program, few, target=target, cycle_limit=20 * limit,
                                   latency=9, **STALLS)
        second = _compared("cxxrtl", stalled.results, expected[:len(few)])
        if found.status == "equal" and second.status != "equal":
            return dataclasses.replace(second, reason=f"with stalls {second.reason}")
        return found
    except ToolMissing as error:
        return OverlayLevel("cxxrtl", "not run", 0, reason=str(error))
    except (ToolError, SimulationError) as error:
        return OverlayLevel("cxxrtl", "failed", 0, reason=str(error))
