"""An integer network on images: its accuracy, and a table of its nodes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich.box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from ..quant.evaluate import Evaluation
from ..quant.reports import Extent, LayerReport
from .numbers import ABSENT, accuracy, count, points, quantity, share

if TYPE_CHECKING:
    from ..quant.training.integer import Differences

__all__ = ["evaluation_table", "layers_table"]


def evaluation_table(title: str, found: Evaluation,
                     training: "Differences | None" = None) -> RenderableType:
    """Accuracies, agreement, rate and what training has otherwise, a line each."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None,
                  show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    if found.float_accuracy is None:
        table.add_row("accuracy of integers", accuracy(found.accuracy))
    else:
        lost = 100 * (found.accuracy - found.float_accuracy)
        table.add_row("accuracy of floats", accuracy(found.float_accuracy))
        table.add_row("accuracy of integers", accuracy(found.accuracy), points(lost))
        table.add_row("same class", accuracy(found.agreement))
    table.add_row("images per second", quantity(found.images_per_second), "of the model in NumPy")
    if training is not None:
        table.add_row("results as in training",
                      f"{count(training.values - sum(training.differing.values()))}",
                      f"of {count(training.values)} in {training.nodes} nodes")
    return table


def layers_table(reports: Sequence[LayerReport]) -> RenderableType:
    """A row per node; columns that no node has anything to say in are left out."""
    columns = {
        "layer": [escape(own.name) for own in reports],
        "kind": [own.kind for own in reports],
        "shape": ["×".join(map(str, own.shape)) for own in reports],
        "values": [_seen(own.values) for own in reports],
        "of": [_type(own.values) for own in reports],
        "at ends": [share(own.saturated) for own in reports],
        "sum bits": [_bits(own.sums) for own in reports],
        "entries": [ABSENT if own.entries is None else _seen(own.entries) for own in reports],
        "dead": [ABSENT if own.codes is None else
                 f"{count(own.codes.dead)}/{count(own.codes.prototypes)}" for own in reports],
        "code": [ABSENT if own.codes is None else
                      f"{own.codes.entropy:.1f}/{own.codes.code_bits:.1f}" for own in reports],
        "SNR, dB": [_decibels(own) for own in reports],
        "bias": [_bias(own) for own in reports]}
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    kept = {name: cells for name, cells in columns.items() if set(cells) != {ABSENT}}
    for name in kept:
        table.add_column(name, justify="left" if name in ("layer", "kind") else "right",
                         no_wrap=name != "layer", overflow="fold")
    for cells in zip(*kept.values()):
        table.add_row(*cells)
    return table


def _seen(extent: Extent) -> str:
    return f"{extent.seen.low}…{extent.seen.high}".replace("-", "−")


def _type(extent: Extent) -> str:
    """Signedness and bits: u4, s8."""
    return f"{'s' if extent.allowed.signed else 'u'}{extent.allowed.bits}"


def _bits(extent: Extent | None) -> str:
    return ABSENT if extent is None else f"{extent.seen.bits}/{extent.allowed.bits}"


def _decibels(report: LayerReport) -> str:
    if report.error is None:
        return ABSENT
    ratio = report.error.snr_db
    if math.isinf(ratio):
        return "∞" if ratio > 0 else "−∞"
    return f"{ratio:.1f}".replace("-", "−")


def _bias(report: LayerReport) -> str:
    """Mean error as a share of the float results' root mean square."""
    if report.error is None or math.isinf(report.error.relative_bias):
        return ABSENT
    return f"{100 * report.error.relative_bias:+.1f} %".replace("-", "−")
