"""Trades between bits and cost as tables."""

from collections.abc import Sequence

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.precision.search import Point
from ..explore.precision.trades import CLAIM, Saving, Trades
from .numbers import count, share
from .tables import bullet

__all__ = ["loss_heading", "spread", "told_loss", "trades_notes", "trades_table"]

ROWS = 12
"""Points of the front that a table shows."""


def trades_table(trades: Trades) -> RenderableType:
    """The front, uniform bits, what is saved, and what weakens it."""
    result = trades.result
    heading = Text.assemble((f"{trades.name} on {trades.architecture.title}", "bold"),
                            (f", {trades.model.compat}", "dim"))
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("activation / weight bits", no_wrap=True)
    for name in (loss_heading(result.unit), "energy, µJ", "of 8 bits", "cycles", "ΣEDP, J·cycles"):
        table.add_column(name, justify="right", no_wrap=True)
    for point in spread(result.front, ROWS):
        _row(table, point.label, point, trades)
    table.add_section()
    for bits, point in sorted(result.uniform.items(), reverse=True):
        _row(table, f"all {bits}", point, trades)
    return Group(heading, table, Text(), _savings(trades),
                 *(bullet(note) for note in trades_notes(
                     result.unit, min(result.uniform), trades.bound, trades.table.whole)))


def spread(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]


def told_loss(unit: str, loss: float) -> str:
    """A loss as it is told: an accuracy, or decibels."""
    return f"{100 * (1 - loss):.2f}" if unit == "error" else f"{loss:.1f}".replace("-", "−")


def loss_heading(unit: str) -> str:
    """The name of losses, with their unit."""
    return "accuracy, %" if unit == "error" else "noise, dB"


def _row(table: Table, label: str, point: Point, trades: Trades) -> None:
    table.add_row(label, told_loss(trades.result.unit, point.loss), f"{point.energy:,.6g}",
                  share(point.energy / trades.full.energy), count(point.cycles),
                  f"{point.edp:,.6g}")


def _savings(trades: Trades) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("no worse than")
    table.add_column("bits", no_wrap=True)
    for name in (loss_heading(trades.result.unit), "energy saved",
                 f"{trades.result.settings.cost} saved"):
        table.add_column(name, justify="right", no_wrap=True)
    for saving in trades.savings:
        table.add_row(saving.than, *_saved(saving, trades.result.unit))
    return table


def _saved(saving: Saving, unit: str) -> tuple[str, ...]:
    if saving.point is None:
        return "none found", "", "", ""
    return (saving.point.label, told_loss(unit, saving.point.loss), share(saving.energy),
            share(saving.cost))


def trades_notes(unit: str, least: int, bound: float, whole: bool) -> list[str]:
    """What limits savings, and what losses mean.

    Parameters
    ----------
    unit: of losses
    least, bound: the fewest bits, and the share of energy that they save in all layers
    whole: whether the mappings are the best that there are
    """
    notes = [f"All layers at {least} bits, the fewest, save {share(bound)} of the energy of "
             f"uniform 8 bits with the best mappings: that bounds what any choice of bits saves. "
             f"The published search claims {share(CLAIM)} for MobileNets, at no loss of accuracy."]
    if unit != "error":
        notes.append("Noise is a proxy: the power of quantization errors relative to what is "
                     "quantized, summed over all layers. It ranks choices; it is no accuracy.")
    else:
        notes.append("Accuracy is of the test images, and the search chose by it: of many choices "
                     "the best is a little lucky.")
    if not whole:
        notes.append("Mappings are the best of random draws; better ones may exist.")
    return notes
