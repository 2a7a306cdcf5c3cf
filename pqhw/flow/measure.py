"""The measured protocol: verify, synthesize in a harness, route several seeds, report."""

import concurrent.futures
import dataclasses
import functools
import importlib.metadata
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..emit.constants import bind_constants
from ..emit.design import TOP, chain_verilog, rtl_hash
from ..sim.levels import Level, LevelName, meets_cycles, simulate_level
from ..sim.stimulus import random_parameters, random_rows
from ..spec import ChainSpec, SpecError
from ..spec.devices import Device, resolve
from ..spec.parameters import Parameters
from .area import available, device_share, equivalents, flip_flops, routed_area, subtract
from .cache import Cache, record
from .harness import Ports, harness_verilog, module_ports, stub_verilog
from .results import Area, Fmax, Measurement, Provenance, Seed
from .routing import RoutedSeed, route
from .synthesis import cell_counts, synthesize
from .tools import ToolError, tool_version

__all__ = ["Options", "Work", "measure", "SEEDS"]

SEEDS = (1, 2, 3, 4, 5)
"""Placement seeds of a measurement."""

RANDOM_ROWS = 2000
"""Rows that verify a design measured without parameters."""

RANDOM_CYCLES = 4_000_000
"""Cycles after which there are fewer of them, as where a row is an image."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How to measure.

    Members
    -------
    seeds: placement seeds
    jobs: tools that run side by side
    toolchain: yowasp or native
    timeout: seconds after which a tool is ended and becomes a failure
    """
    seeds: tuple[int, ...] = SEEDS
    jobs: int = os.cpu_count() or 1
    toolchain: str = "yowasp"
    timeout: float = 3600

    @functools.cached_property
    def slots(self) -> threading.Semaphore:
        """Taken by each tool while it runs; measurements with the same options share them."""
        return threading.Semaphore(max(1, self.jobs))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Work:
    """What a design is verified with: its parameters and rows, and the levels to run."""
    parameters: Sequence[Parameters]
    rows: np.ndarray
    levels: tuple[LevelName, ...]
    given: bool = True


Progress = Callable[[str], None]


def measure(cache: Cache, chain: ChainSpec, part: Device, *, name: str,
            options: Options | None = None, work: Work | None = None,
            accuracy: float | None = None, progress: Progress = lambda step: None) -> Measurement:
    """Measure a design on a device.

    Parameters
    ----------
    work:
        What to verify with; by default random parameters and rows, in CXXRTL, or in Amaranth's
        simulator where there is no C++ compiler.
    progress:
        Called with what has just been finished.

    Returns
    -------
    A measurement; where a tool failed or the design does not fit, one that says so.
    """
    options = Options() if options is None else options
    result = Measurement(
        name=name, kind=chain.kind, device=part.name, package=part.package,
        speed_grade=part.speed, spec=chain.to_mapping(), status="failed", accuracy=accuracy,
        area_available=available(part), cycles_per_row=chain.cycles_per_row,
        multiply_accumulates_per_row=chain.multiply_accumulates,
        memory_bits=sum(section.bits for section in chain.image.sections))
    try:
        chain = resolve(chain, part)
    except SpecError as error:
        result.reason = str(error)
        return result
    if work is None:
        work = _random_work(chain)
    verilog = chain_verilog(bind_constants(chain, work.parameters), target=part.family)
    result.spec = chain.to_mapping()
    result.memory_bits = sum(section.bits for section in chain.image.sections)
    result.latency_cycles = chain.latency
    lock = threading.Lock()

    def step(text: str) -> None:
        with lock:
            progress(text)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        checking = pool.submit(_verify, cache, chain, verilog, work, options, step)
        routing = pool.submit(_route_all, cache, verilog, part, options, step)
        levels = checking.result()
        routed = routing.result()
    _fill_verification(result, chain, levels)
    _fill_routing(result, part, routed, options)
    if result.status == "ok" and result.verified and result.fmax_mhz and result.area:
        _fill_performance(result, part, result.fmax_mhz, result.area)
    result.provenance = _provenance(verilog, part, options, routed, work)
    return result


# -- Verification ------------------------------------------------------------------------------


def _random_work(chain: ChainSpec) -> Work:
    parameters = random_parameters(chain, 1)
    return Work(parameters=parameters, levels=("cxxrtl",), given=False,
                rows=random_rows(chain, parameters, random_row_count(chain), 1))


