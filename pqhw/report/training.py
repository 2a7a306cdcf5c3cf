"""A training's history: a table for the terminal and a page with plots."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .html import templates
from .numbers import accuracy, count

if TYPE_CHECKING:
    from ..quant.training import Epoch, History

__all__ = ["history_table", "write_history"]

ROWS = 20
"""Epochs that a table shows at most; the last is always among them."""

COLUMNS = ("epoch", "rate", "loss", "train", "test", "seconds")
INK = {"loss": "#0072B2", "train": "#D55E00", "test": "#009E73"}


def history_table(history: "History") -> RenderableType:
    """Epochs as rows, evenly chosen where they are many; the result below."""
    table = Table(*COLUMNS, box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in table.columns:
        column.justify = "right"
    for epoch in _chosen(history.epochs):
        table.add_row(*_cells(epoch))
    return Group(Text(f"{history.data}, on {history.device}", style="bold"), Text(), table, Text(),
                 Text(f"test accuracy {accuracy(history.test_accuracy)} after "
                      f"{len(history.epochs)} epochs, {count(history.seconds)} s"))


def write_history(history: "History", path: str | os.PathLike[str]) -> Path:
    """Write an HTML page that needs no other file and no network.

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed.
    """
    epochs = history.epochs
    figures = {
        "loss": _figure([_line(epochs, "loss", [own.loss for own in epochs])], "loss"),
        "accuracy": _figure(
            [_line(epochs, name, [100 * getattr(own, f"{name}_accuracy") for own in epochs])
             for name in ("train", "test")], "accuracy, %")}
    page = templates().get_template("history.html").render(
        history=history, figures=figures, columns=COLUMNS,
        rows=[_cells(epoch) for epoch in epochs])
    path = Path(path)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def _chosen(epochs: "Sequence[Epoch]") -> "list[Epoch]":
    stride = -(-len(epochs) // ROWS)
    return list(epochs[::-1][::stride][::-1])


def _cells(epoch: "Epoch") -> list[str]:
    return [str(epoch.epoch), f"{epoch.rate:.4g}", f"{epoch.loss:.4f}",
            accuracy(epoch.train_accuracy), accuracy(epoch.test_accuracy), f"{epoch.seconds:.1f}"]


def _line(epochs: "Sequence[Epoch]", name: str, values: list[float]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines+markers", "name": name,
            "x": [epoch.epoch for epoch in epochs], "y": values,
            "line": {"color": INK[name], "width": 2}, "marker": {"size": 5},
            "hovertemplate": f"epoch %{{x}}<br>{name} %{{y:.4g}}<extra></extra>"}


def _figure(traces: list[dict[str, Any]], title: str) -> dict[str, Any]:
    layout = {"height": 320, "margin": {"l": 55, "r": 15, "t": 10, "b": 45},
              "showlegend": len(traces) > 1, "legend": {"orientation": "h", "y": 1.12},
              "xaxis": {"title": {"text": "epoch"}, "nticks": 8},
              "yaxis": {"title": {"text": title}, "automargin": True}}
    return {"data": traces, "layout": layout}
