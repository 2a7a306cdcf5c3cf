"""A data set in numbers, as a table."""

import rich.box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..data.summary import Summary
from .numbers import count

__all__ = ["data_table"]

MOST_CLASSES = 60
"""Classes shown, at most."""

CHANNEL_NAMES = {1: ("grey",), 3: ("red", "green", "blue")}


def data_table(summary: Summary) -> RenderableType:
    """Shape, images per class, and mean and deviation per channel."""
    height, width, channels = summary.shape
    train, test = sum(summary.train_counts), sum(summary.test_counts)
    heading = Text.assemble(
        (summary.name, "bold"), (f": {count(train)} training and {count(test)} test images of "
                                 f"{height} x {width} x {channels}, {len(summary.classes)} classes",
                                 "dim"))
    return Group(heading, _classes(summary), Text(), _channels(summary))


def _table(*columns: str) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left", no_wrap=bool(index))
    return table


def _classes(summary: Summary) -> RenderableType:
    table = _table("class", "train", "test")
    rows = list(zip(summary.classes, summary.train_counts, summary.test_counts))
    for name, *counts in rows[:MOST_CLASSES]:
        table.add_row(escape(name), *map(count, counts))
    if len(rows) <= MOST_CLASSES:
        return table
    return Group(table, Text(f"and {len(rows) - MOST_CLASSES} classes more", style="dim"))


def _channels(summary: Summary) -> Table:
    channels = len(summary.mean)
    names = CHANNEL_NAMES.get(channels, tuple(str(index) for index in range(channels)))
    table = _table("channel", "mean", "deviation")
    for name, mean, std in zip(names, summary.mean, summary.std):
        table.add_row(name, f"{mean:.2f}", f"{std:.2f}")
    return table
