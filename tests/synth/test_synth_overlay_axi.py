"""Cells that reading over AXI takes, against what its docstring says."""

import dataclasses

import pytest
from cell_counts import ECP5, assert_kinds, flip_flops, halves
from overlay_builders import TINY

from pqhw.rtl.axi import AxiOverlay
from pqhw.rtl.axi.reads import ReadMaster
from pqhw.rtl.overlay import Overlay


@pytest.mark.parametrize("port_bits", [32, 64])
def test_reads_take_what_the_docstring_says(synthesis, port_bits):
    cells = synthesis.cells(ReadMaster(dataclasses.replace(TINY, port_bits=port_bits)))
    assert_kinds(cells, *ECP5)
    flops, luts = 2 * port_bits + 140, 4 * port_bits + 188
    assert 0.75 * flops <= flip_flops(cells) <= flops
    assert 0.5 * luts <= halves(cells) <= luts


@pytest.mark.slow
def test_the_bus_adds_what_its_docstring_says(synthesis):
    spec = dataclasses.replace(TINY, port_bits=64)
    bus, bare = (synthesis.cells(part(spec), "lfe5u-25f") for part in (AxiOverlay, Overlay))
    more = {kind for kind in bus if bus[kind] and not bare[kind]}
    assert not more - set(ECP5), more
    streams = spec.lanes * (8 + spec.accumulator_bits) + 2
    flops = 92 + 64 + 40 + 2 * streams + 8 + 2 * spec.port_bits + 140
    assert 0.85 * flops <= flip_flops(bus) - flip_flops(bare) <= flops
    assert halves(bus) - halves(bare) <= 600
