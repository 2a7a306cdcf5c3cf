"""Cells of synthesized netlists: the costs that the components' docstrings promise."""

import dataclasses
import statistics

import pytest
from amaranth.hdl import Module, Shape, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from builders import mac, pq
from cell_counts import ECP5, ICE40, adder_halves, assert_kinds, flip_flops, halves, tree

from pqhw.emit.constants import bind_constants
from pqhw.rtl.ecp5_chains import Adder, Difference, GatedAdder, GatedSum, Less, RowPair
from pqhw.rtl.ecp5_columns import column_luts
from pqhw.rtl.checksum import Checksum
from pqhw.rtl.headers import HeaderCheck
from pqhw.rtl.loader import Loader
from pqhw.rtl.lookup import TableLookup
from pqhw.rtl.mac import MACCore, Multiplier
from pqhw.rtl.memory import ParameterMemory
from pqhw.rtl.results import Results
from pqhw.rtl.tables import entry_ranges
from pqhw.rtl.window import WindowBuffer
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Conv2d, WindowSpec
from pqhw.spec.ranges import ceil_div, ceil_log2

LOOKUP = pq(D=16, N=8, V=2, K=16, subspaces_per_cycle=8, outputs_per_cycle=8,
            prototypes_per_cycle=16, elements_per_cycle=2)
LANES = mac(D=64, N=24, inputs_per_cycle=8, outputs_per_cycle=3)


class Registered(wiring.Component):
    """A combinational unit whose result is registered."""

    def __init__(self, unit):
        self.unit = unit
        super().__init__({name: Out(member.shape) if member.flow == Out else In(member.shape)
                          for name, member in unit.signature.members.items()})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = self.unit
        for name, member in self.unit.signature.members.items():
            outer, inner = getattr(self, name), getattr(self.unit, name)
            if member.flow == Out:
                m.d.sync += outer.eq(inner)
            else:
                m.d.comb += inner.eq(outer)
        return m


# -- Carry chains ------------------------------------------------------------------------------

@pytest.mark.parametrize("unit, bound", [
    (Adder(9), 10), (Adder(12), 13), (GatedAdder(11, False), 12), (GatedAdder(11, True), 12),
    (GatedSum(12), 14), (GatedSum(9), 10), (Difference(unsigned(4)), 6),
    (Difference(signed(8)), 10), (Less(7), 8), (Less(11), 12),
    (RowPair(signed(8), True), 11), (RowPair(unsigned(5), False), 8)],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else str(value))
def test_a_chain_takes_one_lut4_per_bit_and_its_start(synthesis, unit, bound):
    cells = synthesis.cells(Registered(unit))
    assert_kinds(cells, "LUT4", "CCU2C", "TRELLIS_FF")
    assert halves(cells) == bound


@pytest.mark.parametrize("x, w", [(signed(8), signed(8)), (unsigned(5), signed(8)),
                                  (signed(4), signed(8)), (signed(8), signed(3))], ids=repr)
def test_a_multiplier_in_logic_uses_no_dsp_and_a_chain_per_row(synthesis, x, w):
    product = Shape(x.width + w.width, True)
    wide, rows = max(x.width, w.width), min(x.width, w.width)
    cells = synthesis.cells(Multiplier(x, w, product, "lut"))
    assert_kinds(cells, *ECP5)
    assert halves(cells) <= (wide + 3) * (rows - 1) + 3
    small = synthesis.cells(Multiplier(x, w, product, "lut"), "ice40up5k")
    assert_kinds(small, *ICE40)


# -- Lookup ------------------------------------------------------------------------------------

def test_the_lookup_core_is_its_formula(synthesis):
    cells = synthesis.cells(TableLookup(LOOKUP))
    lanes, outputs, bits = 8, 8, LOOKUP.precision.table_bits
    luts, registers = tree(lanes, bits)
    assert_kinds(cells, *ECP5, "TRELLIS_DPR16X4")
    assert cells["TRELLIS_DPR16X4"] == lanes * outputs * bits // 4
    assert halves(cells) == outputs * column_luts(*[bits] * lanes) < outputs * luts
    pipeline = LOOKUP.table_stages + ceil_log2(lanes)
    assert cells["TRELLIS_FF"] == outputs * (lanes * bits + registers) + pipeline


