"""Cells around the distances: memories, control, and trees of sums."""

from ...spec import DistanceSpec
from ...spec.many import largest, pointwise
from ...spec.ranges import Range
from .cells import Cells, Fabric, total

__all__ = ["encoder", "prototype_memory", "sum_tree"]

@pointwise
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


def prototype_memory(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """The prototypes, for dot also their norms: a word of all lanes at a time, written chunk by
    chunk; a single constant word costs nothing."""
    stores = {"prototypes": spec.prototype_store, "norms": spec.norm_store}
    cells = Cells()
    for section in spec.sections():
        if section.kind not in spec.constant_kinds:
            cells += section_memory(fabric, section, stores[section.kind],
                                    spec.engine.bram_register)
        elif section.words > 1:
            cells += fabric.memory(stores[section.kind], section.width, section.words,
                                   registered=spec.engine.bram_register)
    return cells


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
    sum_at = reads + spec.part_stages
    cells = outlet(fabric, lanes * spec.code_bits)
    cells += fabric.registers(stages + reads * operand_bits, alone=True)
    cells += fabric.counter(spec.element_chunks) + fabric.counter(spec.prototype_chunks)
    cells += fabric.counter(spec.prototype_words)
    # One of the chunks that reach an element of a cycle, whose register is reset beyond V.
    waiting = spec.engine.subvector_length - spec.element_lanes
    select = lanes * spec.activation_range.bits * waiting * (spec.chunked_input == 0)
    cells += Cells(lut=select) + fabric.registers(2 * sum_at * (waiting > 0), alone=True)
    step = spec.prototype_lanes
    always_zero = largest(0, (step & -step).bit_length() - 1 - fabric.ecp5)
    base = spec.code_bits - always_zero
    place = fabric.registers((2 + base) * (stages - 1), alone=True)
    place += fabric.registers(base) + Cells(lut=2 * base)
    return cells + place * (spec.prototype_chunks > 1) + Cells(lut=2)


def outlet(fabric: Fabric, bits: int) -> Cells:
    """The end of a pipeline: a spare flip-flop and a LUT4 per bit, and the enable."""
    return Cells(lut=bits + 2, ff=1) + fabric.registers(bits, alone=True)
