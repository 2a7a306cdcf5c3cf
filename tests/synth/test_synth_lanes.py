"""Cells of multiply-accumulate lanes, their share of tree and accumulator included."""

import pytest
from builders import mac

from pqhw.explore.area.cells import Fabric
from pqhw.explore.area.engines import column_sums
from pqhw.explore.area.lanes import mac_lanes, weights
from pqhw.rtl.mac import MACCore


def halves(cells):
    """LUT4 of logic: a CCU2C takes the place of two."""
    return 2 * cells["CCU2C"] + cells["LUT4"]


def lanes(outputs=3, **values):
    """8 inputs by some outputs over 8 groups, weights in block RAM."""
    return mac(D=64, N=outputs, inputs_per_cycle=8, outputs_per_cycle=outputs,
               weight_storage="bram", activation_signed=False, **values)


@pytest.mark.parametrize("scheme, activation, weight, most", [
    ("fixed", 8, 8, 86), ("fixed", 8, 4, 37), ("fixed", 4, 4, 25), ("fixed", 3, 8, 35),
    ("sp2", 8, 4, 42), ("sp2", 8, 3, 25), ("pot", 8, 4, 48), ("pot", 8, 3, 33)])
def test_a_lane_in_logic_is_as_small_as_its_page_says(synthesis, scheme, activation, weight, most):
    spec = lanes(scheme=scheme, activation_bits=activation, weight_bits=weight, multiplier="lut")
    cells = synthesis.cells(MACCore(spec))
    assert cells["MULT18X18D"] == 0
    assert halves(cells) <= 24 * most
    formula = lane_formula(spec)
    assert abs(halves(cells) - formula.lut4) <= (0.03 if scheme == "fixed" else 0.05) * formula.lut4
    assert abs(cells["TRELLIS_FF"] - formula.ff) <= 0.05 * formula.ff


@pytest.mark.parametrize("activation, weight, signed, blocks, most", [
    (4, 4, False, 16, 11.5), (4, 4, True, 16, 12.5), (8, 4, False, 24, 15.5), (2, 2, False, 8, 7.5),
    (8, 6, False, 24, 17.5)])
def test_products_share_dsp_blocks(synthesis, activation, weight, signed, blocks, most):
    spec = lanes(outputs=6, activation_bits=activation, weight_bits=weight, multiplier="dsp",
                 products_per_dsp=48 // blocks)
    if signed:
        spec = mac(D=64, N=6, inputs_per_cycle=8, outputs_per_cycle=6, weight_storage="bram",
                   activation_bits=activation, weight_bits=weight, multiplier="dsp",
                   products_per_dsp=3)
    cells = synthesis.cells(MACCore(spec))
    assert cells["MULT18X18D"] == spec.multipliers == blocks
    assert halves(cells) <= 48 * most
    formula = lane_formula(spec)
    assert formula.dsp == blocks
    assert abs(halves(cells) - formula.lut4) <= 0.08 * formula.lut4


def test_lanes_do_not_ask_for_control_sets_of_their_own(synthesis):
    """A tile has two resets: choices that become resets spoil the placement of everything else."""
    def sets(scheme):
        return synthesis.control_sets(MACCore(lanes(
            scheme=scheme, activation_bits=4, weight_bits=4, multiplier="lut")))
    assert sets("sp2") <= sets("fixed") + 2 <= 12


def test_signs_are_cheaper_in_the_sums_than_in_the_products(synthesis):
    def size(code):
        spec = lanes(activation_bits=8, weight_bits=4, multiplier="lut", weight_code=code)
        return halves(synthesis.cells(MACCore(spec)))
    assert size("magnitude") <= 0.85 * size("signed")


def lane_formula(spec):
    """Products, sums and the counter of the weights' address; the weights are in block RAM."""
    fabric = Fabric("ecp5")
    lead = spec.weight_stages + spec.product_stages
    memory = weights(fabric, spec)
    sums = mac_lanes(fabric, spec) + column_sums(fabric, spec, lead)
    return sums + fabric.counter(spec.weight_words) if memory.bram else sums