def test_tables_of_constants_are_a_lut4_per_bit(synthesis):
    """And their sums are no wider than the entries that stand in them need."""
    for bits in (8, 5):
        spec = dataclasses.replace(
            LOOKUP, engine=dataclasses.replace(LOOKUP.engine, table_storage="rom"),
            precision=dataclasses.replace(LOOKUP.precision, table_bits=bits))
        bound = bind_constants(ChainSpec((spec,)), random_parameters(ChainSpec((spec,)), 3)).first
        ranges = entry_ranges(bound)
        widths = [[one.bits + (one.low >= 0) for one in terms] for terms in ranges]
        cells = synthesis.cells(TableLookup(bound))
        assert_kinds(cells, *ECP5)
        luts = sum(column_luts(*terms) for terms in widths)
        assert cells["LUT4"] + 2 * cells["CCU2C"] <= luts + sum(map(sum, widths)) + 8


def test_tables_in_block_ram_are_whole_blocks_and_nothing_beside_the_sums(synthesis):
    """64 entries of 9 bits a cycle would fill the same 16 blocks."""
    spec = pq(D=8, N=16, V=2, K=16, subspaces_per_cycle=4, outputs_per_cycle=16,
              prototypes_per_cycle=16, elements_per_cycle=2, table_storage="bram")
    cells = synthesis.cells(TableLookup(spec))
    assert_kinds(cells, *ECP5, "DP16KD")
    assert cells["DP16KD"] == 16
    assert halves(cells) == 16 * column_luts(8, 8, 8, 8)


def test_tables_in_block_ram_leave_no_memory_in_flip_flops_on_ice40(synthesis):
    spec = pq(D=8, N=4, V=2, K=16, subspaces_per_cycle=4, outputs_per_cycle=4,
              prototypes_per_cycle=16, elements_per_cycle=2, table_storage="bram")
    cells = synthesis.cells(TableLookup(spec), "ice40up5k")
    assert_kinds(cells, *ICE40, "SB_RAM40_4K")
    section = spec.sections()[1]
    assert cells["SB_RAM40_4K"] == section.banks * ceil_div(section.width, 16)
    lanes, outputs, bits = 4, 4, 8
    registers = outputs * (lanes * bits + tree(lanes, bits)[1])
    assert flip_flops(cells) <= registers + 12


# -- Memories ----------------------------------------------------------------------------------

@pytest.mark.parametrize("part, kind, width", [("lfe5u-25f", "DP16KD", 36),
                                               ("ice40up5k", "SB_RAM40_4K", 16)])
def test_block_ram_count_is_exact_and_costs_no_logic(synthesis, part, kind, width):
    section = LANES.sections()[0]
    cells = synthesis.cells(ParameterMemory(section, "bram"), part)
    assert section.words <= 256 and section.banks == 1
    assert cells[kind] == ceil_div(section.width, width)
    assert flip_flops(cells) == 0 and cells["LUT4"] + cells["SB_LUT4"] <= section.chunks


def test_a_register_is_flip_flops_with_enables_and_nothing_else(synthesis):
    spec = pq(D=16, N=8, V=2, K=16, subspaces_per_cycle=1, prototypes_per_cycle=16,
              elements_per_cycle=2, shared_prototypes=True)
    section = spec.sections()[0]
    assert spec.encoder.prototype_store == "register"
    for part in ("lfe5u-25f", "ice40up5k"):
        cells = synthesis.cells(ParameterMemory(section, "register"), part)
        assert flip_flops(cells) == sum(cells.values()) == section.width * section.banks


# -- Convolution -------------------------------------------------------------------------------

