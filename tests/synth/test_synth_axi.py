"""Cells that a bus adds to an accelerator, against what its parts tell."""

import math

import pytest
from builders import chain, small_mac
from cell_counts import ECP5, ICE40, assert_kinds, flip_flops, halves

from pqhw.rtl import Accelerator
from pqhw.rtl.axi import AxiAccelerator
from pqhw.rtl.axi.slice import RegisterSlice
from pqhw.rtl.axi.window import LoadWindow
from pqhw.spec.registers import ADDRESS_BITS, WORD_BITS

DESIGN = chain(small_mac(inputs_per_cycle=4, load_bits=16))


def transfer_bits(rows):
    """Bits of a transfer that count, and `last`."""
    return rows.lanes * rows.range.bits + 1


@pytest.mark.parametrize("name", ["lfe5u-25f", pytest.param("ice40up5k",
                                                            marks=pytest.mark.slow)])
def test_the_bus_adds_what_its_docstring_says(synthesis, name):
    bus, bare = (synthesis.cells(part(DESIGN), name) for part in (AxiAccelerator, Accelerator))
    more = {kind for kind in bus if bus[kind] and not bare[kind]}
    assert not more - {*ECP5, *ICE40}, more
    streams = transfer_bits(DESIGN.input) + transfer_bits(DESIGN.results)
    port = 2 * (ADDRESS_BITS - 2) + 2 * WORD_BITS + 8
    flops = port + 2 * streams + DESIGN.load_bits + 6 + 16
    luts = 200 + 2 * streams
    logic = halves if name.startswith("lfe") else lambda cells: cells["SB_LUT4"]
    assert 0.85 * flops <= flip_flops(bus) - flip_flops(bare) <= flops
    assert 0.5 * luts <= logic(bus) - logic(bare) <= luts


@pytest.mark.parametrize("load_bits", [8, 64, 256])
def test_the_window_takes_a_flip_flop_per_bit(synthesis, load_bits):
    cells = synthesis.cells(LoadWindow(load_bits))
    assert_kinds(cells, *ECP5)
    parts = max(1, load_bits // WORD_BITS)
    assert flip_flops(cells) == load_bits + 2 + int(math.log2(parts))
    assert halves(cells) <= 8 + 3 * parts


@pytest.mark.parametrize("bits", [5, 24])
def test_a_slice_takes_two_flip_flops_per_bit(synthesis, bits):
    cells = synthesis.cells(RegisterSlice(bits))
    assert_kinds(cells, *ECP5)
    assert flip_flops(cells) == 2 * bits + 2
    assert halves(cells) <= bits + 6
