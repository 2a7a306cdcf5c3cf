"""Pages of mappings, searches and sweeps: what stands on them, and what is refused."""

import html
import json
import re

import pytest
import report_explored as made
from report_examples import measured
from report_explored import NASTY, page_of
from test_report_browser import browser, look  # noqa: F401
from test_report_html import FETCHING, Page

from pqhw.report import write_report
from pqhw.report.documents import gather

pytest.importorskip("jinja2")
graph_objects = pytest.importorskip("plotly.graph_objects")
ALL = {"mapping": made.mapping, "precision": made.precision, "search": made.search,
       "sweep": made.sweep}


def figures_of(page):
    return json.loads(Page(page).scripts[0])


def tables_of(page):
    """Tables as lists of rows of cells."""
    cell = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
    return [[[html.unescape(re.sub("<[^>]*>", "", text))
              for text in cell.findall(row)]
             for row in re.findall("<tr.*?</tr>", table, re.DOTALL)]
            for table in re.findall("<table>.*?</table>", page, re.DOTALL)]


# -- Every kind --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_equal_documents_give_equal_bytes_and_nothing_is_fetched(tmp_path, kind):
    page = page_of(tmp_path, ALL[kind]())
    (tmp_path / "again").mkdir()
    assert page == page_of(tmp_path / "again", ALL[kind]())
    assert str(tmp_path) not in page
    for tag, attributes in Page(page).elements:
        assert not FETCHING & set(attributes), tag
        assert tag != "link"


@pytest.mark.parametrize("kind", ALL)
def test_plotly_accepts_every_figure(tmp_path, kind):
    figures = figures_of(page_of(tmp_path, ALL[kind]()))
    assert figures
    for name, own in figures.items():
        graph_objects.Figure(own)
        assert f'id="{name}"' in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("kind", ALL)
def test_names_are_text_wherever_they_stand(tmp_path, kind):
    document = json.loads(json.dumps(ALL[kind]()).replace("conv1", "NASTY").replace(
        '"pq"', '"NASTY"').replace("small", "NASTY").replace("GLB", "NASTY").replace(
        "lanes", "NASTY").replace("Two ways", "NASTY"))
    text = json.dumps(document).replace("NASTY", json.dumps(NASTY)[1:-1])
    page = Page(page_of(tmp_path, json.loads(text)))
    assert "img" not in {tag for tag, _ in page.elements}
    assert len(page.scripts) == 3 and NASTY in page.text
    drawn = json.dumps(json.loads(page.scripts[0]))
    assert "<script" not in drawn and "<img" not in drawn, "Plotly reads HTML too"


def test_all_kinds_make_one_page_with_links_from_its_head(tmp_path):
    page = page_of(tmp_path, json.loads(measured().model_dump_json()),
                   *(make() for make in ALL.values()))
    parsed = Page(page)
    links = [own["href"] for tag, own in parsed.elements if tag == "a"]
    ids = [own["id"] for tag, own in parsed.elements if tag == "section" and "id" in own]
    assert [link for link in links if "explored" in link] == [
        f"#explored-{number}" for number in (1, 2, 3, 4)]
    assert {link[1:] for link in links} <= set(ids) and len(ids) == len(set(ids))
    assert sum(tag == "h1" for tag, _ in parsed.elements) == 1
    assert "How" in parsed.text or "Ratios" in parsed.text, "how measured figures were earned"


# -- Mappings ----------------------------------------------------------------------------------


def test_a_mapping_has_energy_and_cycles_by_level_and_its_loops(tmp_path):
    page = page_of(tmp_path, made.mapping())
    energy, cycles = figures_of(page).values()
    assert [(one["name"], one["y"]) for one in energy["data"]] == [
        (level, [1.0, 3.0]) for level in made.LEVELS]
    assert energy["data"][0]["x"] == ["conv1", "conv2"]
    assert energy["layout"]["barmode"] == "stack"
    assert [(one["name"], one["y"]) for one in cycles["data"]] == [
        ("computing", [100, 100]), ("waiting for GLB", [0, 50])]
    table, = tables_of(page)
    assert table[1] == ["conv1", "8/4/8", "4", *["25.0"] * 4, "100", "", "50 %", "0.0004",
                        "DRAM M8 | GLB.x C3"]
    assert table[2][7:9] == ["150", "GLB 33 %"]
    assert table[3][:3] == ["all", "", "16"] and table[3][7] == "250"
    assert "16 µJ, 250 cycles" in page and page.count("<details>") == 2
    assert "DRAM holds inputs\nfor m in 0..8" in page


