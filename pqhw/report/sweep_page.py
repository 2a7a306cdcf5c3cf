"""A sweep as a part of a page: area against rate and clock, and a row for every point."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..explore.search.pareto import nondominated
from ..explore.sweep.overrides import word
from ..explore.sweep.results import Row as Point, SweepResult
from ..spec import SpecError
from ..spec.devices import device
from .numbers import ABSENT, count, finite, quantity
from .plots import INK, figure, plain, scale, step_line
from .sections import Mark, Plot, Row, Section, Table, mark

__all__ = ["sweep_section"]

MOST_POINTS = 2000
"""Points that a page shows; of more, those of the fronts and the first ones."""

AREAS = {"lut_equivalents_pqa": "LUT equivalents at PQA's prices", "lut4": "LUT4"}


def sweep_section(result: SweepResult) -> Section:
    """The whole document."""
    rows = [row for row in result.rows if _good(row)]
    area = next((name for name in AREAS if all(getattr(row, name) is not None for row in rows)),
                "lut4")
    fronts = {name: {id(row) for row in _front(rows, area, name)}
              for name in ("rows_per_second", "fmax_mhz")}
    best = set().union(*fronts.values())
    shown = _shown(result.rows, best)
    drawn = [row for row in rows if id(row) in shown]
    return Section(
        kicker=f"Sweep, {result.method}", title=result.title, finding=_finding(result, rows),
        facts=_facts(result), caveats=_caveats(result, len(shown)),
        plots=[_plot(drawn, area, "rows_per_second", "Rate against area", "rows per second",
                     fronts["rows_per_second"]),
               _plot(drawn, area, "fmax_mhz", "Clock against area", "Fmax, MHz",
                     fronts["fmax_mhz"])],
        tables=[_table(result, [row for row in result.rows if id(row) in shown],
                       fronts["rows_per_second"])])


def _good(row: Point) -> bool:
    return row.status == "ok" and None not in (row.lut4, row.rows_per_second, row.fmax_mhz)


def _place(row: Point) -> str:
    """The device: areas of two are not alike."""
    return str(row.settings.get("device", ""))


def _places(rows: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(map(_place, rows)))


def _told(name: str) -> str:
    try:
        return device(name).title.removeprefix("Lattice ")
    except SpecError:
        return name or "all points"


def _front(rows: Sequence[Point], area: str, figure_name: str) -> list[Point]:
    """Of each device the points than which none is both smaller and better, the smallest first."""
    found: list[Point] = []
    for place in _places(rows):
        own = [row for row in rows if _place(row) == place]
        costs = np.array([[getattr(row, area), -getattr(row, figure_name)] for row in own])
        found += sorted((own[index] for index in nondominated(costs)),
                        key=lambda row: (getattr(row, area), row.name))
    return found


def _shown(rows: Sequence[Point], best: set[int]) -> set[int]:
    rest = [id(row) for row in rows if id(row) not in best]
    return {*sorted(best)[:MOST_POINTS], *rest[:max(0, MOST_POINTS - len(best))]}


def _finding(result: SweepResult, rows: Sequence[Point]) -> str:
    if not result.rows:
        return "The sweep has no points."
    if not rows:
        return f"None of {count(len(result.rows))} points has figures."
    told = f"{count(len(rows))} of {count(len(result.rows))} points have figures."
    best = []
    for place in _places(rows):
        row = max((row for row in rows if _place(row) == place),
                  key=lambda row: (row.rows_per_second or 0.0, -(row.lut4 or 0)))
        best.append(f"{row.name}, {quantity(row.rows_per_second)} rows/s with {count(row.lut4)} "
                    f"LUT4{f' on {_told(place)}' if place else ''}")
    return f"{told} The fastest: {'; '.join(best)}."


def _facts(result: SweepResult) -> list[tuple[str, str]]:
    states = [row.status for row in result.rows]
    return [("points", count(len(states))),
            *((state, count(states.count(state))) for state in ("ok", "failed", "to do")
              if states.count(state)),
            *((name, f"{count(len(values))} values") for name, values in _values(result).items()
              if len(values) > 1)]


def _values(result: SweepResult) -> dict[str, set[str]]:
    """What the points set a column to."""
    return {name: {repr(row.settings[name]) for row in result.rows
                   if row.settings.get(name) is not None} for name in result.columns}


def _caveats(result: SweepResult, shown: int) -> list[str]:
    told = []
    if result.method == "estimated":
        told.append("Figures are estimates from the spec alone; nothing was routed.")
    if waiting := sum(row.status == "to do" for row in result.rows):
        told.append(f"The sweep is not complete: {count(waiting)} points are to do.")
    if shown < len(result.rows):
        told.append(f"{count(shown)} of {count(len(result.rows))} points are shown: those that no "
                    "other beats, and the first ones.")
    failed: dict[str, int] = {}
    for row in result.rows:
        if row.status == "failed":
            reason = row.reason or "no reason was recorded."
            failed[reason] = failed.get(reason, 0) + 1
    return told + [f"{count(number)} failed: {reason}" for reason, number in sorted(
        failed.items(), key=lambda entry: -entry[1])[:10]]


def _plot(rows: Sequence[Point], area: str, name: str, title: str, axis: str,
          front: set[int]) -> Plot:
    """Points by device, and lines through those that none is both smaller and better than."""
    traces: list[dict[str, Any]] = []
    legend: list[Mark] = []
    for index, place in enumerate(_places(rows)):
        ink = INK[index % len(INK)]
        own = [row for row in rows if _place(row) == place]
        best = sorted((getattr(row, area), getattr(row, name)) for row in own if id(row) in front)
        traces += [step_line(best, ink, "hv"), _points(own, area, name, ink)]
        legend.append(mark(ink, _told(place)))
    across, upwards = ([getattr(row, field) for row in rows] for field in (area, name))
    return Plot(
        title=title, caption="Up and to the left is better; the line joins the points that no "
        "other beats." + (" Bars: quartiles over seeds." if name == "fmax_mhz" and any(
            row.fmax_q1 is not None for row in rows) else ""),
        legend=legend, figure=figure(
            traces, x=scale(across) | {"title": {"text": AREAS[area]}, "nticks": 6},
            y=scale(upwards) | {"title": {"text": axis}, "nticks": 6}) if rows else None)


def _points(rows: Sequence[Point], area: str, name: str, ink: str) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "x": [getattr(row, area) for row in rows],
        "y": [getattr(row, name) for row in rows], "marker": {"color": ink, "size": 8},
        "customdata": [[plain(row.name), count(row.lut4), f"{row.fmax_mhz:.1f}",
                        quantity(row.rows_per_second)] for row in rows],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} LUT4, %{customdata[2]} MHz, "
                         "%{customdata[3]} rows/s<extra></extra>"}
    if name == "fmax_mhz" and any(row.fmax_q1 is not None for row in rows):
        middle = [row.fmax_mhz or 0.0 for row in rows]
        above = [(row.fmax_q3 or own) - own for row, own in zip(rows, middle)]
        below = [own - (row.fmax_q1 or own) for row, own in zip(rows, middle)]
        trace["error_y"] = {"type": "data", "symmetric": False, "array": above,
                            "arrayminus": below, "color": ink, "thickness": 1, "width": 3}
    return trace


def _table(result: SweepResult, rows: Sequence[Point], front: set[int]) -> Table:
    settings = [name for name, values in _values(result).items() if len(values) > 1]
    return Table(
        title="Points", note="Bold: no other of the device is both smaller and faster.",
        columns=["point", "LUT4", "FF", "BRAM", "DSP", "LUT eq.", "MHz", "cycles", "rows/s",
                 *settings],
        rows=[_row(row, settings, id(row) in front) for row in rows])


def _row(row: Point, settings: Sequence[str], key: bool) -> Row:
    values = [_value(row.settings.get(name)) for name in settings]
    if row.status != "ok":
        told = row.reason or "no reason was recorded."
        return Row([row.name], rest=values,
                   failure="to do" if row.status == "to do" else f"failed: {told}")
    clock = finite(row.fmax_mhz)
    return Row([row.name, *map(count, (row.lut4, row.ff, row.bram, row.dsp,
                                       row.lut_equivalents_pqa)),
                ABSENT if clock is None else f"{clock:.1f}", count(row.cycles_per_row),
                quantity(row.rows_per_second), *values], key=key)


def _value(value: Any) -> str:
    return ABSENT if value is None else word(value)
