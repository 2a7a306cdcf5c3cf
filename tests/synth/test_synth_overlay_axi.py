"""Cells that reading over AXI takes, against what its docstring says."""

import dataclasses

import pytest
from cell_counts import ECP5, assert_kinds, flip_flops, halves
from overlay_builders import TINY

from pqhw.rtl.axi.reads import ReadMaster


@pytest.mark.parametrize("port_bits", [32, 64])
def test_reads_take_what_the_docstring_says(synthesis, port_bits):
    cells = synthesis.cells(ReadMaster(dataclasses.replace(TINY, port_bits=port_bits)))
    assert_kinds(cells, *ECP5)
    flops, luts = 2 * port_bits + 140, 4 * port_bits + 188
    assert 0.75 * flops <= flip_flops(cells) <= flops
    assert 0.5 * luts <= halves(cells) <= luts
