"""`pqhw run`: a design's folder, a port and images become results and a verdict."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from boards.catalog import BOARDS, SIMULATED

from ..emit.image import pack_image
from ..flow.cache import Cache
from ..golden import design_results
from ..sim.board import SimulatedBoard
from ..sim.stimulus import random_precisions, random_rows
from .board import BoardRun, Progress, check_identity, run_rows, test_link
from .client import Client
from .folder import BoardFolder
from .ports import LinkError, Port, SerialPort, SimulatedPort, find_port

__all__ = ["BoardReport", "connect", "run_board", "self_test", "simulated_board"]

SELF_TEST_ROWS = 64
SIMULATION = "in simulation"
"""What stands for the name of a simulated board's port."""


@dataclasses.dataclass(frozen=True, eq=False)
class BoardReport:
    """What a run on a board gave.

    Members
    -------
    run: results and times; None for a test of the link alone
    wrong: the first difference from what was expected, as text; empty where there is none, None
        where nothing was expected
    link_bytes: bytes of test patterns that came back right
    """
    folder: BoardFolder
    port: str
    run: BoardRun | None
    wrong: str | None
    client: Client
    link_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.wrong

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        made = {} if self.run is None else {
            "rows": len(self.run.results), "seconds": round(self.run.seconds, 6),
            "rows_per_second": round(self.run.rows_per_second, 3),
            "load_seconds": round(self.run.load_seconds, 6), "sessions": self.run.sessions}
        return {"document": "board run", "schema_version": 1, "ok": self.ok,
                "board": self.folder.board, "port": self.port, "verdict": self._verdict(), **made,
                "link_bytes": self.link_bytes, **dataclasses.asdict(self.client.counts),
                "clock_hz": self.folder.link.clock_hz,
                "accelerator_rows_per_second": self._alone()}

    def _alone(self) -> float:
        """Rows per second that the accelerator takes where no line holds it up."""
        return round(self.folder.link.clock_hz / self.folder.design.cycles_per_row, 1)

    def _verdict(self) -> str:
        if self.wrong is None:
            return "not compared"
        return self.wrong or "equal"

    def table(self) -> Table:
        """The same for people."""
        counts = self.client.counts
        where = self.port if self.port == SIMULATION else f"at {self.port}"
        table = Table(title=f"{self.folder.board} {where}", show_header=False)
        rows: list[tuple[str, str]] = []
        if self.link_bytes:
            rows.append(("link", f"{self.link_bytes} bytes came back right"))
        if self.run is not None:
            rows += [("rows", str(len(self.run.results))),
                     ("results", self._verdict()),
                     ("rows per second, over the line", f"{self.run.rows_per_second:,.1f}"),
                     ("rows per second, accelerator alone", f"{self._alone():,.1f}"),
                     ("parameters loaded in", f"{self.run.load_seconds:.3f} s"),
                     ("sessions", str(self.run.sessions))]
        rows.append(("requests", f"{counts.requests}, {counts.repeated} sent again, "
                                 f"{counts.damaged} frames damaged"))
        for name, value in rows:
            table.add_row(name, value)
        return table


def simulated_board(cache: Cache, folder: BoardFolder) -> SimulatedBoard:
    """The folder's Verilog as a compiled model."""
    return SimulatedBoard(cache, folder.verilog, clock_hz=folder.link.clock_hz,
                          baud=folder.link.baud)


def connect(cache: Cache, folder: BoardFolder, *, port: str | None = None,
            simulated: bool = False, latency: float | None = None) -> tuple[Port, str]:
    """The port of a folder's board, and its name.

    A named port is opened; a simulated board is compiled; otherwise the board is looked for among
    the serial ports of this machine.
    """
    if simulated or (folder.board == SIMULATED and port is None):
        return SimulatedPort(simulated_board(cache, folder)), SIMULATION
    if port is None:
        own = BOARDS[folder.board]
        if not own.usb_ids:
            raise LinkError(f"{own.title} has no serial adapter of its own; name one with --port.")
        port = find_port(own.usb_ids, own.title)
    serial = SerialPort(port, folder.link.baud)
    if latency is not None:
        serial.latency = latency
    return serial, port


def run_board(folder: BoardFolder, port: Port, name: str, rows: np.ndarray, *,
              precisions: np.ndarray | None = None, parameters: Path | None = None,
              expected: np.ndarray | None = None, golden: bool = False,
              progress: Progress = lambda what, done, total: None) -> BoardReport:
    """Run rows through a board.

    Parameters
    ----------
    parameters:
        File of parameters to load instead of those that the folder was built with.
    expected:
        Results [R, N] to compare with; with `golden` those of the integer model.
    """
    design = folder.design
    own = folder.parameters(parameters) if parameters is not None or golden else None
    image = folder.image if parameters is None or own is None else pack_image(design, own)
    if design.image.sections and not image:
        raise LinkError(f"{folder.path}: was built without --params; give them with --params.")
    client = Client(port, folder.link)
    run = run_rows(client, design, image, rows, precisions=precisions, identity=folder.identity,
                   progress=progress)
    if golden and own is not None:
        expected = design_results(design, own, rows, precisions)
    wrong = None if expected is None else _difference(expected, run.results)
    return BoardReport(folder, name, run, wrong, client)


def self_test(folder: BoardFolder, port: Port, name: str, *, parameters: Path | None = None,
              progress: Progress = lambda what, done, total: None) -> BoardReport:
    """Test patterns over the link, then random rows against the integer model.

    Rows are left out where the folder holds no parameters and none are given.
    """
    client = Client(port, folder.link)
    check_identity(client, folder.identity)
    compared = test_link(client, progress)
    if parameters is None and not (folder.path / "parameters.npz").exists():
        return BoardReport(folder, name, None, None, client, compared)
    own = folder.parameters(parameters)
    rows = random_rows(folder.design, own, SELF_TEST_ROWS, 1)
    report = run_board(folder, port, name, rows, parameters=parameters, golden=True,
                       precisions=random_precisions(folder.design, len(rows), 1),
                       progress=progress)
    return dataclasses.replace(report, link_bytes=compared)


def _difference(expected: np.ndarray, results: np.ndarray) -> str:
    """Where results differ first, as a sentence; empty where they agree."""
    if expected.shape != results.shape:
        return f"results have shape {results.shape} instead of {expected.shape}"
    wrong = np.argwhere(expected != results)
    if not len(wrong):
        return ""
    at = tuple(wrong[0].tolist())
    return (f"result {list(at)} is {results[at]} instead of {expected[at]}, "
            f"{len(np.unique(wrong[:, 0]))} of {len(results)} rows differ")
