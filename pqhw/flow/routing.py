"""nextpnr: from a netlist to routed area and Fmax, read from its JSON report."""

import dataclasses
import json
from pathlib import Path

from ..spec.devices import Device
from .cache import Cache
from .placement import write_placement
from .synthesis import netlist_size
from .tools import ToolError, run_tool, tool_version

__all__ = ["PLACEMENT", "PLACERS", "RoutedSeed", "chosen_placer", "placer_arguments", "route",
           "routing_arguments"]

PLACEMENT = "placement.json"
"""File of `write_placement` in a run's folder."""

PLACERS = ("auto", "heap", "heap-router2", "static")
"""How `nextpnr` places and routes: HeAP and then router1, HeAP and then router2, or, on ECP5,
electrostatics and then router2."""

CLOCK_PINS = {"lfe5u-25f": "G2"}
"""Pins with a way of their own to the clock's network, for devices where placers choose others,
whose ways through the fabric a full device can block."""

LARGE = 60000
"""Cells of a netlist from which ``auto`` is ``static``."""


@dataclasses.dataclass(frozen=True)
class RoutedSeed:
    """One place-and-route run.

    Members
    -------
    fmax_mhz: achieved clock
    used: units used by kind, as nextpnr names them
    folder: where `report.json` and the log lie
    placer: one of `PLACERS`, but not auto
    """
    seed: int
    fmax_mhz: float
    used: dict[str, int]
    folder: Path
    placer: str = "heap"


def chosen_placer(part: Device, synthesis: Path, placer: str) -> str:
    """The placer that ``auto`` stands for: ``static`` for netlists of a large device.

    HeAP's clock is better up to half of an LFE5U-85F; beyond, its nets become so long that no
    router finds a way within hours.
    """
    if placer == "static" and part.family != "ecp5":
        raise ToolError("nextpnr's static placer is for LFE5U devices; use --placer heap.")
    if placer != "auto":
        return placer
    large = part.family == "ecp5" and netlist_size(synthesis)["cells"] > LARGE
    return "static" if large else "heap"


def routing_arguments(part: Device, seed: int, placer: str) -> list[str]:
    """The command line of nextpnr; a `clock.lpf` that it names is for the caller to write."""
    arguments = [f"--{part.option}", "--package", part.package, "--json", "netlist.json",
                 "--report", "report.json", "--seed", str(seed), "--freq", str(part.clock_mhz),
                 "--timing-allow-fail", "-q", "-l", "routing.log"]
    if part.family == "ecp5":
        arguments += ["--speed", str(part.speed), "--lpf-allow-unconstrained"]
    if placer != "heap" and part.name in CLOCK_PINS:
        arguments += ["--lpf", "clock.lpf"]
    return [*arguments, *placer_arguments(placer)]


def placer_arguments(placer: str) -> list[str]:
    """What nextpnr is told of a placer, and of the router that goes with it."""
    return {"heap-router2": ["--router", "router2"],
            "static": ["--placer", "static", "--router", "router2"]}.get(placer, [])


def route(cache: Cache, synthesis: Path, part: Device, seed: int, *, toolchain: str = "yowasp",
          timeout: float = 3600, placer: str = "auto", places: bool = False) -> RoutedSeed:
    """Place and route a synthesized netlist with one seed.

    With `places`, `placement.json` in the folder keeps where every cell stands.

    `placer` is one of `PLACERS`.
    Raises `ToolError` if the design does not fit, does not route or takes too long.
    """
    tool = f"nextpnr-{part.family}"
    placer = chosen_placer(part, synthesis, placer)
    arguments = routing_arguments(part, seed, placer)
    if places:
        arguments += ["--write", "routed.json"]
    inputs = {"synthesis": synthesis.name, "arguments": arguments,
              "version": tool_version(tool, toolchain)}

    def make(folder: Path) -> None:
        netlist = folder / "netlist.json"
        netlist.write_bytes((synthesis / "netlist.json").read_bytes())
        if "clock.lpf" in arguments:
            pin = CLOCK_PINS[part.name]
            (folder / "clock.lpf").write_text(f'LOCATE COMP "clk" SITE "{pin}";\n')
        try:
            run_tool(tool, arguments, folder, toolchain=toolchain, timeout=timeout)
        finally:
            netlist.unlink()
        if not (folder / "report.json").exists():
            raise ToolError(f"{tool} wrote no report.")
        if places:
            write_placement(folder / "routed.json", folder / PLACEMENT)
            (folder / "routed.json").unlink()

    folder = cache.get("routing", inputs, make)
    report = json.loads((folder / "report.json").read_text())
    clocks = [clock["achieved"] for clock in report["fmax"].values()]
    if len(clocks) != 1:
        raise ToolError(f"{tool} reports {len(clocks)} clocks instead of one.")
    used = {kind: entry["used"] for kind, entry in report["utilization"].items()}
    return RoutedSeed(seed, clocks[0], used, folder, placer)
