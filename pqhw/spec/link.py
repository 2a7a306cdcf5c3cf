"""The serial link between a host and a board: its constants, its speed, what is known of it.

::

    frame     FLAG, content, FLAG; within, FLAG and ESCAPE are sent as ESCAPE and the byte ^ FLIP
    request   sequence number, kind, payload, CRC-32
    response  sequence number, code and state, load error, payload, CRC-32

The CRC is that of IEEE 802.3 (`zlib.crc32`), least significant byte first. The board answers every
request with one response and says nothing unasked.
"""

import dataclasses
import enum

from .fields import SpecError

__all__ = ["ESCAPE", "FLAG", "FLIP", "IDENTITY_BYTES", "MAGIC", "VERSION", "Code", "Kind",
           "LinkSpec"]

FLAG = 0x7E
"""Begins and ends a frame, and stands nowhere within."""

ESCAPE = 0x7D
"""The byte behind it is to be flipped."""

FLIP = 0x20
"""What an escaped byte is sent exclusive-or."""

CHECK_BYTES = 4

IDENTITY_BYTES = 16
"""MAGIC, VERSION, log2 of the buffer's bytes, 12 bytes of the SHA-256 of `manifest.json`."""

MAGIC = b"PQ"
VERSION = 1

LEAST_DIVIDER = 8
MOST_DIVIDER = 1 << 16
MOST_ERROR = 0.02
"""Of the bit time: a receiver samples the last bit of a byte 9.5 bit times after it began."""

BUFFERS = tuple(1 << exponent for exponent in range(6, 13))
STORAGES = ("bram", "spram")


class Kind(enum.IntEnum):
    """What a request asks for. Those below ECHO need no session, and begin none but OPEN."""
    INFO = 0
    OPEN = 1
    ECHO = 4
    ROWS = 5
    LOAD = 6
    LOAD_END = 7


class Code(enum.IntEnum):
    """How a request was answered."""
    OK = 0
    REFUSED = 1
    DAMAGED = 2
    CLOSED = 3
    SEQUENCE = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """The board's side of the link.

    Parameters
    ----------
    clock_hz:
        Clock of the design, in Hz.
    baud:
        Bits per second on the line: 8 data bits, no parity, one stop bit.
    buffer_bytes:
        Memory for a request, and as much for results; a power of two from 64 to 4096.
    storage:
        What both stand in: ``bram``, or ``spram``, where the part has memories with a single port.

    Raises
    ------
    SpecError
        If the clock cannot be divided to the baud rate within 2 %, or a value is out of range.
    """
    clock_hz: int
    baud: int = 1_000_000
    buffer_bytes: int = 512
    storage: str = "bram"

    def __post_init__(self) -> None:
        if self.baud < 1:
            raise SpecError(f"baud must be at least 1, but is {self.baud}.")
        if self.buffer_bytes not in BUFFERS:
            raise SpecError("buffer_bytes must be a power of two from 64 to 4096, but is "
                            f"{self.buffer_bytes}.")
        if self.storage not in STORAGES:
            raise SpecError(f"storage must be {' or '.join(STORAGES)}, but is {self.storage}.")
        if not LEAST_DIVIDER <= self.divider <= MOST_DIVIDER:
            raise SpecError(f"baud must be from {-(-self.clock_hz // MOST_DIVIDER)} to "
                            f"{self.clock_hz // LEAST_DIVIDER} with a clock of "
                            f"{self.clock_hz / 1e6:g} MHz, but is {self.baud}.")
        error = abs(self.clock_hz / (self.divider * self.baud) - 1)
        if error > MOST_ERROR:
            raise SpecError(f"baud must divide the clock of {self.clock_hz / 1e6:g} MHz within "
                            f"2 %, but {self.baud} misses it by {100 * error:.1f} %.")

    @property
    def divider(self) -> int:
        """Clock cycles of a bit."""
        return round(self.clock_hz / self.baud)

    @property
    def most_payload(self) -> int:
        """Bytes of a request's payload, at most: its CRC is buffered too."""
        return self.buffer_bytes - CHECK_BYTES
