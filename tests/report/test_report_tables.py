"""Terminal tables: what stands in them and that nothing wraps or is cut."""

import io

import pytest
from report_examples import failed, measured, realistic
from rich.console import Console

from pqhw.flow.results import Comparison, Seed
from pqhw.report import comparison_table, device_ratios, measurement_table
from pqhw.report.summary import summary_rows


def written(renderable, width=100):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def every_value(comparison):
    return {text.replace("\N{NO-BREAK SPACE}", " ")
            for part in device_ratios(comparison) for row in summary_rows(part)
            for cell in row.cells for text in (cell.value, cell.relation) if text}


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_number_is_wrapped_or_cut_at_any_width(width):
    text = written(comparison_table(realistic()), width)
    assert max(map(len, text.splitlines())) <= width
    assert not {value for value in every_value(realistic()) if value not in text}


def test_four_designs_fit_side_by_side_in_100_columns():
    text = written(comparison_table(realistic()))
    assert sum(line.startswith("rows/s, full device") for line in text.splitlines()) == 2


def test_reading_order_is_figures_finding_notes():
    text = written(comparison_table(realistic()))
    marks = ["MNIST, 784–64–10", "LFE5U-25F CABGA381, speed grade 6", "LUT4", "PQ (pq-l1-k16-v4)",
             "pq-l2-k64-v4: failed: nextpnr-ecp5: 61 block RAMs", "iCE40 UP5K", "Hidden layer only"]
    positions = [text.index(mark) for mark in marks]
    assert positions == sorted(positions)


def test_unverified_design_shows_area_but_no_throughput():
    text = written(comparison_table(Comparison(title="t", measurements=[
        measured("mac"), measured("odd", "pq", area=(7654, 1, 0, 0), verified=None)])))
    assert "7,654" in text and "not verified" in text
    rows, = (line for line in text.splitlines() if line.startswith("rows/s, full device"))
    assert rows.split()[-1] == "–"


def test_markup_in_names_is_plain_text():
    assert "[bold]x[/bold]" in written(measurement_table(measured("[bold]x[/bold]")))


def test_measurement_shows_seeds_that_failed_and_provenance():
    text = written(measurement_table(measured(seeds=[
        Seed(seed=1, fmax_mhz=100.0), Seed(seed=2, fmax_mhz=None, reason="timed out")])))
    assert "1 of 2" in text and "seed 2: timed out" in text
    assert "yosys 0.50" in text and "RTL 5f2b5f2b5f2b" in text and "constraint 400 MHz" in text
    assert "status" in text and "baseline" not in text


def test_failed_measurement_shows_its_reason():
    text = written(measurement_table(failed(reason="does not fit")))
    assert "failed: does not fit" in text and "provenance not recorded" in text
