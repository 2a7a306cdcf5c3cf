"""Cells of what follows the encoder: tables, column sums, results; and of the MAC core."""

from ...spec import EngineSpec, MACSpec, PQSpec
from ...spec.engine import DSP_BITS
from ...spec.widths import MULTIPLIER_BITS
from ...spec.ranges import ceil_log2
from .cells import Cells, Fabric, total
from .columns import column_tree
from .encoders import section_memory, sum_tree
from .signed import shift_lane, signed_columns

SMALLEST_DSP = 11
"""Bits of a product below which Yosys leaves it to logic on iCE40."""

__all__ = ["column_sums", "mac_lanes", "multiplier", "results", "tables", "weights"]


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
    if fabric.ecp5 and terms > 1 and not spec.wraps:
        cells = column_tree(terms, spec.term_range.bits + int(not spec.term_range.signed))
    else:
        limit = spec.sum_range if spec.wraps else None
        cells, _ = sum_tree(fabric, terms, spec.term_range, limit)
    if spec.groups > 1:
        width = spec.sum_range.bits
        cells += fabric.add(width) + fabric.registers(2 * width, alone=True)
    cells = cells * spec.outputs
    cells += fabric.registers(lead + depth, alone=True)
    cells += fabric.counter(spec.groups) + fabric.counter(spec.tiles)
    return cells + (Cells(lut=4, ff=2) if spec.groups > 1 else Cells())


# -- Multiply-accumulate -----------------------------------------------------------------------


def weights(fabric: Fabric, spec: MACSpec) -> Cells:
    """The weight memory, one wide bank, and its address counter."""
    section = spec.section("weights")
    cells = section_memory(fabric, section, spec.weight_store, spec.engine.bram_register)
    return cells + fabric.counter(spec.weight_words)


def mac_lanes(fabric: Fabric, spec: MACSpec) -> Cells:
    """row_lanes * outputs multipliers, the signs that pass beside them, and the inputs that wait
    for their weights."""
    bits, product = spec.engine.weight_bits, spec.product_range.bits
    if spec.packed > 1:
        return _packed_lanes(fabric, spec)
    if spec.engine.scheme != "fixed":
        lane = shift_lane(fabric, spec)
    elif spec.signed_terms:
        lane = multiplier(fabric, spec.activation_range.bits, bits - 1, product, "lut")
        if bits % 2 == 0 and 2 < bits <= spec.activation_range.bits + 1:  # One for all outputs.
            lane += Cells(ff=-spec.activation_range.bits * (1 - 1 / spec.outputs))
    else:
        style = "lut" if spec.engine.multiplier == "lut" else "dsp"
        lane = multiplier(fabric, spec.activation_range.bits, bits, product, style)
    if spec.signed_terms:
        lane += fabric.registers(spec.product_stages, alone=True)
    if spec.registers_products:
        lane += fabric.registers(product, alone=True)
    waiting = spec.weight_stages * spec.row_lanes * spec.precision.activation_bits
    return lane * (spec.row_lanes * spec.outputs) + fabric.registers(waiting, alone=True)


def multiplier(fabric: Fabric, x: int, w: int, product: int, style: str) -> Cells:
    """x by w bits: a DSP block with its registers; or, in logic, a chain per pair of rows of the
    narrower operand, registered, then the sums of pairs, registered.

    On iCE40 Yosys leaves small products to logic whatever the style.
    """
    if style == "dsp":
        if fabric.ecp5 or x + w >= SMALLEST_DSP:
            return Cells(dsp=1)
        return (Cells(lut=2.1 * x * w) + fabric.registers(x + w, alone=True)
                + fabric.registers(x + w))
    wide, rows = max(x, w), min(x, w)
    if rows == 1:
        return Cells(lut=wide) + fabric.registers(wide + product)
    cells = (fabric.row_pair(wide) + fabric.registers(wide + 2)) * (rows // 2)
    sums = [(2, wide + 2)] * (rows // 2)
    if rows % 2:
        cells += fabric.registers(wide + 1, alone=True)
        sums.append((1, wide))
    while len(sums) > 1:
        following: list[tuple[int, int]] = []
        for (gap, first), (count, _) in zip(sums[::2], sums[1::2]):
            width = min(first + count, product)
            add = fabric.add_gated if count == 1 else fabric.add
            cells += add(width - gap)
            following.append((gap + count, width))
        sums = following + sums[len(following) * 2:]
    return cells + fabric.registers(product)


def _packed_lanes(fabric: Fabric, spec: MACSpec) -> Cells:
    """Several products to a DSP block; a sign beside each, and the magnitudes of signed inputs."""
    bits, count = spec.precision.activation_bits, spec.row_lanes * spec.outputs
    cells = Cells(dsp=spec.multipliers) + fabric.registers(count * spec.product_stages, alone=True)
    if spec.registers_products:
        cells += fabric.registers(count * spec.field_bits, alone=True)
    if spec.activation_range.signed:
        cells += Cells(lut=count + 1.2 * bits * spec.row_lanes)
    if not fabric.ecp5:  # Unsigned operands: their registers stay outside the block.
        cells += fabric.registers(spec.multipliers * (bits + spec.packed * spec.field_bits))
    return cells + fabric.registers(spec.weight_stages * spec.row_lanes * bits, alone=True)


# -- Results -----------------------------------------------------------------------------------


def results(fabric: Fabric, spec: EngineSpec) -> Cells:
    """From sums to transfers: splitter, bias, shift or scale, clamp, and the spare place.

    Per result lane: an adder of the accumulator's width; a loaded shift: a barrel shifter of
    log2(accumulator bits) levels; ``scale``: a DSP block, some logic beside it from 19 bits on,
    the shifter, and an adder that rounds; the clamp, about a LUT4 per result bit.
    """
    lanes, width = spec.lanes_out, spec.accumulator_bits
    cells = outlet_cells(fabric, spec)
    if lanes < spec.outputs:
        cells += splitter(fabric, spec.outputs, lanes, spec.sum_range.bits)
    cells += _transfer_counters(fabric, spec)
    stages = spec.result_stages - int(lanes < spec.outputs)
    cells += fabric.registers(2 * stages, alone=True)
    for section in spec.sections():
        if section.kind in ("bias", "multiplier", "shift"):
            single = "register" if section.copies == 1 else "pair"
            storage = single if section.words == 1 else "lutram" if fabric.ecp5 else "bram"
            cells += section_memory(fabric, section, storage, False)
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
    needed = {section.kind for section in spec.sections()} & {"bias", "multiplier"}
    if transfers == 1 or not needed:
        return Cells()
    counters = 1 + int(spec.engine.double_buffered or len(needed) == 2)
    cells = fabric.counter(transfers) * counters
    if spec.engine.double_buffered:
        return cells + Cells(lut=ceil_log2(transfers))
    return cells + fabric.registers(1, alone=True) + Cells(lut=2)


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