def test_a_mapping_of_before_without_loops_and_cycles_by_level_has_a_page(tmp_path):
    document = made.mapping()
    for own in document["layers"]:
        del own["nest"], own["level_cycles"]
    page = page_of(tmp_path, document)
    assert [one["name"] for one in figures_of(page)["explored-1-2"]["data"]] == ["computing"]
    assert "<details>" not in page


def test_two_hundred_layers_are_two_hundred_bars_however_they_are_called(tmp_path):
    layers = [made.layer(f"a-name-that-is-cut-on-axes-{number}") for number in range(199)]
    page = page_of(tmp_path, made.mapping(*layers, layers[0]))
    energy = figures_of(page)["explored-1-1"]["data"][0]
    assert len(set(energy["x"])) == len(energy["y"]) == 200
    assert max(map(len, energy["x"])) <= 26
    assert len(tables_of(page)[0]) == 202 and 'class="wide"' in page


def test_a_mapping_without_layers_says_so(tmp_path):
    page = page_of(tmp_path, made.mapping() | {"layers": []})
    assert figures_of(page) == {} and "The document holds no layers." in page
    assert page.count("Nothing to draw") == 2


# -- Bits --------------------------------------------------------------------------------------


def test_a_search_of_bits_has_its_front_its_progress_and_its_layers(tmp_path):
    page = page_of(tmp_path, made.precision())
    front, history, bits, energy, cycles = figures_of(page).values()
    line, found, uniform, shown = front["data"]
    assert found["x"] == line["x"] == [pytest.approx(own * 1e-4) for own in (5, 9, 16)]
    assert found["y"] == [pytest.approx(own) for own in (60, 95, 98)]
    assert len(uniform["x"]) == 7 and shown["customdata"] == ["4/5"]
    assert (history["data"][0]["x"], history["data"][0]["y"]) == (
        [1, 2, 3], [pytest.approx(own) for own in (0.1, 0.2, 0.3)])
    assert [one["y"] for one in bits["data"]] == [[4, 4], [5, 5]]
    assert len(energy["data"]) == 4 and cycles["data"][0]["y"] == [100, 100]
    choices, layers = tables_of(page)
    assert choices[2] == ["4/5", "95.00", "9", "56 %", "150", "0.0009"]
    assert [row[0] for row in choices[4:]] == [f"all {width}" for width in range(8, 1, -1)]
    assert [row[0] for row in layers[1:]] == ["conv1", "conv2", "all"]
    assert "4/5 bits: 44 % less energy than uniform 8 bits, at accuracy 95.00 % instead of 98.00."


def test_a_search_of_bits_of_before_has_a_page_without_layers(tmp_path):
    document = made.precision()
    del document["chosen"]
    page = page_of(tmp_path, document)
    assert list(figures_of(page)) == ["explored-1-1", "explored-1-2"]


def test_one_choice_and_none_have_a_page(tmp_path):
    one = made.precision(front=made.precision()["front"][:1], history=[], chosen=None)
    assert figures_of(page_of(tmp_path, one))["explored-1-1"]["data"][1]["customdata"] == ["2/3"]
    none = made.precision(front=[], chosen=None)
    page = page_of(tmp_path, none)
    assert "No choice of bits stands in the document." in page
    assert len(figures_of(page)["explored-1-1"]["data"][0]["x"]) == 0


# -- Engines -----------------------------------------------------------------------------------


