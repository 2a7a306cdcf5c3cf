"""Ratios and findings, against values computed by hand."""

import math

import pytest
from report_examples import failed, measured

from pqhw.flow.results import Area, Comparison, Fmax, Seed, Verification
from pqhw.report import caveats, device_ratios, headline, price_finding, withheld
from pqhw.report.numbers import ABSENT, accuracy, points, quantity, ratio, share


def compare(*measurements, **fields):
    return Comparison(title="test", measurements=list(measurements), **fields)


def one_device(*measurements):
    part, = device_ratios(compare(*measurements))
    return part


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_figures_and_ratios_by_hand():
    # LFE5U-25F: 24288 LUT4, 56 block RAMs, 28 DSPs; a block RAM is 24288/56 LUT4 by scarcity.
    mac = measured("mac", area=(2000, 1000, 0, 7), clocks=(100.0,), cycles=10, accuracy=0.95)
    pq = measured("pq", "pq", area=(3000, 500, 14, 0), clocks=(120.0,), cycles=4, accuracy=0.94)
    part = one_device(pq, mac)
    first, second = part.designs
    assert part.baseline is second and not first.is_baseline
    assert first.figures["rows_per_second"] == 30e6
    assert second.figures["rows_per_second"] == 10e6
    assert first.ratios["rows_per_second"] == pytest.approx(3)
    # Both fill a quarter: 14 of 56 block RAMs, 7 of 28 DSPs.
    assert first.figures["device_limited_rows_per_second"] == pytest.approx(120e6)
    assert first.ratios["device_limited_rows_per_second"] == pytest.approx(3)
    # pqa: 3000 + 14 * 95 = 4330 against 2000 + 7 * 80 = 2560
    assert first.figures["luts_pqa"] == pytest.approx(4330)
    assert first.ratios["luts_pqa"] == pytest.approx(4330 / 2560)
    assert first.ratios["rows_per_lut_pqa"] == pytest.approx(3 * 2560 / 4330)
    # scarcity: 3000 + 24288/4 = 9072 against 2000 + 24288/4 = 8072
    assert first.ratios["rows_per_lut_scarcity"] == pytest.approx(3 * 8072 / 9072)
    assert first.ratios["lut4"] == 1.5 and first.ratios["ff"] == 0.5
    assert first.ratios["dsp"] == 0
    assert first.ratios["bram"] is None, "the baseline has no block RAM: not a ratio"
    assert first.ratios["fmax_mhz"] == pytest.approx(1.2)
    # 13 cycles at 120 MHz against 19 cycles at 100 MHz
    assert first.ratios["latency_us"] == pytest.approx((13 / 120) / (19 / 100))
    assert first.accuracy_points == pytest.approx(-1)
    assert second.accuracy_points == 0 and second.ratios["rows_per_second"] == 1


def test_resource_used_by_neither_has_no_ratio():
    part = one_device(measured("a", area=(10, 10, 0, 0)), measured("b", area=(20, 10, 0, 0)))
    assert all(design.ratios["dsp"] is None and design.figures["dsp"] == 0
               for design in part.designs)


def test_baseline_is_the_mac_that_gets_most_out_of_a_full_device():
    small = measured("small", area=(100, 10, 0, 0), cycles=10)
    fast = measured("fast", area=(10000, 10, 0, 0), cycles=1)
    assert fast.rows_per_second > small.rows_per_second
    assert one_device(measured("pq", "pq"), fast, small).baseline.label == "small"


def test_baseline_without_mac_is_the_first_with_performance():
    part = one_device(failed(), measured("a", "pq"), measured("b", "pq+mac"))
    assert part.baseline.label == "a"
    assert "No MAC design with performance: ratios refer to a." in caveats(part)


def test_unsound_mac_is_no_baseline():
    part = one_device(measured("mac", verified=None, verification=[]), measured("pq", "pq"))
    assert part.baseline.label == "pq"
    assert plain(headline(part)) == (
        "pq delivers 10.0 M rows per second at 100 MHz on LFE5U-25F, bit-exact in cxxrtl; "
        "no ratio, as mac is not verified: no level was run.")


def different():
    return [Verification(level="cxxrtl", status="equal", rows=9),
            Verification(level="cocotb", status="different", rows=3, reason="row 2")]


@pytest.mark.parametrize(("design", "reason"), [
    (failed(reason="does not fit"), "failed: does not fit"),
    (failed(reason=None), "failed: no reason was recorded"),
    (measured(verified=None, verification=[]), "not verified: no level was run"),
    (measured(verification=different()), "not bit-exact at cocotb: row 2"),
    (measured(rows_per_second=None), "not measured: no throughput was recorded"),
    (measured(rows_per_second=None), "not measured: no throughput was recorded"),
])
def test_unsound_design_has_a_reason_and_no_ratio(design, reason):
    assert withheld(design) == reason
    part = one_device(measured("base"), design)
    shown = part.designs[1]
    assert shown.withheld == reason
    assert shown.figures["rows_per_second"] is None and shown.figures["fmax_mhz"] is None
    assert set(shown.ratios.values()) == {None} and shown.accuracy_points is None
    assert any(reason in sentence for sentence in caveats(part))


def test_all_failed_is_said():
    part = one_device(failed("a", reason="too big"), failed("b", reason="timed out"))
    assert part.baseline is None and price_finding(part) is None
    assert headline(part) == "No result on LFE5U-25F: a failed: too big; b failed: timed out."


