"""A study as a page with plots: accuracy against memory, and along every axis."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..study.results import RowResult, StudyResult
from .html import templates
from .study import (COLUMNS, UNITS, Figure, failures, figure_of, finding, keeps_accuracy,
                    percent, study_cells, study_facts)

__all__ = ["axes_of", "write_study"]

INK = {"looks up": "#0072B2", "multiplies": "#D55E00", "converted": "#8C8C8C",
       "fine-tuned": "#0072B2", "front": "#009E73"}


def write_study(result: StudyResult, path: str | os.PathLike[str]) -> Path:
    """Write an HTML page that needs no other file and no network.

    Equal results give equal bytes.

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed.
    """
    pages = templates()
    axes = axes_of(result)
    figures = {f"axis-{name}": _axis(values) for name, values in axes.items()}
    if any(row.good for row in result.rows):
        figures["pareto"] = _pareto(result)
    page = pages.get_template("study.html").render(
        result=result, figures=figures, axes=list(axes), columns=COLUMNS, units=UNITS,
        facts=study_facts(result), finding=finding(result), failures=failures(result),
        rows=[(study_cells(row), keeps_accuracy(row)) for row in result.rows if row.good])
    path = Path(path)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def axes_of(result: StudyResult) -> dict[str, list[tuple[Any, RowResult]]]:
    """Fields with the values that rows give them and nothing else, the base's among them; only
    fields with two values or more."""
    found: dict[str, list[tuple[Any, RowResult]]] = {}
    for row in result.rows:
        different = [name for name, value in row.settings.items()
                     if value != result.base.get(name)]
        if row.good and len(different) == 1:
            found.setdefault(different[0], []).append((row.settings[different[0]], row))
    start = next((row for row in result.rows if row.good and row.settings == result.base), None)
    if start is not None:
        for name, values in found.items():
            values.append((result.base.get(name), start))
    return {name: sorted(values, key=_order) for name, values in found.items()
            if len(values) > 1}


def _order(entry: tuple[Any, RowResult]) -> tuple[bool, Any]:
    """Numbers by size, then words in their order."""
    value = entry[0]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (not number, value if number else _word(value))


def _word(value: Any) -> str:
    return "left out" if value is None else value if isinstance(value, str) else json.dumps(value)


def _accuracy(row: RowResult) -> Figure:
    own = figure_of(row.good, lambda run: None if run.accuracy is None else 100 * run.accuracy)
    assert own is not None, "a row without results has no place in a plot"
    return own


def _pareto(result: StudyResult) -> dict[str, Any]:
    """Accuracy against the memory of all parameters, and the front of what is best."""
    rows = [row for row in result.rows if row.good]
    kinds = {"looks up": [row for row in rows if row.cost and row.cost.lookups],
             "multiplies": [row for row in rows if row.cost and not row.cost.lookups]}
    traces = [_front(rows)]
    for name, own in kinds.items():
        if own:
            traces.append(_points(name, [_kilobits(row) for row in own],
                                  [_accuracy(row) for row in own], [row.name for row in own])
                          | {"mode": "markers"})
    floats = figure_of([run for row in rows for run in row.good],
                       lambda run: 100 * (run.float_accuracy or 0))
    assert floats is not None
    return _figure(traces, {"title": {"text": "tables, prototypes and weights, kbit"},
                            "type": "log"},
                   shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": floats.mean,
                            "y1": floats.mean,
                            "line": {"dash": "dot", "width": 1.5, "color": "#888888"}}])


def _kilobits(row: RowResult) -> float:
    assert row.cost is not None
    return row.cost.memory_bits / 1000


def _front(rows: Sequence[RowResult]) -> dict[str, Any]:
    """A line through the rows that none is both smaller and better than."""
    best: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: (_kilobits(row), -_accuracy(row).mean)):
        mean = _accuracy(row).mean
        if not best or mean > best[-1][1]:
            best.append((_kilobits(row), mean))
    return {"type": "scatter", "mode": "lines", "name": "none smaller and better",
            "hoverinfo": "skip",
            "x": [size for size, _ in best], "y": [mean for _, mean in best],
            "line": {"color": INK["front"], "width": 1.5, "shape": "hv"}}


def _axis(values: Sequence[tuple[Any, RowResult]]) -> dict[str, Any]:
    """Accuracy along an axis, before and after fine-tuning."""
    traces = []
    for name, field in (("converted", "converted_accuracy"), ("fine-tuned", "tuned_accuracy")):
        own = [(value, figure, row.name) for value, row in values
               if (figure := percent(row, field)) is not None]
        if own:
            traces.append(_points(
                name, [_word(value) for value, _, _ in own], [figure for _, figure, _ in own],
                [label for _, _, label in own])
                | {"mode": "lines+markers", "line": {"color": INK[name], "width": 1.5}})
    order = {"categoryorder": "array", "categoryarray": [_word(value) for value, _ in values]}
    return _figure(traces, {"type": "category"} | order)


def _points(name: str, x: Sequence[Any], y: Sequence[Figure], labels: Sequence[str]
            ) -> dict[str, Any]:
    return {"type": "scatter", "name": name, "x": list(x), "y": [figure.mean for figure in y],
            "error_y": {"type": "data", "array": [figure.spread or 0 for figure in y],
                        "color": INK[name], "thickness": 1.2, "width": 4},
            "marker": {"color": INK[name], "size": 9}, "customdata": list(labels),
            "hovertemplate": "%{customdata}<br>%{y:.2f} %<extra></extra>"}


def _figure(traces: list[dict[str, Any]], x: dict[str, Any], **layout: Any) -> dict[str, Any]:
    return {"data": traces, "layout": {
        "height": 340, "margin": {"l": 55, "r": 15, "t": 10, "b": 45}, "showlegend": True,
        "legend": {"orientation": "h", "y": 1.14}, "xaxis": x,
        "yaxis": {"title": {"text": "accuracy, %"}, "automargin": True}, **layout}}
