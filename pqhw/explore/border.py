"""Cells of what stands around the engines: guard, loader, counters, replay, gearboxes."""

from ..spec import ChainSpec, EngineSpec, PQSpec
from ..spec.chain import GearboxSpec
from ..spec.image import ImageLayout
from ..spec.ranges import ceil_div, ceil_log2
from .cells import Cells, Fabric
from .engines import splitter

__all__ = ["collector", "counters", "gearbox", "guard", "loader", "replay"]


def guard(fabric: Fabric, spec: EngineSpec) -> Cells:
    """A register per bit of a transfer, cleared by its reset; about 10 LUT4 of control and a
    counter of transfers that has two ways to end."""
    bits = ceil_log2(spec.input_transfers)
    lanes = spec.lanes_in * spec.activation_range.bits
    cells = fabric.registers(lanes, alone=True) + Cells(ff=3)
    if not bits:
        return cells + Cells(lut=12)
    return cells + fabric.counter(spec.input_transfers) + Cells(lut=27 if fabric.ecp5 else 17, ff=1)


def loader(fabric: Fabric, layout: ImageLayout) -> Cells:
    """CRC, comparison with the headers' words, counters of beats, lanes and words, chunks."""
    width, sections = layout.load_bits, layout.sections
    beats = max(section.beats for section in sections)
    lanes = max(section.banks * section.chunks for section in sections)
    words = max(section.words for section in sections)
    enables = sum(section.banks * section.chunks for section in sections)
    counters = ceil_log2(beats) + ceil_log2(lanes) + ceil_log2(words)
    codes = width // 2
    ff = (3 + 4 + 32 + 5 + beats * width + 2 * width + codes + ceil_log2(words)
          + 2 * counters + enables + 12)
    return Cells(lut=80 + 7 * width + 5 * counters + enables + 8 * len(sections), ff=ff,
                 alone=0 if fabric.ecp5 else beats * width)


def counters(fabric: Fabric, chain: ChainSpec) -> Cells:
    """Rows in, rows out, stalled cycles; whether rows are under way; two sticky flags."""
    bits = chain.first.engine.counter_bits
    return fabric.counter(1 << bits) * 3 + Cells(lut=10 + bits, ff=2)


def replay(fabric: Fabric, spec: EngineSpec) -> Cells:
    """Rows of transfers stored and played once per tile; or a single transfer held."""
    if isinstance(spec, PQSpec):
        width = spec.subspace_lanes * spec.code_bits
    else:
        width = spec.lanes_in * spec.activation_range.bits
    if spec.tiles == 1:
        return Cells()
    repeat = fabric.counter(spec.tiles)
    if spec.groups == 1:
        held = fabric.registers(width, alone=True) + Cells(lut=1, ff=1)
        return repeat + Cells(lut=1) + (held if spec.registers_held else Cells())
    bits = ceil_log2(spec.groups)
    storage = "lutram" if fabric.ecp5 else "bram"
    return (fabric.memory(storage, width, 2 << bits) + fabric.counter(spec.groups) * 2 + repeat
            + Cells(lut=20, ff=5))


def gearbox(fabric: Fabric, spec: GearboxSpec, bits: int) -> Cells:
    """A splitter, a collector, or both; where the lanes agree, a transfer is held."""
    cells = Cells()
    if spec.splits or not spec.collects:
        cells += splitter(fabric, spec.lanes_in, spec.lanes_between, bits)
    if spec.collects:
        cells += collector(fabric, spec.elements, spec.lanes_between, spec.lanes_out, bits)
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
