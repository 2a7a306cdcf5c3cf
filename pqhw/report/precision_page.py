"""Trades between bits and cost as a page: the front, the search, bits and energy layer by layer."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..explore.mapping.network import MappedNetwork
from ..explore.precision.search import Point
from ..explore.precision.trades import Trades
from .html import templates
from .numbers import count, share
from .precision import told_loss, trades_notes

__all__ = ["write_trades"]

INK = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#8C8C8C", "#F0E442")
UNITS = {"edp": "ΣEDP, J·cycles", "energy": "energy, µJ", "cycles": "cycles"}


def write_trades(trades: Trades, path: str | os.PathLike[str]) -> Path:
    """Write an HTML page that needs no other file and no network.

    Equal trades give equal bytes.

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed.
    """
    pages = templates()
    chosen, mapped = trades.chosen, trades.mapped(trades.chosen)
    figures = {"front": _front(trades), "history": _history(trades), "bits": _bits(trades, chosen),
               "energy": _energy(mapped)}
    page = pages.get_template("precision.html").render(
        trades=trades, figures=figures, notes=trades_notes(trades), finding=_finding(trades),
        chosen=chosen.label, rows=_rows(trades, mapped),
        nests=[(layer.name, "\n".join(layer.mapping.lines(trades.architecture)))
               for layer in mapped.layers])
    path = Path(path)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def _finding(trades: Trades) -> str:
    point, unit = trades.chosen, trades.result.unit
    loss = f"accuracy {told_loss(unit, point.loss)} %" if unit == "error" \
        else f"noise {told_loss(unit, point.loss)} dB"
    full = told_loss(unit, trades.full.loss)
    return (f"{point.label} bits: {share(1 - point.energy / trades.full.energy)} less energy than "
            f"uniform 8 bits, at {loss} instead of {full}.")


def _rows(trades: Trades, mapped: MappedNetwork) -> list[list[str]]:
    return [[layer.name, f"{layer.bits.inputs}/{layer.bits.weights}/{layer.bits.outputs}",
             f"{layer.energy:,.6g}", count(layer.cycles),
             share(int(layer.costs.counts.multipliers) / trades.architecture.instances("MAC")),
             f"{layer.edp:,.6g}", layer.mapping.text] for layer in mapped.layers]


def _loss(trades: Trades, points: Sequence[Point]) -> list[float]:
    error = trades.result.unit == "error"
    return [100 * (1 - point.loss) if error else point.loss for point in points]


def _front(trades: Trades) -> dict[str, Any]:
    """Loss against cost: what was found, and uniform bits."""
    cost = trades.result.settings.cost
    groups = [("found", "lines+markers", trades.result.front),
              ("uniform bits", "markers", tuple(trades.result.uniform.values()))]
    traces = [{"type": "scatter", "mode": mode, "name": name,
               "x": [point.cost(cost) for point in points], "y": _loss(trades, points),
               "customdata": [point.label for point in points],
               "hovertemplate": "%{customdata}<br>%{x:,.5g}, %{y:.2f}<extra></extra>",
               "line": {"color": INK[at], "width": 1.5, "shape": "hv"},
               "marker": {"color": INK[at], "size": 8, "symbol": ("circle", "diamond")[at]}}
              for at, (name, mode, points) in enumerate(groups)]
    title = "accuracy, %" if trades.result.unit == "error" else "noise, dB"
    return _figure(traces, UNITS[cost], title)


def _history(trades: Trades) -> dict[str, Any]:
    history = trades.result.history
    return _figure([{"type": "scatter", "mode": "lines+markers", "name": "hypervolume",
                     "x": [one.evaluated for one in history],
                     "y": [one.hypervolume for one in history], "marker": {"color": INK[0]},
                     "line": {"color": INK[0]}}], "choices of bits evaluated", "hypervolume")


def _bits(trades: Trades, point: Point) -> dict[str, Any]:
    sides = [("activations", 0), ("weights", 1)]
    return _figure([{"type": "bar", "name": name, "x": list(trades.table.names),
                     "y": [own[side] for own in point.genome], "marker": {"color": INK[side]}}
                    for name, side in sides], "", "bits", barmode="group")


def _energy(mapped: MappedNetwork) -> dict[str, Any]:
    """Energy of every layer, stacked by level."""
    energies = [layer.level_energy(mapped.architecture) for layer in mapped.layers]
    names = [layer.name for layer in mapped.layers]
    return _figure([{"type": "bar", "name": level, "x": names,
                     "y": [own[level] for own in energies],
                     "marker": {"color": INK[at % len(INK)]}}
                    for at, level in enumerate(energies[0])], "", "µJ", barmode="stack")


def _figure(traces: list[dict[str, Any]], x: str, y: str, **layout: Any) -> dict[str, Any]:
    return {"data": traces, "layout": {
        "height": 360, "margin": {"l": 60, "r": 15, "t": 10, "b": 45}, "showlegend": True,
        "legend": {"orientation": "h", "y": 1.14}, "xaxis": {"title": {"text": x},
                                                             "automargin": True},
        "yaxis": {"title": {"text": y}, "automargin": True}, **layout}}
