"""Cuts at the ends of ECP5 carry chains, on netlists made by hand."""

import copy

import pytest

from pqhw.flow.netlist import trim_carry_chains

STARTS = "0000000000000000"
"""INIT0 of a half that ignores its carry."""

ADDS = "0110011010101010"
"""INIT0 of an adder's bit."""


def pair(carry_in, carry_out, init0=ADDS, c0="0", d0="1"):
    connections = {"CIN": [carry_in], "COUT": [carry_out], "A0": [10], "B0": [11], "C0": [c0],
                   "D0": [d0], "S0": [20]}
    return {"type": "CCU2C", "parameters": {"INIT0": init0, "INIT1": ADDS},
            "port_directions": {name: "output" if name in ("COUT", "S0") else "input"
                                for name in connections},
            "connections": connections}


def netlist(ports=(), **cells):
    return {"modules": {"top": {
        "ports": {f"p{bit}": {"direction": "output", "bits": [bit]} for bit in ports},
        "cells": cells}}}


def ends(net, cell):
    connections = net["modules"]["top"]["cells"][cell]["connections"]
    return connections["CIN"], connections["COUT"]


def test_both_ends_of_a_chain_are_cut_and_its_middle_is_not():
    net = netlist(low=pair("0", 2, init0=STARTS), middle=pair(2, 3), high=pair(3, 4))
    assert trim_carry_chains(net, "top") == 2
    assert ends(net, "low") == (["x"], [2])
    assert ends(net, "middle") == ([2], [3])
    assert ends(net, "high") == ([3], ["x"])


def test_cutting_again_finds_nothing():
    net = netlist(low=pair("0", 2, init0=STARTS), high=pair(2, 3))
    trim_carry_chains(net, "top")
    before = copy.deepcopy(net)
    assert trim_carry_chains(net, "top") == 0
    assert net == before


def test_a_carry_that_another_cell_reads_stays():
    reader = {"type": "LUT4", "parameters": {}, "port_directions": {"A": "input", "Z": "output"},
              "connections": {"A": [3], "Z": [30]}}
    net = netlist(high=pair(2, 3), reader=reader)
    assert trim_carry_chains(net, "top") == 0
    assert ends(net, "high") == ([2], [3])


def test_a_carry_that_leaves_the_module_stays():
    net = netlist(ports=[3], high=pair(2, 3))
    assert trim_carry_chains(net, "top") == 0
    assert ends(net, "high") == ([2], [3])


def test_a_carry_that_the_first_half_uses_stays():
    net = netlist(ports=[3], low=pair("1", 3, init0=ADDS))
    assert trim_carry_chains(net, "top") == 0
    assert ends(net, "low") == (["1"], [3])


@pytest.mark.parametrize("inputs", [{"c0": "1"}, {"d0": "0"}, {"c0": 12}, {"d0": 12}])
def test_a_first_half_of_another_form_is_left_alone(inputs):
    net = netlist(ports=[3], low=pair("0", 3, init0=STARTS, **inputs))
    assert trim_carry_chains(net, "top") == 0
    assert ends(net, "low") == (["0"], [3])


def test_a_carry_from_a_net_stays():
    net = netlist(ports=[3], low=pair(2, 3, init0=STARTS))
    assert trim_carry_chains(net, "top") == 0
    assert ends(net, "low") == ([2], [3])


def test_only_carry_cells_of_the_top_are_touched():
    net = netlist(other={"type": "LUT4", "parameters": {}, "port_directions": {"COUT": "output"},
                         "connections": {"COUT": [5]}})
    net["modules"]["below"] = netlist(high=pair("0", 3, init0=STARTS))["modules"]["top"]
    before = copy.deepcopy(net)
    assert trim_carry_chains(net, "top") == 0
    assert net == before


def test_cut_chains_compute_the_same():
    """Each cut by exhaustion: the carry into a half that starts a chain changes none of its bits.

    S0 = LUT0 ^ CIN does change; Yosys and pqhw leave S0 of such a half open.
    """
    init = int(STARTS, 2)
    for a0 in (0, 1):
        for b0 in (0, 1):
            carries = set()
            for carry_in in (0, 1):
                propagates = init >> (8 + 2 * b0 + a0) & 1  # D0 = 1, C0 = 0
                generates = init >> (2 * b0 + a0) & 1
                carries.add(carry_in if propagates else generates)
            assert len(carries) == 1
