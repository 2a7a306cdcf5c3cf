"""Cells of what stands around the engines: guard, loader, counters, replay, gearboxes."""

from ..spec import ChainSpec, EngineSpec, PQSpec
from ..spec.chain import GearboxSpec
from ..spec.image import HEADER_BYTES, SECTION_HEADER_BYTES, ImageLayout
from ..spec.ranges import ceil_div, ceil_log2
from .cells import Cells, Fabric
from .engines import splitter

__all__ = ["code_collector", "collector", "counters", "gearbox", "guard", "loader", "replay"]


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
    """CRC, comparison with the headers, counters of beats, lanes and words, a chunk to write.

    LUT4: about 100, 5.5 per bit of the load word (most of it the CRC), 2 to 3 per counter bit and
    per write enable, 7 to 9 per section. Flip-flops: see `_loader_registers`. Where everything is
    constant, next to nothing.
    """
    sections = layout.sections
    if not sections:
        return Cells(lut=1, ff=1)
    enables = sum(section.banks * section.chunks for section in sections)
    features = (1, layout.load_bits, sum(_counter_bits(layout)), enables, len(sections))
    weights = (103, 5.6, 2.7, 2.8, 9.5) if fabric.ecp5 else (88, 5.5, 1.9, 2.6, 6.6)
    chunk = _chunk_registers(layout)
    cells = Cells(lut=sum(a * b for a, b in zip(features, weights)))
    return (cells + fabric.registers(_loader_registers(layout) - chunk)
            + fabric.registers(chunk + layout.load_bits, alone=True)
            + Cells(ff=-layout.load_bits))


def _counter_bits(layout: ImageLayout) -> tuple[int, int, int]:
    """Bits that count load words of a chunk, chunks of all banks, and addresses."""
    sections = layout.sections
    return (ceil_log2(max(section.beats for section in sections)),
            ceil_log2(max(section.banks * section.chunks for section in sections)),
            ceil_log2(max(section.words for section in sections)))


def _loader_registers(layout: ImageLayout) -> int:
    """State, indices, CRC and error; counters and what they end at; a word given and one expected;
    a write enable per chunk; the chunk."""
    sections, width = layout.sections, layout.load_bits
    counters = _counter_bits(layout)
    section_bits = len(sections).bit_length()
    index = max(HEADER_BYTES * 8 // width, SECTION_HEADER_BYTES * 8 // width, 1)
    fixed = 3 + ceil_log2(index) + 32 + 4 + 4 + 2 + 4 * section_bits
    ends = (_columns([section.beats - 1 for section in sections])
            + _columns([section.banks * section.chunks - 1 for section in sections])
            + _columns([section.words - 1 for section in sections]))
    enables = sum(section.banks * section.chunks for section in sections)
    return (fixed + sum(counters) + counters[2] + len(set(ends)) + width
            + _expected_registers(layout) + enables + _chunk_registers(layout))


def _chunk_registers(layout: ImageLayout) -> int:
    """The bits of a chunk that some section reads, or that such a bit comes from."""
    width, sections = layout.load_bits, layout.sections
    most = max(section.beats for section in sections)
    used: set[int] = set()
    for bit in range(most * width):
        read = any(0 <= bit - (most - section.beats) * width < section.chunk_bits
                   for section in sections)
        if read or bit - width in used:
            used.add(bit)
    return len(used)


def _expected_registers(layout: ImageLayout) -> int:
    """Bits of the headers' words that differ from zero and from each other."""
    step = layout.load_bits // 8
    headers = [layout.header(), *(section.header() for section in layout.sections)]
    words = [int.from_bytes(header[low:low + step], "little")
             for header in headers for low in range(0, len(header), step)]
    return len(set(_columns(words))) + 4


def _columns(words: list[int]) -> list[tuple[int, ...]]:
    """The bits of several words, position by position, where one at least is set."""
    columns = [tuple(word >> bit & 1 for word in words)
               for bit in range(max(words).bit_length())]
    return [column for column in columns if any(column)]


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
