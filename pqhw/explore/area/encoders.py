"""Cells of the encoders that compare a sub-vector with prototypes."""

from ...spec import DistanceSpec
from ...spec.ranges import Range, ceil_log2, signed_range, unsigned_range
from .cells import Cells, Fabric, total

__all__ = ["argmin", "distance_lane", "element", "encoder", "prototype_memory", "sum_tree"]

LARGEST_TABLE = 6
"""Bits of a magnitude whose square is looked up; wider ones are multiplied."""

SQUARE_LUTS = (0, 0, 2, 5, 10, 20, 45)
"""LUT4 of the square of a signed difference, by the bits of its magnitude."""

MAGNITUDE_LUTS = (0, 0, 1.5, 2.5, 3.5, 5.2, 7.5, 10, 13)
"""LUT4 of the magnitude of a signed difference, by its bits: about one a bit, and the sign and
the bits below, gathered."""


def sum_tree(fabric: Fabric, terms: int, range_: Range,
             limit: Range | None = None) -> tuple[Cells, int]:
    """A registered adder tree; also the width of its sum.

    A level of n terms: floor(n / 2) adders as wide as their sums, and as many registers; an odd
    term is passed on in a register. No sum is wider than `limit`.
    """
    nodes, cells = [range_] * terms, Cells()
    while len(nodes) > 1:
        following = [a + b for a, b in zip(nodes[::2], nodes[1::2])]
        if limit is not None:
            following = [min(node, limit, key=lambda one: one.bits) for node in following]
        cells += total(fabric.add(node.bits) + fabric.registers(node.bits) for node in following)
        if len(nodes) % 2:
            cells += fabric.registers(nodes[-1].bits, alone=True)
            following.append(nodes[-1])
        nodes = following
    return cells, nodes[0].bits


def whole(range_: Range) -> Range:
    """All values that the bits of a range can take."""
    return (signed_range if range_.signed else unsigned_range)(range_.bits)


def argmin(fabric: Fabric, candidates: int, width: int, *, keeps_least: bool) -> Cells:
    """The least of several distances and its index, a register per level.

    A node: a comparison, a multiplexer of `width` bits and of the index bits so far; the node's
    own index bit is the comparison. The root passes on its distance only if `keeps_least`.
    """
    cells, level = Cells(), 0
    while candidates > 1:
        level += 1
        nodes, odd = divmod(candidates, 2)
        candidates = nodes + odd
        kept = width if candidates > 1 or keeps_least else 0
        cells += (fabric.less(width) + Cells(lut=kept + level - 1)) * nodes
        cells += fabric.registers(kept + level) * nodes
        cells += fabric.registers(width + level - 1, alone=True) * odd
    return cells


