"""Copies of cells that drive too many others, in the netlist that goes to the router.

Neither Yosys nor nextpnr duplicates registers, as vendors' tools do. A pipeline's enable that
reaches thousands of flip-flops then sets the clock of a whole device: its one driver stands far
from most of them.
"""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MOST_LOADS", "spread_fanout"]

MOST_LOADS = {"LUT4": 192, "TRELLIS_FF": 64}
"""Loads that a driver keeps, about. Copies of LUT4 come first, and are fewer, as they load
flip-flops."""

OUTPUTS = {"LUT4": "Z", "TRELLIS_FF": "Q"}
"""Where a cell drives."""

Load = tuple[str, str, int]
"""A cell, one of its ports and a bit of that."""


def spread_fanout(netlist: dict[str, Any], top: str,
                  limits: Mapping[str, int] = MOST_LOADS) -> dict[str, int]:
    """Copy every LUT4 and flip-flop of `top` that drives more inputs than the limit of its type;
    returns how many copies were made, by type.

    A copy has the same inputs, so it always has the same value. Loads are dealt out in the order
    of their names: what belongs together in the hierarchy, and so on the chip, shares a copy.
    Expects a flattened ECP5 netlist in Yosys's JSON form, which is changed in place.
    """
    module = netlist["modules"][top]
    cells = module["cells"]
    free = 1 + max((bit for net in module["netnames"].values() for bit in net["bits"]
                    if isinstance(bit, int)), default=1)
    copies = dict.fromkeys(limits, 0)
    for kind, most in limits.items():
        output = OUTPUTS[kind]
        for _, loads in sorted(_loads(cells, most, kind, output).items()):
            (name, _, _), *taken = loads
            taken.sort(key=lambda load: _natural(load[0]))
            groups = -(-len(taken) // most)
            for group in range(1, groups):
                own = taken[group * len(taken) // groups:(group + 1) * len(taken) // groups]
                copy = f"{name}_copy{group}"
                cells[copy] = {**cells[name], "connections": {
                    **cells[name]["connections"], output: [free]}}
                module["netnames"][copy] = {"hide_name": 1, "bits": [free], "attributes": {}}
                for cell, port, place in own:
                    connections = cells[cell]["connections"]
                    connections[port] = [*connections[port][:place], free,
                                         *connections[port][place + 1:]]
                free += 1
                copies[kind] += 1
    return copies


def _loads(cells: dict[str, Any], most: int, kind: str, output: str) -> dict[int, list[Load]]:
    """By net, the driver of `kind` and then all loads, where those are more than `most`."""
    found: dict[int, list[Load]] = {
        bit: [(name, output, 0)] for name, cell in cells.items() if cell["type"] == kind
        for bit in cell["connections"].get(output, ()) if isinstance(bit, int)}
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                continue
            for place, bit in enumerate(bits):
                if bit in found:
                    found[bit].append((name, port, place))
    return {bit: loads for bit, loads in found.items() if len(loads) - 1 > most}


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts numbers in names by value."""
    return [(int(part), "") if part.isdigit() else (-1, part)
            for part in re.split(r"(\d+)", name)]
