"""Cells of encoders: what lanes, comparisons and trees promise."""

import pytest
from builders import pq
from cell_counts import ECP5, ICE40, assert_kinds, halves, tree

from pqhw.explore.area.cells import Fabric, fabric_of, total
from pqhw.explore.area.distances import distance_lane
from pqhw.explore.area.trees import tree_control, tree_lanes, tree_memories
from pqhw.rtl.encoder import TreeEncoder
from pqhw.rtl.encoder.distance import DistanceLane
from pqhw.spec.devices import device
from pqhw.spec.ranges import ceil_div, ceil_log2


def lane(encoder, bits):
    return pq(D=4, N=1, V=4, K=4, subspaces_per_cycle=1, prototypes_per_cycle=4,
              elements_per_cycle=4, encoder=encoder, activation_bits=bits,
              activation_signed=False, prototype_bits=bits)


def segments(*halves):
    """LUT4 of segments on shared chains: at most two more per 40 halves."""
    return sum(halves) + 2 * ceil_div(sum(halves), 40)


def nearest(count, bits):
    """LUT4 of count - 1 comparisons, and multiplexers but for the last one's distance."""
    index = sum(level * (count >> level + 1) for level in range(1, ceil_log2(count)))
    return segments(*[bits] * (count - 1)) + (count - 2) * bits + index


def encoder_bound(encoder, bits, squares=0):
    """LUT4 of 16 prototypes of 9 elements: differences, sums or maxima, magnitude, nearest."""
    differences = [bits + 1] * 9
    magnitude = bits + 2
    match encoder:
        case "l1":
            sums = [bits + 1] * 4 + [bits + 2] * 2 + [bits + 3, bits + 4]
            return 16 * (segments(*differences, *sums) + magnitude) + nearest(16, bits + 4)
        case "l2":
            sums = [2 * bits + 1] * 4 + [2 * bits + 2] * 2 + [2 * bits + 3, 2 * bits + 4]
            prototype = segments(*differences, *sums) + 9 * squares + 1
            return 16 * prototype + nearest(16, 2 * bits + 4)
    multiplexers = 8 * (bits + 1)
    return (16 * (segments(*differences, *[bits + 1] * 8) + multiplexers + magnitude)
            + nearest(16, bits))


@pytest.mark.parametrize("encoder, bits, squares", [
    ("l1", 4, 0), ("l1", 8, 0), ("chebyshev", 4, 0), ("chebyshev", 8, 0), ("l2", 3, 3),
    ("l2", 4, 8)])
def test_a_lane_is_its_differences_sums_and_comparisons(synthesis, encoder, bits, squares):
    spec = pq(D=9, N=1, V=9, K=16, prototypes_per_cycle=16, elements_per_cycle=9, encoder=encoder,
              activation_bits=bits, activation_signed=False, prototype_bits=bits)
    cells = synthesis.cells(DistanceLane(spec.encoder))
    assert_kinds(cells, *ECP5)
    bound = encoder_bound(encoder, bits, squares)
    assert 0.95 * bound <= halves(cells) <= bound
    formula = distance_lane(Fabric("ecp5"), spec.encoder)
    assert abs(halves(cells) - formula.lut4) <= 0.01 * formula.lut4
    assert abs(cells["TRELLIS_FF"] - formula.ff) <= 0.02 * formula.ff


def test_an_l2_lane_of_four_bits_is_at_most_twice_an_l1_lane(synthesis):
    def size(encoder):
        spec = pq(D=9, N=1, V=9, K=16, prototypes_per_cycle=16, elements_per_cycle=9,
                  encoder=encoder, activation_bits=4, activation_signed=False, prototype_bits=4)
        return halves(synthesis.cells(DistanceLane(spec.encoder)))
    assert size("l1") <= 1850 and size("l2") <= 2 * size("l1")


def test_products_are_dsps_and_the_norm_is_one_sum_per_prototype(synthesis):
    spec = lane("dot", 8).encoder
    cells = synthesis.cells(DistanceLane(spec))
    assert_kinds(cells, *ECP5, "MULT18X18D")
    assert cells["MULT18X18D"] == spec.multipliers == 16
    sums = [spec.element_lanes * (spec.distance_range.bits + 1)] * 4
    assert halves(cells) <= sum(sums) + nearest(4, spec.distance_range.bits)


def test_wide_squares_are_dsps_that_hold_difference_and_square(synthesis):
    spec = lane("l2", 8)
    cells = synthesis.cells(DistanceLane(spec.encoder))
    assert_kinds(cells, *ECP5, "MULT18X18D")
    assert cells["MULT18X18D"] == spec.multipliers == 16
    registers = tree(4, spec.encoder.element_distance_range.bits)[1]
    best = 3 * spec.encoder.distance_range.bits + 1 + 1 + 2
    assert cells["TRELLIS_FF"] <= 4 * registers + best


# -- Tree --------------------------------------------------------------------------------------

def tree_encoder(**values):
    return TreeEncoder(pq(**{"D": 9, "N": 1, "V": 9, "K": 16, "encoder": "tree",
                             **values}).encoder)


def with_rams(cells):
    """LUT4 by the protocol: a LUT RAM of 16 words and 4 bits takes 6, and its write port 2."""
    return halves(cells) + 8 * cells["TRELLIS_DPR16X4"]


@pytest.mark.parametrize("values, bound", [
    ({}, 233), ({"activation_signed": False}, 229), ({"split_dims": [[0, 3, 5, 8]]}, 101),
    ({"V": 8, "D": 8}, 233), ({"V": 2, "D": 2}, 106), ({"K": 4}, 116)], ids=str)
def test_a_tree_is_its_multiplexers_comparisons_and_memories(synthesis, values, bound):
    cells = synthesis.cells(tree_encoder(**values))
    assert_kinds(cells, *ECP5, "TRELLIS_DPR16X4")
    assert with_rams(cells) <= bound


@pytest.mark.parametrize("values", [
    {}, {"split_dims": [[0, 3, 5, 8]]}, {"D": 144}, {"D": 80, "V": 20, "K": 4, "prototype_bits": 5},
    {"D": 32, "V": 4, "subspaces_per_cycle": 2, "double_buffered": True}], ids=str)
def test_a_tree_is_close_to_its_formula(synthesis, values):
    encoder = tree_encoder(**values)
    fabric = fabric_of(device("lfe5u-25f"))
    wanted = total(part(fabric, encoder.spec) for part in (tree_memories, tree_control, tree_lanes))
    cells = synthesis.cells(encoder)
    assert (cells["TRELLIS_DPR16X4"], cells["DP16KD"]) == (wanted.lutram, wanted.bram)
    assert halves(cells) == pytest.approx(wanted.lut + wanted.carry, rel=0.05, abs=4)
    assert cells["TRELLIS_FF"] == pytest.approx(wanted.ff, rel=0.05)


def test_deep_thresholds_stand_in_block_ram(synthesis):
    cells = synthesis.cells(tree_encoder(D=144))
    assert cells["DP16KD"] == 3
    small = synthesis.cells(tree_encoder(D=144, prototype_storage="bram"), "ice40up5k")
    assert_kinds(small, *ICE40, "SB_RAM40_4K")
    assert small["SB_RAM40_4K"] == 5


# -- Results -----------------------------------------------------------------------------------
