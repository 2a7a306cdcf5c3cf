"""The comparison model: every published figure that it must give, edges, and mistakes."""

import dataclasses
import math

import pytest

from pqhw.explore.pqa import (DDR, DLA, HBM, PQA, SETTINGS, Memory, PQASetting, best_pqa,
                              pqa_layers, total_cycles)
from pqhw.network.shapes import NETWORKS, RESNET20, ConvShape, dense_shape, pointwise_shape

RESNET = pqa_layers(RESNET20)


def setting(length, prototypes, prototype_bits=8, table_bits=16):
    return PQASetting(subvector_length=length, prototypes=prototypes,
                      prototype_bits=prototype_bits, table_bits=table_bits)


def per_area(accelerator, memory):
    """Networks per cycle and unit of area."""
    return 1 / (accelerator.area * total_cycles(accelerator, RESNET, memory))


# -- Published figures -------------------------------------------------------------------------


@pytest.mark.parametrize("chosen, ddr, hbm", [
    (setting(9, 64), 66_444, 33_619), (setting(9, 16), 16_618, 9_088),
    (setting(9, 8), 11_794, 9_088), (setting(9, 8, 6, 5), 9_088, 9_088)], ids=str)
def test_cycles_of_resnet20(chosen, ddr, hbm):
    array = PQA(setting=chosen, outputs=32, subspaces=32)
    assert (total_cycles(array, RESNET, DDR), total_cycles(array, RESNET, HBM)) == (ddr, hbm)


def test_cycles_and_area_of_the_conventional_accelerator():
    assert (total_cycles(DLA(), RESNET, DDR), total_cycles(DLA(), RESNET, HBM)) == (17_763, 17_664)
    assert DLA().area == 27_360


def test_bits_per_cycle():
    assert (DDR.bits_per_cycle, HBM.bits_per_cycle) == (751, 8_534)
    assert Memory("exact", 375).bits_per_cycle == 8


def test_area_is_blocks_and_a_fit_over_lanes():
    array = PQA(setting=setting(9, 8), outputs=16, subspaces=8, elements=3, prototypes=5)
    logic = 54.0152229 * (16 + 5) + 197.18071766 * 8 + 59.99415826 * 3 - 1248.8141835982537
    assert array.area == pytest.approx(3 * 16 * 8 * 3 + 4 * 16 * 8 + logic, abs=1e-9)
    without = dataclasses.replace(array, dsps=False)
    assert array.area - without.area == pytest.approx(3 * 16 * 8 * 3, abs=1e-9)


def test_the_best_ratio_with_dsp_blocks_is_2_4():
    best = best_pqa(setting(9, 8), RESNET, DDR, dsps=True)
    assert (best.outputs, best.subspaces) == (16, 16)
    assert per_area(best, DDR) / per_area(DLA(), DDR) == pytest.approx(2.4, abs=0.05)


def test_the_best_ratio_without_dsp_blocks_is_6_2():
    for memory, chosen in ((DDR, setting(9, 8, 6, 5)), (HBM, setting(9, 8))):
        best = best_pqa(chosen, RESNET, memory, dsps=False)
        assert (best.outputs, best.subspaces) == (32, 16)
        assert per_area(best, memory) / per_area(DLA(), memory) == pytest.approx(6.2, abs=0.05)


def test_sixteen_lanes_make_the_conventional_accelerator_2_03_times_better():
    """ResNet-20 has 16 to 64 channels, of which 48 lanes leave most idle."""
    fitting = DLA(lanes=16)
    assert fitting.area == 27_360 / 3
    assert per_area(fitting, HBM) / per_area(DLA(), HBM) == pytest.approx(2.03, abs=0.005)


def test_the_fit_says_nothing_about_the_smallest_arrays():
    """Why the search starts at 8 lanes: the constant makes a small array cost less than nothing."""
    assert PQA(setting=setting(9, 8), outputs=1, subspaces=1, dsps=False).area < 0
    for dsps in (True, False):
        best = best_pqa(setting(9, 8), RESNET, DDR, dsps=dsps)
        assert best.area > 4_000 and min(best.outputs, best.subspaces) >= 8


# -- The formulas, term by term ----------------------------------------------------------------

LAYER = pointwise_shape("p", 84, 120, (5, 25))


@pytest.mark.parametrize("changes, cycles", [
    ({}, 125 * 4),                                          # ceil(120/32) lookups of one group
    ({"outputs": 120}, 125),                                # one lookup, one distance
    ({"outputs": 120, "prototypes": 3}, 125 * 3),           # ceil(8/3) passes over prototypes
    ({"outputs": 120, "prototypes": 3, "elements": 5}, 125 * 6),
    ({"outputs": 119, "subspaces": 10}, 125 * 2 * 2),       # ceil(11/10) groups
    ({"outputs": 1000, "subspaces": 1000}, 125)])
