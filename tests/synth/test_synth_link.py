"""What the serial link costs beside the accelerator it serves."""

import pytest
from builders import chain, mac, pq
from cell_counts import ECP5, ICE40, assert_kinds, flip_flops, halves

from pqhw.rtl.link import Link
from pqhw.rtl.words import BytesToTransfers, TransfersToBytes
from pqhw.spec.link import LinkSpec

WIDE = chain(pq(D=16, N=8, V=4, K=4, outputs_per_cycle=2, subspaces_per_cycle=2))
NARROW = chain(mac(D=16, N=8))
IDENTITY = b"PQ\x01\x0b" + bytes.fromhex("ed09a3d0f6c5b4a39281706e")


def link(design, buffer_bytes, storage="bram"):
    """A link for a clock of 48 MHz."""
    return Link(design, LinkSpec(clock_hz=48_000_000, buffer_bytes=buffer_bytes, storage=storage),
                IDENTITY)


@pytest.mark.parametrize("part, buffer_bytes, luts, flops", [
    ("ice40up5k", 512, 460, 390), ("lfe5u-25f", 2048, 490, 400)])
def test_the_link_takes_less_than_five_hundred_lut4_and_two_block_rams_at_most(
        synthesis, part, buffer_bytes, luts, flops):
    """A transfer of rows has 64 bits, one of results 26: 88 flip-flops of them."""
    cells = synthesis.cells(link(WIDE, buffer_bytes), part)
    ice40 = part.startswith("ice40")
    assert_kinds(cells, *(ICE40 if ice40 else ECP5), "SB_RAM40_4K", "DP16KD")
    assert (cells["SB_LUT4"] if ice40 else halves(cells)) <= luts < 500
    assert flip_flops(cells) <= flops
    assert cells["SB_RAM40_4K"] + cells["DP16KD"] == 2


def test_memories_with_a_single_port_take_the_place_of_block_ram(synthesis):
    cells = synthesis.cells(link(WIDE, 512, "spram"), "ice40up5k")
    assert_kinds(cells, *ICE40, "SB_SPRAM256KA")
    assert cells["SB_SPRAM256KA"] == 2 and cells["SB_LUT4"] <= 460


def test_a_narrow_design_pays_for_no_transfers(synthesis):
    """Its results are bytes as they are, and its rows are collected in as many bits as they have.
    """
    cells = synthesis.cells(link(NARROW, 512), "ice40up5k")
    assert flip_flops(cells) <= 390 - 56 - 8
    for unit, bits in ((BytesToTransfers(WIDE), 64), (TransfersToBytes(WIDE), 32)):
        cells = synthesis.cells(unit, "ice40up5k")
        assert flip_flops(cells) <= bits + 9
