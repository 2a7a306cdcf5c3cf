"""Where bytes to and from a board pass: a serial port, or a simulated board."""

import time
from typing import Protocol

from ..sim.board import SimulatedBoard

__all__ = ["LinkError", "Port", "SerialPort", "SimulatedPort", "find_port"]


class LinkError(RuntimeError):
    """The board cannot be used; one sentence says why and what to do."""


class Port(Protocol):
    """A line to a board.

    Members
    -------
    latency: seconds that bytes may take on top of their bit times
    """
    latency: float

    def now(self) -> float:
        """Seconds on the port's own clock."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self, seconds: float) -> bytes:
        """What has come; waits so long for the first byte, and may come back with none."""

    def close(self) -> None:
        """Give the port back."""


class SerialPort:
    """A serial port of this machine, by pyserial.

    Raises `LinkError` if pyserial is missing or the port cannot be opened or is lost.
    """
    latency = 0.15
    """USB adapters gather bytes for 16 ms, and programs are interrupted."""

    def __init__(self, name: str, baud: int):
        try:
            import serial
        except ImportError:
            raise LinkError("pyserial is not installed; run: pip install 'pqhw[boards]'") from None
        self._failures = (serial.SerialException, OSError)
        try:
            self._port = serial.Serial(name, baud, timeout=0, write_timeout=10)
            self._port.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkError(f"{name} cannot be opened ({_reason(error)}).") from None

    def now(self) -> float:
        """Seconds on this machine's clock."""
        return time.monotonic()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._port.write(data)
        except self._failures as error:
            raise LinkError(f"{self._port.name} was lost ({_reason(error)}).") from None

    def read(self, seconds: float) -> bytes:
        """What has come; waits so long for the first byte."""
        try:
            self._port.timeout = seconds
            first = self._port.read(1)
            self._port.timeout = 0
            return bytes(first + self._port.read(1 << 14)) if first else b""
        except self._failures as error:
            raise LinkError(f"{self._port.name} was lost ({_reason(error)}).") from None

    def close(self) -> None:
        """Give the port back."""
        self._port.close()


class SimulatedPort:
    """A simulated board; time is what passes there."""
    latency = 0.0005

    def __init__(self, board: SimulatedBoard):
        self.board = board
        self._unsent = b""

    def now(self) -> float:
        """Seconds on the board's clock."""
        return self.board.cycle / self.board.clock_hz

    def write(self, data: bytes) -> None:
        """Bytes to be sent when the next are read."""
        self._unsent += data

    def read(self, seconds: float) -> bytes:
        """What the board gives within so many seconds behind the last byte that was sent."""
        unsent, self._unsent = self._unsent, b""
        return self.board.run(max(1, round(seconds * self.board.clock_hz)), unsent)

    def close(self) -> None:
        """Free the model."""
        self.board.close()


def find_port(usb_ids: tuple[tuple[int, int], ...], title: str) -> str:
    """The serial port of the one board that is plugged in; of two ports of an adapter the last.

    Raises `LinkError` where there is none, or which one is unclear.
    """
    try:
        from serial.tools import list_ports
    except ImportError:
        raise LinkError("pyserial is not installed; run: pip install 'pqhw[boards]'") from None
    found = [port for port in list_ports.comports() if (port.vid, port.pid) in usb_ids]
    places = sorted({port.location.split(":")[0] if port.location else port.device
                     for port in found})
    if len(places) != 1:
        which = ", ".join(port.device for port in found)
        raise LinkError(f"{title}: {'no board was' if not found else 'several boards were'} found"
                        f"{f' ({which})' if found else ''}; name its port with --port.")
    return str(max((port.device for port in found), key=lambda name: (len(name), name)))


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
