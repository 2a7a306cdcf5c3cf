"""The parameter image: what goes over the `load` port, byte for byte.

::

    header   0..3   magic "PQHW"
             4      version, 1
             5      bytes per load word
             6      number of sections
             7      0
             8..11  configuration: first 32 bits of the SHA-256 of the layout, little-endian
             12..15 length: bytes after the header, little-endian
    section  0      kind: 1 prototypes, 2 tables, 3 bias, 4 shift, 5 weights, 6 multiplier
             1      stage: position of the engine in its chain
             2..3   0
             4..7   length: bytes of the section's words, little-endian
             8..    words
    trailer         zeros up to a whole load word, then the CRC-32 (IEEE 802.3) of all before it

A section fills a memory of `words` addresses and `banks` banks. Its words come address by
address, bank by bank; a bank's word is cut into chunks, least significant first, each padded to
whole load words. Fields stand in a word least significant first, two's complement.
"""

import builtins
import dataclasses
import functools
import hashlib
import json
from typing import Any

from .ranges import ceil_div

__all__ = ["Section", "ImageLayout", "LoadError", "MAGIC", "VERSION", "HEADER_BYTES",
           "SECTION_HEADER_BYTES", "TRAILER_BYTES"]

MAGIC = b"PQHW"
VERSION = 1
HEADER_BYTES = 16
SECTION_HEADER_BYTES = 8
TRAILER_BYTES = 4

KINDS = {"prototypes": 1, "tables": 2, "bias": 3, "shift": 4, "weights": 5, "multiplier": 6}


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
             "CRC-32 mismatch", "all parameters are constants, no image is taken")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One memory's worth of parameters.

    A bank's word holds `fields` integers of `field_bits` bits. Memories are written in chunks
    of at most 144 bits, which whole block RAMs of 36 and of 16 bits fill.
    """
    kind: str
    words: int
    fields: int
    field_bits: int
    banks: int = 1
    stage: int = 0
    load_bits: int = 8

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
        """Bits of the whole memory."""
        return self.words * self.banks * self.width

    @property
    def chunk_bits(self) -> int:
        """Bits written at once; the last chunk of a word may have fewer."""
        return min(self.width, 144 if self.load_bits <= 16 else 128)

    @property
    def chunks(self) -> int:
        """Chunks of a bank's word."""
        return ceil_div(self.width, self.chunk_bits)

    @property
    def beats(self) -> int:
        """Load words of a chunk."""
        return ceil_div(self.chunk_bits, self.load_bits)

    @property
    def bytes(self) -> int:
        """Bytes of the section's words."""
        return self.words * self.banks * self.chunks * self.beats * self.load_bits // 8

    def header(self) -> builtins.bytes:
        """The eight bytes in front of the words."""
        return bytes([KINDS[self.kind], self.stage, 0, 0]) + self.bytes.to_bytes(4, "little")


@dataclasses.dataclass(frozen=True)
class ImageLayout:
    """All sections of an image in their order.

    `described` is whatever else tells this configuration from others, in plain JSON values.
    """
    sections: tuple[Section, ...]
    load_bits: int
    described: Any

    @functools.cached_property
    def configuration(self) -> int:
        """32 bits that an image must carry to be taken."""
        sections = [dataclasses.astuple(section) for section in self.sections]
        text = json.dumps([self.described, sections], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    @property
    def body_bytes(self) -> int:
        """Bytes after the header."""
        sections = sum(SECTION_HEADER_BYTES + section.bytes for section in self.sections)
        return sections + max(TRAILER_BYTES, self.load_bits // 8)

    def header(self) -> bytes:
        """The sixteen bytes in front of the sections."""
        return (MAGIC + bytes([VERSION, self.load_bits // 8, len(self.sections), 0])
                + self.configuration.to_bytes(4, "little") + self.body_bytes.to_bytes(4, "little"))
