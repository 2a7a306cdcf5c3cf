"""Requests to a board, each repeated until it is answered."""

import dataclasses

from ..spec.link import IDENTITY_BYTES, MAGIC, VERSION, Code, Kind, LinkSpec
from .frames import FrameDecoder, encode_frame
from .ports import LinkError, Port

__all__ = ["Client", "Response", "SessionLost"]

ATTEMPTS = 40
"""How often a request is sent before the board is given up."""

RESPONSE_HEADER = 3
OVERHEAD = 12
"""Bytes of a response around its payload, and a few more."""


class SessionLost(LinkError):
    """The board has lost what it was told, as after a power cycle."""

    def __init__(self) -> None:
        super().__init__("the board has lost its session, as after a power cycle; try again.")


@dataclasses.dataclass(frozen=True)
class Response:
    """What the board answered.

    Members
    -------
    code: how the request was answered
    busy, ready, loading: a payload is not yet taken; parameters are in use; an image is being taken
    error, section: a `LoadError` and the section of the image it was found in
    payload: results, or what was asked for
    """
    code: Code
    busy: bool
    ready: bool
    loading: bool
    error: int
    section: int
    payload: bytes


@dataclasses.dataclass
class Counts:
    """What happened on the line.

    Members
    -------
    requests: requests that were answered
    repeated: times that one was sent again
    damaged: responses with a wrong CRC, and requests that the board found damaged
    """
    requests: int = 0
    repeated: int = 0
    damaged: int = 0


class Client:
    """The host's side of the link.

    Whatever is lost, added or changed on the line, every request of a session is carried out
    exactly once, or `SessionLost` or `LinkError` is raised.

    Parameters
    ----------
    port:
        The line.
    link:
        Its speed, and the board's buffers.
    """

    def __init__(self, port: Port, link: LinkSpec):
        self.port = port
        self.link = link
        self.counts = Counts()
        self._decoder = FrameDecoder()
        self._number = 0

    def identity(self) -> bytes:
        """The 16 bytes that name the bitstream; leaves a session alone."""
        payload = self._exchange(0x5A, Kind.INFO, b"").payload
        if len(payload) != IDENTITY_BYTES or payload[:2] != MAGIC:
            raise LinkError("what answers is no pqhw board; is this the right port?")
        if payload[2] != VERSION:
            raise LinkError(f"the board speaks version {payload[2]} of the protocol, but this "
                            f"program version {VERSION}; build its bitstream again.")
        return payload

    def open(self) -> Response:
        """Begin a session: the accelerator is reset, and its parameters are forgotten."""
        self._number = (self._number + 1) % 256
        return self._exchange(self._number, Kind.OPEN, b"")

    def send(self, kind: Kind, payload: bytes = b"") -> Response:
        """Send a payload, or none to ask for results; it was not taken if the code is REFUSED.

        Raises `SessionLost` if the board does not know of the session any more.
        """
        if len(payload) > self.link.most_payload:
            raise ValueError(f"payload must be at most {self.link.most_payload} bytes, but is "
                             f"{len(payload)}.")
        self._number = (self._number + 1) % 256
        return self._exchange(self._number, kind, payload)

    def _exchange(self, number: int, kind: Kind, payload: bytes) -> Response:
        frame = encode_frame(bytes([number, kind]) + payload)
        for attempt in range(ATTEMPTS):
            self.counts.repeated += attempt > 0
            self.port.write(frame)
            response = self._await(number, kind, frame)
            if response is not None:
                self.counts.requests += 1
                return response
        raise LinkError(f"the board does not answer; is it the right port, at {self.link.baud} "
                        "baud, and was the bitstream loaded?")

    def _await(self, number: int, kind: Kind, frame: bytes) -> Response | None:
        """The answer to a request, or None if it is to be sent again.

        A request is given up when nothing has come for a while, or when a response cannot take so
        long. After a request was found damaged there is some time for the answer to one that
        follows it on the line.
        """
        begun = self.port.now()
        sends = self._seconds(len(frame))
        quiet = sends + self.port.latency
        limit = begun + quiet + self._seconds(2 * (self.link.buffer_bytes + OVERHEAD))
        until = begun + quiet
        while (rest := min(until, limit) - self.port.now()) > 0:
            data = self.port.read(rest)
            if data:
                until = max(until, self.port.now() + self.port.latency)
            damaged = self._decoder.damaged
            for content in self._decoder.feed(data):
                response = _response(content)
                if response is None:
                    continue
                if response.code == Code.DAMAGED:
                    self.counts.damaged += 1
                    limit = min(limit, self.port.now() + sends + self._seconds(2 * OVERHEAD))
                elif kind >= Kind.ECHO and response.code in (Code.CLOSED, Code.SEQUENCE):
                    raise SessionLost()
                elif content[0] == number and response.code in (Code.OK, Code.REFUSED):
                    return response
            self.counts.damaged += self._decoder.damaged - damaged
        return None

    def _seconds(self, count: int) -> float:
        """What bytes take on the line."""
        return 10 * count / self.link.baud


def _response(content: bytes) -> Response | None:
    """A frame's content as a response; None if it cannot be one."""
    if len(content) < RESPONSE_HEADER or content[1] & 7 not in set(Code):
        return None
    state, found = content[1:RESPONSE_HEADER]
    return Response(Code(state & 7), bool(state & 8), bool(state & 16), bool(state & 32),
                    found & 15, found >> 4, content[RESPONSE_HEADER:])
