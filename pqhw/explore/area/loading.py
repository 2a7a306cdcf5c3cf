"""Cells of the loader: what takes a parameter image, checks it and writes the memories."""

from ...spec.image import SIGNED_BYTES, WIDE_BITS, ImageLayout
from ...spec.ranges import ceil_div, ceil_log2
from .cells import Cells, Fabric

__all__ = ["loader"]

RUNS = {8: 1, 16: 2, 32: 2, 64: 3}
"""Groups of bytes of a header's word that are compared with their own verdict; 5 above 64 bits."""


def loader(fabric: Fabric, layout: ImageLayout) -> Cells:
    """Control, checksum, comparison with the headers, and the writing of chunks.

    Where every parameter is constant, next to nothing.
    """
    if not layout.sections:
        return Cells(lut=1, ff=1)
    return _checksum(layout.load_bits) + _headers(layout) + _writing(fabric, layout) + _control(
        fabric, layout)


def _control(fabric: Fabric, layout: ImageLayout) -> Cells:
    """State, index, section, error, the word taken and flags along its way: about 100 LUT4
    (60 on iCE40)."""
    section_bits = len(layout.sections).bit_length()
    flags = Cells(lut=100 if fabric.ecp5 else 60, ff=3 + 4 + 4 + 1 + 2 + 2 * section_bits)
    return flags + fabric.registers(layout.load_bits, alone=True)


def _checksum(width: int) -> Cells:
    """CRC-32: 66 LUT4 for 8 bits, 362 for 64, 33 flip-flops; sum and signature of wide words:
    0.75 LUT4 per bit and 95."""
    if width < WIDE_BITS:
        return Cells(lut=24 + 5.3 * width, ff=33)
    lines = ceil_div(width, 37 - width.bit_length())
    folded = lines + 37 - width.bit_length()
    return Cells(lut=95 + 0.75 * width, ff=folded + 8 * SIGNED_BYTES + 96 + 2)


def _headers(layout: ImageLayout) -> Cells:
    """Half a LUT4 per bit compared, and as much again where it changes from word to word; a
    register for every bit expected that differs from the others, and for the verdicts."""
    runs = RUNS.get(layout.load_bits, 5)
    columns = _expected(layout)
    section_bits = len(layout.sections).bit_length()
    compared = min(layout.load_bits, 128)
    return Cells(lut=0.5 * compared + 0.3 * columns + 4 * runs,
                 ff=columns + 7 * runs + 2 * section_bits + 1)


def _expected(layout: ImageLayout) -> int:
    """Bits of the headers' words that are not zero in all and differ from each other."""
    step = layout.load_bits // 8
    headers = [layout.header(), *(section.header() for section in layout.sections)]
    return len(set(_columns([int.from_bytes(header[low:low + step], "little")
                             for header in headers for low in range(0, len(header), step)])))


def _writing(fabric: Fabric, layout: ImageLayout) -> Cells:
    """Counters of load words, lanes and addresses with what they end at; a write enable per lane;
    the words of a chunk that came before its last."""
    sections = layout.sections
    sizes = [max(getattr(section, name) for section in sections)
             for name in ("beats", "lanes", "words")]
    bits = [ceil_log2(size) for size in sizes]
    ends = {column for name in ("beats", "lanes", "words")
            for column in _columns([getattr(section, name) - 1 for section in sections])}
    enables = sum(section.lanes for section in sections)
    cells = Cells(lut=2 * sum(bits) + 2.5 * enables + 5 * len(sections),
                  ff=sum(bits) + bits[2] + len(ends) + enables)
    return cells + fabric.registers(_earlier(layout, sizes[0]) + (sizes[0] > 1), alone=True)


def _earlier(layout: ImageLayout, beats: int) -> int:
    """The bits of earlier words that some section reads, or that such a bit comes from."""
    width, used = layout.load_bits, set()
    for bit in range((beats - 1) * width):
        read = any(0 <= bit - (beats - section.beats) * width < section.write_bits
                   for section in layout.sections)
        if read or bit - width in used:
            used.add(bit)
    return len(used)


def _columns(words: list[int]) -> list[tuple[int, ...]]:
    """The bits of several words, position by position, where one at least is set."""
    columns = [tuple(word >> bit & 1 for word in words)
               for bit in range(max(words).bit_length())]
    return [column for column in columns if any(column)]
