"""Cells of what follows the encoder, or the lanes of a MAC core: tables, column sums, results."""

from ...spec import EngineSpec, MACSpec, PQSpec
from ...spec.engine import DSP_BITS
from ...spec.widths import MULTIPLIER_BITS
from ...spec.order import LUTRAM_WORDS
from ...spec.ranges import ceil_log2
from .cells import Cells, Fabric, either, total
from .columns import column_tree
from .encoders import section_memory, sum_tree
from .lanes import multiplier
from .signed import signed_columns

__all__ = ["column_sums", "results", "row_order", "tables"]


def tables(fabric: Fabric, spec: PQSpec) -> Cells:
    """Table memories: a bank per subspace lane of outputs * table_bits bits, and the counter of
    tiles and groups that completes their address. Constant tables are counted at their full width,
    as their values are not known here. Taps outside an image are masked, a LUT4 per bit."""
    section = spec.section("tables")
    if spec.table_store == "rom":
        cells = fabric.memory("rom", section.width, section.words) * section.banks
    else:
        cells = section_memory(fabric, section, spec.table_store, spec.engine.bram_register)
    if spec.masks_lookups:
        cells += Cells(lut=section.width * section.banks)
        cells += fabric.registers(spec.table_stages * spec.subspace_lanes, alone=True)
    return cells + fabric.counter(spec.sets * spec.tiles * spec.groups)


def column_sums(fabric: Fabric, spec: EngineSpec, lead: int) -> Cells:
    """Per output a tree over the terms of a cycle and, over several groups, an accumulator.

    An accumulator's start costs no multiplexer; its result has a register of its own, so that
    on iCE40 neither shares a cell with the sum. Around them: flags along the pipeline, the
    counters of groups and tiles.
    """
    terms, depth = spec.terms_per_cycle, ceil_log2(spec.terms_per_cycle)
    if isinstance(spec, MACSpec) and spec.signed_terms:
        cells = signed_columns(fabric, spec) + fabric.registers(lead + depth, alone=True)
        return cells + fabric.counter(spec.groups) + fabric.counter(spec.tiles) + Cells(lut=4, ff=2)
    if fabric.ecp5 and not spec.wraps:
        cells = column_tree(terms, spec.term_range.bits + int(not spec.term_range.signed))
    else:
        limit = spec.sum_range if spec.wraps else None
        cells, _ = sum_tree(fabric, terms, spec.term_range, limit)
    width, several = spec.sum_range.bits, spec.groups > 1
    adder = fabric.add_gated(width) if fabric.ecp5 else fabric.add(width)
    cells += (adder + fabric.registers(2 * width, alone=True)) * several
    cells = cells * spec.columns
    cells += fabric.registers(lead + depth, alone=True)
    cells += fabric.counter(spec.groups) + fabric.counter(spec.tiles)
    return cells + Cells(lut=4, ff=2) * several


# -- Results -----------------------------------------------------------------------------------


def results(fabric: Fabric, spec: EngineSpec) -> Cells:
    """From sums to transfers: splitter, bias, shift or scale, clamp, and the spare place.

    Per result lane: an adder of the accumulator's width; a loaded shift: a barrel shifter of
    log2(accumulator bits) levels; ``scale``: a DSP block, some logic beside it from 19 bits on,
    the shifter, and an adder that rounds; the clamp, about a LUT4 per result bit.
    """
    lanes, width = spec.lanes_out, spec.accumulator_bits
    cells = outlet_cells(fabric, spec)
    cells += splitter(fabric, spec.columns, lanes, spec.sum_range.bits) * (lanes < spec.columns)
    cells += _transfer_counters(fabric, spec)
    stages = spec.result_stages - (lanes < spec.columns)
    cells += fabric.registers(2 * stages, alone=True)
    for section in spec.all_sections():
        if section.kind not in ("bias", "multiplier", "shift"):
            continue
        if section.kind not in spec.constant_kinds:
            single, several = (section_memory(fabric, section, storage, False) for storage in (
                "register" if section.copies == 1 else "pair",
                "lutram" if fabric.ecp5 else "bram"))
            cells += either(section.words == 1, single, several)
        else:
            cells += fabric.memory("rom", section.width, section.words) * (section.words > 1)
    if spec.bias_bits:
        dropped = spec.output is not None and spec.output.mode == "shift" and not spec.wraps
        unread = spec.built_shift if dropped else 0
        cells += (fabric.add(width) + fabric.registers(width - unread)) * lanes
    if spec.output is not None:
        cells += (requantizer(fabric, spec)) * lanes
    return cells


