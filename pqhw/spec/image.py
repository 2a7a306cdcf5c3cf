"""The parameter image: what goes over the `load` port, byte for byte.

::

    header   0..3   magic "PQHW"
             4      version, 1
             5      bytes per load word
             6      number of sections
             7      0
             8..11  configuration: first 32 bits of the SHA-256 of the layout, little-endian
             12..15 length: bytes after the header, little-endian
    section  0      kind: 1 prototypes, 2 tables, 3 bias, 4 shift, 5 weights, 6 multiplier,
                    7 norms, 8 thresholds, 9 split_dims
             1      stage: position of the engine in its chain
             2..3   0
             4..7   length: bytes of the section's words, little-endian
             8..    words
    trailer         zeros, then the check in the last 4 or 8 bytes

Every part is filled with zeros to whole load words. The check is the CRC-32 (IEEE 802.3) of all
before it; with load words of 128 bits and more, sum and signature (`pqhw.emit.checksum`).

A section fills a memory of `words` addresses and `banks` banks. Its words come address by
address, bank by bank, as many banks in a load word as fit; a bank's word that does not fit is cut
into chunks, least significant first, each padded to whole load words. Fields stand in a word least
significant first, two's complement.
"""

import builtins
import dataclasses
import functools
import hashlib
import json
from typing import Any

import numpy as np

from .many import Many, largest, smallest
from .ranges import ceil_div

__all__ = ["Section", "ImageLayout", "LoadError", "MAGIC", "VERSION", "HEADER_BYTES",
           "SECTION_HEADER_BYTES", "CRC_BYTES", "SIGNED_BYTES", "WIDE_BITS", "best_chunk_bits"]

MAGIC = b"PQHW"
VERSION = 1
HEADER_BYTES = 16
SECTION_HEADER_BYTES = 8

CRC_BYTES = 4
"""The check of an image with load words of up to 64 bits."""

SIGNED_BYTES = 8
"""The check of an image with wide load words: sum and signature."""

WIDE_BITS = 128
"""From this width on a load word is wide."""

SMALLEST_CHUNK = 144
"""Bits that any loader gathers, if need be: whole memories of 4, 16 and 36 bits."""

MEMORY_WIDTHS = (4, 16, 36)
"""Bits of the memories that words are put together from: LUT RAM, iCE40 and ECP5 block RAM."""

KINDS = {"prototypes": 1, "tables": 2, "bias": 3, "shift": 4, "weights": 5, "multiplier": 6,
         "norms": 7, "thresholds": 8, "split_dims": 9, "order": 10,
         "sp2_weights": 11}


class LoadError:
    """Values of the `error` field of `status`."""
    NONE = 0
    MAGIC = 1
    VERSION = 2
    CONFIGURATION = 3
    LENGTH = 4
    SECTION = 5
    TRUNCATED = 6
    TOO_LONG = 7
    CRC = 8
    CONSTANT = 9

    NAMES = ("none", "wrong magic", "wrong version", "image is for another configuration",
             "wrong length", "wrong section", "image ends early", "image goes on too long",
             "checksum mismatch", "all parameters are constants, no image is taken")


def best_chunk_bits(width: int, load_bits: int) -> int:
    """How many bits of a memory's word of `width` bits are written at once.

    All of it if it fits a load word, or 144 bits. Otherwise, of the sizes up to that which cost
    no memory beyond what the word needs, those that take the fewest load words, and of these
    the largest. 144 bits always qualify.
    """
    if type(width) is not Many:
        return _best_chunk(width, load_bits)
    widths, inverse = np.unique(width.values, return_inverse=True)
    return Many(_best_chunks(widths, load_bits)[inverse])


@functools.cache
def _best_chunk(width: int, load_bits: int) -> int:
    return int(_best_chunks(np.array([width]), load_bits)[0])


