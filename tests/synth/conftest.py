"""Synthesizes components once per run and counts their cells."""

from collections import Counter

import pytest

from pqhw.emit.design import component_verilog
from pqhw.flow.cache import Cache
from pqhw.flow.harness import harness_verilog, module_ports, stub_verilog
from pqhw.flow.routing import route
from pqhw.flow.synthesis import cell_counts, synthesize
from pqhw.spec.devices import device

CORE = "core"


class Synthesis:
    """Netlists of components on a device, in the measuring harness."""

    def __init__(self, cache):
        self.cache = cache

    def _netlist(self, part, verilog, around):
        harness = harness_verilog(module_ports(around, CORE), CORE)
        return synthesize(self.cache, verilog + harness, part, module=CORE)

    def cells(self, component, name="lfe5u-25f"):
        """Cells by type, zero where there are none."""
        part = device(name)
        verilog = component_verilog(component, target=part.family, name=CORE)
        counts = Counter(cell_counts(self._netlist(part, verilog, verilog), CORE))
        del counts["$scopeinfo"]
        return counts

    def routed(self, component, name, seeds):
        """LUT4 (harness subtracted) and Fmax of every seed, ECP5 only."""
        part = device(name)
        verilog = component_verilog(component, target=part.family, name=CORE)
        stub = stub_verilog(module_ports(verilog, CORE), CORE)
        empty = route(self.cache, self._netlist(part, stub, verilog), part, 1).used
        netlist = self._netlist(part, verilog, verilog)
        runs = [route(self.cache, netlist, part, seed) for seed in seeds]
        area = [run.used["TRELLIS_COMB"] + 2 * run.used["TRELLIS_RAMW"] - empty["TRELLIS_COMB"]
                for run in runs]
        return area, [run.fmax_mhz for run in runs]


@pytest.fixture(scope="session")
def synthesis(cache_root):
    """On the cache of this run."""
    return Synthesis(Cache(cache_root))