def window(channels, lanes, bits, storage="auto", **changes):
    layer = Conv2d(**{"in_channels": channels, "out_channels": 1, "kernel": 3, "padding": 1,
                      "height": 32, "width": 32, **changes})
    return WindowSpec(layer=layer, elements=channels, lanes=lanes, bits=bits, storage=storage)


WINDOWS = {"codes": (window(2, 1, 4), True), "activations": (window(16, 4, 4), False),
           "many transfers": (window(16, 1, 4), False), "one transfer": (window(1, 1, 4), False),
           "stride": (window(2, 1, 4, stride=2), False)}


def window_bits(spec, flagged):
    """Bits of a transfer of taps, with `last`."""
    return spec.tap_lanes * (spec.bits + flagged) + 1


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_is_its_memories_an_outlet_and_little_control(synthesis, name):
    spec, flagged = WINDOWS[name]
    cells = synthesis.cells(WindowBuffer(spec, flagged=flagged))
    assert_kinds(cells, *ECP5, "TRELLIS_DPR16X4", "DP16KD")
    stores = [(spec.line_store, spec.line_bits, spec.line_words),
              (spec.column_store, spec.column_bits, spec.column_words)]
    assert cells["DP16KD"] == sum(ceil_div(bits, 36) for store, bits, _ in stores
                                  if store == "bram")
    assert cells["TRELLIS_DPR16X4"] == sum(
        ceil_div(bits, 4) * ceil_div(words, 16) for store, bits, words in stores
        if store == "lutram")
    assert halves(cells) <= window_bits(spec, flagged) + 130
    read = sum(bits for store, bits, _ in stores if store == "lutram")
    held = sum(bits * words for store, bits, words in stores if store == "register")
    assert flip_flops(cells) <= window_bits(spec, flagged) + read + held + 100


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_on_ice40_keeps_its_memories_in_block_ram(synthesis, name):
    spec, flagged = WINDOWS[name]
    spec = dataclasses.replace(spec, storage="bram")
    cells = synthesis.cells(WindowBuffer(spec, flagged=flagged), "ice40up5k")
    assert_kinds(cells, *ICE40, "SB_RAM40_4K")
    stores = [(spec.line_store, spec.line_bits, spec.line_words),
              (spec.column_store, spec.column_bits, spec.column_words)]
    assert cells["SB_RAM40_4K"] == sum(ceil_div(bits, 16 if words <= 256 else 8)
                                       for store, bits, words in stores if store == "bram")
    assert cells["SB_LUT4"] <= window_bits(spec, flagged) + 90


# -- Multiply-accumulate -----------------------------------------------------------------------

def test_a_dsp_lane_is_one_dsp_and_its_share_of_the_sums(synthesis):
    cells = synthesis.cells(MACCore(LANES))
    assert_kinds(cells, *ECP5, "MULT18X18D", "DP16KD")
    assert cells["MULT18X18D"] == 24
    assert cells["DP16KD"] == ceil_div(LANES.sections()[0].width, 36)
    luts = column_luts(*[LANES.term_range.bits] * 8) + adder_halves(LANES.sum_range.bits)
    assert halves(cells) <= 3 * luts + 24


def test_a_dsp_lane_is_one_mac16_on_ice40(synthesis):
    spec = mac(D=8, N=2, inputs_per_cycle=4, outputs_per_cycle=2)
    cells = synthesis.cells(MACCore(spec), "ice40up5k")
    assert_kinds(cells, *ICE40, "SB_MAC16", "SB_RAM40_4K")
    assert cells["SB_MAC16"] == 8


def test_lanes_in_logic_leave_the_dsps_alone(synthesis):
    spec = dataclasses.replace(LANES, engine=dataclasses.replace(LANES.engine, multiplier="lut"))
    cells = synthesis.cells(MACCore(spec))
    assert_kinds(cells, *ECP5, "DP16KD")
    assert halves(cells) <= 24 * 110


# -- Encoder -----------------------------------------------------------------------------------


