"""Cells of a dataflow accelerator's nodes, queues and forks against what their formulas say."""

import pytest
from amaranth.hdl import unsigned
from cell_counts import ECP5, assert_kinds, flip_flops, halves
from dataflow_builders import OPERATIONS, around

from pqhw.explore.area.cells import fabric_of
from pqhw.explore.area.nodes import node_cells
from pqhw.rtl.joints import Fork, Queue
from pqhw.rtl.nodes import make_node
from pqhw.spec.devices import device

FABRIC = fabric_of(device("lfe5u-25f"))


@pytest.mark.parametrize(("name", "lanes"), [
    ("sum", 2), ("sum", 6), ("subsample", 3), ("pad", 2), ("concat", 2), ("pool", 2),
    ("pool-padded", 3), ("mean", 1), ("mean-whole", 1), ("mean-whole", 6)])
def test_nodes_take_what_their_formula_says(synthesis, name, lanes):
    assert name in OPERATIONS
    spec, _ = around(name, lanes)
    part = spec.parts["op"]
    cells, wanted = synthesis.cells(make_node(part)), node_cells(FABRIC, part)
    assert_kinds(cells, *ECP5, "TRELLIS_DPR16X4", "DP16KD")
    assert cells["TRELLIS_DPR16X4"] == wanted.lutram and cells["DP16KD"] == wanted.bram
    plain = wanted.lut + wanted.carry
    assert 0.7 * plain - 15 <= halves(cells) <= 1.15 * plain + 15
    assert 0.8 * wanted.ff - 15 <= flip_flops(cells) <= 1.15 * wanted.ff + 15


@pytest.mark.parametrize("words, ram", [(2, 1), (16, 2), (40, 6), (64, 8)])
def test_short_queues_stand_in_lut_ram(synthesis, words, ram):
    cells = synthesis.cells(Queue(unsigned(4 if words == 2 else 7), words))
    assert_kinds(cells, *ECP5, "TRELLIS_DPR16X4")
    assert cells["TRELLIS_DPR16X4"] == ram
    assert halves(cells) <= 30 + 6 * ram + words.bit_length()


@pytest.mark.parametrize("words, bits, blocks", [(65, 36, 1), (512, 37, 2), (1000, 18, 1),
                                                 (1600, 9, 1), (1600, 19, 3)])
def test_long_queues_stand_in_block_ram(synthesis, words, bits, blocks):
    cells = synthesis.cells(Queue(unsigned(bits), words))
    assert_kinds(cells, *ECP5, "DP16KD")
    assert cells["DP16KD"] == blocks and halves(cells) <= 100
    assert flip_flops(cells) <= 3 * 11 + 6


def test_a_fork_remembers_who_has_taken(synthesis):
    cells = synthesis.cells(Fork(unsigned(8), 3))
    assert_kinds(cells, *ECP5)
    assert flip_flops(cells) == 3 and halves(cells) <= 20
