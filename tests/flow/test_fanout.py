"""Copies of drivers with too many loads, on a netlist made by hand and on a synthesized one."""

import json
from collections import Counter

import pytest

from pqhw.flow.fanout import spread_fanout


LIMITS = {"LUT4": 10, "TRELLIS_FF": 10}


def cell(kind, **connections):
    return {"type": kind, "parameters": {}, "connections": {
        port: [bit] for port, bit in connections.items()}, "port_directions": {
        port: "output" if port in ("Z", "Q") else "input" for port in connections}}


def netlist(loads, driver="TRELLIS_FF"):
    """One driver of net 2 with so many loads, and a port on it."""
    output = {"TRELLIS_FF": "Q", "LUT4": "Z", "DP16KD": "Z"}[driver]
    cells = {"driver": cell(driver, A=3, **{output: 2})}
    cells |= {f"load{index}": cell("TRELLIS_FF", CE=2, Q=10 + index) for index in range(loads)}
    nets = {name: {"bits": [bit], "hide_name": 0, "attributes": {}}
            for name, bit in [("driven", 2), ("a", 3)]}
    nets |= {f"q{index}": {"bits": [10 + index], "hide_name": 0, "attributes": {}}
             for index in range(loads)}
    return {"modules": {"top": {"ports": {"o": {"direction": "output", "bits": [2]}},
                                "cells": cells, "netnames": nets}}}


def drivers(net):
    """By net, the cell that drives it."""
    return {bit: name for name, own in net["modules"]["top"]["cells"].items()
            for port, bits in own["connections"].items()
            if own["port_directions"][port] == "output" for bit in bits}


@pytest.mark.parametrize("kind", ["TRELLIS_FF", "LUT4"])
def test_loads_are_dealt_out_evenly_and_in_the_order_of_their_names(kind):
    net = netlist(25, kind)
    assert spread_fanout(net, "top", LIMITS)[kind] == 2
    cells, by_net = net["modules"]["top"]["cells"], drivers(net)
    groups = [by_net[cells[f"load{index}"]["connections"]["CE"][0]] for index in range(25)]
    assert groups == ["driver"] * 8 + ["driver_copy1"] * 8 + ["driver_copy2"] * 9
    assert cells["driver_copy1"]["connections"]["A"] == [3]
    assert net["modules"]["top"]["ports"]["o"]["bits"] == [2]


def test_drivers_with_few_loads_and_blocks_stay():
    for net in (netlist(10), netlist(25, "DP16KD")):
        before = json.dumps(net)
        assert spread_fanout(net, "top", LIMITS) == {"LUT4": 0, "TRELLIS_FF": 0}
        assert json.dumps(net) == before


def test_a_cell_that_takes_a_net_twice_keeps_both():
    net = netlist(12)
    net["modules"]["top"]["cells"]["load11"]["connections"]["DI"] = [2]
    net["modules"]["top"]["cells"]["load11"]["port_directions"]["DI"] = "input"
    assert spread_fanout(net, "top", {"TRELLIS_FF": 7})["TRELLIS_FF"] == 1
    loads = Counter(bit for own in net["modules"]["top"]["cells"].values()
                    for port, bits in own["connections"].items()
                    if own["port_directions"][port] == "input" for bit in bits)
    copy = net["modules"]["top"]["cells"]["driver_copy1"]["connections"]["Q"][0]
    assert loads[2] + loads[copy] == 13 and max(loads[2], loads[copy]) <= 7
