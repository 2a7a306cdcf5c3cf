"""Cells of what stands around the engines: guard, counters, replay, gearboxes."""

from ...spec import EngineSpec, PQSpec
from ...spec.design import Design
from ...spec.gearbox import GearboxSpec
from ...spec.many import largest, pointwise
from ...spec.ports import RowPort
from ...spec.ranges import ceil_div, ceil_log2
from .cells import Cells, Fabric, either
from .engines import splitter

__all__ = ["code_collector", "collector", "counters", "gearbox", "guard", "replay"]


def guard(fabric: Fabric, rows: RowPort) -> Cells:
    """A register per bit of a transfer, cleared by its reset; about 10 LUT4 of control and
    counters of transfers, and of an image's units, that have two ways to end."""
    sizes = rows.unit_transfers, rows.units
    lanes = rows.lanes * rows.range.bits
    cells = fabric.registers(lanes, alone=True) + Cells(ff=3)
    cells += fabric.counter(sizes[0]) + fabric.counter(sizes[1]) + Cells(lut=12)
    return cells + Cells(lut=15 if fabric.ecp5 else 5, ff=1) * (largest(*sizes) > 1)


def counters(fabric: Fabric, design: Design) -> Cells:
    """Rows in, rows out, stalled cycles; whether rows are under way; two sticky flags; the rows
    whose results make an image."""
    bits = design.counter_bits
    return (fabric.counter(1 << bits) * 3 + fabric.counter(design.results.units)
            + Cells(lut=10 + bits, ff=2))


def replay(fabric: Fabric, spec: EngineSpec) -> Cells:
    """Rows of transfers stored and played once per tile; or a single transfer held."""
    if isinstance(spec, PQSpec):
        width = spec.subspace_lanes * spec.lookup_bits
    else:
        width = spec.row_lanes * spec.activation_range.bits
    held = fabric.registers(width, alone=True) + Cells(lut=1, ff=1)
    single = held * spec.registers_held + Cells(lut=1)
    storage = "lutram" if fabric.ecp5 else "bram"
    stored = (fabric.memory(storage, width, 2 << ceil_log2(spec.groups)) * spec.pixels
              + fabric.counter(spec.groups) * 2 + fabric.counter(spec.pixels)
              + Cells(lut=20, ff=5))
    cells = fabric.counter(spec.tiles) + either(spec.groups * spec.pixels == 1, single, stored)
    return cells * (spec.tiles > 1)


def code_collector(fabric: Fabric, spec: PQSpec) -> Cells:
    """Codes of several encoder groups put together: a register for all but the last group's, a
    multiplexer for those with which a row's last group is complete early, and a counter."""
    if not spec.collects_codes:
        return Cells()
    parts, groups = spec.subspace_lanes // spec.encoder_lanes, spec.encoder_groups
    width, final = spec.encoder_lanes * spec.code_bits, (groups - 1) % parts
    held = min(parts - 1, final if groups <= parts else parts - 1)
    cells = fabric.registers(held * width, alone=True) + Cells(lut=3 + held)
    if final < held:
        cells += Cells(lut=width)
    if groups % parts == 0 or groups < parts:
        return cells + fabric.counter(min(groups, parts))
    bits = ceil_log2(parts)
    return cells + fabric.counter(groups) + Cells(lut=2 * bits, ff=bits)


def gearbox(fabric: Fabric, spec: GearboxSpec, bits: int) -> Cells:
    """A splitter, a collector, or both; where the lanes agree, a transfer is held."""
    return _gearbox(fabric, spec.elements, spec.lanes_in, spec.lanes_out, spec.row_out, bits)


@pointwise
def _gearbox(fabric: Fabric, elements: int, lanes_in: int, lanes_out: int, elements_out: int,
             bits: int) -> Cells:
    spec = GearboxSpec(elements, lanes_in, lanes_out, elements_out)
    cells = Cells()
    if spec.splits or not spec.collects:
        cells += splitter(fabric, spec.lanes_in, spec.lanes_between, bits)
    if spec.collects:
        if spec.recuts:
            cells += fabric.counter(spec.row_out // spec.lanes_between)
        cells += collector(fabric, spec.row_out, spec.lanes_between, spec.lanes_out, bits)
    return cells


def collector(fabric: Fabric, elements: int, lanes_in: int, lanes_out: int, bits: int) -> Cells:
    """Transfers put together: (2 * lanes_out - lanes_in) * bits flip-flops with enables and
    resets, a LUT4 per bit of parts that can complete a transfer, and one per part."""
    parts = lanes_out // lanes_in
    completing = {parts - 1, (ceil_div(elements, lanes_in) - 1) % parts}
    early = (lanes_out - lanes_in) * bits
    passed = len(completing - {parts - 1}) * lanes_in * bits
    return (Cells(lut=parts + 6 + passed) + fabric.registers(early, alone=True)
            + fabric.registers(lanes_out * bits, alone=True)
            + Cells(ff=2 + ceil_log2(parts)))
