"""A routed network layer by layer: table, floorplan, work of the layers, and what bounds them."""

import colorsys
import html
import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from ..flow.layers import BORDER, HARNESS, STREAMS
from ..flow.results import Layer, Measurement, Network
from .numbers import ABSENT, count, quantity, share
from .ratios import AREA, withheld

__all__ = ["layer_colours", "network_figures", "network_finding", "network_table", "tiles_of"]

OTHERS = {STREAMS: "#8a8f98", BORDER: "#5f6570", HARNESS: "#c4c8ce"}
"""Colours of what is no layer."""

GOLDEN = 0.618034
"""Steps of hue from a layer to the next, so that neighbours differ and none repeats."""

RESOURCES = {**AREA, "ports": "block RAM ports"}


def layer_colours(network: Network) -> dict[str, str]:
    """A colour for every layer."""
    chosen = dict(OTHERS)
    layers = [layer.name for layer in network.layers if layer.name not in OTHERS]
    for index, name in enumerate(layers):
        rgb = colorsys.hls_to_rgb((0.58 + index * GOLDEN) % 1, (0.42, 0.55)[index % 2], 0.62)
        chosen[name] = "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
    return chosen


def tiles_of(layer: Layer) -> dict[tuple[int, int], int]:
    """Cells of a layer by column and row of their tile."""
    found = {}
    for tile in layer.tiles.split():
        x, y, cells = map(int, tile.split(":"))
        found[x, y] = cells
    return found


def network_finding(one: Measurement) -> str:
    """What sets the rate, and how much of the nearest bound is reached, in words."""
    network = one.network
    assert network is not None
    names = ", ".join(network.slowest[:3])
    more = len(network.slowest) - 3
    names += f" and {more} more" if more > 0 else ""
    busiest = max(layer.utilisation or 0 for layer in network.layers)
    verb = "sets" if len(network.slowest) == 1 else "set"
    words = f"{names} {verb} the rate, at work {share(busiest)} of the time."
    bounds = [bound for bound in network.bounds if bound.busy]
    if not bounds:
        return words
    nearest = max(bounds, key=lambda bound: bound.busy)
    words += (f" The nearest bound is {RESOURCES[nearest.resource]}: layers keep "
              f"{share(nearest.busy)} of the device's at work")
    if nearest.rows_per_second is None or withheld(one) is not None:
        return words + "."
    return words + (f"; all of it would give {quantity(nearest.rows_per_second)} images per second "
                    f"at this clock.")


def network_table(one: Measurement) -> RenderableType:
    """A row per layer as text, and the bounds below."""
    network = one.network
    assert network is not None
    table = Table(Column("layer", overflow="fold"), "kind", *(
        Column(name, justify="right") for name in ("cycles", "busy", *AREA.values())),
        title=f"layers as routed with seed {network.seed}, {network.interval:,.0f} cycles per "
              "image", title_justify="left")
    for layer in network.layers:
        if layer.name == STREAMS:
            table.add_section()
        table.add_row(escape(layer.name), layer.kind, _cycles(layer), share(layer.utilisation),
                      *(count(getattr(layer.area, name)) for name in AREA))
    return Group(table, Text(network_finding(one)))


def _cycles(layer: Layer) -> str:
    return ABSENT if layer.cycles is None else count(layer.cycles)


def network_figures(one: Measurement) -> list[dict[str, Any]]:
    """Title, caption and Plotly figure of floorplan, work and bounds."""
    network = one.network
    assert network is not None
    ink = layer_colours(network)
    entries = [
        {"title": "Floorplan", "caption": "Tiles by the layer with most cells in them; colours as "
         "in the table.", "figure": _floorplan(network, ink)},
        {"title": "Work of the layers", "caption": "Share of the time that each is at work. What "
         "idles waits for the slowest.", "figure": _work(network, ink)}]
    if withheld(one) is None:
        entries.append({
            "title": "Bounds", "caption": "Images per second, were all of a resource of the device "
            "at work all the time, at this clock and with as much work done by each unit. The "
            "line is the rate reached.", "figure": _bounds(one, network)})
    return entries


