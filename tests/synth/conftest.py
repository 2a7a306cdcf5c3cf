"""Synthesizes components once per run and counts their cells."""

import json

import pytest

from pqhw.flow.cache import Cache
from pqhw.flow.component import component_cells, component_netlist, route_component
from pqhw.spec.devices import device


class Synthesis:
    """Netlists of components on a device, in the measuring harness."""

    def __init__(self, cache):
        self.cache = cache

    def cells(self, component, name="lfe5u-25f"):
        """Cells by type, zero where there are none."""
        return component_cells(self.cache, component, device(name))

    def control_sets(self, component, name="lfe5u-25f"):
        """How many pairs of clock enable and reset flip-flops have, the harness's among them;
        copies of a driver count as one."""
        folder = component_netlist(self.cache, component, device(name))
        modules = json.loads((folder / "netlist.json").read_text())["modules"]
        cells = max((module["cells"] for module in modules.values()), key=len)
        drivers = {str(bits): name.split("_copy")[0] for name, cell in cells.items()
                   for port, bits in cell["connections"].items()
                   if cell["port_directions"][port] == "output"}

        def net(cell, port):
            bits = str(cell["connections"].get(port))
            return drivers.get(bits, bits)

        return len({(net(cell, "CE"), net(cell, "LSR"))
                    for cell in cells.values() if cell["type"] == "TRELLIS_FF"})

    def routed(self, component, name, seeds):
        """LUT4 (harness subtracted) and Fmax of every seed."""
        routed = route_component(self.cache, component, device(name), seeds)
        return [area.lut4 for area in routed.areas], list(routed.clocks)


@pytest.fixture(scope="session")
def synthesis(cache_root):
    """On the cache of this run."""
    return Synthesis(Cache(cache_root))