def _transfer_counters(fabric: Fabric, spec: EngineSpec) -> Cells:
    """Which transfer of a row is read for next, and which is at the input."""
    transfers = spec.result_words
    needed = {section.kind for section in spec.all_sections()} & {"bias", "multiplier"}
    if not needed:
        return Cells()
    counters = 1 + int(spec.engine.double_buffered or len(needed) == 2)
    cells = fabric.counter(transfers) * counters
    if spec.engine.double_buffered:
        return cells + Cells(lut=ceil_log2(transfers))
    return cells + (fabric.registers(1, alone=True) + Cells(lut=2)) * (transfers > 1)


def row_order(fabric: Fabric, spec: MACSpec) -> Cells:
    """What puts rows back into their order: a memory per result lane, the places that are read of
    it and the choice of a lane, and the counters on both sides."""
    section = spec.section("order")
    transfer_bits, lane_bits = spec.order_bits
    bits, lanes, depth = spec.result_range.bits, spec.lanes_out, 2 << transfer_bits
    cells = either((depth <= LUTRAM_WORDS) & fabric.ecp5, fabric.memory("lutram", bits, depth),
                   fabric.memory("bram", bits, depth)) * lanes
    loaded = "lutram" if fabric.ecp5 else "bram"
    cells += section_memory(fabric, section, "rom" if "order" in spec.constant_kinds else loaded,
                            False)
    cells += fabric.registers(lanes * lane_bits, alone=True)
    cells += Cells(lut=0.5 * bits * lanes * (lanes - 1))
    cells += fabric.counter(spec.computed_transfers) + fabric.counter(spec.row_transfers)
    cells += fabric.counter(spec.pixels)
    cells += fabric.counter(section.words) * 2 + Cells(lut=14 + section.word_bits, ff=6)
    return cells


def requantizer(fabric: Fabric, spec: EngineSpec) -> Cells:
    """Shift or scale, and clamp, of one result lane."""
    output, width = spec.output, spec.accumulator_bits
    assert output is not None
    cells = Cells()
    if output.mode == "scale":
        product = width + MULTIPLIER_BITS
        cells += Cells(dsp=1)
        if width > DSP_BITS:
            high = width - (17 if fabric.ecp5 else 16)
            cells += multiplier(fabric, high, MULTIPLIER_BITS, high + MULTIPLIER_BITS, "lut")
            cells += fabric.add(width) + fabric.registers(product)
        shifted = product + 1
        cells += fabric.add(product) + fabric.registers(shifted)
        if spec.loaded_shift:
            cells += fabric.registers(2 * shifted)
        if not fabric.ecp5:  # Unsigned operands: their registers stay outside the block.
            cells += fabric.registers(2 * MULTIPLIER_BITS) + Cells(lut=5 * MULTIPLIER_BITS)
    else:
        shifted = width + int(spec.wraps)
        if spec.wraps:
            cells += fabric.add(shifted)
        if spec.loaded_shift:
            cells += fabric.registers(shifted)
    if spec.loaded_shift:
        cells += barrel_shifter(fabric, shifted, spec.max_shift)
    remaining = shifted - spec.built_shift
    return cells + clamp(remaining, output.bits) + fabric.registers(output.bits)


def barrel_shifter(fabric: Fabric, width: int, most: int) -> Cells:
    """value >> shift: a level of multiplexers per bit of the shift, two levels to two LUT4."""
    levels = most.bit_length()
    return Cells(lut=(0.8 if fabric.ecp5 else 0.97) * width * levels)


def clamp(width: int, bits: int) -> Cells:
    """A LUT4 per result bit and a third of one per bit above."""
    return Cells(lut=bits + max(0, width - bits) / 3)


def splitter(fabric: Fabric, lanes_in: int, lanes_out: int, bits: int) -> Cells:
    """Transfers cut up: a register per element, and a LUT4 per bit that moves up."""
    parts = lanes_in // lanes_out
    moved = (lanes_in - lanes_out) * bits
    left = parts.bit_length()
    return (Cells(lut=moved + left + 3) + fabric.registers(moved)
            + fabric.registers(lanes_out * bits + 1, alone=True) + fabric.registers(left))


def outlet_cells(fabric: Fabric, spec: EngineSpec) -> Cells:
    """The spare place behind the results."""
    bits = spec.lanes_out * spec.result_range.bits + 1
    return total([Cells(lut=bits + 2, ff=1), fabric.registers(bits, alone=True)])
