"""The plots of a device, as Plotly figures; colours of text and grid are the page's matter."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..flow.results import Comparison
from .numbers import accuracy, finite, quantity, share
from .plots import SPREAD, plain, short
from .ratios import AREA, Design, DeviceRatios, resource_shares

__all__ = ["colours", "device_figures"]

PALETTES = {"pq": ("#0072B2", "#009E73", "#3E8FCB", "#5C6BC0"),
            "mac": ("#D55E00", "#B5577F", "#A87400", "#8C564B")}
"""Okabe and Ito's colours, darkened where needed to stand out from white and from black."""

SYMBOLS = {"pq": "circle", "mac": "square"}

def colours(comparison: Comparison) -> dict[str, str]:
    """A colour for each design name, the same on all devices of the comparison."""
    chosen: dict[str, str] = {}
    used: dict[str, int] = {}
    for one in comparison.measurements:
        if one.name not in chosen:
            family = "mac" if one.kind == "mac" else "pq"
            palette = PALETTES[family]
            chosen[one.name] = palette[used.get(family, 0) % len(palette)]
            used[family] = used.get(family, 0) + 1
    return chosen


def device_figures(part: DeviceRatios, comparison: Comparison) -> list[dict[str, Any]]:
    """Title, caption and Plotly figure of each plot that has data; `missing` says why not."""
    ink = colours(comparison)
    designs = part.designs
    return [
        _entry("Throughput of a full device", "Rows per second of a device filled with copies, "
               "until its scarcest resource is used up.",
               _throughput(designs, ink, "device_limited_rows_per_second")),
        _entry("Throughput of one copy", "Rows per second: median Fmax divided by the cycles per "
               "row that the simulation showed.",
               _throughput(designs, ink, "rows_per_second")),
        _entry("Accuracy against throughput per area", "Filled: LUT equivalents at PQA's prices. "
               "Open: by scarcity. Up and to the right is better."
               + (" Bars: one standard error of the test." if comparison.test_rows else ""),
               _scatter(designs, ink, comparison)),
        _entry("Area", "Share of the device that one copy uses, the harness subtracted.",
               _area(designs, ink)),
        _entry("Clock over seeds", "Routed Fmax of every seed, with median and quartiles.",
               _clock(designs, ink))]


def _entry(title: str, caption: str, figure: dict[str, Any] | None) -> dict[str, Any]:
    return {"title": title, "caption": caption, "figure": figure}


def _throughput(designs: Sequence[Design], ink: Mapping[str, str],
                name: str) -> dict[str, Any] | None:
    values = [finite(design.figures[name]) for design in designs]
    present = [value for value in values if value]
    if not present:
        return None
    logarithmic = max(present) > SPREAD * min(present)
    trace: dict[str, Any] = {
        "y": _names(designs), "x": values, "customdata": [plain(d.label) for d in designs],
        "text": [quantity(value) if value is not None else "" for value in values],
        "cliponaxis": False, "hovertemplate": "%{customdata}<br>%{text} rows/s<extra></extra>"}
    marker = {"color": [_colour(design, ink) for design in designs]}
    if logarithmic:
        trace |= {"type": "scatter", "mode": "markers+text", "textposition": "top center",
                  "marker": marker | {"size": 13, "symbol": [_symbol(d) for d in designs]}}
        axis: dict[str, Any] = {"type": "log"}
    else:
        trace |= {"type": "bar", "orientation": "h", "textposition": "outside", "marker": marker,
                  "constraintext": "none", "x": [value or 0 for value in values], "width": 0.6}
        axis = {"rangemode": "tozero", "range": [0, 1.28 * max(present)]}
    title = "rows/s, logarithmic" if logarithmic else "rows/s"
    return _rows([trace], designs, [value is None for value in values],
                 axis | {"title": {"text": title}, "nticks": 5})


def _scatter(designs: Sequence[Design], ink: Mapping[str, str],
             comparison: Comparison) -> dict[str, Any] | None:
    traces: list[dict[str, Any]] = []
    xs: list[float] = []
    for design in designs:
        exact = finite(design.measurement.accuracy)
        prices = [finite(design.figures[f"rows_per_lut_{price}"]) for price in ("pqa", "scarcity")]
        if exact is None or None in prices:
            continue
        xs += [price for price in prices if price is not None]
        colour, symbol = _colour(design, ink), _symbol(design)
        rows = comparison.test_rows
        error = (exact * (1 - exact) / rows) ** 0.5 if rows and 0 <= exact <= 1 else 0
        traces.append({
            "type": "scatter", "mode": "lines+markers", "x": prices, "y": [100 * exact] * 2,
            "line": {"color": colour, "width": 1},
            "marker": {"size": 13, "color": colour, "line": {"width": 2, "color": colour},
                       "symbol": [symbol, f"{symbol}-open"]},
            "error_y": {"type": "data", "array": [100 * error, 0], "visible": bool(rows),
                        "color": colour, "thickness": 1.2, "width": 4},
            "customdata": [[plain(design.label), price, quantity(value), accuracy(exact)]
                           for price, value in zip(("PQA's prices", "by scarcity"), prices)],
            "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>%{customdata[2]} rows/s per "
                             "LUT<br>%{customdata[3]} accuracy<extra></extra>"})
    if not traces:
        return None
    figure = _figure(
        traces, height=320, y={"title": {"text": "accuracy, %"}, "automargin": True},
        x=_axis(xs) | {"title": {"text": "rows per second per LUT equivalent"}, "nticks": 5})
    reference = finite(comparison.float_accuracy)
    if reference is not None:
        figure["layout"]["shapes"] = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1,
                                       "y0": 100 * reference, "y1": 100 * reference,
                                       "line": {"dash": "dot", "width": 1.5, "color": "#888888"}}]
        figure["layout"]["annotations"] = [{
            "xref": "paper", "x": 1, "xanchor": "right", "y": 100 * reference, "yanchor": "bottom",
            "showarrow": False, "text": f"floating point {accuracy(reference)}"}]
    return figure


