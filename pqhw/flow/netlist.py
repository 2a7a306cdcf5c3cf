"""Passes over Yosys's JSON netlist between synthesis and routing."""

from collections import Counter
from typing import Any

__all__ = ["trim_carry_chains"]

IGNORES_CARRY_IN = (0x0000, 0x0008)
"""INIT0 of a CCU2C whose first half starts a carry of its own (with C0 = 0 and D0 = 1)."""


def trim_carry_chains(netlist: dict[str, Any], top: str) -> int:
    """Cut what Yosys ties to the ends of ECP5 carry chains; returns the number of cuts.

    nextpnr spends a slice on every carry that enters a chain from outside or leaves it. A COUT
    that nothing reads does not leave, and a constant CIN that the first half ignores does not
    enter; without a net on these ports no slice is spent. The function stays the same.
    """
    module = netlist["modules"][top]
    readers: Counter[Any] = Counter()
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                readers.update(bits)
    for port in module["ports"].values():
        readers.update(port["bits"])
    cuts = 0
    for cell in module["cells"].values():
        if cell["type"] != "CCU2C":
            continue
        connections = cell["connections"]
        carry_out = connections["COUT"]
        if isinstance(carry_out[0], int) and not readers[carry_out[0]]:
            connections["COUT"] = ["x"]
            cuts += 1
        starts = int(cell["parameters"]["INIT0"], 2) in IGNORES_CARRY_IN
        if starts and connections["CIN"] in (["0"], ["1"]):
            connections["CIN"] = ["x"]
            cuts += 1
    return cuts
