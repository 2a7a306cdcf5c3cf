"""Whole networks at the ports of their emitted Verilog, in Icarus Verilog."""

import pytest
from bench_verdicts import properties

PROPERTIES = properties("bench_network")


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("design", [
    "loaded", "resident", pytest.param("digits", marks=pytest.mark.slow)])
def test_networks(assert_holds, design, name):
    assert_holds("bench_network", design, name)
