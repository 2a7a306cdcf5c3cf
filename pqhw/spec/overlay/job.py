"""Jobs: what an overlay does between two changes of its parameters, and their bits."""

import dataclasses
import enum
from collections.abc import Iterator

from .overlay import ELEMENT_BITS, OverlaySpec

__all__ = ["ADDRESS_BITS", "BOOT", "BOOT_MAGIC", "BURST_WORDS", "FIELDS", "HEADER", "Job", "Kind",
           "LAST_WORDS", "MAGIC", "ProgramError", "SIGNED_FIELDS", "VERSION", "boot_beats",
           "descriptor_beats", "header_beats", "pack_fields", "places", "unpack_fields"]

ADDRESS_BITS = 12
"""Bits of an address within a bank."""

SIZE_BITS = 9
"""Bits of a height or width."""

WORD_BITS = 8
"""Bits of the number of words of a pixel."""


class Kind(enum.IntEnum):
    """What a job does.

    Members
    -------
    INPUT: stores what comes in at the port
    ENCODE: finds the codes of every pixel's window, keeps them, and looks them up
    REPLAY: looks up the codes kept
    SUM: sums products over taps and channels, output after output
    LANES: sums products over taps, every channel on its own
    LARGEST: the largest of a window, every channel on its own
    """
    INPUT = 0
    ENCODE = 1
    REPLAY = 2
    SUM = 3
    LANES = 4
    LARGEST = 5


FIELDS = {
    "kind": 3,
    "wait": 1,            # the jobs before must have written their results
    "last": 1,            # of an image
    "stream": 1,          # results leave at the port instead of being stored
    "drop": 1,            # results are of no use
    "argmax": 1,          # of the results, only the index of the largest leaves
    "raw": 1,             # results are sums, not requantised
    "scaled": 1,          # sums are multiplied before they are shifted
    "biased": 1,          # sums have a bias
    "across": 1,          # sums go over all pixels
    "by_channels": 1,     # sub-vectors lie along the channels of a pixel
    "serial": 1,          # words to be added are read before a window, not beside it
    "flat": 1,            # results are stored as one pixel
    "signed": 1,          # activations that are read
    "add_signed": 1,      # words that are added
    "kernel_y": 2, "kernel_x": 2, "stride_y": 2, "stride_x": 2,
    "top": 3, "left": 3,                  # coordinates of the first window
    "height": SIZE_BITS, "width": SIZE_BITS,
    "out_height": SIZE_BITS, "out_width": SIZE_BITS,
    "row_start": ADDRESS_BITS, "row_phase": 2, "row_step": ADDRESS_BITS,
    "column_start": ADDRESS_BITS, "column_phase": 2,
    "plane": ADDRESS_BITS,                # addresses from a word of a pixel to its next
    "groups": 10,         # words of a pixel that are read, or of its codes
    "outputs": 9,         # of SUM: outputs, one after another
    "pad": 4,             # cycles after a pixel
    "vector_words": 3,    # words of a sub-vector along the channels
    "add_words": WORD_BITS,
    "add_start": ADDRESS_BITS, "add_row_step": ADDRESS_BITS, "add_plane": ADDRESS_BITS,
    "out_words": WORD_BITS,
    "out_start": ADDRESS_BITS, "out_row_step": ADDRESS_BITS, "out_plane": ADDRESS_BITS,
    "store_width": SIZE_BITS,
    "pixels": 2 * SIZE_BITS,              # that results make
    "lanes_last": 5,      # channels of a pixel's last word
    "shift": 6,
    "low": ELEMENT_BITS, "high": ELEMENT_BITS,
    "add_low": ELEMENT_BITS, "add_high": ELEMENT_BITS,
}
"""Fields of a descriptor by name, the first one least significant, with their bits."""

SIGNED_FIELDS = frozenset({"top", "left", "low", "high", "add_low", "add_high"})
"""Those in two's complement."""

HEADER = {"magic": 16, "number": 16, "outputs": 7, "trees": 9, "words": 12, "beats": 4}
"""Fields of a block's header: its place in the program, words of outputs and of trees, words of
tables or weights and the port words of each."""

MAGIC = 0x4A50
"""The first two bytes of a block."""

BOOT = {"magic": 32, "configuration": 32, "beats": 32, "version": 32}
"""Fields of what a program begins with: what it is, for which hardware, port words of all blocks.
"""

BOOT_MAGIC = 0x564F5150
"""The first four bytes of a program: PQOV."""

VERSION = 1
"""Of the format."""

