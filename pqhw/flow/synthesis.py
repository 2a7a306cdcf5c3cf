"""Yosys: from Verilog to a netlist of the family's cells."""

import json
from pathlib import Path
from typing import Any

from ..spec.devices import Device
from .cache import Cache
from .fanout import spread_fanout
from .harness import HARNESS
from .netlist import trim_carry_chains
from .tools import run_tool, tool_version

__all__ = ["synthesize", "cell_counts", "netlist_size"]


def _script(part: Device, top: str, module: str) -> str:
    family = {"ecp5": "synth_ecp5", "ice40": "synth_ice40", "gowin": "synth_gowin"}[part.family]
    options = ""
    if part.family == "ice40":
        options = f" -device {'u' if part.dsps else 'hx'}{' -dsp' if part.dsps else ''}"
    if part.family == "gowin":  # It would put pads at the ports of a module that is kept.
        return "\n".join(["read_verilog design.v", f"{family} -top {top}",
                          "tee -q -o cells.json stat -json", "write_json netlist.json"])
    return "\n".join([
        "read_verilog design.v",
        f"setattr -mod -set keep_hierarchy 1 {module}",
        f"{family} -top {top}{options}",
        f"tee -q -o cells.json stat -json {module}",
        "setattr -mod -unset keep_hierarchy",
        "setattr -unset keep_hierarchy",
        "flatten",
        "clean",
        "write_json netlist.json",
    ])


def synthesize(cache: Cache, verilog: str, part: Device, *, module: str, top: str = HARNESS,
               toolchain: str = "yowasp", timeout: float = 3600) -> Path:
    """The run folder with `netlist.json`, `cells.json` and `synthesis.log`; on ECP5 `size.json`.

    Module `module` is mapped on its own; nothing is optimised across its border. On Gowin devices
    it is not, and `cells.json` counts the whole design.
    """
    script = _script(part, top, module)
    inputs = {"verilog": verilog, "script": script,
              "version": tool_version("yosys", toolchain), "passes": 5}

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog)
        (folder / "synth.ys").write_text(script)
        run_tool("yosys", ["-q", "-l", "synthesis.log", "-s", "synth.ys"], folder,
                 toolchain=toolchain, timeout=timeout)
        if part.family == "ecp5":
            path = folder / "netlist.json"
            netlist = json.loads(path.read_text())
            trim_carry_chains(netlist, top)
            copies = spread_fanout(netlist, top)
            path.write_text(json.dumps(netlist))
            cells = len(netlist["modules"][top]["cells"])
            (folder / "size.json").write_text(json.dumps({"cells": cells, "copies": copies}))

    return cache.get("synthesis", inputs, make)


def netlist_size(folder: Path) -> dict[str, Any]:
    """Cells of what goes to the router, and by type copies of drivers with many loads among them;
    nothing where no copies are made."""
    path = folder / "size.json"
    return json.loads(path.read_text()) if path.exists() else {"cells": 0, "copies": {}}


def cell_counts(folder: Path, module: str) -> dict[str, int]:
    """Cells by type of one module in a synthesis run, before the harness is flattened in."""
    text = (folder / "cells.json").read_text()
    modules = json.loads(text)["modules"]
    counts: dict[str, int] = modules["\\" + module]["num_cells_by_type"]
    return counts
