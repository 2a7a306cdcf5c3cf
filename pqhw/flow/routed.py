"""A design in the register harness: synthesized once, routed with several seeds."""

import concurrent.futures
import dataclasses
import functools
import os
import statistics
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..emit.design import TOP
from ..spec.devices import Device
from .area import flip_flops, routed_area, subtract
from .cache import Cache
from .harness import Ports, harness_verilog, module_ports, stub_verilog
from .results import Area, Fmax, Measurement, Seed
from .routing import RoutedSeed, route
from .synthesis import cell_counts, netlist_size, synthesize
from .tools import ToolError

__all__ = ["Options", "Progress", "Routed", "SEEDS", "fill_routing", "route_all"]

SEEDS = (1, 2, 3, 4, 5)
"""Placement seeds of a measurement."""

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How to measure.

    Members
    -------
    seeds: placement seeds
    jobs: tools that run side by side
    toolchain: yowasp or native
    timeout: seconds after which a tool is ended and becomes a failure
    placer: one of `pqhw.flow.routing.PLACERS`
    """
    seeds: tuple[int, ...] = SEEDS
    jobs: int = os.cpu_count() or 1
    toolchain: str = "yowasp"
    timeout: float = 3600
    placer: str = "auto"

    @functools.cached_property
    def slots(self) -> threading.Semaphore:
        """Taken by each tool while it runs; measurements with the same options share them."""
        return threading.Semaphore(max(1, self.jobs))


@dataclasses.dataclass
class Routed:
    """What came out of synthesis and routing."""
    synthesis: Path | None = None
    flip_flops: int = 0
    harness: Area | None = None
    harness_used: dict[str, int] = dataclasses.field(default_factory=dict)
    harness_flip_flops: int = 0
    runs: list[RoutedSeed] = dataclasses.field(default_factory=list)
    failures: dict[int, str] = dataclasses.field(default_factory=dict)
    reason: str | None = None

    @property
    def typical(self) -> RoutedSeed:
        """The seed nearest to the median clock; `ValueError` where none was routed."""
        median = statistics.median(run.fmax_mhz for run in self.runs)
        return min(self.runs, key=lambda run: abs(run.fmax_mhz - median))


def route_all(cache: Cache, verilog: str, part: Device, options: Options, step: Progress, *,
              places: bool = False) -> Routed:
    """Synthesize and route a top module; a tool that fails leaves its reason.

    With `places`, every run keeps where cells stand (`pqhw.flow.placement`).
    """
    routed = Routed()
    tools: dict[str, Any] = {"toolchain": options.toolchain, "timeout": options.timeout}
    ports = module_ports(verilog, TOP)
    try:
        design = verilog + harness_verilog(ports, TOP)
        with options.slots:
            synthesis = synthesize(cache, design, part, module=TOP, **tools)
            routed.synthesis = synthesis
            copies = netlist_size(synthesis)["copies"]
            routed.flip_flops = flip_flops(cell_counts(synthesis, TOP)) + flip_flops(copies)
            _measure_harness(routed, cache, ports, part, tools)
        step("synthesis")
    except ToolError as error:
        routed.reason = str(error)
        return routed

    def one(seed: int) -> None:
        try:
            with options.slots:
                routed.runs.append(route(cache, synthesis, part, seed, **tools,
                                         placer=options.placer, places=places))
        except ToolError as error:
            routed.failures[seed] = str(error)
        step(f"seed {seed}")

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        list(pool.map(one, options.seeds))
    routed.runs.sort(key=lambda run: run.seed)
    return routed


def _measure_harness(routed: Routed, cache: Cache, ports: Ports, part: Device,
                     tools: dict[str, Any]) -> None:
    """The harness around wires: as many bits, nothing between them."""
    bits = Ports((("stimulus", ports.input_bits),), (("response", ports.output_bits),))
    verilog = stub_verilog(bits, "stub") + harness_verilog(bits, "stub")
    synthesis = synthesize(cache, verilog, part, module="stub", **tools)
    routed.harness_used = route(cache, synthesis, part, 1, **tools).used
    routed.harness_flip_flops = ports.input_bits + 2 * ports.output_bits
    routed.harness = routed_area(part, routed.harness_used, routed.harness_flip_flops)


def fill_routing(result: Measurement, part: Device, routed: Routed, options: Options) -> None:
    """Area, clock and seeds of a measurement, and whether it failed."""
    result.seeds = [
        *(Seed(seed=run.seed, fmax_mhz=round(run.fmax_mhz, 2),
               area_raw=_raw(part, run, routed)) for run in routed.runs),
        *(Seed(seed=seed, fmax_mhz=None, reason=reason)
          for seed, reason in sorted(routed.failures.items()))]
    if not routed.runs:
        failures = list(routed.failures.values())
        result.reason = routed.reason or (failures[0] if failures else "no seed was asked for.")
        return
    assert routed.harness is not None
    clocks = [run.fmax_mhz for run in routed.runs]
    q1, median, q3 = (round(float(value), 2) for value in np.percentile(clocks, [25, 50, 75]))
    result.fmax_mhz = Fmax(median=median, q1=q1, q3=q3, all=[round(clock, 2) for clock in clocks])
    typical = routed.typical
    result.area_raw = _raw(part, typical, routed)
    result.area = subtract(result.area_raw, routed.harness)
    result.cells = {name: count - routed.harness_used.get(name, 0)
                    for name, count in typical.used.items()
                    if count - routed.harness_used.get(name, 0)}
    differing = any(level.status in ("different", "failed") for level in result.verification)
    result.status = "failed" if differing else "ok"


def _raw(part: Device, run: RoutedSeed, routed: Routed) -> Area:
    return routed_area(part, run.used, routed.flip_flops + routed.harness_flip_flops)