def test_computing_is_the_slower_of_distances_and_lookups(changes, cycles):
    assert PQA(setting=setting(8, 8), **changes).compute_cycles(LAYER) == cycles


def test_sixteen_lanes_at_most_by_default():
    assert (PQA(setting=setting(32, 3)).element_lanes,
            PQA(setting=setting(32, 3)).prototype_lanes) == (16, 3)
    assert PQA(setting=setting(3, 64)).prototype_lanes == 16
    assert PQA(setting=setting(3, 64), prototypes=64).prototype_lanes == 64


def test_loading_waits_for_the_memory_or_fills_the_banks():
    small = PQA(setting=setting(8, 8), outputs=1, subspaces=2)
    assert small.load_cycles(LAYER, HBM) == 120 * 8 * 11 // 2
    array = PQA(setting=setting(8, 8))
    bits = 11 * 8 * 8 * 8 + 11 * 120 * 8 * 16
    assert array.setting.parameter_bits(LAYER) == bits
    assert array.load_cycles(LAYER, DDR) == math.ceil(bits / 751)
    assert PQA(setting=setting(1, 1, 1, 1)).load_cycles(dense_shape("d", 1, 1), HBM) == 1


def test_a_layer_takes_the_larger_of_loading_and_computing():
    array = PQA(setting=setting(9, 64))
    for layer in RESNET:
        assert array.cycles(layer, DDR) == max(array.load_cycles(layer, DDR),
                                               array.compute_cycles(layer))


def test_columns_are_the_map_over_the_stride_rounded_up():
    layer = ConvShape(name="c", in_channels=1, out_channels=1, height=7, width=5, kernel=(3, 3),
                      stride=(2, 2), padding=(1, 1))
    assert PQA(setting=setting(9, 8)).compute_cycles(layer) == 9


def test_the_conventional_accelerator_by_hand():
    """ceil(120/48) * 5 * ceil(25/4) * 1/3 * 1 * ceil(84/8), rounded down; weights are loaded."""
    assert DLA().cycles(LAYER, HBM) == 3 * 5 * 7 * 11 // 3
    assert DLA(lanes=120).cycles(LAYER, HBM) == 5 * 7 * 11 // 3 == 128
    assert DLA().cycles(dense_shape("d", 640, 48), DDR) == math.ceil(640 * 48 * 16 / 751)


def test_settings_are_those_of_the_table():
    assert SETTINGS.keys() == NETWORKS.keys()
    assert {name: [str(one) for one in rows] for name, rows in SETTINGS.items()} == {
        "resnet20": ["(3,64) 8/16", "(9,64) 8/16", "(9,8) 8/16", "(9,16) 8/16", "(9,8) 6/5",
                     "(9,16) 6/5"],
        "kws": ["(8,8) 8/16", "(4,16) 8/16", "(8,8) 2/6", "(4,16) 2/6"],
        "emnist": ["(4,12) 8/16", "(8,8) 8/16", "(4,12) 5/5", "(8,8) 5/5"]}


def test_stem_and_classifier_are_left_out():
    assert RESNET20.layers[1:-1] == RESNET
    assert pqa_layers(NETWORKS["kws"]) == NETWORKS["kws"].layers


# -- Mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make, sentence", [
    (lambda: setting(0, 8), "subvector_length must be positive, but is 0."),
    (lambda: setting(9, 8, 8, -1), "table_bits must be positive, but is -1."),
    (lambda: PQA(setting=setting(9, 8), outputs=0), "outputs must be positive, but is 0."),
    (lambda: PQA(setting=setting(9, 8), elements=0), "elements must be positive, but is 0."),
    (lambda: DLA(lanes=0), "lanes must be positive, but is 0.")])
def test_sizes_must_be_positive(make, sentence):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == sentence


@pytest.mark.parametrize("accelerator", [PQA(setting=setting(9, 8)), DLA()],
                         ids=lambda one: type(one).__name__)
def test_groups_are_refused(accelerator):
    layer = ConvShape(name="depthwise", in_channels=8, out_channels=8, height=4, width=4,
                      groups=8)
    with pytest.raises(ValueError) as error:
        accelerator.cycles(layer, DDR)
    assert str(error.value) == ("groups must be 1, as the model knows no others, but layer "
                                "depthwise has 8.")
