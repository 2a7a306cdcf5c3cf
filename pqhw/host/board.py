"""Rows through a board: parameters loaded, rows sent, results gathered, again after a power cycle.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ..spec import LoadError
from ..spec.design import Design
from ..spec.link import Code, Kind
from .client import Client, SessionLost
from .packing import pack_rows, results_per_row, unpack_results
from .ports import LinkError

__all__ = ["BoardRun", "Progress", "run_rows", "test_link"]

Progress = Callable[[str, int, int], None]
"""Told what is done, and how many bytes or rows of how many."""

FRUITLESS = 5
"""Sessions without a single result after which a board is given up."""

PATIENCE = 1.0
"""Seconds without progress after which a board is given up, on top of what rows take."""

WAITING_ROWS = 64
"""Rows whose time may pass before one leaves: what the pipeline holds, and more."""


@dataclasses.dataclass(frozen=True, eq=False)
class BoardRun:
    """Rows out of a board.

    Members
    -------
    results: [R, N] integers
    seconds: from the first row sent to the last result, on the port's clock
    load_seconds: what opening and loading took, the last time
    sessions: how often parameters were loaded; more than one after power cycles
    """
    results: np.ndarray
    seconds: float
    load_seconds: float
    sessions: int

    @property
    def rows_per_second(self) -> float:
        """Rows per second over the line."""
        return len(self.results) / self.seconds if self.seconds else 0.0


def run_rows(client: Client, design: Design, image: bytes, rows: np.ndarray, *,
             precisions: np.ndarray | None = None, identity: bytes | None = None,
             progress: Progress = lambda what, done, total: None) -> BoardRun:
    """Load the parameters, send rows [R, D], and give back their results.

    A board that loses its session is loaded again and goes on behind the last whole result.

    Parameters
    ----------
    image:
        The parameter image; empty where all parameters are constants.
    identity:
        What the board must say that it is.

    Raises
    ------
    LinkError
        If the board does not answer, is of another design, refuses the parameters, stands still,
        or loses its session again and again.
    """
    check_identity(client, identity)
    size = results_per_row(design)
    done, fruitless, sessions = bytearray(), 0, 0
    begun: float | None = None
    load_seconds = 0.0
    while len(done) < len(rows) * size:
        kept = len(done) // size
        del done[kept * size:]
        try:
            sessions += 1
            started = client.port.now()
            client.open()
            if sessions > 1:
                check_identity(client, identity)
            _load(client, image, progress)
            load_seconds = client.port.now() - started
            begun = client.port.now() if begun is None else begun
            own = None if precisions is None else precisions[kept:]
            _stream(client, design, pack_rows(design, rows[kept:], own), len(rows) * size, done,
                    lambda: progress("rows", len(done) // size, len(rows)))
        except SessionLost:
            fruitless = 0 if len(done) // size > kept else fruitless + 1
            if fruitless == FRUITLESS:
                raise LinkError("the board loses its session again and again; is its power "
                                "steady?") from None
    seconds = 0.0 if begun is None else client.port.now() - begun
    return BoardRun(unpack_results(design, bytes(done)), seconds, load_seconds, sessions)


def check_identity(client: Client, wanted: bytes | None) -> None:
    """Raise `LinkError` unless the board says that it is what is wanted."""
    found = client.identity()
    if wanted is not None and found != wanted:
        raise LinkError(f"the board holds another design, {found[4:].hex()} instead of "
                        f"{wanted[4:].hex()}; load this design's bitstream.")


class _Watch:
    """Raises `LinkError` where nothing has moved for so many seconds."""

    def __init__(self, client: Client, seconds: float):
        self.port, self.seconds = client.port, seconds
        self.moved = client.port.now()

    def see(self, moves: bool, what: str) -> None:
        """Note that something moved, or that still nothing has."""
        if moves:
            self.moved = self.port.now()
        elif self.port.now() - self.moved > self.seconds:
            raise LinkError(what)


def _load(client: Client, image: bytes, progress: Progress) -> None:
    """Send the parameter image and see that it is taken."""
    size = client.link.most_payload
    at, watch = 0, _Watch(client, PATIENCE)
    response = client.send(Kind.LOAD)
    while not response.error and (at < len(image) or response.busy or response.loading):
        part = b"" if response.busy else image[at:at + size]
        ends = part and at + len(part) == len(image)
        response = client.send(Kind.LOAD_END if ends else Kind.LOAD, part)
        taken = len(part) if response.code == Code.OK else 0
        at += taken
        watch.see(taken > 0, f"the board takes no parameters after {at} of {len(image)} bytes.")
        progress("parameters", at, len(image))
    if response.error or not response.ready:
        why = LoadError.NAMES[response.error] if response.error else "it does not say why"
        raise LinkError(f"the board refused the parameter image: {why}.")


def _stream(client: Client, design: Design, data: bytes, wanted: int, done: bytearray,
            progress: Callable[[], None]) -> None:
    """Send rows and gather results until there are as many bytes as wanted."""
    size = client.link.most_payload
    slow = WAITING_ROWS * design.cycles_per_row / client.link.clock_hz
    at, busy, watch = 0, False, _Watch(client, PATIENCE + slow)
    while len(done) < wanted:
        part = b"" if busy else data[at:at + size]
        response = client.send(Kind.ROWS, part)
        taken = len(part) if response.code == Code.OK else 0
        at, busy = at + taken, response.busy
        done += response.payload
        watch.see(taken > 0 or response.payload != b"",
                  f"results stopped coming after {len(done)} of {wanted} bytes.")
        progress()
    if len(done) > wanted:
        raise LinkError(f"the board gave {len(done)} bytes of results instead of {wanted}.")


def test_link(client: Client, progress: Progress = lambda what, done, total: None) -> int:
    """Send patterns through both memories of the board and compare what comes back.

    All byte values, one bit at a time, alternating bits, and pseudo-random bytes, in payloads of
    every size class up to the largest. Returns the bytes that were compared.

    Raises `LinkError` at the first difference.
    """
    size = client.link.most_payload
    rng = np.random.default_rng(1)
    walking = bytes(1 << bit % 8 for bit in range(64))
    patterns = [bytes(range(256))[:size], walking[:size], b"\x7d\x7e" * (size // 2),
                b"\x55\xaa" * (size // 2), b"\x00" * size, b"\xff" * size, b"\x7e",
                *(rng.integers(0, 256, count, np.uint8).tobytes() for count in (2, size - 1, size))]
    client.open()
    total = sum(map(len, patterns))
    compared = 0
    for pattern in patterns:
        got = bytearray(client.send(Kind.ECHO, pattern).payload)
        until = client.port.now() + PATIENCE
        while len(got) < len(pattern) and client.port.now() < until:
            got += client.send(Kind.ECHO).payload
        if bytes(got) != pattern:
            raise LinkError(f"the board gave back other bytes than it was sent, after {compared} "
                            "that were right.")
        compared += len(pattern)
        progress("link", compared, total)
    return compared
