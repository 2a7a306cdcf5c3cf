"""Tables for the terminal: designs as columns, figures as rows."""

from collections.abc import Iterator

import rich.box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..flow.results import Comparison, Measurement
from .findings import caveats, headline, price_finding
from .network import network_table
from .numbers import accuracy, count
from .ratios import DeviceRatios, device_ratios
from .summary import Row, summary_rows

__all__ = ["bullet", "comparison_table", "measurement_table"]

MARGIN = 2
"""Spaces between designs."""

NAME_WIDTH = 18
"""Names longer than this fold in the header instead of widening their column."""


def comparison_table(comparison: Comparison) -> RenderableType:
    """The comparison as text: per device a table, the finding in words and what weakens it.

    As many designs stand side by side as the terminal is wide for; numbers never wrap.
    """
    parts: list[RenderableType] = [Text(comparison.title, style="bold")]
    facts = [comparison.task or "",
             f"float accuracy {accuracy(comparison.float_accuracy)}"
             if comparison.float_accuracy is not None else "",
             f"{count(comparison.test_rows)} test rows" if comparison.test_rows else ""]
    if any(facts):
        parts.append(Text("; ".join(fact for fact in facts if fact), style="dim"))
    for part in device_ratios(comparison):
        parts += [Text(), _heading(part), _SideBySide(part), _words(part, compare=True)]
    parts += [bullet(note) for note in comparison.notes]
    return Group(*parts)


def measurement_table(measurement: Measurement) -> RenderableType:
    """One measurement as text: figures, the seeds that failed, and what weakens it."""
    comparison = Comparison(title=measurement.name, task=None, measurements=[measurement])
    part, = device_ratios(comparison)
    failed = [bullet(f"seed {seed.seed}: {seed.reason or 'no reason was recorded'}")
              for seed in measurement.seeds if seed.fmax_mhz is None]
    layers = [] if measurement.network is None else [network_table(measurement)]
    return Group(_heading(part), _SideBySide(part), *failed, _words(part, compare=False),
                 *layers, _source(measurement))


def _source(measurement: Measurement) -> Text:
    source = measurement.provenance
    if source is None:
        return Text("provenance not recorded", style="dim")
    tools = "; ".join(f"{tool} {version}" for tool, version in sorted(source.tools.items()))
    return Text(f"pqhw {source.pqhw}; {tools}; RTL {source.rtl_sha256[:12]}; constraint "
                f"{source.constraint_mhz:g} MHz; {source.host}, {source.time}", style="dim")


def _heading(part: DeviceRatios) -> Text:
    grade = f", speed grade {part.speed_grade}" if part.speed_grade else ""
    return Text.assemble((part.title, "bold"), (f" {part.package}{grade}", "dim"))


def _words(part: DeviceRatios, *, compare: bool) -> Group:
    sentences = [headline(part), price_finding(part)] if compare else []
    return Group(*(Text(sentence) for sentence in sentences if sentence),
                 *(bullet(sentence) for sentence in caveats(part)))


def bullet(sentence: str) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_row(Text("·", style="yellow"), Text(sentence))
    return grid


class _SideBySide:
    """A device's summary, split into several tables where the terminal is too narrow."""

    def __init__(self, part: DeviceRatios):
        self.part = part
        self.rows = summary_rows(part)
        columns = range(len(part.designs))
        widest = [max(cell_len(row.cells[index].relation) for row in self.rows)
                  for index in columns]
        self.relation_widths = [width + 1 if width else 0 for width in widest]
        self.widths = [max(min(cell_len(part.designs[index].label), NAME_WIDTH),
                           *(self._cell(row, index).cell_len for row in self.rows)) + MARGIN
                       for index in columns]

    def __rich_console__(self, console: Console,
                         options: ConsoleOptions) -> Iterator[RenderableType]:
        titles = max(cell_len(row.title) for row in self.rows) + MARGIN
        chosen: list[int] = []
        for index, width in enumerate(self.widths):
            used = titles + sum(self.widths[other] for other in chosen)
            if chosen and used + width > options.max_width:
                yield self._table(chosen)
                yield Text()
                chosen = []
            chosen.append(index)
        yield self._table(chosen)

    def _table(self, chosen: list[int]) -> Table:
        table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, padding=(0, MARGIN, 0, 0),
                      show_edge=False, collapse_padding=True)
        table.add_column("", no_wrap=True)
        for index in chosen:
            table.add_column(Text(self.part.designs[index].label), justify="right",
                             min_width=self.widths[index] - MARGIN, overflow="fold")
        for row in self.rows:
            if row.opens:
                table.add_row()
            table.add_row(Text(row.title), *(self._cell(row, index) for index in chosen),
                          style="bold" if row.key else None)
        return table

    def _cell(self, row: Row, index: int) -> Text:
        """The value and its relation, each flush right where the row has relations."""
        related = any(cell.relation for cell in row.cells)
        width = self.relation_widths[index] if related else 0
        cell = row.cells[index]
        relation = f"{cell.relation:>{width}}" if width else ""
        return Text.assemble(cell.value, (relation, "" if row.key else "cyan"), no_wrap=True)