BURST_WORDS = 32
"""Port words that a request asks for at most."""

LAST_WORDS = 16
"""Words of a pixel that a job whose results leave may give at most."""


class ProgramError(enum.IntEnum):
    """What is wrong with a program, as the hardware tells it.

    Members
    -------
    MAGIC, CONFIGURATION, VERSION: it does not begin as one, is for other hardware, or of another
        format
    ORDER: a block is not the one that is due
    CHECKSUM: a block's words are not those that were written
    LENGTH: the memory ended a burst early or late
    MEMORY: the memory answered a read with an error; on a bus alone
    """
    NONE = 0
    MAGIC = 1
    CONFIGURATION = 2
    VERSION = 3
    ORDER = 4
    CHECKSUM = 5
    LENGTH = 6
    MEMORY = 7


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A descriptor; fields as in `FIELDS`, those that say nothing left at 0."""
    kind: Kind
    wait: int = 0
    last: int = 0
    stream: int = 0
    drop: int = 0
    argmax: int = 0
    raw: int = 0
    scaled: int = 0
    biased: int = 0
    across: int = 0
    by_channels: int = 0
    serial: int = 0
    flat: int = 0
    signed: int = 0
    add_signed: int = 0
    kernel_y: int = 1
    kernel_x: int = 1
    stride_y: int = 1
    stride_x: int = 1
    top: int = 0
    left: int = 0
    height: int = 1
    width: int = 1
    out_height: int = 1
    out_width: int = 1
    row_start: int = 0
    row_phase: int = 0
    row_step: int = 0
    column_start: int = 0
    column_phase: int = 0
    plane: int = 0
    groups: int = 1
    outputs: int = 1
    pad: int = 0
    vector_words: int = 1
    add_words: int = 0
    add_start: int = 0
    add_row_step: int = 0
    add_plane: int = 0
    out_words: int = 1
    out_start: int = 0
    out_row_step: int = 0
    out_plane: int = 0
    store_width: int = 1
    pixels: int = 1
    lanes_last: int = 1
    shift: int = 0
    low: int = -256
    high: int = 255
    add_low: int = -256
    add_high: int = 255

    @property
    def windows(self) -> int:
        """Windows, or pixels, that are read."""
        return self.out_height * self.out_width

    @property
    def main_steps(self) -> int:
        """Cycles of a pixel in which something is read."""
        return self.groups * self.outputs

    @property
    def steps(self) -> int:
        """Cycles of a pixel."""
        return self.main_steps + self.pad + (self.add_words if self.serial else 0)

    @property
    def code_words(self) -> int:
        """Words of codes of all pixels."""
        return self.windows * self.groups

    @property
    def results(self) -> int:
        """Words that the job gives."""
        return self.out_words * self.pixels

    def pack(self) -> int:
        """The descriptor as bits."""
        return pack_fields(FIELDS, dataclasses.asdict(self))

    @classmethod
    def unpack(cls, bits: int) -> "Job":
        """The descriptor that bits stand for."""
        values = unpack_fields(FIELDS, bits)
        return cls(**{**values, "kind": Kind(values["kind"])})  # type: ignore[arg-type]


def pack_fields(fields: dict[str, int], values: dict[str, int]) -> int:
    """Fields side by side; `AssertionError` where a value does not fit."""
    bits = at = 0
    for name, width in fields.items():
        value = int(values[name])
        low = -(1 << width - 1) if name in SIGNED_FIELDS else 0
        assert low <= value < low + (1 << width), (name, value)
        bits |= (value & (1 << width) - 1) << at
        at += width
    return bits


def unpack_fields(fields: dict[str, int], bits: int) -> dict[str, int]:
    """The values of fields."""
    values = {}
    for name, low, width in places(fields):
        value = bits >> low & (1 << width) - 1
        if name in SIGNED_FIELDS and value >> width - 1:
            value -= 1 << width
        values[name] = value
    return values


def places(fields: dict[str, int]) -> Iterator[tuple[str, int, int]]:
    """Name, lowest bit and bits of every field."""
    at = 0
    for name, width in fields.items():
        yield name, at, width
        at += width


def descriptor_beats(spec: OverlaySpec) -> int:
    """Port words of a descriptor."""
    return spec.beats(sum(FIELDS.values()))


def header_beats(spec: OverlaySpec) -> int:
    """Port words of a block's header."""
    return spec.beats(sum(HEADER.values()))


def boot_beats(spec: OverlaySpec) -> int:
    """Port words of what a program begins with, its checksum among them."""
    return spec.beats(sum(BOOT.values())) + 1
