"""From a board's sources to a bitstream whose timing is met."""

import collections
import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from boards.board import Board, Pin
from boards.clocks import Clock, clock_below
from boards.files import TOP_MODULE, constraints, top_verilog
from boards.top import BOARD, board_verilog

from ..emit.design import TOP
from ..rtl import TARGETS
from ..spec.design import Design
from ..spec.devices import Device
from ..spec.fields import SpecError
from ..spec.link import LinkSpec
from .cache import Cache
from .routing import chosen_placer, placer_arguments
from .synthesis import synthesize
from .tools import ToolError, run_tool, tool_version

__all__ = ["Bitstream", "make_bitstream", "route_board"]

FIRST_GUESS = {"ecp5": 50e6, "ice40": 18e6, "gowin": 27e6}
"""The clock, in Hz, of the first run where the clock is chosen: most small designs reach it."""

MARGIN = 0.97
"""Of the clock that a run reached: the next run is another netlist."""

CLOSE = 1.05
"""A clock is good enough if the next run would be no more than so much faster, or if the run
before did not hold its own."""

RUNS = 5
"""Runs after which no clock was found that is held."""

FULL = 0.9
"""Share of a device from which on a design that is not routed is told what it takes."""

CELLS = {
    "LUT4": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6, "SB_LUT4": 1, "LUT1": 1, "LUT2": 1,
             "LUT3": 1, "ALU": 1},
    "block RAMs": {"DP16KD": 1, "SB_RAM40_4K": 1, "DPX9B": 1, "SDPX9B": 1, "SDPB": 1, "DPB": 1},
    "DSP blocks": {"MULT18X18D": 1, "SB_MAC16": 1}}
"""What cells take, by type."""

SUFFIXES = {"ecp5": "bit", "ice40": "bin", "gowin": "fs"}


@dataclasses.dataclass(frozen=True)
class Bitstream:
    """A routed design.

    Members
    -------
    file: the bitstream
    clock_hz: the clock it runs at
    reached_mhz: the clock that routing reached
    used: units used by kind, as nextpnr names them
    sources: the files that it was made of, by name
    """
    file: Path
    clock_hz: int
    reached_mhz: float
    seed: int
    used: dict[str, int]
    sources: dict[str, str]

    @property
    def holds(self) -> bool:
        """Whether the clock is reached."""
        return self.reached_mhz * 1e6 >= self.clock_hz


def make_bitstream(cache: Cache, design: Design, board: Board, identity: bytes, *,
                   freq_mhz: float | None = None, baud: int = 1_000_000,
                   seeds: Sequence[int] = (1,), toolchain: str = "yowasp", timeout: float = 3600,
                   progress: Callable[[str], None] = lambda step: None) -> Bitstream:
    """Synthesize, route and pack a design for a board.

    Parameters
    ----------
    design:
        Resolved for the board's part, and bound to its constants.
    identity:
        What the board says that it is.
    freq_mhz:
        The clock, or the fastest that the PLL makes below it. Where left out, runs are repeated
        until a clock is found that is held and close to what was reached.
    seeds:
        Placements that are tried in turn until the clock is held.

    Raises
    ------
    ToolError
        If a tool fails, or no seed holds the clock; the message says which clock holds.
    SpecError
        If the PLL makes no such clock, or the baud rate does not divide it.
    """
    maker = _Maker(cache, design, board, identity, baud, toolchain, timeout, progress)
    if freq_mhz is not None:
        clock = maker.clock_below(freq_mhz * 1e6)
        tried = []
        for seed in seeds:
            tried.append(maker.run(clock, seed))
            if tried[-1].holds:
                return tried[-1]
        best = max(one.reached_mhz for one in tried)
        raise ToolError(
            f"timing is not met: the design reaches {best:.4g} MHz on {board.title}, but "
            f"{clock.hz / 1e6:.4g} MHz was asked for; use --freq {0.99 * best:.3g}, or other "
            f"--seeds than {', '.join(map(str, seeds))}.")
    clock, fell = maker.clock_below(FIRST_GUESS[board.part.family]), False
    for _ in range(RUNS):
        made = maker.run(clock, seeds[0])
        following = maker.clock_below(MARGIN * made.reached_mhz * 1e6)
        if made.holds and (fell or following.hz <= CLOSE * clock.hz):
            return made
        clock, fell = following, fell or not made.holds
    raise ToolError(f"no clock was found that is held: the last run reached {made.reached_mhz:.4g} "
                    "MHz; use --freq.")


