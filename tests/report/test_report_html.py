"""The page as text: deterministic, self-contained, escaped."""

import html.parser
import json
import subprocess
import sys

import pytest
from report_examples import failed, measured, realistic

from pqhw.flow.results import Comparison, Verification
from pqhw.report import ReportError, device_ratios, write_report
from pqhw.report.figures import colours, device_figures

pytest.importorskip("jinja2")
graph_objects = pytest.importorskip("plotly.graph_objects")

FETCHING = {"src", "srcset", "poster", "data", "background", "action", "formaction", "manifest"}
NASTY = '<script>alert(1)</script>"\'&<img src=http://x.invalid/y>'


class Page(html.parser.HTMLParser):
    """Elements with their attributes, and the text of styles, scripts and the rest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.styles, self.scripts, self.text = [], "", [], ""
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "style":
            self.styles += data
        elif self.inside == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def page_of(tmp_path, *comparisons):
    path = write_report(list(comparisons), tmp_path / "report.html")
    return path.read_text(encoding="utf-8")


def nasty():
    one = measured(NASTY, "pq", provenance=measured().provenance.model_copy(
        update={"host": NASTY, "tools": {NASTY: NASTY}}), spec={"engine": {NASTY: NASTY}},
        verification=[Verification(level="cocotb", status="not run", reason=NASTY)])
    return Comparison(title=NASTY, task=NASTY, notes=[NASTY],
                      measurements=[one, failed(reason=NASTY), measured("mac")])


def test_equal_input_gives_equal_bytes(tmp_path):
    first = write_report([realistic(), nasty()], tmp_path / "a.html").read_bytes()
    assert write_report([realistic(), nasty()], tmp_path / "b.html").read_bytes() == first


def test_bytes_do_not_depend_on_the_process(tmp_path):
    (tmp_path / "c.json").write_text(realistic().model_dump_json())
    program = ("import sys; from pqhw.flow.results import load_results; "
               "from pqhw.report import write_report; "
               "write_report([load_results(sys.argv[1])], sys.argv[2])")
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", program, tmp_path / "c.json",
                        tmp_path / f"{seed}.html"], check=True, env={"PYTHONHASHSEED": seed})
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()
    assert (tmp_path / "1.html").read_text("utf-8") == page_of(tmp_path, realistic())


@pytest.mark.parametrize("comparison", [realistic(), nasty()], ids=["realistic", "nasty"])
def test_nothing_is_fetched(tmp_path, comparison):
    page = Page(page_of(tmp_path, comparison))
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img"), tag
        assert not FETCHING & set(attributes), (tag, attributes)
        assert attributes.get("href", "#").startswith("#"), attributes
        assert not any(name.startswith("on") for name in attributes), attributes
        assert "url(" not in attributes.get("style", "")
    assert "@import" not in page.styles and "url(" not in page.styles
    policy, = (a["content"] for tag, a in page.elements
               if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert sum("plotly.js v" in script[:300] for script in page.scripts) == 1


def test_text_from_results_is_escaped(tmp_path):
    page = Page(page_of(tmp_path, nasty()))
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert page.text.count(NASTY) >= 8, "title, task, note, name, reasons, host and tools"
    json.loads(page.scripts[0])


def test_figures_are_valid_plotly_and_named_in_order(tmp_path):
    page = Page(page_of(tmp_path, realistic(), nasty()))
    figures = json.loads(page.scripts[0])
    assert sorted(figures) == [f"plot-{section}-{device}-{plot}" for section, device
                               in ((1, 1), (1, 2), (2, 1)) for plot in range(1, 6)]
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers)) and set(figures) <= set(identifiers)
    for figure in figures.values():
        graph_objects.Figure(figure)


def test_unsound_designs_have_no_performance_in_plots():
    comparison = Comparison(title="t", measurements=[
        measured("mac"), measured("odd", "pq", verified=None, clocks=(777.0, 778.0)), failed()])
    part, = device_ratios(comparison)
    full, copy, scatter, area, clock = (entry["figure"]
                                        for entry in device_figures(part, comparison))
    assert full["data"][0]["x"][1:] == [0, 0] and full["data"][0]["text"][1:] == ["", ""]
    assert [note["text"] for note in full["layout"]["annotations"]] == [" no result"] * 2
    assert copy["data"][0]["x"] == [10e6, 0, 0]
    assert len(scatter["data"]) == 1
    assert [trace["marker"]["pattern"]["shape"] for trace in area["data"]] == ["", "/"]
    assert "777" not in json.dumps(clock)


def test_unverified_clock_is_nowhere_on_the_page(tmp_path):
    text = Page(page_of(tmp_path, Comparison(title="t", measurements=[
        measured("mac"), measured("odd", "pq", verified=None, clocks=(777.0, 778.0))]))).text
    assert "777" not in text and "778" not in text and "not verified" in text


def test_all_failed_still_makes_a_page(tmp_path):
    page = Page(page_of(tmp_path, Comparison(title="t", measurements=[failed(reason="too big")])))
    assert "No result on LFE5U-25F: pq-wide failed: too big." in page.text
    assert json.loads(page.scripts[0]) == {}


def test_wide_spread_is_drawn_on_a_logarithmic_axis_without_bars():
    comparison = Comparison(title="t", measurements=[measured("a", cycles=100),
                                                     measured("b", "pq", cycles=1)])
    part, = device_ratios(comparison)
    figure = device_figures(part, comparison)[1]["figure"]
    assert figure["layout"]["xaxis"]["type"] == "log" and figure["data"][0]["type"] == "scatter"


def test_colours_follow_names_across_devices():
    ink = colours(realistic())
    assert len(set(ink.values())) == 4
    assert ink["mac-int8-dsp"] == "#D55E00" and ink["pq-l1-k16-v4"] == "#0072B2"


def test_spec_is_shown_as_a_spec_file_and_unknown_ones_as_json(tmp_path):
    text = Page(page_of(tmp_path, Comparison(title="t", measurements=[
        measured("known"), measured("unknown", spec={"colour": "red"})]))).text
    assert "[layer]\nin_features = 64" in text and '"colour": "red"' in text


def test_prices_are_stated(tmp_path):
    text = " ".join(Page(page_of(tmp_path, realistic())).text.split())
    assert "a DSP counts 80 LUT4 and an 18-kbit block RAM 95 LUT4" in text
    assert "LFE5U-25F: 434 LUT4 a block RAM, 867 LUT4 a DSP" in text
    assert "iCE40 UP5K: 176 LUT4 a block RAM, 660 LUT4 a DSP" in text


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(ReportError, match="needs at least one measurement"):
        write_report([Comparison(title="t", measurements=[])], tmp_path / "report.html")


def test_plotly_and_jinja_are_imported_late_and_missed_politely():
    program = """
import sys
import pqhw.report
assert not {"plotly", "jinja2"} & set(sys.modules)
sys.modules["plotly"] = None
try:
    pqhw.report.write_report([], "/nonexistent/report.html")
except RuntimeError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                         check=True)
    assert run.stdout == ("the report needs plotly and jinja2; "
                          "run: pip install 'pqhw[report]'\n")
