"""A sweep as a table, and what is to be expected of one before it is run."""

from collections.abc import Sequence
from typing import Any

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.sweep.results import SweepResult
from .numbers import ABSENT, count, duration, quantity
from .tables import bullet

__all__ = ["answer_table", "expected_table", "sweep_table"]

MARKS = {"ok": "", "failed": "failed", "to do": "to do"}


def sweep_table(result: SweepResult) -> RenderableType:
    """A row for every point, its cycles and rate those of a row; below them why some have no
    figures."""
    table = _table("point", "LUT4", "FF", "BRAM", "DSP", "MHz", "cycles", "rows/s", "")
    for row in result.rows:
        clock = ABSENT if row.fmax_mhz is None else f"{row.fmax_mhz:.1f}"
        table.add_row(row.name, *map(count, (row.lut4, row.ff, row.bram, row.dsp)), clock,
                      count(row.cycles_per_row), quantity(row.rows_per_second), MARKS[row.status])
    failed: dict[str, list[str]] = {}
    for row in result.rows:
        if row.status == "failed":
            failed.setdefault(str(row.reason), []).append(row.name)
    reasons = [f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {reason}"
               for reason, names in failed.items()]
    heading = Text.assemble((result.title, "bold"), (f", {result.method}", "dim"))
    return Group(heading, table, *map(bullet, reasons))


def expected_table(points: Sequence[tuple[str, str, float | None]], seconds: float, jobs: int
                   ) -> RenderableType:
    """Names, states and expected seconds of points, and of all that are left."""
    table = _table("point", "expected", "")
    for name, state, own in points:
        table.add_row(name, ABSENT if own is None else duration(own), state)
    left = sum(state == "to do" for _, state, _ in points)
    side = f", {jobs} side by side" if jobs > 1 else ""
    return Group(table, Text(f"{len(points)} points, {left} of them to do: about "
                             f"{duration(seconds)}{side}, within a factor of two or three."))


def answer_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """The answer to a question in SQL."""
    table = Table(*names, box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*(ABSENT if value is None else str(value) for value in row))
    return table


def _table(first: str, *rest: str) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first, overflow="fold")
    for title in rest[:-1]:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(rest[-1], no_wrap=True)
    return table
