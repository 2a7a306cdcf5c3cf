"""Components on their own: mapped cells, and routed area and clock in the register harness."""

import dataclasses
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from amaranth.lib import wiring

from ..emit.design import component_verilog, rtl_hash
from ..spec.devices import Device
from .area import flip_flops, routed_area, subtract
from .cache import Cache
from .harness import harness_verilog, module_ports, stub_verilog
from .results import Area
from .routing import route
from .synthesis import cell_counts, synthesize

__all__ = ["RoutedComponent", "component_cells", "component_netlist", "route_component"]

CORE = "core"
"""Name of the component's module in the harness."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoutedComponent:
    """A component on a device.

    Members
    -------
    cells: by type, as mapped, before the harness is added
    areas, clocks: seed by seed; harness subtracted, MHz
    rtl_sha256: hash of the Verilog, comments left out
    """
    cells: Counter[str]
    seeds: tuple[int, ...]
    areas: tuple[Area, ...]
    clocks: tuple[float, ...]
    rtl_sha256: str

    @property
    def lut4(self) -> float:
        """Median over the seeds."""
        return statistics.median(area.lut4 for area in self.areas)

    @property
    def fmax_mhz(self) -> float:
        """Median over the seeds."""
        return statistics.median(self.clocks)


def _netlist(cache: Cache, verilog: str, around: str, part: Device) -> Path:
    """`verilog` in the harness of a component, which `around` is."""
    harness = harness_verilog(module_ports(around, CORE), CORE)
    return synthesize(cache, verilog + harness, part, module=CORE)


def _mapped_cells(netlist: Path) -> Counter[str]:
    counts = Counter(cell_counts(netlist, CORE))
    del counts["$scopeinfo"]
    return counts


def component_netlist(cache: Cache, component: wiring.Component, part: Device) -> Path:
    """The synthesis run of a component behind registers, with its `netlist.json`."""
    verilog = component_verilog(component, target=part.family, name=CORE)
    return _netlist(cache, verilog, verilog, part)


def component_cells(cache: Cache, component: wiring.Component, part: Device) -> Counter[str]:
    """Cells by type that Yosys makes of a component; zero where there are none."""
    return _mapped_cells(component_netlist(cache, component, part))


def route_component(cache: Cache, component: wiring.Component, part: Device,
                    seeds: Sequence[int]) -> RoutedComponent:
    """Place and route a component behind registers; what was routed before is in the cache.

    Nothing says that it computes what it should: that is for simulation to show.

    Raises `ToolError` if it does not fit, does not route or takes too long.
    """
    verilog = component_verilog(component, target=part.family, name=CORE)
    ports = module_ports(verilog, CORE)
    netlist = _netlist(cache, verilog, verilog, part)
    cells = _mapped_cells(netlist)
    around = ports.input_bits + 2 * ports.output_bits
    empty = route(cache, _netlist(cache, stub_verilog(ports, CORE), verilog, part), part, 1)
    harness = routed_area(part, empty.used, around)
    runs = [route(cache, netlist, part, seed) for seed in seeds]
    return RoutedComponent(
        cells=cells, seeds=tuple(seeds), rtl_sha256=rtl_hash(verilog),
        areas=tuple(subtract(routed_area(part, run.used, flip_flops(cells) + around), harness)
                    for run in runs),
        clocks=tuple(run.fmax_mhz for run in runs))
