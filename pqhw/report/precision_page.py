"""A search of bits as a part of a page: the front, the search, bits and energy layer by layer."""

import os
from pathlib import Path
from typing import Any

from ..explore.precision.results import PrecisionResult
from ..explore.precision.search import Point
from ..explore.precision.trades import Trades
from .html import write_report
from .mapping_page import layer_plots, layer_table, loop_nests
from .numbers import ABSENT, count, share
from .plots import INK, bars, figure, plain, step_line
from .precision import loss_heading, spread, told_loss, trades_notes
from .sections import Plot, Row, Section, Table, mark

__all__ = ["precision_section", "write_trades"]

UNITS = {"edp": "ΣEDP, J·cycles", "energy": "energy, µJ", "cycles": "cycles"}

MOST_ROWS = 60
"""Points of the front that the table shows."""


def write_trades(trades: Trades, path: str | os.PathLike[str]) -> Path:
    """Write an HTML page that needs no other file and no network.

    Equal trades give equal bytes.

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed.
    """
    return write_report([], path, [precision_section(trades.document())])


def precision_section(result: PrecisionResult) -> Section:
    """The whole document."""
    settings = result.settings
    facts = [("architecture", result.architecture), ("model", str(result.model.get("compat"))),
             *((name, str(settings[name])) for name in ("operators", "generations", "parents",
                                                        "offspring", "seed") if name in settings)]
    plots, tables, texts = [_front(result), _history(result)], [_table(result)], []
    if result.chosen is not None:
        chosen, layers = result.chosen.point.point, result.chosen.mapping.layers
        plots += [_bits(result, chosen), *layer_plots(layers)]
        tables.append(layer_table(f"Layers at {chosen.label} bits", layers))
        texts = loop_nests(layers)
    return Section(
        kicker=f"Bits per layer on {result.architecture}", title=f"Bits of {result.name}",
        finding=_finding(result), facts=facts, plots=plots, tables=tables, texts=texts,
        texts_title="Loop nests", caveats=trades_notes(
            result.loss_unit, min(result.uniform), result.most_that_bits_save,
            result.optimal_mappings))


def _finding(result: PrecisionResult) -> str:
    point, full = _shown(result), _full(result)
    if point is None:
        return "No choice of bits stands in the document."
    unit = result.loss_unit
    told = f"accuracy {told_loss(unit, point.loss)} %" if unit == "error" \
        else f"noise {told_loss(unit, point.loss)} dB"
    return (f"{point.label} bits: {share(1 - point.energy / full.energy)} less energy than "
            f"uniform 8 bits, at {told} instead of {told_loss(unit, full.loss)}.")


def _shown(result: PrecisionResult) -> Point | None:
    if result.chosen is not None:
        return result.chosen.point.point
    return result.front[0].point if result.front else None


def _full(result: PrecisionResult) -> Point:
    return result.uniform[max(result.uniform)].point


def _loss(result: PrecisionResult, point: Point) -> float:
    return 100 * (1 - point.loss) if result.loss_unit == "error" else point.loss


def _front(result: PrecisionResult) -> Plot:
    """Loss against cost: what was found, uniform bits, and what is shown in full."""
    found = [own.point for own in result.front]
    uniform = [own.point for _, own in sorted(result.uniform.items())]
    shown = [result.chosen.point.point] if result.chosen else []
    groups = [("found", found, INK[0], "circle", 8),
              ("uniform bits", uniform, INK[1], "diamond", 9),
              ("shown below", shown, INK[2], "circle-open", 15)]
    error = result.loss_unit == "error"
    traces: list[dict[str, Any]] = []
    if found:
        traces.append(step_line([(point.cost(result.cost), _loss(result, point))
                                 for point in found], INK[0], "hv"))
    for _, points, ink, symbol, size in groups:
        traces.append({
            "type": "scatter", "mode": "markers",
            "x": [point.cost(result.cost) for point in points],
            "y": [_loss(result, point) for point in points],
            "marker": {"color": ink, "size": size, "symbol": symbol,
                       "line": {"width": 2, "color": ink}},
            "customdata": [plain(point.label) for point in points],
            "hovertemplate": "%{customdata} bits<br>%{x:,.5g}, %{y:.2f}<extra></extra>"})
    better = "Up and to the left is better" if error else "Down and to the left is better"
    return Plot(
        title="Loss against cost", caption=f"{better}. No choice found beats one of the line.",
        figure=figure(traces, x={"title": {"text": UNITS[result.cost]}, "nticks": 6},
                      y={"title": {"text": loss_heading(result.loss_unit)}}),
        legend=[mark(ink, name, {"circle-open": "open"}.get(symbol, symbol))
                for name, points, ink, symbol, _ in groups if points])


def _history(result: PrecisionResult) -> Plot:
    history = result.history
    trace = {"type": "scatter", "mode": "lines+markers", "x": [one.number for one in history],
             "y": [one.hypervolume for one in history], "line": {"color": INK[0]},
             "marker": {"color": INK[0]}, "customdata": [count(one.evaluated) for one in history],
             "hovertemplate": "generation %{x}<br>%{y:.4f}<br>%{customdata} choices evaluated"
                              "<extra></extra>"}
    return Plot(
        title="Hypervolume over generations", caption="Share of the rectangle of uniform bits that "
        "the choices found so far are better than.",
        figure=figure([trace], x={"title": {"text": "generation"}, "nticks": 8},
                      y={"title": {"text": "hypervolume"}}) if history else None)


def _bits(result: PrecisionResult, point: Point) -> Plot:
    sides = dict(zip(("activations", "weights"), map(list, zip(*point.genome))))
    return bars(result.layers, sides, title="Bits per layer", axis="bits", stacked=False,
                caption=f"Of {point.label}, activations that enter a layer and its weights.",
                number="d")


def _table(result: PrecisionResult) -> Table:
    points = [own.point for own in result.front]
    shown = spread(points, MOST_ROWS)
    chosen = result.chosen.point.point if result.chosen else None
    if chosen in points and chosen not in shown:
        shown = [point for point in points if point in shown or point == chosen]
    rows = [_row(result, point.label, point, key=point == chosen) for point in shown]
    rows += [_row(result, f"all {bits}", own.point, opens=index == 0)
             for index, (bits, own) in enumerate(sorted(result.uniform.items(), reverse=True))]
    few = f"{len(shown)} of {count(len(points))} choices that no other found beats; " \
        if len(shown) < len(points) else ""
    return Table(
        title="Choices", rows=rows, note=f"{few}bits of activations / weights, the range over "
        "layers. Below the line: all layers alike.",
        columns=["bits", loss_heading(result.loss_unit), "energy, µJ", "of 8 bits", "cycles",
                 "ΣEDP, J·cycles"])


def _row(result: PrecisionResult, label: str, point: Point, *, key: bool = False,
         opens: bool = False) -> Row:
    full = _full(result).energy
    return Row([label, told_loss(result.loss_unit, point.loss), f"{point.energy:,.6g}",
                share(point.energy / full) if full else ABSENT, count(point.cycles),
                f"{point.edp:,.6g}"], key=key, opens=opens)