def random_row_count(chain: ChainSpec) -> int:
    """How many random rows verify a design."""
    return min(RANDOM_ROWS, max(8, RANDOM_CYCLES // chain.cycles_per_row))


def _verify(cache: Cache, chain: ChainSpec, verilog: str, work: Work, options: Options,
            step: Progress) -> list[Level]:
    levels: list[Level] = []

    def run(name: LevelName) -> None:
        with options.slots:
            levels.append(simulate_level(cache, chain, work.parameters, work.rows, name,
                                         verilog=verilog))
        step(f"{name}: {levels[-1].status}")

    for name in work.levels:
        run(name)
    if all(level.status == "not run" for level in levels):
        run("amaranth")
    return levels


def _fill_verification(result: Measurement, chain: ChainSpec, levels: list[Level]) -> None:
    result.verification = [level.verification() for level in levels]
    faults = [level for level in levels if level.status in ("different", "failed")]
    equal = [level.level for level in levels if level.status == "equal"]
    order = ("amaranth", "cocotb", "cxxrtl")
    if equal and not faults:
        result.verified = max(equal, key=order.index)
    for level in levels:
        if level.latency is not None and result.latency_cycles is None:
            result.latency_cycles = level.latency
        if level.cycles_per_row is not None:
            result.cycles_per_row_measured = round(level.cycles_per_row, 3)
            if not meets_cycles(chain, level.cycles_per_row, level.expected_cycles):
                result.verified = None
                wanted = level.expected_cycles or chain.cycles_per_row
                result.reason = (f"{level.level} took {level.cycles_per_row:g} cycles per row "
                                 f"instead of {wanted:g}.")
        latency = level.wanted_latency(chain)
        if latency is not None and level.latency not in (None, latency):
            result.verified = None
            result.reason = (f"{level.level} took {level.latency} cycles to the first result "
                             f"instead of {latency}.")
    if faults:
        result.reason = f"{faults[0].level}: {faults[0].reason}"


# -- Routing -----------------------------------------------------------------------------------


@dataclasses.dataclass
class _Routed:
    """What came out of synthesis and routing."""
    synthesis: Path | None = None
    flip_flops: int = 0
    harness: Area | None = None
    harness_used: dict[str, int] = dataclasses.field(default_factory=dict)
    harness_flip_flops: int = 0
    runs: list[RoutedSeed] = dataclasses.field(default_factory=list)
    failures: dict[int, str] = dataclasses.field(default_factory=dict)
    reason: str | None = None


def _route_all(cache: Cache, verilog: str, part: Device, options: Options,
               step: Progress) -> _Routed:
    routed = _Routed()
    tools: dict[str, Any] = {"toolchain": options.toolchain, "timeout": options.timeout}
    ports = module_ports(verilog, TOP)
    try:
        design = verilog + harness_verilog(ports, TOP)
        with options.slots:
            synthesis = synthesize(cache, design, part, module=TOP, **tools)
            routed.synthesis = synthesis
            routed.flip_flops = flip_flops(cell_counts(synthesis, TOP))
            _measure_harness(routed, cache, ports, part, tools)
        step("synthesis")
    except ToolError as error:
        routed.reason = str(error)
        return routed

    def one(seed: int) -> None:
        try:
            with options.slots:
                routed.runs.append(route(cache, synthesis, part, seed, **tools))
        except ToolError as error:
            routed.failures[seed] = str(error)
        step(f"seed {seed}")

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        list(pool.map(one, options.seeds))
    routed.runs.sort(key=lambda run: run.seed)
    return routed


def _measure_harness(routed: _Routed, cache: Cache, ports: Ports, part: Device,
                     tools: dict[str, Any]) -> None:
    """The harness around wires: as many bits, nothing between them."""
    bits = Ports((("stimulus", ports.input_bits),), (("response", ports.output_bits),))
    verilog = stub_verilog(bits, "stub") + harness_verilog(bits, "stub")
    synthesis = synthesize(cache, verilog, part, module="stub", **tools)
    routed.harness_used = route(cache, synthesis, part, 1, **tools).used
    routed.harness_flip_flops = ports.input_bits + 2 * ports.output_bits
    routed.harness = routed_area(part, routed.harness_used, routed.harness_flip_flops)


def _fill_routing(result: Measurement, part: Device, routed: _Routed, options: Options) -> None:
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
    typical = min(routed.runs, key=lambda run: abs(run.fmax_mhz - median))
    result.area_raw = _raw(part, typical, routed)
    result.area = subtract(result.area_raw, routed.harness)
    result.cells = {name: count - routed.harness_used.get(name, 0)
                    for name, count in typical.used.items()
                    if count - routed.harness_used.get(name, 0)}
    differing = any(level.status in ("different", "failed") for level in result.verification)
    result.status = "failed" if differing else "ok"


def _raw(part: Device, run: RoutedSeed, routed: _Routed) -> Area:
    return routed_area(part, run.used, routed.flip_flops + routed.harness_flip_flops)


def _fill_performance(result: Measurement, part: Device, fmax: Fmax, area: Area) -> None:
    assert result.cycles_per_row is not None
    # Where the spec gives only a bound, the simulation's cycles are at least as many.
    rate = fmax.median * 1e6 / (result.cycles_per_row_measured or result.cycles_per_row)
    limiting, share = device_share(area, part)
    result.rows_per_second = round(rate, 1)
    result.limiting_resource = limiting
    result.device_limited_rows_per_second = round(rate / share, 1)
    result.lut_equivalents = equivalents(area, part)


def _provenance(verilog: str, part: Device, options: Options, routed: _Routed,
                work: Work) -> Provenance:
    tools = {}
    for name in ("yosys", f"nextpnr-{part.family}"):
        try:
            tools[name] = tool_version(name, options.toolchain)
        except ToolError:
            tools[name] = "missing"
    tools |= {package: importlib.metadata.version(package) for package in ("amaranth", "numpy")}
    folder = routed.runs[0].folder if routed.runs else routed.synthesis
    made = record(folder) if folder is not None else {"host": "", "time": ""}
    return Provenance(pqhw=__version__, rtl_sha256=rtl_hash(verilog), tools=tools,
                      host=made["host"], time=made["time"], constraint_mhz=part.clock_mhz,
                      target=part.family,
                      parameters="given" if work.given else "random")
