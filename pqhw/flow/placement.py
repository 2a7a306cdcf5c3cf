"""Where the router put every cell, and which part of the hierarchy it came from."""

import dataclasses
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

__all__ = ["Placed", "read_placement", "write_placement"]

PLACE = re.compile(r"X(\d+)/Y(\d+)/")

ANONYMOUS = "$"
"""How names of cells begin that the packer made: ways into carry chains, constants, clocks."""


@dataclasses.dataclass(frozen=True)
class Placed:
    """A cell on the chip.

    Members
    -------
    name: its name, or, of a cell that the packer made, that of the cell it serves
    kind: type, as the router names it
    x, y: tile
    flip_flop: whether an iCE40 logic cell holds a flip-flop
    """
    name: str
    kind: str
    x: int
    y: int
    flip_flop: bool


def write_placement(routed: Path, path: Path) -> None:
    """Keep of nextpnr's routed netlist, which holds every wire, what `read_placement` gives."""
    modules = json.loads(routed.read_text(encoding="utf-8"), object_hook=_slim)["modules"]
    cells = max((module["cells"] for module in modules.values()), key=len)
    served = _served(cells)
    rows = []
    for name, cell in cells.items():
        place = PLACE.match(str(cell["attributes"].get("NEXTPNR_BEL", "")))
        if place is not None:
            flip_flop = int(str(cell["parameters"].get("DFF_ENABLE", "0")), 2)
            rows.append([served.get(name, name), cell["type"], int(place[1]), int(place[2]),
                         flip_flop])
    path.write_text(json.dumps(rows), encoding="utf-8")


def _slim(own: dict[str, Any]) -> dict[str, Any] | None:
    """Forget nets, each of which comes with its whole route, as soon as they are read."""
    return None if "hide_name" in own and "type" not in own else own


def read_placement(path: Path) -> list[Placed]:
    """All cells with a place."""
    return [Placed(name, kind, x, y, bool(flip_flop))
            for name, kind, x, y, flip_flop in json.loads(path.read_text(encoding="utf-8"))]


def _served(cells: dict[str, Any]) -> dict[str, str]:
    """For each cell that the packer made a named one on the net of theirs with the fewest cells,
    through others that it made, if need be."""
    nets: dict[int, list[str]] = defaultdict(list)
    for name, cell in cells.items():
        for bits in cell["connections"].values():
            for bit in bits:
                if isinstance(bit, int):
                    nets[bit].append(name)
    found: dict[str, str] = {}
    waiting = {name: [sorted(set(nets[bit]) - {name}) for bit in sorted({
        bit for bits in cells[name]["connections"].values() for bit in bits
        if isinstance(bit, int)})] for name in cells if name.startswith(ANONYMOUS)}
    sizes = sorted({len(others) for own in waiting.values() for others in own if others})
    level = 0
    while waiting and level < len(sizes):
        settled = {}
        for name, own in waiting.items():
            near = {found.get(other, other) for others in own if len(others) <= sizes[level]
                    for other in others}
            named = sorted(other for other in near if not other.startswith(ANONYMOUS))
            if named:
                settled[name] = named[0]
        found |= settled
        waiting = {name: own for name, own in waiting.items() if name not in settled}
        level = 0 if settled else level + 1
    return found
