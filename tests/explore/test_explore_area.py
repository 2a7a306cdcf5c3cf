"""Area formulas from the spec alone."""

import pytest
from conv_builders import conv_cases
from builders import mac, odd_cases, pq, tiny

from pqhw.explore.area import GROUPS, PART_KINDS, Cells, Fabric, area_of, part_areas, total
from pqhw.explore.area.cells import even
from pqhw.explore.area.columns import column_tree
from pqhw.explore.area.distances import argmin
from pqhw.explore.area.encoders import sum_tree
from pqhw.rtl.ecp5_columns import column_luts
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import DEVICES, device, resolve
from pqhw.spec.ranges import signed_range, unsigned_range

ECP5, ICE40 = Fabric("ecp5"), Fabric("ice40")


def cells_of(spec, name="lfe5u-25f"):
    part = device(name)
    return area_of(resolve(ChainSpec((spec,)), part), part)


def part_of(spec, kind, name="lfe5u-25f"):
    part = device(name)
    areas = part_areas(resolve(ChainSpec((spec,)), part), part)
    return total(one.cells for one in areas if one.kind == kind)


# -- Building blocks ---------------------------------------------------------------------------

def test_cells_add_up_and_count_lut_ram_as_routed_designs_do():
    cells = Cells(lut=3, carry=4, ff=5, lutram=2, bram=1, dsp=1)
    assert (cells + cells).lut4 == 2 * cells.lut4 == 46
    assert cells * 3 == total([cells, cells, cells])


@pytest.mark.parametrize("width", range(5, 40))
def test_an_adder_on_a_chain_is_a_lut_per_bit_and_its_start(width):
    cells = ECP5.add(width)
    assert cells.lut4 == width + 1 and cells.carry == even(cells.carry)
    assert ICE40.add(width).lut4 == width


@pytest.mark.parametrize("bits", [2, 3, 5, 8, 13])
def test_a_column_is_what_the_rtl_plans(bits):
    for terms in range(2, 33):
        assert column_tree(terms, bits).lut4 == column_luts(*[bits] * terms)


def test_a_tree_of_sums_is_counted_level_by_level():
    cells, width = sum_tree(ECP5, 8, signed_range(8))
    assert width == 11
    assert cells.ff == 4 * 9 + 2 * 10 + 11
    assert cells.lut4 == 4 * 10 + 2 * 11 + 12
    odd, _ = sum_tree(ECP5, 3, unsigned_range(8))
    assert odd.ff == 9 + 8 + 10


def test_the_root_of_argmin_keeps_its_distance_only_where_it_is_read():
    whole, root = (argmin(ECP5, 16, 12, keeps_least=kept) for kept in (True, False))
    assert whole.ff - root.ff == whole.lut - root.lut == 12


@pytest.mark.parametrize("fabric, width, words, blocks", [
    (ECP5, 36, 512, 1), (ECP5, 37, 512, 2), (ECP5, 36, 513, 2), (ECP5, 9, 2048, 1),
    (ECP5, 1, 16384, 1), (ECP5, 2, 16385, 4), (ICE40, 16, 256, 1), (ICE40, 17, 256, 2),
    (ICE40, 8, 512, 1), (ICE40, 6, 1152, 2), (ICE40, 10, 1536, 4), (ICE40, 8, 3072, 6)])
def test_blocks_of_a_memory(fabric, width, words, blocks):
    assert fabric.memory("bram", width, words).bram == blocks


def test_lut_ram_is_a_cell_per_four_bits_and_sixteen_words():
    assert ECP5.memory("lutram", 9, 16) == Cells(ff=9, lutram=3)
    deep = ECP5.memory("lutram", 8, 33)
    assert deep.lutram == 6 and deep.lut > 0


# -- Designs -----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", DEVICES)
def test_every_design_has_an_area_of_known_parts(name):
    part, seen = device(name), set()
    images = {name: ChainSpec((spec,)) for name, spec in conv_cases().items()}
    for chain in (odd_cases() | images).values():
        try:
            chain = resolve(chain, part)
        except SpecError:
            continue
        for one in part_areas(chain, part):
            assert one.kind in PART_KINDS and one.group in GROUPS
            assert min(one.cells.lut, one.cells.carry, one.cells.ff, one.cells.lutram,
                       one.cells.bram, one.cells.dsp) >= 0
            seen.add(one.kind)
    assert seen == set(PART_KINDS)


def test_dsps_and_lut_ram_are_what_the_spec_says():
    spec = pq(D=16, N=8, V=4, K=8, subspaces_per_cycle=2, prototypes_per_cycle=4,
              elements_per_cycle=4, outputs_per_cycle=4)
    assert cells_of(spec, "lfe5u-85f").dsp == spec.multipliers == 32
    tables = part_of(spec, "tables")
    assert tables.lutram == 0 if spec.table_store == "bram" else tables.lutram > 0


def test_more_lanes_cost_more_and_wider_entries_cost_more():
    def sized(**values):
        return cells_of(pq(**{"D": 32, "N": 8, "V": 4, "K": 16, "encoder": "l1",
                              "outputs_per_cycle": 8, "elements_per_cycle": 4,
                              **values})).lut4
    assert sized(prototypes_per_cycle=8) > 1.4 * sized(prototypes_per_cycle=2)
    assert sized(subspaces_per_cycle=8) > 1.4 * sized(subspaces_per_cycle=2)
    assert sized(activation_bits=8) > sized(activation_bits=3, prototype_bits=3)
    assert sized(load_bits=64) > sized(load_bits=8)


def test_a_product_too_small_for_a_dsp_is_logic_on_ice40():
    small = mac(D=8, N=2, weight_bits=4, activation_bits=4, inputs_per_cycle=4)
    wide = mac(D=8, N=2, weight_bits=8, activation_bits=8, inputs_per_cycle=4)
    assert cells_of(small, "ice40up5k").dsp == 0
    assert cells_of(wide, "ice40up5k").dsp == 4


def test_flip_flops_alone_take_logic_cells_on_ice40_only():
    assert ICE40.registers(8, alone=True).lut4 == 8 and ECP5.registers(8, alone=True).lut4 == 0
    assert cells_of(tiny(), "ice40up5k").alone > 0 and cells_of(tiny()).alone == 0


@pytest.mark.parametrize("bits, dims, bound", [(8, None, 280), (8, [[0, 3, 5, 8]], 110)])
def test_a_tree_of_nine_elements_is_within_its_bounds(bits, dims, bound):
    fixed = {} if dims is None else {"split_dims": dims}
    spec = pq(D=9, N=1, V=9, K=16, encoder="tree", activation_bits=bits, prototype_bits=bits,
              **fixed)
    kinds = ("prototypes", "encoder", "encoder lanes")
    assert 0.6 * bound < sum(part_of(spec, kind).lut4 for kind in kinds) <= bound
