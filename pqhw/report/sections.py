"""What a page of a search or a sweep is made of: words, plots, tables and folded texts."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Plot", "Row", "Section", "Table", "Text", "mark"]

SHAPES = {"circle": "", "square": "square", "diamond": "diamond", "open": "open"}


@dataclasses.dataclass(frozen=True)
class Mark:
    """An entry of a plot's legend; `shape` is a class of the page's style."""
    ink: str
    name: str
    shape: str


def mark(ink: str, name: str, shape: str = "circle") -> Mark:
    """An entry of a legend, of one of the `SHAPES`."""
    return Mark(ink, name, SHAPES[shape])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plot:
    """A Plotly figure with its words.

    Members
    -------
    figure: None where there is nothing to draw
    wide: across the whole page, for many bars
    """
    title: str
    caption: str
    figure: Mapping[str, Any] | None
    legend: Sequence[Mark] = ()
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """Cells of a table, the first its name.

    Members
    -------
    words: in the last column, where the table has one of words
    failure: why there are no more figures; it takes their place
    rest: cells behind the failure
    """
    cells: Sequence[str]
    words: str = ""
    failure: str = ""
    rest: Sequence[str] = ()
    key: bool = False
    opens: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table; `note` stands above it.

    Members
    -------
    wordy: whether the last column is one of words
    """
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    note: str = ""
    wordy: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Text:
    """A text that is folded behind its summary."""
    summary: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One document's part of a page.

    Members
    -------
    kicker: what it is and where it comes from, in few words
    finding: the result in one or two sentences
    facts: names and values
    caveats: sentences on what weakens the finding
    texts_title: heading of the folded texts
    """
    kicker: str
    title: str
    finding: str
    facts: Sequence[tuple[str, str]] = ()
    caveats: Sequence[str] = ()
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    texts_title: str = ""
    texts: Sequence[Text] = ()
