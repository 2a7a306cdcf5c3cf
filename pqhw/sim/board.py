"""A simulated board: the top-level Verilog that a bitstream is made of, at its pins."""

import ctypes
from pathlib import Path

from ..flow.cache import Cache
from .cxxrtl import compile_library

__all__ = ["SimulatedBoard"]

BOARD_MODULE = "pqhw_board"
ROOM = 1 << 14


class SimulatedBoard:
    """A compiled model of a board with a serial port at its pins, bit by bit.

    Parameters
    ----------
    cache:
        Where compiled models lie.
    verilog:
        The accelerator's module and that of the board.
    clock_hz, baud:
        Clock of the design; bits per second that the port sends, which need not divide it.
    """

    def __init__(self, cache: Cache, verilog: str, *, clock_hz: int, baud: float):
        self.clock_hz = clock_hz
        path = compile_library(cache, verilog, "board.cc", {}, top=BOARD_MODULE)
        self._library = _open(path)
        self._board = self._library.pqhw_board_new(clock_hz / baud)
        self._given = ctypes.create_string_buffer(ROOM)

    @property
    def cycle(self) -> int:
        """Clock cycles since the board was made; power cycles take none."""
        return int(self._library.pqhw_board_cycle(self._board))

    @property
    def lights(self) -> int:
        """The lights as they are now."""
        return int(self._library.pqhw_board_lights(self._board))

    def power_cycle(self) -> None:
        """Lose everything that the board knows."""
        self._library.pqhw_board_reset(self._board)

    def run(self, cycles: int, data: bytes = b"") -> bytes:
        """Send bytes to the board and go on for so many cycles, or until it has answered."""
        count = self._library.pqhw_board_run(self._board, cycles, data, len(data), self._given,
                                             ROOM)
        return self._given.raw[:count]

    def close(self) -> None:
        """Free the model."""
        if self._board:
            self._library.pqhw_board_free(self._board)
        self._board = None


def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    handle = ctypes.c_void_p
    library.pqhw_board_new.argtypes, library.pqhw_board_new.restype = [ctypes.c_double], handle
    library.pqhw_board_free.argtypes, library.pqhw_board_free.restype = [handle], None
    library.pqhw_board_reset.argtypes, library.pqhw_board_reset.restype = [handle], None
    library.pqhw_board_cycle.argtypes = [handle]
    library.pqhw_board_cycle.restype = ctypes.c_uint64
    library.pqhw_board_lights.argtypes = [handle]
    library.pqhw_board_lights.restype = ctypes.c_uint32
    library.pqhw_board_run.argtypes = [handle, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t,
                                       ctypes.c_char_p, ctypes.c_size_t]
    library.pqhw_board_run.restype = ctypes.c_size_t
    return library