def _floorplan(network: Network, ink: Mapping[str, str]) -> dict[str, Any]:
    """A number per tile, the index of its layer, and a colour per number."""
    best: dict[tuple[int, int], tuple[int, int]] = {}
    texts: dict[tuple[int, int], list[str]] = {}
    for index, layer in enumerate(network.layers):
        for tile, cells in tiles_of(layer).items():
            texts.setdefault(tile, []).append(f"{_plain(layer.name)}: {cells}")
            if cells > best.get(tile, (0, 0))[0]:
                best[tile] = cells, index
    wide, high = range(network.columns), range(network.rows)
    number = max(1, len(network.layers))
    scale = []
    for index, layer in enumerate(network.layers):
        scale += [[index / number, ink[layer.name]], [(index + 1) / number, ink[layer.name]]]
    heat = {"type": "heatmap", "xgap": 0.5, "ygap": 0.5, "showscale": False,
            "z": [[best[x, y][1] + 0.5 if (x, y) in best else None for x in wide] for y in high],
            "zmin": 0, "zmax": number, "colorscale": scale, "hoverongaps": False,
            "text": [["<br>".join(texts.get((x, y), [])) for x in wide] for y in high],
            "hovertemplate": "tile %{x}, %{y}<br>%{text}<extra></extra>"}
    axis = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    return {"data": [heat], "layout": {
        "xaxis": axis | {"range": [-0.5, network.columns - 0.5]},
        "yaxis": axis | {"range": [-0.5, network.rows - 0.5], "scaleanchor": "x"},
        "height": 420, "showlegend": False, "margin": {"l": 28, "r": 8, "t": 12, "b": 28}}}


def _work(network: Network, ink: Mapping[str, str]) -> dict[str, Any]:
    layers = [layer for layer in network.layers if layer.utilisation is not None]
    bars = {"type": "bar", "orientation": "h", "y": list(range(len(layers))),
            "x": [100 * (layer.utilisation or 0) for layer in layers],
            "marker": {"color": [ink[layer.name] for layer in layers]},
            "text": [share(layer.utilisation) for layer in layers], "textposition": "outside",
            "cliponaxis": False, "customdata": [[_plain(layer.name), _cycles(layer)]
                                                for layer in layers],
            "hovertemplate": "%{customdata[0]}<br>%{customdata[1]} cycles<extra></extra>"}
    names = [_plain(layer.name if len(layer.name) <= 20 else layer.name[:19] + "…")
             for layer in layers]
    return {"data": [bars], "layout": {
        "xaxis": {"title": {"text": "busy, %"}, "range": [0, 118], "nticks": 6},
        "yaxis": {"tickvals": list(range(len(layers))), "ticktext": names, "automargin": True,
                  "range": [len(layers) - 0.5, -0.5], "showgrid": False},
        "height": 110 + 22 * len(layers), "showlegend": False,
        "margin": {"l": 8, "r": 16, "t": 12, "b": 48}}}


def _bounds(one: Measurement, network: Network) -> dict[str, Any]:
    bounds = [bound for bound in network.bounds if bound.rows_per_second]
    rate = one.rows_per_second or 1
    reach = [math.log10(value) for value in (rate, *(own.rows_per_second or 1 for own in bounds))]
    bars = {"type": "bar", "orientation": "h", "y": [RESOURCES[own.resource] for own in bounds],
            "x": [own.rows_per_second for own in bounds], "marker": {"color": "#0072B2"},
            "text": [f"{quantity(own.rows_per_second)}, {share(own.busy)} reached"
                     for own in bounds],
            "textposition": "auto", "hovertemplate": "%{y}<br>%{text}<extra></extra>"}
    line = {"type": "line", "x0": rate, "x1": rate, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"dash": "dot", "width": 2, "color": "#D55E00"}}
    return {"data": [bars], "layout": {
        "xaxis": {"title": {"text": "images/s, logarithmic"}, "type": "log", "nticks": 6,
                  "range": [min(reach) - 0.3, max(reach) + 0.2]},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed",
                  "showgrid": False},
        "shapes": [line], "height": 110 + 46 * len(bounds), "showlegend": False,
        "margin": {"l": 8, "r": 16, "t": 12, "b": 48}}}


def _plain(text: str) -> str:
    return html.escape(text, quote=False)
