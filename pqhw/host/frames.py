"""Frames as bytes of the line, and back (format: `pqhw.spec.link`)."""

import zlib

from ..spec.link import CHECK_BYTES, ESCAPE, FLAG, FLIP

__all__ = ["FrameDecoder", "encode_frame"]

MOST_BYTES = 1 << 15
"""More bytes without a flag than any frame has."""

ESCAPED = {byte: bytes([ESCAPE, byte ^ FLIP]) for byte in (FLAG, ESCAPE)}


def encode_frame(content: bytes) -> bytes:
    """A frame with its CRC, a flag at both ends."""
    checked = content + zlib.crc32(content).to_bytes(CHECK_BYTES, "little")
    stuffed = b"".join(ESCAPED.get(byte, bytes([byte])) for byte in checked)
    return bytes([FLAG]) + stuffed + bytes([FLAG])


class FrameDecoder:
    """Finds frames among the bytes of a line.

    Members
    -------
    damaged: frames that were dropped, as their CRC was wrong or they were too short
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The contents of the frames that end within these bytes."""
        if len(self._rest) > MOST_BYTES:
            self._rest.clear()
        self._rest += data
        *ended, self._rest = self._rest.split(bytes([FLAG]))
        return [content for frame in ended if frame
                and (content := self._content(bytes(frame))) is not None]

    def _content(self, frame: bytes) -> bytes | None:
        plain, escaped = bytearray(), False
        for byte in frame:
            if byte == ESCAPE:
                escaped = True
                continue
            plain.append(byte ^ FLIP if escaped else byte)
            escaped = False
        content, check = bytes(plain[:-CHECK_BYTES]), bytes(plain[-CHECK_BYTES:])
        if escaped or len(check) < CHECK_BYTES or (
                zlib.crc32(content).to_bytes(CHECK_BYTES, "little") != check):
            self.damaged += 1
            return None
        return content