@dataclasses.dataclass(frozen=True)
class _Maker:
    """One run after another on the same board."""
    cache: Cache
    design: Design
    board: Board
    identity: bytes
    baud: int
    toolchain: str
    timeout: float
    progress: Callable[[str], None]

    @functools.cached_property
    def _pins(self) -> tuple[int, list[Pin]]:
        return self.board.pins()

    def clock_below(self, limit_hz: float) -> Clock:
        """The fastest clock of at most `limit_hz` that the baud rate divides."""
        clock = clock_below(self.board.pll, self._pins[0], limit_hz, self._divides)
        if clock is None:
            raise SpecError(f"--freq must be a clock that the PLL of {self.board.title} makes and "
                            f"that {self.baud} baud divide, but is at most {limit_hz / 1e6:.4g}.")
        return clock

    def _link(self, hz: int) -> LinkSpec:
        return LinkSpec(clock_hz=hz, baud=self.baud, buffer_bytes=self.board.buffer_bytes,
                        storage=self.board.buffers)

    def _divides(self, hz: int) -> bool:
        try:
            self._link(hz)
        except SpecError:
            return False
        return True

    def run(self, clock: Clock, seed: int) -> Bitstream:
        """Synthesize, route and pack at a clock."""
        self.progress(f"{clock.hz / 1e6:.4g} MHz, seed {seed}")
        part = self.board.part
        target = part.family if part.family in TARGETS else "generic"
        verilog = board_verilog(self.design, self._link(clock.hz), self.identity, target=target)
        pins_file, pins_text = constraints(self.board, self._pins[1])
        sources = {f"{TOP}.v": verilog.accelerator, f"{BOARD}.v": verilog.link,
                   f"{TOP_MODULE}.v": top_verilog(self.board, clock, self._pins[1]),
                   pins_file: pins_text}
        text = "".join(source for name, source in sources.items() if name.endswith(".v"))
        tools: dict[str, Any] = {"toolchain": self.toolchain, "timeout": self.timeout}
        netlist = synthesize(self.cache, text, part, module=TOP, top=TOP_MODULE, **tools)
        try:
            folder = route_board(self.cache, netlist, part, seed, pins_file, pins_text,
                                 packing=self.board.packing, **tools)
        except ToolError as error:
            raise ToolError(f"{error}{_crowding(netlist, self.board)}") from None
        report = json.loads((folder / "report.json").read_text())
        reached = min((one["achieved"] for one in report["fmax"].values()), default=0.0)
        used = {kind: entry["used"] for kind, entry in report["utilization"].items()}
        return Bitstream(folder / f"top.{SUFFIXES[part.family]}", clock.hz, reached, seed, used,
                         sources)


def _crowding(netlist: Path, board: Board) -> str:
    """What to know of a design that does not route, where it all but fills the device."""
    cells = json.loads((netlist / "netlist.json").read_text())["modules"][TOP_MODULE]["cells"]
    counts = collections.Counter(own["type"] for own in cells.values())
    part, told = board.part, []
    for kind, most in (("LUT4", part.luts), ("block RAMs", part.brams), ("DSP blocks", part.dsps)):
        taken = sum(count * counts[name] for name, count in CELLS[kind].items())
        if taken > FULL * most:
            told.append(f"{taken} {kind} of {most}")
    if not told:
        return ""
    return (f" With its serial link the design takes {', '.join(told)} of {board.title}; fold it "
            "to fewer lanes, or give pqhw build the network itself, which leaves room for the "
            "link.")


def _steps(part: Device, seed: int, pins_file: str, packing: Sequence[str], placer: str
           ) -> list[tuple[str, list[str]]]:
    """The tools that make a bitstream of `netlist.json`, with their arguments."""
    common = ["--json", "netlist.json", "--report", "report.json", "--seed", str(seed), "--freq",
              str(part.clock_mhz), "--timing-allow-fail", "-q", "-l", "routing.log"]
    match part.family:
        case "ecp5":
            return [("nextpnr-ecp5", [f"--{part.option}", "--package", part.package, "--speed",
                                      str(part.speed), "--lpf", pins_file, "--textcfg",
                                      "top.config", *placer_arguments(placer), *common]),
                    ("ecppack", [*packing, "--input", "top.config", "--bit", "top.bit"])]
        case "ice40":
            return [("nextpnr-ice40", [f"--{part.option}", "--package", part.package, "--pcf",
                                       pins_file, "--asc", "top.asc", *common]),
                    ("icepack", [*packing, "top.asc", "top.bin"])]
    return [("nextpnr-gowin", ["--device", part.option, "--vopt", f"family={part.package}",
                               "--vopt", f"cst={pins_file}", "--write", "routed.json", *common]),
            ("gowin_pack", ["-d", part.package, *packing, "-o", "top.fs", "routed.json"])]


def route_board(cache: Cache, netlist: Path, part: Device, seed: int, pins_file: str,
                pins_text: str, *, packing: Sequence[str], toolchain: str = "yowasp",
                timeout: float = 3600) -> Path:
    """The run folder with the bitstream, `report.json` and `routing.log` of a netlist.

    Raises `ToolError` if a tool is missing, fails or takes too long.
    """
    placer = chosen_placer(part, netlist, "auto")
    steps = _steps(part, seed, pins_file, packing, placer)
    inputs = {"synthesis": netlist.name, "pins": pins_text, "steps": steps,
              "versions": [tool_version(tool, toolchain) for tool, _ in steps]}

    def make(folder: Path) -> None:
        copy = folder / "netlist.json"
        copy.write_bytes((netlist / "netlist.json").read_bytes())
        (folder / pins_file).write_text(pins_text)
        for tool, arguments in steps:
            run_tool(tool, arguments, folder, toolchain=toolchain, timeout=timeout)
        for name in ("netlist.json", "top.config", "top.asc", "routed.json"):
            (folder / name).unlink(missing_ok=True)

    return cache.get("bitstream", inputs, make)