def _area(designs: Sequence[Design], ink: Mapping[str, str]) -> dict[str, Any] | None:
    traces: list[dict[str, Any]] = []
    for design in designs:
        one = design.measurement
        if one.area is None or one.area_available is None:
            continue
        shares = resource_shares(one.area, one.area_available)
        shown = {name: value for name, value in shares.items() if value is not None}
        units = [[plain(design.label), f"{getattr(one.area, name):,} of "
                  f"{getattr(one.area_available, name):,}"] for name in shown]
        traces.append({
            "type": "bar", "orientation": "h", "y": [AREA[name] for name in shown],
            "x": [100 * value for value in shown.values()],
            "text": [share(value) for value in shown.values()], "textposition": "outside",
            "cliponaxis": False, "constraintext": "none", "customdata": units,
            "marker": {"color": _colour(design, ink),
                       "pattern": {"shape": "/" if design.withheld is not None else ""}},
            "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} %{y}<extra></extra>"})
    if not traces:
        return None
    top = max(value for trace in traces for value in trace["x"])
    return _figure(traces, barmode="group", bargap=0.25,
                   height=110 + len(AREA) * (18 * len(traces) + 12),
                   x={"title": {"text": "share of the device, %"}, "nticks": 5,
                      "range": [0, 1.2 * top or 1]},
                   y={"type": "category", "automargin": True, "autorange": "reversed",
                      "showgrid": False})


def _clock(designs: Sequence[Design], ink: Mapping[str, str]) -> dict[str, Any] | None:
    traces: list[dict[str, Any]] = []
    absent = []
    for design in designs:
        fmax = design.measurement.fmax_mhz
        absent.append(fmax is None or design.withheld is not None or not fmax.all)
        if fmax is None or absent[-1]:
            continue
        colour = _colour(design, ink)
        name = short(design.label)
        box = {"type": "box", "orientation": "h", "y": [name], "q1": [fmax.q1],
               "median": [fmax.median], "q3": [fmax.q3], "lowerfence": [min(fmax.all)],
               "upperfence": [max(fmax.all)], "line": {"color": colour, "width": 1.5},
               "fillcolor": colour + "33", "hoverinfo": "skip", "width": 0.5}
        points = {"type": "scatter", "mode": "markers", "x": fmax.all,
                  "y": [name] * len(fmax.all), "customdata": [plain(design.label)] * len(fmax.all),
                  "marker": {"color": colour, "size": 9, "opacity": 0.8,
                             "symbol": _symbol(design)},
                  "hovertemplate": "%{customdata}<br>%{x:.1f} MHz<extra></extra>"}
        traces += [box, points] if len(fmax.all) > 1 else [points]
    if not traces:
        return None
    return _rows(traces, designs, absent, {"title": {"text": "Fmax, MHz"}, "nticks": 5})


def _figure(traces: list[dict[str, Any]], *, x: dict[str, Any], y: dict[str, Any], height: int,
            **layout: Any) -> dict[str, Any]:
    return {"data": traces, "layout": {"xaxis": x, "yaxis": y, "height": height,
                                       "showlegend": False, **layout,
                                       "margin": {"l": 8, "r": 16, "t": 24, "b": 48}}}


def _rows(traces: list[dict[str, Any]], designs: Sequence[Design], absent: Sequence[bool],
          x: dict[str, Any]) -> dict[str, Any]:
    """A figure with a row per design, the first on top."""
    y = {"type": "category", "automargin": True, "categoryorder": "array", "showgrid": False,
         "categoryarray": _names(designs), "range": [len(designs) - 0.5, -0.5]}
    notes = [{"xref": "paper", "x": 0, "xanchor": "left", "y": index, "yref": "y",
              "showarrow": False, "text": " no result"}
             for index, missing in enumerate(absent) if missing]
    return _figure(traces, x=x, y=y, height=120 + 46 * len(designs), annotations=notes)


def _axis(values: Sequence[float]) -> dict[str, Any]:
    positive = [value for value in values if value > 0]
    if positive and max(positive) > SPREAD * min(positive):
        return {"type": "log"}
    return {"rangemode": "tozero"}


def _names(designs: Sequence[Design]) -> list[str]:
    return [short(design.label) for design in designs]


def _colour(design: Design, ink: Mapping[str, str]) -> str:
    return ink[design.measurement.name]


def _symbol(design: Design) -> str:
    return SYMBOLS.get(design.measurement.kind, "diamond")
