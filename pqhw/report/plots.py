"""Plotly figures that several pages share; colours of text and grid are the page's matter."""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .sections import Mark, Plot, mark

__all__ = ["GREY", "INK", "SPREAD", "bars", "ending", "figure", "plain", "scale", "short",
           "step_line", "unique"]

INK = ("#0072B2", "#D55E00", "#009E73", "#A87400", "#B5577F", "#3E8FCB", "#8C564B", "#5C6BC0")
"""Okabe and Ito's colours, darkened where needed to stand out from white and from black."""

GREY = "#8C8C8C"

LABEL = 20
"""Characters of a name on an axis; the whole name is in the hover text."""

SPREAD = 30
"""Largest over smallest value above which an axis is logarithmic."""

WIDE = 16
"""Bars side by side above which a plot is as wide as the page."""


def plain(text: str) -> str:
    """A text as Plotly shows it, which reads some HTML."""
    return html.escape(text, quote=False)


def short(label: str) -> str:
    """A name that fits on an axis."""
    return plain(label if len(label) <= LABEL else label[:LABEL - 1] + "…")


def ending(label: str) -> str:
    """The same of a name that tells by its end what it is."""
    return plain(label if len(label) <= LABEL else "…" + label[1 - LABEL:])


def unique(names: Sequence[str], cut: Callable[[str], str] = short) -> list[str]:
    """Names that fit; of those that are alike, all but the first have a number, as equal names
    are one place of an axis."""
    found: dict[str, None] = {}
    for name in names:
        label, number = cut(name), 1
        while label in found:
            number += 1
            label = f"{cut(name)} ({number})"
        found[label] = None
    return list(found)


def scale(values: Sequence[float]) -> dict[str, Any]:
    """An axis for values: logarithmic where they lie far apart, from 0 where they do not lie close
    together."""
    positive = [value for value in values if value > 0]
    if positive and len(positive) == len(values) and max(positive) > SPREAD * min(positive):
        # Of less than three decades 1, 2 and 5 are told, of more the decades alone.
        return {"type": "log", "dtick": "D2" if max(positive) < 1000 * min(positive) else 1}
    close = bool(values) and 2 * min(values) > max(values)
    return {"rangemode": "normal" if close else "tozero"}


def figure(traces: Sequence[Mapping[str, Any]], *, x: Mapping[str, Any], y: Mapping[str, Any],
           height: int = 340, **layout: Any) -> dict[str, Any]:
    """A figure whose legend stands beside it in the page."""
    return {"data": list(traces), "layout": {
        "height": height, "showlegend": False, "margin": {"l": 8, "r": 16, "t": 12, "b": 48},
        "xaxis": {"automargin": True, **x}, "yaxis": {"automargin": True, **y}, **layout}}


def step_line(points: Sequence[tuple[float, float]], ink: str, shape: str) -> dict[str, Any]:
    """A line through a front, whose corners Plotly calls `hv` or `vh`."""
    return {"type": "scatter", "mode": "lines", "hoverinfo": "skip",
            "x": [x for x, _ in points], "y": [y for _, y in points],
            "line": {"color": ink, "width": 1.5, "shape": shape}}


def bars(names: Sequence[str], parts: Mapping[str, Sequence[float | None]], *, title: str,
         caption: str, axis: str, stacked: bool = True, number: str = ",.5g") -> Plot:
    """A bar for every name, stacked from parts or with the parts side by side."""
    labels = unique(names)
    own = [plain(name) for name in names]
    kept = {part: values for part, values in parts.items() if not stacked or any(values)}
    inks = {part: INK[index % len(INK)] for index, part in enumerate(parts)}
    traces = [{"type": "bar", "name": plain(part), "x": labels, "y": list(values),
               "customdata": own, "marker": {"color": inks[part]},
               "hovertemplate": f"%{{customdata}}<br>{plain(part)} %{{y:{number}}}<extra></extra>"}
              for part, values in kept.items()]
    legend: list[Mark] = [mark(inks[part], part, "square") for part in kept]
    count = len(names) * (1 if stacked else len(parts))
    upright = max(map(len, labels), default=0) if len(names) > WIDE else 0
    drawn = figure(traces, x={"type": "category", "showgrid": False},
                   y={"title": {"text": axis}, "rangemode": "tozero"}, height=340 + 5 * upright,
                   barmode="stack" if stacked else "group", bargap=0.15)
    return Plot(title=title, caption=caption, figure=drawn if traces and names else None,
                legend=legend, wide=count > WIDE)