def element(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """What one element adds to a distance: a difference, its magnitude or square, two registers.

    Bit 1 of a square is always zero. Above six bits of magnitude a square is a DSP block that
    holds both registers, or the sum of pairs of rows of partial products.
    """
    width = max(spec.activation_range.bits, spec.prototype_range.bits)
    bits = spec.difference_range.magnitude().bits
    cells = fabric.subtract(width)
    multiplied = spec.engine.encoder == "l2" and bits > LARGEST_TABLE
    if multiplied and spec.engine.multiplier != "lut":
        return cells + Cells(dsp=1)
    cells += fabric.registers(spec.difference_range.bits)
    cells += fabric.registers(spec.element_distance_range.bits)
    if spec.engine.encoder == "l1":
        return cells + Cells(lut=MAGNITUDE_LUTS[bits])
    if not multiplied:
        return cells + Cells(lut=SQUARE_LUTS[bits], ff=-1)
    return cells + Cells(lut=MAGNITUDE_LUTS[bits]) + square_rows(fabric, bits)


def square_rows(fabric: Fabric, bits: int) -> Cells:
    """A square in logic: a chain per pair of rows, and one per sum of pairs."""
    cells, width = Cells(), 0
    for low in range(0, bits, 2):
        cells += fabric.row_pair(bits)
        if low:
            upper = max(width - low, bits + 2) + 1
            cells += fabric.add(upper)
            width = low + upper
        else:
            width = bits + 2
    return cells


def distance_lane(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """One subspace: prototypes * elements element distances, their sums, and the least.

    Sums over chunks of elements take a gated adder per prototype; chunks of prototypes a
    comparison with the best so far.
    """
    tree, width = sum_tree(fabric, spec.element_lanes, whole(spec.element_distance_range))
    cells = (element(fabric, spec) * spec.element_lanes + tree)
    if spec.element_chunks > 1:
        width = spec.distance_range.bits
        cells += fabric.add_gated(width) + fabric.registers(width)
    chunked = spec.prototype_chunks > 1
    cells = cells * spec.prototype_lanes
    cells += argmin(fabric, spec.prototype_lanes, width, keeps_least=chunked)
    if chunked:
        cells += fabric.less(width) + Cells(lut=3 + 0.8 * spec.code_bits)
        cells += fabric.registers(width, alone=True) + fabric.registers(spec.code_bits)
    return cells


def prototype_memory(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """The prototypes, a word of all lanes at a time, written chunk by chunk; a single constant
    word costs nothing."""
    section = spec.section("prototypes")
    if "prototypes" in spec.constant_kinds:
        if section.words == 1:
            return Cells()
        return fabric.memory("rom", section.width, section.words)
    return section_memory(fabric, section, spec.prototype_store, spec.engine.bram_register)


def section_memory(fabric: Fabric, section, storage: str, registered: bool) -> Cells:
    """A section's memory: one of its own per bank and chunk."""
    last = section.width - (section.chunks - 1) * section.chunk_bits
    words = section.words if storage == "rom" else section.depth
    whole = fabric.memory(storage, section.chunk_bits, words, registered=registered)
    tail = fabric.memory(storage, last, words, registered=registered)
    return (whole * (section.chunks - 1) + tail) * section.banks


def encoder(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """The control around the lanes: counters, operands that wait for the prototypes, flags along
    the pipeline, the multiplexer of element chunks, and the spare place at the end."""
    lanes = spec.lanes
    operand_bits = lanes * spec.element_lanes * spec.activation_range.bits
    reads = spec.prototype_stages
    stages = spec.encoder_stages
    sum_at = reads + 2 + ceil_log2(spec.element_lanes)
    cells = outlet(fabric, lanes * spec.code_bits)
    cells += fabric.registers(stages + reads * operand_bits, alone=True)
    cells += fabric.counter(spec.element_chunks) + fabric.counter(spec.prototype_chunks)
    cells += fabric.counter(spec.prototype_words)
    if spec.element_chunks > 1:
        cells += fabric.registers(2 * sum_at, alone=True)
        if not spec.chunked_input:
            cells += _element_mux(fabric, spec)
    if spec.prototype_chunks > 1:
        step = spec.prototype_lanes
        always_zero = max(0, (step & -step).bit_length() - 1 - fabric.ecp5)
        base = spec.code_bits - always_zero
        cells += fabric.registers((2 + base) * (stages - 1), alone=True)
        cells += fabric.registers(base) + Cells(lut=2 * base)
    return cells + Cells(lut=2)


def _element_mux(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """Per element of a cycle, one of the chunks that reach it; beyond V its register is reset."""
    length, lanes = spec.engine.subvector_length, spec.element_lanes
    bits = spec.lanes * spec.activation_range.bits
    return total(fabric.mux(len(range(position, length, lanes)), bits)
                 for position in range(lanes))


def outlet(fabric: Fabric, bits: int) -> Cells:
    """The end of a pipeline: a spare flip-flop and a LUT4 per bit, and the enable."""
    return Cells(lut=bits + 2, ff=1) + fabric.registers(bits, alone=True)
