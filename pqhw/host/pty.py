"""A simulated board behind a pseudo-terminal, for any program that talks to a serial port."""

import os
import select
from collections.abc import Callable

from ..sim.board import SimulatedBoard
from .ports import LinkError

__all__ = ["serve"]

STEP = 20_000
"""Cycles that the board goes on between looks at the terminal."""

IDLE = 50
"""Steps without bytes after which the board is held still until some come."""


def serve(board: SimulatedBoard, tell: Callable[[str], None],
          ends: Callable[[], bool] = lambda: False) -> None:
    """Connect a board to a new pseudo-terminal until `ends` or an interrupt.

    Parameters
    ----------
    tell:
        Called with the terminal's name, as in /dev/pts/3.

    Raises `LinkError` where the system has no pseudo-terminals.
    """
    if os.name != "posix":
        raise LinkError("this system has no pseudo-terminals; leave out --serve.")
    import tty
    board_side, host_side = os.openpty()
    try:
        tty.setraw(host_side)
        tell(os.ttyname(host_side))
        still = 0
        while not ends():
            ready, _, _ = select.select([board_side], [], [], 0.05 if still >= IDLE else 0)
            data = os.read(board_side, 1024) if ready else b""
            if not data and still >= IDLE:
                continue
            given = board.run(STEP, data)
            still = 0 if data or given else still + 1
            while given:
                given = given[os.write(board_side, given):]
    finally:
        os.close(board_side)
        os.close(host_side)