def test_a_bias_costs_an_adder_and_no_gates_around_it(synthesis):
    cells = synthesis.cells(Results(LOOKUP))
    lanes = LOOKUP.lanes_out
    assert_kinds(cells, *ECP5)
    assert halves(cells) <= lanes * (adder_halves(LOOKUP.accumulator_bits) + 1) + 4
    assert cells["TRELLIS_FF"] <= lanes * (LOOKUP.accumulator_bits + LOOKUP.bias_bits) + 4


# -- Loader ------------------------------------------------------------------------------------

@pytest.mark.parametrize("bits, luts, registers", [
    (8, 66, 33), (64, 362, 33), (256, 0.75 * 256 + 95, 9 + 28 + 64 + 64 + 32 + 2)])
def test_a_loader_is_its_formula(synthesis, bits, luts, registers):
    """Checksum, comparison of headers, and control with 2.5 LUT4 per write enable."""
    layout = ChainSpec((pq(D=144, N=32, V=9, K=16, subspaces_per_cycle=8, outputs_per_cycle=8,
                           prototypes_per_cycle=8, elements_per_cycle=9, load_bits=bits),)).image
    check = synthesis.cells(Checksum(bits))
    assert 0.9 * luts <= halves(check) <= luts and check["TRELLIS_FF"] == registers
    headers = synthesis.cells(HeaderCheck(layout))
    assert halves(headers) <= 0.5 * min(bits, 128) + 45
    whole = synthesis.cells(Loader(layout))
    assert_kinds(whole, *ECP5)
    control = halves(whole) - halves(check) - halves(headers)
    assert control <= 90 + 2.5 * sum(section.lanes for section in layout.sections)
    gathered = max(section.beats for section in layout.sections) * bits
    assert whole["TRELLIS_FF"] <= gathered + registers + headers["TRELLIS_FF"] + 110


def test_a_pair_of_words_takes_three_flip_flops_and_a_lut4_per_bit(synthesis):
    spec = pq(D=16, N=8, V=2, K=16, subspaces_per_cycle=1, prototypes_per_cycle=16,
              elements_per_cycle=2, shared_prototypes=True, double_buffered=True)
    section = spec.section("prototypes")
    cells = synthesis.cells(ParameterMemory(section, spec.encoder.prototype_store))
    bits = section.width
    assert spec.encoder.prototype_store == "pair" and section.stored_bits == 2 * bits
    assert cells["TRELLIS_FF"] == 3 * bits and bits <= cells["LUT4"] <= bits + 2 * section.lanes


@pytest.mark.parametrize("part, kind", [("lfe5u-25f", "TRELLIS_DPR16X4"), ("lfe5u-25f", "DP16KD"),
                                        ("ice40up5k", "SB_RAM40_4K")])
def test_a_second_image_is_free_where_the_depth_is_there(synthesis, part, kind):
    store = "lutram" if kind == "TRELLIS_DPR16X4" else "bram"
    prototypes = 8 if store == "lutram" else 16
    sizes = []
    for double in (False, True):
        spec = pq(D=16, N=8, V=2, K=prototypes, subspaces_per_cycle=8, outputs_per_cycle=8,
                  double_buffered=double)
        sizes.append(synthesis.cells(ParameterMemory(spec.section("tables"), store), part)[kind])
    assert sizes[0] == sizes[1] > 0


# -- Routed ------------------------------------------------------------------------------------

@pytest.mark.slow
def test_the_routed_lookup_core_keeps_its_area_and_clock(synthesis):
    area, fmax = synthesis.routed(TableLookup(LOOKUP), "lfe5u-25f", range(1, 6))
    assert max(area) <= 1550, area
    assert statistics.median(fmax) >= 220, fmax


@pytest.mark.slow
def test_a_routed_dsp_lane_keeps_its_area_and_clock(synthesis):
    area, fmax = synthesis.routed(MACCore(LANES), "lfe5u-25f", range(1, 6))
    assert max(area) <= 24 * 26, area
    assert statistics.median(fmax) >= 180, fmax
