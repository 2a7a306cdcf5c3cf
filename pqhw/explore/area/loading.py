"""Cells of the loader: what takes a parameter image, checks it and writes the memories."""

from collections.abc import Sequence
from typing import Any

from ...spec.image import (KINDS, MAGIC, SIGNED_BYTES, VERSION, WIDE_BITS, ImageLayout, Section)
from ...spec.many import distinct, highest, largest
from ...spec.ranges import ceil_div
from .cells import Cells, Fabric

__all__ = ["loader"]

RUNS = {8: 1, 16: 2, 32: 2, 64: 3}
"""Groups of bytes of a header's word that are compared with their own verdict; 5 above 64 bits."""


CONFIGURATION = 0x9ac6_3b58
"""What stands for the hash of a configuration: as many ones as zeros, no bytes alike."""


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
    width = layout.load_bits
    columns: list[Any] = [0] * width
    place = 0
    for header in [_header(layout), *map(_section_header, layout.sections)]:
        low = 0
        for value, bits in header:
            for bit in range(bits):
                word, column = divmod(low + bit, width)
                columns[column] = columns[column] | (value >> bit & 1) << place + word
            low += bits
        place += ceil_div(low, width)
    return distinct(columns)


def _header(layout: ImageLayout) -> list[tuple[int, int]]:
    """Values and bits of what stands in front of an image, with a typical configuration."""
    start = MAGIC + bytes([VERSION, layout.load_bits // 8, len(layout.sections), 0])
    return [(byte, 8) for byte in start] + [(CONFIGURATION, 32), (layout.body_bytes, 32)]


def _section_header(section: Section) -> list[tuple[int, int]]:
    """The same in front of a section."""
    return [(KINDS[section.kind], 8), (section.stage, 24), (section.bytes, 32)]


def _writing(fabric: Fabric, layout: ImageLayout) -> Cells:
    """Counters of load words, lanes and addresses with what they end at; a write enable per lane;
    the words of a chunk that came before its last."""
    sections = layout.sections
    lasts = [[getattr(section, name) - 1 for section in sections]
             for name in ("beats", "lanes", "words")]
    bits = [largest(*own).bit_length() for own in lasts]
    ends = distinct([_column(own, bit) for own, most in zip(lasts, bits)
                     for bit in range(highest(most))])
    enables = sum(section.lanes for section in sections)
    cells = Cells(lut=2 * sum(bits) + 2.5 * enables + 5 * len(sections),
                  ff=sum(bits) + bits[2] + ends + enables)
    earlier = largest(*lasts[0])
    return cells + fabric.registers(earlier * layout.load_bits + (earlier > 0), alone=True)


def _column(lasts: Sequence[int], bit: int) -> int:
    """A bit of what counters of all sections end at, as a number."""
    return sum((own >> bit & 1) << place for place, own in enumerate(lasts))