def test_a_search_has_a_front_for_every_objective_and_its_designs(tmp_path):
    page = page_of(tmp_path, made.search())
    area, error = figures_of(page).values()
    line, pq, int4 = area["data"]
    assert (pq["x"], pq["y"]) == ([900, 500], [5e7, 1e7]) and int4["x"] == [700]
    assert line["x"] == [500, 700, 900] and line["y"] == [1e7, 2.5e7, 5e7]
    assert error["data"][0]["x"] == [0.1, 0.3] and error["data"][0]["y"] == [2.5e7, 5e7]
    table, = tables_of(page)
    assert table[1] == ["1", "50.0 M", "900", "9", "0", "0", "900", "1.0", "0.3", "1.80 k",
                        "pq: 50 outputs"]
    assert "nothing of it was routed" in page and "layer: sp2: it needs loads." in page
    assert "3 designs that no other of 40 points beats" in page


def test_what_was_routed_stands_beside_its_estimate(tmp_path):
    inline = page_of(tmp_path, made.search() | {"routed": made.routed()})
    (tmp_path / "found").mkdir()
    beside = page_of(tmp_path, made.search(), made.routed(),
                     names=("found/front.json", "found/routed.json"))
    comparisons, explored = gather([tmp_path / "found"])
    assert inline == beside
    again = write_report(comparisons, tmp_path / "page.html", explored).read_text()
    assert beside == again.replace("\N{NO-BREAK SPACE}", " ")
    area, _, luts, clock = figures_of(inline).values()
    marks = area["data"][-1]
    assert (marks["x"], marks["y"]) == ([1000], [4e7]), "80 MHz and two cycles"
    assert area["data"][-2]["x"] == [900, 1000] and area["data"][-2]["y"] == [5e7, 4e7]
    assert [one["x"] for one in luts["data"][1:]] == [[900, 700], [1000, None]]
    assert [one["x"] for one in clock["data"][1:]] == [[100, 100], [80, None]]
    table = tables_of(inline)[1]
    assert table[1] == ["layer pq 1", "2", "900", "1,000", "−10.0 %", "100.0", "80.0", "+25.0 %"]
    assert table[2] == ["layer int4 2", "4", "failed: the router gave up."]
    assert "median error is 10 % in LUT4 and 25 % in clock" in inline


def test_a_network_s_designs_tell_their_layers(tmp_path):
    page = page_of(tmp_path, made.search(layers=("conv1", "conv2")) | {"routed": made.routed()})
    assert page.count("<details>") == 3 and "conv2: int4, 700 LUT4" in page
    assert "2 pq" in tables_of(page)[0][1][-1]
    assert len(figures_of(page)["explored-1-1"]["data"]) == 3, "no layer's engine is a design"


def test_a_front_of_no_designs_and_of_one(tmp_path):
    page = page_of(tmp_path, made.search(members=[]))
    assert "The document holds no designs." in page and figures_of(page) == {}
    one = made.search(members=made.search()["members"][:1], objectives=["error"])
    assert figures_of(page_of(tmp_path, one))["explored-1-1"]["data"][0]["x"] == [900]


def test_what_was_routed_alone_asks_for_its_search(tmp_path):
    with pytest.raises(ValueError, match="routed.json: is what was routed of a search, whose "):
        page_of(tmp_path, made.routed(), names=["routed.json"])


# -- Sweeps ------------------------------------------------------------------------------------


