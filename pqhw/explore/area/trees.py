"""Cells of the tree encoder: elements chosen, thresholds read, one comparison per level."""

import dataclasses

from ...spec import TreeSpec
from ...spec.ranges import ceil_div, ceil_log2
from .cells import Cells, Fabric, even, total
from .encoders import outlet, section_memory

__all__ = ["tree_control", "tree_lanes", "tree_memories"]


def tree_control(fabric: Fabric, spec: TreeSpec) -> Cells:
    """Flags and the group along the pipeline, the sub-vectors that wait for loaded split
    dimensions, and the spare place at the end."""
    cells = outlet(fabric, spec.lanes * spec.code_bits) + fabric.counter(spec.places)
    waiting = spec.encoder_stages
    waiting += spec.dims_stages * spec.lanes_in * spec.activation_range.bits
    if spec.trees > 1:
        reads = 0 if spec.depth == 1 else spec.compared_at(spec.depth - 2) + 1
        waiting += reads * ceil_log2(spec.places)
    if not spec.loads_dims and spec.places > 1:
        cells += fabric.counter(spec.places) + fabric.registers(sum(
            ceil_log2(len(spec.choices_of(lane, level)))
            for lane in range(spec.lanes) for level in range(spec.depth)))
    return cells + fabric.registers(waiting, alone=True) + Cells(lut=2)


def tree_memories(fabric: Fabric, spec: TreeSpec) -> Cells:
    """The thresholds of every lane, level by level, and the split dimensions if they are loaded;
    a level's writes are told by the upper bits of their address."""
    cells = Cells()
    section = spec.section("thresholds")
    if "thresholds" in spec.constant_kinds:
        cells += total(fabric.memory(spec.level_store(level), section.width,
                                     spec.level_words(level),
                                     registered=spec.engine.bram_register)
                       for level in range(spec.depth) if spec.level_words(level) > 1)
    else:
        for level in range(spec.depth):
            own = dataclasses.replace(section, words=spec.level_words(level), banks=1)
            cells += section_memory(fabric, own, spec.level_store(level),
                                    spec.engine.bram_register)
            cells += Cells(lut=ceil_div(spec.depth - level + 1, 3))
    # Shared thresholds stand once per lane all the same, as every lane has a node of its own.
    cells = cells * spec.lanes
    if spec.loads_dims:
        cells += section_memory(fabric, spec.section("split_dims"), spec.dims_store,
                                spec.engine.bram_register)
    return cells


def tree_lanes(fabric: Fabric, spec: TreeSpec) -> Cells:
    """Per lane and level: multiplexers in front, a LUT4 per pair of elements and bit, then a
    comparison that chooses between two; what waits for the levels before it."""
    cells = Cells()
    for lane in range(spec.lanes):
        passed = []
        for level in range(spec.depth):
            own, single = _level(fabric, spec, lane, level)
            cells += own
            passed.append(single)
        # An element that no multiplexer takes is the same for all levels that choose among all.
        waiting = sum(passed) if spec.fixed_dims is not None else max(passed)
        cells += fabric.registers(waiting, alone=True)
    return cells


def _level(fabric: Fabric, spec: TreeSpec, lane: int, level: int) -> tuple[Cells, int]:
    """A level of a lane, and registers of elements that wait without being chosen."""
    bits, at = spec.activation_range.bits, spec.compared_at(level)
    choices, stage, cells = len(spec.choices_of(lane, level)), spec.dims_stages, Cells()
    index, single = ceil_log2(choices), choices if choices <= 2 else 0
    while choices > 2:
        size = min(8, 1 << (ceil_log2(choices) - 1))
        sizes = [min(size, choices - low) for low in range(0, choices, size)]
        cells += total(_select(fabric, own, bits) for own in sizes)
        single = sizes.count(1)
        index -= ceil_log2(size)
        chosen = len(sizes) - single
        cells += fabric.registers(bits * chosen) + fabric.registers(index, alone=True)
        choices, stage = len(sizes), stage + 1
    held = bits * (choices - single) + (index if choices == 2 else 0)
    cells += fabric.registers((at - stage) * held, alone=True)
    read = 0 if level == 0 else spec.compared_at(level - 1) + 1
    waits = at - read - spec.level_stages(level)
    cells += fabric.registers(waits * spec.prototype_range.bits, alone=True)
    cells += fabric.registers(level * (at + 1 - read), alone=True) + fabric.registers(1)
    width = spec.compared_range.bits
    if fabric.ecp5:
        signed = spec.compared_range.signed and choices == 2
        cells += Cells(carry=even(width + 2), lut=int(signed))
    else:
        cells += Cells(lut=0.9 * width + (bits if choices == 2 else 0))
    return cells, single * bits * (at - spec.dims_stages)


def _select(fabric: Fabric, count: int, bits: int) -> Cells:
    """One of up to eight values."""
    if count == 1:
        return Cells()
    if not fabric.ecp5:
        return fabric.mux(count, bits)
    return Cells(lut=bits * (1 if count == 2 else 2 if count <= 4 else 4))
