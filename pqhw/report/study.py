"""A study as a table: for the terminal, and in Markdown for a page of documentation."""

import dataclasses
import statistics
import textwrap
from collections.abc import Callable, Sequence

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..study.results import RowResult, Run, StudyResult
from .numbers import ABSENT, count
from .tables import bullet

__all__ = ["COLUMNS", "UNITS", "Figure", "failures", "figure_of", "finding", "keeps_accuracy",
           "percent", "study_cells", "study_facts", "study_markdown", "study_table"]

COLUMNS = ("row", "tables", "prototypes", "weights", "memory", "lookups", "distances", "products",
           "converted", "fine-tuned", "points lost", "≤ 1")
LEFT_OUT = ("tables", "prototypes", "weights")
"""Columns for which a terminal has no room; their sum is the memory."""

UNITS = ("Memory in kbit; work in thousands per image: table entries looked up and added, elements "
         "compared with prototypes, products; test accuracy in per cent, mean and sample deviation "
         "over seeds. Marked rows lose at most 1 point in the mean.")
WIDTH = 100
"""Characters of a line of documentation."""

MOST_LOST = 1.0
"""Points that a row may lose to be marked."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """Mean over seeds, and their sample deviation; None with one seed."""
    mean: float
    spread: float | None

    def __str__(self) -> str:
        own = "" if self.spread is None else f" ± {self.spread:.2f}"
        return f"{self.mean:.2f}{own}"


def figure_of(runs: Sequence[Run], get: Callable[[Run], float | None]) -> Figure | None:
    """A figure over the runs that have it; None where none has."""
    values = [value for value in map(get, runs) if value is not None]
    if not values:
        return None
    return Figure(statistics.fmean(values),
                  statistics.stdev(values) if len(values) > 1 else None)


def lost(row: RowResult) -> Figure | None:
    """Points lost from float to the integers in the end."""
    return figure_of(row.good, lambda run: run.lost_points)


def keeps_accuracy(row: RowResult) -> bool:
    """Whether a row loses at most a point in the mean, and no seed failed."""
    own = lost(row)
    # Accuracies are shares: a point that was lost exactly may come out a little above 1.
    kept = own is not None and round(own.mean, 6) <= MOST_LOST
    return kept and len(row.good) == len(row.runs)


def percent(row: RowResult, name: str) -> Figure | None:
    """An accuracy of a row in per cent."""
    return figure_of(row.good, lambda run: None if getattr(run, name) is None
                     else 100 * getattr(run, name))


def study_cells(row: RowResult) -> list[str]:
    """The cells of a row that has a result, one for each of `COLUMNS`."""
    cost = row.cost
    assert cost is not None
    own = [f"{value / 1000:,.1f}" if value else ABSENT for value in (
        cost.table_bits, cost.prototype_bits, cost.weight_bits, cost.memory_bits, cost.lookups,
        cost.distance_operations, cost.products)]
    figures = (percent(row, "converted_accuracy"), percent(row, "tuned_accuracy"), lost(row))
    return [row.name, *own, *(ABSENT if figure is None else str(figure) for figure in figures),
            "✓" if keeps_accuracy(row) else ""]


def study_facts(result: StudyResult) -> str:
    """What was trained, on what, and how well its floats do."""
    runs = [run for row in result.rows for run in row.good]
    known = {run.seed: run for run in runs}
    own = figure_of(list(known.values()), lambda run: 100 * (run.float_accuracy or 0))
    seeds = ", ".join(map(str, result.seeds))
    return (f"{result.network} on {result.data}: {count(result.test_images)} test images, "
            f"{'seeds' if len(result.seeds) > 1 else 'seed'} {seeds}; float accuracy "
            f"{ABSENT if own is None else own} %, {result.products / 1000:,.1f} thousand products "
            "per image")


def finding(result: StudyResult) -> str:
    """Which rows keep the accuracy, and with how little memory."""
    kept = [row for row in result.rows if keeps_accuracy(row)]
    if not kept:
        return "No row loses at most 1 point."
    text = (f"{len(kept)} of {len(result.rows)} rows {'lose' if len(kept) > 1 else 'loses'} at "
            "most 1 point.")
    pq = [row for row in kept if row.cost and row.cost.lookups]
    for words, rows in (("of those that look up", pq),
                        ("of those that multiply", [row for row in kept if row not in pq])):
        if rows:
            least = min(rows, key=_memory)
            text += f" Least memory {words}: {least.name}, {_memory(least) / 1000:,.1f} kbit."
    return text


def _memory(row: RowResult) -> int:
    assert row.cost is not None
    return row.cost.memory_bits


def failures(result: StudyResult) -> list[str]:
    """A sentence per run that failed, those of one row and reason as one."""
    told: dict[tuple[str, str], list[int]] = {}
    for row in result.rows:
        for run in row.runs:
            if run.status == "failed":
                told.setdefault((row.name, run.reason or "no reason was kept"), []).append(run.seed)
    return [f"{name}, seed {', '.join(map(str, seeds))} failed: {reason}"
            for (name, reason), seeds in told.items()]


def study_table(result: StudyResult) -> RenderableType:
    """Rows with mean and deviation over seeds; those that keep the accuracy are marked."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    shown = [index for index, name in enumerate(COLUMNS) if name not in LEFT_OUT]
    for index in shown:
        table.add_column(COLUMNS[index], justify="right" if index else "left", no_wrap=bool(index),
                         overflow="fold", min_width=None if index else 12)
    for row in result.rows:
        if row.good:
            cells = study_cells(row)
            table.add_row(*(cells[index] for index in shown),
                          style="green" if keeps_accuracy(row) else None)
    return Group(Text(result.title, style="bold"), Text(study_facts(result), style="dim"), Text(),
                 table, Text(), Text(finding(result)),
                 *(bullet(sentence) for sentence in failures(result)),
                 Text(UNITS, style="dim"))


def study_markdown(result: StudyResult) -> str:
    """The same for a page of documentation."""
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"
    rows = [study_cells(row) for row in result.rows if row.good]
    lines = [line(COLUMNS), line(["---"] + ["---:"] * (len(COLUMNS) - 2) + [":---:"]),
             *(line([f"`{name}`", *cells]) for name, *cells in rows)]
    told = [textwrap.fill(f"* {sentence}", WIDTH, subsequent_indent="  ")
            for sentence in failures(result)]
    return "\n".join([*lines, *([""] if told else []), *told]) + "\n"
