"""Area as a vector and as prices, computed by hand."""

import pytest

from pqhw.flow.area import (
    PQA_BRAM_18K,
    PQA_DSP,
    available,
    device_share,
    equivalents,
    flip_flops,
    routed_area,
    subtract,
)
from pqhw.flow.results import Area
from pqhw.spec.devices import DEVICES, device

ECP5, UP5K, HX8K = device("lfe5u-25f"), device("ice40up5k"), device("ice40hx8k")


def area(lut4=0, ff=0, bram=0, dsp=0):
    return Area(lut4=lut4, ff=ff, bram=bram, dsp=dsp)


def test_ecp5_lut_ram_costs_its_write_slices_too():
    used = {"TRELLIS_COMB": 100, "TRELLIS_RAMW": 7, "TRELLIS_FF": 50, "DP16KD": 3,
            "MULT18X18D": 2, "TRELLIS_IO": 3}
    assert routed_area(ECP5, used, ffs=999) == area(114, 50, 3, 2)


def test_ecp5_units_that_are_not_named_are_not_used():
    assert routed_area(ECP5, {"TRELLIS_COMB": 9, "TRELLIS_FF": 1}, ffs=0) == area(9, 1)


def test_ice40_flip_flops_come_from_the_netlist():
    used = {"ICESTORM_LC": 80, "ICESTORM_RAM": 4, "ICESTORM_DSP": 1, "SB_IO": 3}
    assert routed_area(UP5K, used, ffs=33) == area(80, 33, 4, 1)
    assert routed_area(HX8K, {"ICESTORM_LC": 5}, ffs=2) == area(5, 2)


def test_flip_flops_of_both_families_are_counted():
    assert flip_flops({"SB_DFF": 1, "SB_DFFESR": 2, "SB_LUT4": 9, "SB_RAM40_4K": 5}) == 3
    assert flip_flops({"TRELLIS_FF": 4, "LUT4": 9, "TRELLIS_DPR16X4": 7}) == 4
    assert flip_flops({}) == 0


def test_subtracting_works_by_kind():
    assert subtract(area(10, 20, 3, 4), area(1, 2, 0, 1)) == area(9, 18, 3, 3)


def test_available_units_are_the_devices():
    assert available(ECP5) == area(24288, 24288, 56, 28)
    assert available(HX8K).dsp == 0


@pytest.mark.parametrize(("used", "limiting", "share"), [
    (area(2429, 100, 1, 0), "lut4", 2429 / 24288),
    (area(100, 2429, 1, 0), "ff", 2429 / 24288),
    (area(100, 100, 28, 0), "bram", 0.5),
    (area(100, 100, 1, 28), "dsp", 1.0)])
def test_the_largest_share_limits(used, limiting, share):
    assert device_share(used, ECP5) == (limiting, pytest.approx(share))


def test_what_a_device_lacks_does_not_limit():
    assert device_share(area(768, 1), HX8K) == ("lut4", 0.1)


def test_prices_of_pqa():
    """30 ALM for a DSP block and 40 for an M20K, an ALM being 80 / 30 LUT4; 95 per 18 kbit."""
    assert (PQA_DSP, PQA_BRAM_18K) == (80, 95)
    assert equivalents(area(1000, 500, 10, 5), ECP5).pqa == 1000 + 5 * 80 + 10 * 95
    # An iCE40 block RAM has 4096 of 18432 bits.
    assert equivalents(area(100, 0, 9, 1), UP5K).pqa == pytest.approx(100 + 80 + 9 * 95 / 4.5)


def test_prices_by_scarcity():
    assert equivalents(area(1000, 500, 10, 5), ECP5).scarcity == pytest.approx(
        1000 + 10 * 24288 / 56 + 5 * 24288 / 28, abs=0.06)
    assert equivalents(area(100, 0, 3, 2), UP5K).scarcity == 100 + 3 * 176 + 2 * 660
    assert equivalents(area(100, 0, 4, 0), HX8K).scarcity == 100 + 4 * 240


@pytest.mark.parametrize("name", DEVICES)
def test_a_full_device_costs_all_its_resources_at_either_price(name):
    part = device(name)
    full = available(part)
    kinds = 1 + bool(part.brams) + bool(part.dsps)
    assert equivalents(full, part).scarcity == pytest.approx(kinds * part.luts)
    assert device_share(full, part)[1] == 1