def test_devices_and_grades_are_apart_and_names_unique():
    parts = device_ratios(compare(measured("a"), measured("b", part="ice40up5k"),
                                  measured("a"), measured("a", speed_grade=8)))
    assert [(part.device, part.speed_grade, [design.label for design in part.designs])
            for part in parts] == [("lfe5u-25f", 6, ["a", "a (2)"]), ("ice40up5k", 0, ["b"]),
                                   ("lfe5u-25f", 8, ["a"])]
    assert parts[1].short_title == "iCE40 UP5K"


def test_unknown_device_is_named_as_it_is():
    part = one_device(measured("a", device="xc7a35t"))
    assert part.title == "xc7a35t"


@pytest.mark.parametrize(("cycles", "exact", "sentence"), [
    (5, 0.941, "PQ delivers 2.00× the rows per second of MAC on a full LFE5U-25F, "
               "at 0.9 points less accuracy."),
    (20, 0.941, "MAC delivers 2.00× the rows per second of PQ on a full LFE5U-25F, "
                "at 0.9 points more accuracy."),
    (20, 0.96, "MAC delivers 2.00× the rows per second of PQ on a full LFE5U-25F, "
               "at 1.0 points less accuracy."),
    (10, 0.95, "PQ and MAC deliver equally many rows per second on a full LFE5U-25F, "
               "at equal accuracy."),
    (5, 0.9495, "PQ delivers 2.00× the rows per second of MAC on a full LFE5U-25F, "
                "at 0.05 points less accuracy."),
    (5, None, "PQ delivers 2.00× the rows per second of MAC on a full LFE5U-25F, "
              "accuracy not measured for both."),
])
def test_headline_names_the_winner(cycles, exact, sentence):
    part = one_device(measured("pq", "pq", cycles=cycles, accuracy=exact), measured("mac"))
    assert headline(part) == sentence


def test_headline_takes_the_most_accurate_rival_not_the_fastest():
    part = one_device(measured("fast", "pq", cycles=1, accuracy=0.5),
                      measured("good", "pq", cycles=5, accuracy=0.949), measured("mac"))
    assert headline(part).startswith("PQ (good) delivers 2.00× the rows per second of MAC on")


def test_price_finding_gives_both_prices():
    part = one_device(measured("pq", "pq", cycles=5), measured("mac", area=(1000, 500, 4, 4)))
    # pqa: 1380 against 1700; scarcity: 1000 + 4 * 433.71 = 2734.9 against + 4 * 867.43 = 6204.6
    assert price_finding(part) == ("Rows per second per LUT equivalent, PQ against MAC: 2.46× at "
                                   "PQA's prices, 4.54× by scarcity; one copy against one copy: "
                                   "2.00×.")


def weak(**changes):
    return caveats(one_device(measured("d", clocks=(100.0, 101.0, 102.0), **changes)))


def test_sound_measurement_has_no_caveat():
    assert weak() == []


@pytest.mark.parametrize(("changes", "words"), [
    ({"fmax_mhz": Fmax(median=99, q1=99, q3=99, all=[99])}, "one seed was routed"),
    ({"seeds": [Seed(seed=1, fmax_mhz=99), Seed(seed=2, fmax_mhz=None, reason="timed out")]},
     "1 of 2 seeds failed to route."),
    ({"cycles_per_row_measured": 10.5}, "took 10.5 cycles per row, the formula says 10"),
    ({"fmax_mhz": Fmax(median=400, q1=399, q3=401, all=[399, 401])}, "could be faster"),
    ({"provenance": measured().provenance.model_copy(update={"parameters": "random"})},
     "simulated with random parameters"),
    ({"verification": [Verification(level="cocotb", status="failed", reason="crashed")]},
     "cocotb failed (crashed)"),
])
def test_weakness_is_said(changes, words):
    assert any(words in sentence for sentence in weak(**changes))


def test_difference_within_the_spread_is_said():
    part = one_device(measured("pq", "pq", clocks=(98.0, 101.0, 104.0)),
                      measured("mac", clocks=(97.0, 100.0, 103.0)))
    assert any("within the router's spread" in sentence for sentence in caveats(part))


def test_unlike_work_and_tools_are_said():
    other = measured().provenance.model_copy(update={"tools": {"yosys": "0.49"}, "host": "y"})
    words = " ".join(caveats(one_device(
        measured("a"), measured("b", multiply_accumulates_per_row=1, provenance=other))))
    assert "different numbers of multiply-accumulates" in words
    assert "different tool versions" in words and "different hosts" in words


def test_no_area_available_divides_by_nothing():
    empty = Area(lut4=0, ff=0, bram=0, dsp=0)
    part = one_device(measured("a", area_available=empty, device_limited_rows_per_second=None),
                      measured("b", area_available=empty, device_limited_rows_per_second=None))
    assert headline(part).startswith("No ratio on LFE5U-25F")


@pytest.mark.parametrize(("written", "text"), [
    (quantity(12_345_678), "12.3 M"), (quantity(999_600), "1.00 M"), (quantity(846), "846"),
    (quantity(0.0125), "0.0125"), (quantity(131.25, "MHz"), "131 MHz"), (quantity(0), "0"),
    (quantity(None), ABSENT), (quantity(math.inf), ABSENT), (quantity(9.996), "10.0"),
    (ratio(1.724), "1.72×"), (ratio(0.0123), "0.0123×"), (ratio(10.94), "10.9×"),
    (ratio(9.996), "10.0×"), (ratio(0), "0×"), (ratio(None), ABSENT),
    (share(0.0514), "5.1 %"), (share(0.514), "51 %"), (share(1.04), "104 %"),
    (share(None), ABSENT), (accuracy(0.9731), "97.31 %"), (points(-0.9), "−0.90 pp"),
    (points(0.001), "±0 pp"), (points(-0.001), "±0 pp"), (points(10), "+10.00 pp"),
])
def test_numbers_are_written_so(written, text):
    assert plain(written) == text