def test_a_sweep_has_fronts_by_device_and_a_row_for_every_point(tmp_path):
    page = page_of(tmp_path, made.sweep())
    rate, clock = figures_of(page).values()
    line, points, other, _ = rate["data"]
    assert line["x"] == [100, 200] and line["y"] == [1e7, 1.8e7], "poor is beaten"
    assert points["x"] == [100, 200, 300] and other["x"] == [50]
    assert clock["data"][0]["x"] == [100] and clock["data"][1]["y"] == [100, 90, 80]
    assert clock["data"][1]["error_y"]["array"] == [3, 3, 3]
    table, = tables_of(page)
    assert table[0][-2:] == ["device", "lanes"]
    assert table[1] == ["small", "100", "10", "0", "0", "100", "100.0", "10", "10.0 M",
                        "lfe5u-25f", "1"]
    assert table[5] == ["broken", "failed: lanes must be few.", "lfe5u-25f", "9"]
    assert table[6] == ["later", "to do", "lfe5u-25f", "4"]
    assert re.findall('<tr class=" key"><th scope="row"><span class="fold">(.*?)<', page) == [
        "small", "fast", "other"]
    assert "4 of 6 points have figures. The fastest: fast, 18.0 M rows/s with 200 LUT4 on ECP5 " \
        "LFE5U-25F; other, 4.00 M rows/s with 50 LUT4 on iCE40 UP5K." in Page(page).text
    assert "The sweep is not complete: 1 points are to do." in page


def test_a_sweep_of_failures_and_one_of_nothing_have_a_page(tmp_path):
    rows = [own for own in made.sweep()["rows"] if own["status"] != "ok"]
    page = page_of(tmp_path, made.sweep(rows=rows))
    assert "None of 2 points has figures." in page and page.count("Nothing to draw") == 2
    assert "The sweep has no points." in page_of(tmp_path, made.sweep(rows=[]))


def test_points_that_lie_close_together_fill_the_plot_and_others_stand_above_zero(tmp_path):
    rows = [made.point(f"point {number}", 500 + number, 100.0 * 8 ** number) for number in (0, 1)]
    rate = figures_of(page_of(tmp_path, made.sweep(*rows)))["explored-1-1"]["layout"]
    assert rate["xaxis"]["rangemode"] == "normal" and rate["yaxis"]["rangemode"] == "tozero"


def test_of_many_points_the_best_are_shown(tmp_path):
    rows = [made.point(f"point {number}", 5000 - number, 100.0) for number in range(2500)]
    page = page_of(tmp_path, made.sweep(*rows))
    table, = tables_of(page)
    assert len(table) == 2001 and table[-1][0] == "point 2499", "the smallest is the best"
    assert "2,000 of 2,500 points are shown" in page


def test_a_folder_of_a_sweep_is_its_state_whatever_else_lies_in_it(tmp_path):
    folder = tmp_path / "out"
    (folder / "runs").mkdir(parents=True)
    document = json.loads(measured("a").model_dump_json())
    (folder / "runs" / "k.json").write_text(json.dumps(document))
    (folder / "runs" / "half.json").write_text(json.dumps(document)[:99])
    points = [{"name": name, "settings": {"device": "lfe5u-25f"}, "key": key, "reason": None}
              for name, key in (("done", "k"), ("truncated", "half"))]
    (folder / "points.json").write_text(json.dumps({
        "schema_version": 1, "document": "sweep-points", "title": "t", "method": "measured",
        "columns": ["device"], "points": points}))
    (folder / "sweep.json").write_text(json.dumps(made.sweep()))
    for where in (folder, tmp_path):
        comparisons, explored = gather([where])
        assert comparisons == [] and len(explored) == 1
        assert explored[0].finding.startswith("1 of 2 points have figures.")
    assert len(gather([folder / "runs"])[0][0].measurements) == 1, "the runs alone are measured"


# -- In a browser ------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1200, False)], ids=["phone", "wide"])
def test_all_plots_draw_and_nothing_scrolls_sideways(browser, tmp_path, width, dark):  # noqa: F811
    long = [made.layer(f"{NASTY} {number}", waiting=number) for number in range(200)]
    page = page_of(tmp_path, made.mapping(*long), made.precision(), made.sweep(),
                   made.search() | {"routed": made.routed()})
    seen = look(browser, page, tmp_path, width, dark=dark)
    assert seen["errors"] == [] and seen["fetched"] == []
    assert seen["scrollWidth"] <= seen["width"]
    assert len(seen["plots"]) == 2 + 5 + 2 + 4
    assert [plot for plot in seen["plots"]
            if not plot["svgs"] or not plot["marks"] or not plot["fits"]] == []
