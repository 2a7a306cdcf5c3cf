"""Layers of a routed network, in the terminal and on the page."""

import io
import json
import re

import pytest
from report_examples import measured
from rich.console import Console

from pqhw.flow.results import Area, Bound, Comparison, Layer, Network
from pqhw.report import measurement_table, write_report
from pqhw.report.network import (layer_colours, network_figures, network_finding, tiles_of)

graph_objects = pytest.importorskip("plotly.graph_objects")
pytest.importorskip("jinja2")


def layer(name, lut4, tiles, cycles=None, utilisation=None, kind=""):
    return Layer(name=name, kind=kind, cycles=cycles, utilisation=utilisation, tiles=tiles,
                 area=Area(lut4=lut4, ff=10, bram=1, dsp=0))


def network(first="conv1<b>", **changes):
    fields = {
        "seed": 2, "interval": 100.0, "slowest": [first], "columns": 5, "rows": 3,
        "layers": [layer(first, 700, "0:0:8 1:0:5", 100, 1.0, "pq l2"),
                   layer("last", 200, "1:0:3 4:2:1", 25, 0.25, "fixed"),
                   layer("streams", 60, "2:1:4"), layer("border", 40, ""),
                   layer("harness", 60, "0:2:8")],
        "bounds": [Bound(resource="lut4", busy=0.2, rows_per_second=5e6),
                   Bound(resource="ports", busy=0.5, rows_per_second=2e6),
                   Bound(resource="dsp", busy=0, rows_per_second=None)]}
    return Network(**fields | changes)


def one(**changes):
    return measured("net", "pq", cycles=100, network=network(**changes))


def test_the_terminal_shows_every_layer():
    console = Console(width=120, no_color=True, file=io.StringIO())
    console.print(measurement_table(one()))
    text = console.file.getvalue().replace("\xa0", " ")
    for words in ("conv1<b>", "pq l2", "700", "25 %", "harness", "seed 2"):
        assert words in text, words


def test_the_finding_names_the_slowest_layer_and_the_nearest_bound():
    assert network_finding(one()).replace("\xa0", " ") == (
        "conv1<b> sets the rate, at work 100 % of the time. The nearest bound is block RAM ports: "
        "layers keep 50 % of the device's at work; all of it would give 2.00 M images per second "
        "at this clock.")
    many = one(slowest=["a", "b", "c", "d", "e"], bounds=[])
    assert network_finding(many).startswith("a, b, c and 2 more set the rate")
    unverified = one().model_copy(update={"verified": None})
    assert "images per second" not in network_finding(unverified)


def test_a_tile_has_the_colour_of_the_layer_with_most_cells():
    floorplan, work, bounds = (entry["figure"] for entry in network_figures(one()))
    heat = floorplan["data"][0]
    ink = layer_colours(network())
    assert len(set(ink.values())) == len(ink)

    def colour(x, y):
        value = heat["z"][y][x]
        if value is None:
            return None
        share = value / heat["zmax"]
        return next(own for place, own in reversed(heat["colorscale"]) if place <= share)

    assert (colour(0, 0), colour(1, 0), colour(4, 2), colour(2, 1), colour(3, 1)) == (
        ink["conv1<b>"], ink["conv1<b>"], ink["last"], ink["streams"], None)
    assert heat["text"][0][1] == "conv1&lt;b&gt;: 5<br>last: 3"
    assert (len(heat["z"]), len(heat["z"][0])) == (3, 5)
    assert work["data"][0]["x"] == [100, 25]
    assert bounds["data"][0]["x"] == [5e6, 2e6]
    assert bounds["layout"]["shapes"][0]["x0"] == one().rows_per_second
    for figure in (floorplan, work, bounds):
        graph_objects.Figure(figure)


def test_bounds_are_only_drawn_of_what_has_a_rate():
    entries = network_figures(one().model_copy(update={"verified": None}))
    assert [entry["title"] for entry in entries] == ["Floorplan", "Work of the layers"]


def test_the_page_holds_table_and_figures(tmp_path):
    path = write_report([Comparison(title="one", measurements=[one(), measured()])],
                        tmp_path / "report.html")
    page = path.read_text(encoding="utf-8")
    assert "Layers of net" in page and page.count("<h4>Layers of") == 1
    assert "conv1&lt;b&gt;" in page and "conv1<b>" not in page.split("<script", 1)[0]
    places = re.findall(r'<div id="(layers-[^"]+)" class="plot"', page)
    figures = json.loads(page.split('id="figures">')[1].split("</script>")[0])
    assert places == [name for name in figures if name.startswith("layers-")] and len(places) == 3
    again = write_report([Comparison(title="one", measurements=[one(), measured()])],
                         tmp_path / "again.html")
    assert again.read_bytes() == path.read_bytes()


def test_tiles_are_read_as_they_are_written():
    assert tiles_of(network().layers[1]) == {(1, 0): 3, (4, 2): 1}
    assert tiles_of(network().layers[3]) == {}
