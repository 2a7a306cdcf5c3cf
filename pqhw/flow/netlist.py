"""Passes over Yosys's JSON netlist between synthesis and routing."""

from collections import Counter
from typing import Any

__all__ = ["trim_carry_chains"]

PROPAGATES = 0x0F00
"""Bits of INIT0 that let a carry pass the first half of a CCU2C (with C0 = 0 and D0 = 1); none is
set where the half starts a carry of its own."""


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
        starts = (not int(cell["parameters"]["INIT0"], 2) & PROPAGATES
                  and (connections["C0"], connections["D0"]) == (["0"], ["1"]))
        if starts and connections["CIN"] in (["0"], ["1"]):
            connections["CIN"] = ["x"]
            cuts += 1
    return cuts
