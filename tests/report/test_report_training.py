"""A training's table and page, from a history made by hand."""

import html.parser
import io
import sys

import pytest
from rich.console import Console
from test_report_browser import browser, look  # noqa: F401

from pqhw.report import ReportError
from pqhw.report.training import history_table, write_history

pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")


def history(count=3, data="<b>glyphs</b>: 9 images"):
    epochs = tuple(training.Epoch(
        epoch=epoch, rate=0.1 / epoch, loss=2 / epoch, train_accuracy=1 - 0.5 / epoch,
        test_accuracy=1 - 0.6 / epoch, seconds=2.5) for epoch in range(1, count + 1))
    return training.History(recipe=training.Recipe(epochs=count).to_mapping(), data=data,
                            device="cpu", versions={"torch": "2.13.0"}, epochs=epochs)


def printed(own):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(history_table(own))
    return console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def test_every_epoch_is_a_row():
    text = printed(history())
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdigit()]
    assert rows[2] == ["3", "0.03333", "0.6667", "83.33", "%", "80.00", "%", "2.5"]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert "<b>glyphs</b>: 9 images, on cpu" in text
    assert "test accuracy 80.00 % after 3 epochs, 8 s" in text


@pytest.mark.parametrize("count", [1, 20, 21, 200])
def test_of_many_epochs_some_are_rows_and_the_last_is(count):
    rows = [int(line.split()[0]) for line in printed(history(count)).splitlines()
            if line.strip()[:1].isdigit()]
    assert len(rows) <= 20 and rows[-1] == count
    assert len({after - before for before, after in zip(rows, rows[1:])}) <= 1


def page_of(tmp_path, own):
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    return write_history(own, tmp_path / "history.html").read_text(encoding="utf-8")


def test_the_page_holds_every_epoch_and_the_whole_recipe(tmp_path):
    own = history(30)
    page = page_of(tmp_path, own)
    assert page == page_of(tmp_path, own)
    assert page.count("<td>") == 30 * 6
    assert all(f"<li>{name} <b>" in page for name in own.recipe)
    assert "&lt;b&gt;glyphs&lt;/b&gt;" in page and "<b>glyphs" not in page
    html.parser.HTMLParser().feed(page)


@pytest.mark.parametrize(("width", "count"), [(390, 1), (1200, 60)])
def test_both_plots_draw_and_nothing_scrolls_sideways(browser, tmp_path, width, count):  # noqa: F811
    seen = look(browser, page_of(tmp_path, history(count)), tmp_path, width)
    assert seen["errors"] == [] and seen["fetched"] == []
    assert seen["scrollWidth"] <= seen["width"]
    assert [plot["id"] for plot in seen["plots"]] == ["loss", "accuracy"]
    assert all(plot["svgs"] and plot["marks"] and plot["fits"] for plot in seen["plots"])


def test_a_page_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ReportError, match="^the report needs plotly and jinja2; run: pip install"):
        write_history(history(), tmp_path / "history.html")