def _best_chunks(widths: np.ndarray, load_bits: int) -> np.ndarray:
    """The same of several widths."""
    most = max(load_bits, SMALLEST_CHUNK)
    width, chunk = widths[:, None], np.arange(1, most + 1)
    whole, rest = np.divmod(width, chunk)

    def rounds(amount: np.ndarray, by: Any) -> np.ndarray:
        up: np.ndarray = -(-amount // by)
        return up

    waste = sum(whole * rounds(chunk, unit) + rounds(rest, unit) - rounds(width, unit)
                for unit in MEMORY_WIDTHS)
    beats = rounds(width, chunk) * rounds(chunk, load_bits)
    rank = np.where(waste == 0, beats * (most + 1) - chunk, np.iinfo(np.int64).max)
    return np.where(widths <= most, widths, chunk[rank.argmin(axis=1)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One memory's worth of parameters, of which the memory holds `copies`.

    A bank's word holds `fields` integers of `field_bits` bits. It is written in chunks, of which
    each comes in whole load words; or several banks are written at once, as a load word has
    room for.
    """
    kind: str
    words: int
    fields: int
    field_bits: int
    banks: int = 1
    stage: int = 0
    load_bits: int = 8
    copies: int = 1

    @property
    def name(self) -> str:
        """The kind; within a chain preceded by the stage, from stage 1 on."""
        return f"{self.stage}.{self.kind}" if self.stage else self.kind

    @property
    def width(self) -> int:
        """Bits of a bank's word."""
        return self.fields * self.field_bits

    @property
    def bits(self) -> int:
        """Bits of the parameters."""
        return self.words * self.banks * self.width

    @property
    def stored_bits(self) -> int:
        """Bits of the whole memory."""
        return self.copies * self.bits

    @property
    def word_bits(self) -> int:
        """Bits of an address within a copy; above them the copy is chosen."""
        return (self.words - 1).bit_length()

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return self.word_bits + self.copies - 1

    @property
    def depth(self) -> int:
        """Words of the memory, the last that is used."""
        return ((self.copies - 1) << self.word_bits) + self.words

    @functools.cached_property
    def chunk_bits(self) -> int:
        """Bits written at once; the last chunk of a word may have fewer."""
        return best_chunk_bits(self.width, self.load_bits)

    @functools.cached_property
    def chunks(self) -> int:
        """Chunks of a bank's word."""
        return ceil_div(self.width, self.chunk_bits)

    @functools.cached_property
    def banks_at_once(self) -> int:
        """Neighbouring banks whose whole words share a load word."""
        at_once: int = largest(1, smallest(self.banks, self.load_bits // self.width))
        return at_once

    @property
    def write_bits(self) -> int:
        """Bits written at once: a chunk of one bank, or the words of several."""
        return self.banks_at_once * self.chunk_bits

    @property
    def lanes(self) -> int:
        """Writes that fill one address of all banks."""
        return ceil_div(self.banks, self.banks_at_once) * self.chunks

    @property
    def beats(self) -> int:
        """Load words of a write."""
        return ceil_div(self.write_bits, self.load_bits)

    @property
    def bytes(self) -> int:
        """Bytes of the section's words."""
        return self.words * self.lanes * self.beats * self.load_bits // 8

    @property
    def header_bytes(self) -> int:
        """Bytes of `header`."""
        return max(SECTION_HEADER_BYTES, self.load_bits // 8)

    def header(self) -> builtins.bytes:
        """What stands in front of the words: eight bytes, filled to whole load words."""
        fields = bytes([KINDS[self.kind], self.stage, 0, 0]) + self.bytes.to_bytes(4, "little")
        return fields.ljust(self.header_bytes, b"\0")


@dataclasses.dataclass(frozen=True)
class ImageLayout:
    """All sections of an image in their order, all with as many copies.

    `described` is whatever else tells this configuration from others, in plain JSON values.
    """
    sections: tuple[Section, ...]
    load_bits: int
    described: Any

    @functools.cached_property
    def configuration(self) -> int:
        """32 bits that an image must carry to be taken."""
        sections = [dataclasses.astuple(section)[:-1] for section in self.sections]
        text = json.dumps([self.described, sections], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    @property
    def double_buffered(self) -> bool:
        """Whether memories hold two images."""
        return any(section.copies > 1 for section in self.sections)

    @property
    def trailer_bytes(self) -> int:
        """Bytes of the trailer, the check at its end."""
        return max(self.check_bytes, self.load_bits // 8)

    @property
    def check_bytes(self) -> int:
        """Bytes of the check."""
        return SIGNED_BYTES if self.load_bits >= WIDE_BITS else CRC_BYTES

    @property
    def body_bytes(self) -> int:
        """Bytes after the header."""
        sections = sum(section.header_bytes + section.bytes for section in self.sections)
        return sections + self.trailer_bytes

    def header(self) -> bytes:
        """What stands in front of the sections: sixteen bytes, filled to whole load words."""
        numbers = self.configuration | self.body_bytes << 32
        fields = (MAGIC + bytes([VERSION, self.load_bits // 8, len(self.sections), 0])
                  + numbers.to_bytes(8, "little"))
        return fields.ljust(self.load_bits // 8, b"\0")
