"""Cells of counts of bits, and of a core on planes of bits, beside their formulas."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from bitplane_builders import planes

from pqhw.explore.area.cells import LUTRAM_CELL, Fabric
from pqhw.explore.area.planes import plane_counts, plane_replay, plane_sums, plane_weights
from pqhw.rtl.bitplane import BitplaneCore, ProductCount


def halves(cells):
    """LUT4 of logic: a CCU2C takes the place of two."""
    return 2 * cells["CCU2C"] + cells["LUT4"]


class PlainCount(wiring.Component):
    """The same count as Yosys infers it, a register behind."""

    def __init__(self, products):
        super().__init__({"w": In(products), "x": In(products),
                          "total": Out(products.bit_length())})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(sum(self.w & self.x))
        return m


@pytest.mark.parametrize("products, most", [(7, 8), (15, 20), (31, 45), (63, 94)])
def test_products_are_counted_in_the_halves_of_their_plan(synthesis, products, most):
    unit = ProductCount(products, False, False)
    assert unit.plan.halves <= halves(synthesis.cells(unit)) <= most
    assert halves(synthesis.cells(ProductCount(products, True, False))) <= most
    assert halves(synthesis.cells(ProductCount(products, False, True))) <= most + 2


@pytest.mark.parametrize("products, share", [(15, 0.8), (63, 0.7)])
def test_a_count_is_smaller_than_the_inferred_one(synthesis, products, share):
    plain = halves(synthesis.cells(PlainCount(products)))
    assert halves(synthesis.cells(ProductCount(products, False, False))) <= share * plain


@pytest.mark.parametrize("inputs, outputs, bits, step, which", [
    (64, 4, 4, 1, "twos"), (63, 4, 4, 1, "pm1"), (32, 3, 4, 2, "twos"), (12, 3, 4, 4, "twos"),
    (32, 3, 4, 2, "pm1")])
def test_a_core_is_as_large_as_its_formula(synthesis, inputs, outputs, bits, step, which):
    spec = planes(D=8 * inputs, N=outputs, inputs_per_cycle=inputs, outputs_per_cycle=outputs,
                  weight_bits=bits, activation_bits=bits, planes=which, activation_signed=False,
                  weight_planes_per_cycle=step, activation_planes_per_cycle=step,
                  weight_storage="bram")
    cells = synthesis.cells(BitplaneCore(spec))
    fabric = Fabric("ecp5")
    formula = (plane_weights(fabric, spec) + plane_counts(fabric, spec) + plane_sums(fabric, spec)
               + plane_replay(fabric, spec))
    assert cells["DP16KD"] == formula.bram and cells["TRELLIS_DPR16X4"] == formula.lutram
    logic = formula.lut4 - LUTRAM_CELL * formula.lutram
    assert abs(halves(cells) - logic) <= 0.08 * logic, (halves(cells), logic)
    assert abs(cells["TRELLIS_FF"] - formula.ff) <= 0.08 * formula.ff, (cells, formula)
