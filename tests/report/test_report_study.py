"""A study's table, Markdown and page, from results made by hand; PyTorch is not asked for."""

import html.parser
import json

import pytest
from report_studies import BASE, pq_cost, printed, result_of, row_of
from test_report_browser import browser, look  # noqa: F401

from pqhw.report.study import (Figure, figure_of, finding, keeps_accuracy, study_markdown,
                               study_table)
from pqhw.report.study_page import axes_of, write_study
from pqhw.spec import SpecError
from pqhw.study.results import load_study_result


def test_figures_are_mean_and_sample_deviation_over_seeds():
    row = result_of().rows[0]
    own = figure_of(row.runs, lambda run: 100 * run.tuned_accuracy)
    assert (own.mean, own.spread) == (pytest.approx(97.5), pytest.approx(0.5))
    assert str(own) == "97.50 ± 0.50"
    assert str(figure_of(row.runs[:1], lambda run: run.lost_points)) == "1.00"
    assert figure_of(row.runs, lambda run: None) is None
    assert Figure(1.0, None).spread is None


def test_a_row_keeps_the_accuracy_where_it_loses_a_point_at_most_and_no_seed_failed():
    kept = {row.name: keeps_accuracy(row) for row in result_of().rows}
    assert kept == {"base": True, "prototypes=16": True, "table_bits=2": False,
                    "encoder=l1": False, "int8": False, "mixed": False}


@pytest.mark.parametrize("tuned, kept", [(0.97, True), (0.9699, False)])
def test_a_point_that_is_lost_exactly_is_one_point(tuned, kept):
    assert keeps_accuracy(row_of("row", [(0.9, tuned)], pq_cost(1))) == kept


def test_the_finding_names_the_least_memory():
    assert finding(result_of()) == ("2 of 6 rows lose at most 1 point. Least memory of those that "
                                    "look up: base, 41.5 kbit.")
    assert finding(result_of(row_of("a", ["x"]))) == "No row loses at most 1 point."


def test_the_table_holds_every_row_and_every_failure():
    text = printed(study_table(result_of()))
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert rows["base"] == ["base", "41.5", "40.0", "20.0", "9.0", "91.00", "±", "1.00", "97.50",
                            "±", "0.50", "0.50", "±", "0.50", "✓"]
    assert rows["encoder=l1"][-4:] == ["–", "8.00", "±", "0.00"]
    assert rows["int8"] == ["int8", "60.0", "–", "–", "109.0", "98.00", "98.00", "0.00"]
    assert "int8, seed 2, 3 failed: sums <are> too wide." in text
    assert "mixed, seed 1, 2, 3 failed: no lanes." in text
    assert "A <b>study</b>" in text and "float accuracy 98.00 ± 0.00 %" in text
    assert max(map(len, text.splitlines())) <= 120


def test_markdown_is_a_table_of_all_columns():
    lines = study_markdown(result_of()).splitlines()
    assert {line.count("|") for line in lines[:7]} == {13}
    assert lines[2] == ("| `base` | 40.0 | 1.0 | 0.5 | 41.5 | 40.0 | 20.0 | 9.0 | 91.00 ± 1.00 | "
                        "97.50 ± 0.50 | 0.50 ± 0.50 | ✓ |")
    assert lines[-1] == "* mixed, seed 1, 2, 3 failed: no lanes."


def test_long_sentences_of_failures_are_folded_for_pages():
    text = study_markdown(result_of(row_of("base", [(0.9, 0.9)], pq_cost(1)),
                                    row_of("wide", ["sums are too wide " * 20])))
    folded = text.split("\n\n")[1].splitlines()
    assert len(folded) == 4 and max(map(len, folded)) <= 100
    assert folded[0].startswith("* wide, seed 1 failed: sums") and folded[1].startswith("  ")


def test_axes_are_the_fields_in_which_alone_rows_differ_from_the_base():
    axes = {name: [value for value, _ in values] for name, values in axes_of(result_of()).items()}
    assert axes == {"prototypes": [8, 16], "table_bits": [2, 5], "encoder": ["l1", "l2"]}


def test_an_axis_may_leave_its_field_out_at_the_base():
    rows = [row_of("base", [(0.9, 0.9)], pq_cost(9), length=None),
            row_of("length=9", [(0.9, 0.9)], pq_cost(9), length=9)]
    result = result_of(*rows).model_copy(update={"base": {**BASE, "length": None}})
    assert [value for value, _ in axes_of(result)["length"]] == [9, None]


# -- Files -----------------------------------------------------------------------------------


def test_a_result_is_read_back(tmp_path):
    path = tmp_path / "study.json"
    path.write_text(result_of().text(), encoding="utf-8")
    assert load_study_result(path) == result_of()
    assert load_study_result(path).text() == result_of().text()


@pytest.mark.parametrize("change, sentence", [
    (None, "is not a JSON file."), ({"document": "comparison"}, "is not a result of pqhw study."),
    ({"schema_version": 9}, "has schema version 9, but this pqhw reads version 1."),
    ({"rows": [{}]}, "rows.0.name: Field required."), ({"date": "today"}, "date: Extra inputs are "
                                                       "not permitted.")])
def test_a_file_that_is_no_result_is_refused(tmp_path, change, sentence):
    path = tmp_path / "study.json"
    own = json.loads(result_of().text())
    path.write_text("{" if change is None else json.dumps(own | change), encoding="utf-8")
    with pytest.raises(SpecError) as told:
        load_study_result(path)
    assert str(told.value) == f"{path}: {sentence}"


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SpecError, match="none.json: cannot be read \\(No such file or directory"):
        load_study_result(tmp_path / "none.json")


# -- Page ------------------------------------------------------------------------------------


def page_of(tmp_path, result):
    pytest.importorskip("jinja2")
    pytest.importorskip("plotly")
    return write_study(result, tmp_path / "study.html").read_text(encoding="utf-8")


def test_the_page_holds_every_row_and_nothing_of_the_hour(tmp_path):
    page = page_of(tmp_path, result_of())
    assert page == page_of(tmp_path, result_of())
    assert page.count('<th scope="row">') == 5
    assert "A &lt;b&gt;study&lt;/b&gt;" in page and "sums &lt;are&gt; too wide." in page
    html.parser.HTMLParser().feed(page)


@pytest.mark.parametrize("width", [390, 1200])
def test_all_plots_draw_and_nothing_scrolls_sideways(browser, tmp_path, width):  # noqa: F811
    seen = look(browser, page_of(tmp_path, result_of()), tmp_path, width)
    assert seen["errors"] == [] and seen["fetched"] == []
    assert seen["scrollWidth"] <= seen["width"]
    assert [plot["id"] for plot in seen["plots"]] == [
        "pareto", "axis-prototypes", "axis-table_bits", "axis-encoder"]
    assert all(plot["svgs"] and plot["marks"] and plot["fits"] for plot in seen["plots"])


def test_a_page_of_failures_alone_is_a_page(tmp_path):
    page = page_of(tmp_path, result_of(row_of("mixed", ["no lanes."])))
    assert "mixed, seed 1 failed: no lanes." in page and 'id="pareto"' not in page
