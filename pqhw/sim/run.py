"""`pqhw sim`: rows in, rows out, every level compared."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from ..emit.constants import bind_constants
from ..emit.design import design_verilog
from ..flow.cache import Cache
from ..golden import design_results
from ..spec.design import Design
from ..spec.parameters import Parameters
from .levels import LEVELS, Level, simulate_level
from .stimulus import random_precisions

__all__ = ["LEVEL_NAMES", "SimulationReport", "simulate"]

LEVEL_NAMES = ("golden", *LEVELS, "all")


@dataclasses.dataclass(frozen=True, eq=False)
class SimulationReport:
    """What `simulate` found.

    Members
    -------
    results: [R, N] of the level asked for; of the golden model for ``golden`` and ``all``
    """
    design: Design
    levels: list[Level]
    results: np.ndarray
    all_asked: bool

    @property
    def ok(self) -> bool:
        """Whether every level that ran was equal, in the predicted cycles, and one that was
        asked for by name did run."""
        return all(level.status == "equal" and self._timely(level)
                   or level.status == "not run" and self.all_asked for level in self.levels)

    def _timely(self, level: Level) -> bool:
        return level.is_timely(self.design)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"document": "simulation", "schema_version": 1, "ok": self.ok,
                "rows": len(self.results),
                "predicted": {"cycles_per_row": self.design.cycles_per_row,
                              "latency_cycles": self.design.latency},
                "levels": [level.summary() for level in self.levels]}

    def table(self) -> Table:
        """The levels, one row each."""
        table = Table("level", "verdict", "rows", "cycles per row", "latency, cycles",
                      title=f"{self.design.kind}: results against the golden model")
        latency = "measured" if self.design.latency is None else str(self.design.latency)
        table.add_row("golden", "reference", str(len(self.results)),
                      f"{self.design.cycles_per_row} (formula)", f"{latency} (formula)")
        for level in self.levels:
            latency = "not measured" if level.latency is None else str(level.latency)
            rate = ("not measured" if level.latency is None else "too few rows"
                    if level.cycles_per_row is None else f"{level.cycles_per_row:g}")
            seen = level.status in ("equal", "different")
            table.add_row(level.level, self._verdict(level), str(level.rows) if seen else "",
                          rate if seen else "", latency if seen else "")
        return table

    def _verdict(self, level: Level) -> str:
        reason = escape(level.reason or "")
        if level.status == "not run":
            return f"not run: {reason}"
        if level.status != "equal":
            return f"[red]{level.status}[/]: {reason}"
        if not self._timely(level):
            return "[red]equal, but not in the predicted cycles[/]"
        return "[green]equal[/]"


def simulate(cache: Cache, design: Design, parameters: Sequence[Parameters], rows: np.ndarray,
             level: str, *, precisions: np.ndarray | None = None, target: str = "generic",
             limit: int | None = None,
             progress: Callable[[str, int, int | None], None] = lambda name, done, total: None,
             ) -> SimulationReport:
    """Run one level, or all of them, over rows [R, D].

    Parameters
    ----------
    level:
        One of `LEVEL_NAMES`. A level asked for by name takes all rows; with ``all`` the slow
        ones take the first rows only.
    precisions:
        The precision [R] of every row; where left out, drawn at random.
    limit:
        Takes no more rows than this.
    progress:
        Called with the level's name, rows done and rows in all.
    """
    if precisions is None:
        precisions = random_precisions(design, len(rows), 1)
    rows, precisions = rows[:limit], precisions[:limit]
    wanted = [name for name in LEVELS if level in (name, "all")]
    bound = bind_constants(design, parameters)
    verilog = design_verilog(bound, target=target) if wanted else ""
    levels = []
    for name in wanted:
        progress(name, 0, None)
        levels.append(simulate_level(
            cache, design, parameters, rows, name, verilog=verilog, precisions=precisions,
            limit=None if level == "all" else len(rows),
            progress=lambda done, name=name: progress(name, done, len(rows))))  # type: ignore[misc]
    results = design_results(design, parameters, rows, precisions)
    if len(levels) == 1 and levels[0].results is not None:
        results = levels[0].results
    return SimulationReport(design, levels, results, level == "all")
