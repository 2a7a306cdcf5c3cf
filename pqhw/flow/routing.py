"""nextpnr: from a netlist to routed area and Fmax, read from its JSON report."""

import dataclasses
import json
from pathlib import Path

from ..spec.devices import Device
from .cache import Cache
from .tools import ToolError, run_tool, tool_version

__all__ = ["RoutedSeed", "route"]


@dataclasses.dataclass(frozen=True)
class RoutedSeed:
    """One place-and-route run.

    Members
    -------
    fmax_mhz: achieved clock
    used: units used by kind, as nextpnr names them
    folder: where `report.json` and the log lie
    """
    seed: int
    fmax_mhz: float
    used: dict[str, int]
    folder: Path


def _arguments(part: Device, seed: int) -> list[str]:
    arguments = [f"--{part.option}", "--package", part.package, "--json", "netlist.json",
                 "--report", "report.json", "--seed", str(seed), "--freq", str(part.clock_mhz),
                 "--timing-allow-fail", "-q", "-l", "routing.log"]
    if part.family == "ecp5":
        arguments += ["--speed", str(part.speed), "--lpf-allow-unconstrained"]
    return arguments


def route(cache: Cache, synthesis: Path, part: Device, seed: int, *, toolchain: str = "yowasp",
          timeout: float = 3600) -> RoutedSeed:
    """Place and route a synthesized netlist with one seed.

    Raises `ToolError` if the design does not fit, does not route or takes too long.
    """
    tool = f"nextpnr-{part.family}"
    arguments = _arguments(part, seed)
    inputs = {"synthesis": synthesis.name, "arguments": arguments,
              "version": tool_version(tool, toolchain)}

    def make(folder: Path) -> None:
        netlist = folder / "netlist.json"
        netlist.write_bytes((synthesis / "netlist.json").read_bytes())
        try:
            run_tool(tool, arguments, folder, toolchain=toolchain, timeout=timeout)
        finally:
            netlist.unlink()
        if not (folder / "report.json").exists():
            raise ToolError(f"{tool} wrote no report.")

    folder = cache.get("routing", inputs, make)
    report = json.loads((folder / "report.json").read_text())
    clocks = [clock["achieved"] for clock in report["fmax"].values()]
    if len(clocks) != 1:
        raise ToolError(f"{tool} reports {len(clocks)} clocks instead of one.")
    used = {kind: entry["used"] for kind, entry in report["utilization"].items()}
    return RoutedSeed(seed, clocks[0], used, folder)
