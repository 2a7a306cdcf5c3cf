"""The measured protocol: verify, synthesize in a harness, route several seeds, report."""

import concurrent.futures
import dataclasses
import importlib.metadata
import threading
from collections.abc import Sequence

import numpy as np

from .. import __version__
from ..emit.constants import bind_constants
from ..emit.design import design_verilog, rtl_hash
from ..sim.levels import Level, LevelName, meets_cycles, simulate_level
from ..sim.stimulus import random_parameters, random_rows
from ..spec import SpecError
from ..spec.dataflow import DataflowSpec
from ..spec.design import Design
from ..spec.devices import Device, resolve
from ..spec.parameters import Parameters
from .area import available, device_share, equivalents
from .cache import Cache, record
from .layers import network_of
from .placement import read_placement
from .results import Area, Fmax, Measurement, Provenance
from .routed import SEEDS, Options, Progress, Routed, fill_routing, route_all
from .routing import PLACEMENT
from .tools import ToolError, tool_version

__all__ = ["Options", "Work", "fill_performance", "measure", "measure_verilog", "provenance",
           "unmeasured", "SEEDS"]

RANDOM_ROWS = 2000
"""Rows that verify a design measured without parameters."""

RANDOM_CYCLES = 4_000_000
"""Cycles after which there are fewer of them, as where a row is an image."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Work:
    """What a design is verified with: its parameters and rows, and the levels to run.

    Members
    -------
    otherwise: the level that is run where none of `levels` can be
    """
    parameters: Sequence[Parameters]
    rows: np.ndarray
    levels: tuple[LevelName, ...]
    given: bool = True
    otherwise: LevelName = "amaranth"


def measure(cache: Cache, design: Design, part: Device, *, name: str,
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
    result = unmeasured(design, part, name=name, accuracy=accuracy)
    try:
        design = resolve(design, part)
    except SpecError as error:
        result.reason = str(error)
        return result
    if work is None:
        work = _random_work(design)
    verilog = design_verilog(bind_constants(design, work.parameters), target=part.family)
    result.spec = design.to_mapping()
    result.memory_bits = sum(section.bits for section in design.image.sections)
    result.latency_cycles = design.latency
    return measure_verilog(cache, result, design, verilog, part, options=options, work=work,
                           progress=progress)


def unmeasured(design: Design, part: Device, *, name: str,
               accuracy: float | None = None) -> Measurement:
    """What is known of a design before anything was run."""
    return Measurement(
        name=name, kind=design.kind, device=part.name, package=part.package,
        speed_grade=part.speed, spec=design.to_mapping(), status="failed", accuracy=accuracy,
        area_available=available(part), cycles_per_row=design.cycles_per_row,
        multiply_accumulates_per_row=design.multiply_accumulates,
        memory_bits=sum(section.bits for section in design.image.sections))


def measure_verilog(cache: Cache, result: Measurement, design: Design, verilog: str,
                    part: Device, *, options: Options, work: Work,
                    progress: Progress = lambda step: None) -> Measurement:
    """Fill in what is measured of a text that computes what `design` does, at its ports.

    `result` says what cycles and latency are expected.
    """
    lock = threading.Lock()

    def step(text: str) -> None:
        with lock:
            progress(text)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        checking = pool.submit(_verify, cache, design, verilog, work, options, step)
        routing = pool.submit(route_all, cache, verilog, part, options, step,
                              places=isinstance(design, DataflowSpec))
        levels = checking.result()
        routed = routing.result()
    _fill_verification(result, design, levels)
    fill_routing(result, part, routed, options)
    if result.status == "ok" and result.verified and result.fmax_mhz and result.area:
        fill_performance(result, part, result.fmax_mhz, result.area)
    if isinstance(design, DataflowSpec) and routed.runs:
        typical = routed.typical
        result.network = network_of(
            design, part, read_placement(typical.folder / PLACEMENT), seed=typical.seed,
            interval=result.cycles_per_row_measured or design.cycles_per_row,
            rows_per_second=result.rows_per_second)
    result.provenance = provenance(verilog, part, options, routed, given=work.given)
    return result


# -- Verification ------------------------------------------------------------------------------


def _random_work(design: Design) -> Work:
    parameters = random_parameters(design, 1)
    return Work(parameters=parameters, levels=("cxxrtl",), given=False,
                rows=random_rows(design, parameters, random_row_count(design), 1))


def random_row_count(design: Design) -> int:
    """How many random rows verify a design."""
    return min(RANDOM_ROWS, max(8, RANDOM_CYCLES // design.cycles_per_row))


def _verify(cache: Cache, design: Design, verilog: str, work: Work, options: Options,
            step: Progress) -> list[Level]:
    levels: list[Level] = []

    def run(name: LevelName) -> None:
        with options.slots:
            levels.append(simulate_level(cache, design, work.parameters, work.rows, name,
                                         verilog=verilog))
        step(f"{name}: {levels[-1].status}")

    for name in work.levels:
        run(name)
    if all(level.status == "not run" for level in levels) and work.otherwise not in work.levels:
        run(work.otherwise)
    return levels


def _fill_verification(result: Measurement, design: Design, levels: list[Level]) -> None:
    expected = result.latency_cycles
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
            # Rows of several precisions: what all of the slowest would take.
            slower = design.cycles_per_row / (level.expected_cycles or design.cycles_per_row)
            result.cycles_per_row_measured = round(slower * level.cycles_per_row, 3)
            if not meets_cycles(design, level.cycles_per_row, level.expected_cycles):
                result.verified = None
                wanted = level.expected_cycles or design.cycles_per_row
                result.reason = (f"{level.level} took {level.cycles_per_row:g} cycles per row "
                                 f"instead of {wanted:g}.")
        latency = expected if level.expected_latency is None else level.expected_latency
        if latency is not None and level.latency not in (None, latency):
            result.verified = None
            result.reason = (f"{level.level} took {level.latency} cycles to the first result "
                             f"instead of {latency}.")
    if faults:
        result.reason = f"{faults[0].level}: {faults[0].reason}"


# -- The result --------------------------------------------------------------------------------


def fill_performance(result: Measurement, part: Device, fmax: Fmax, area: Area) -> None:
    """Rates and areas that follow from cycles, clock and cells."""
    assert result.cycles_per_row is not None
    # Where the spec gives only a bound, the simulation's cycles are at least as many.
    rate = fmax.median * 1e6 / (result.cycles_per_row_measured or result.cycles_per_row)
    limiting, share = device_share(area, part)
    result.rows_per_second = round(rate, 1)
    result.limiting_resource = limiting
    result.device_limited_rows_per_second = round(rate / share, 1)
    result.lut_equivalents = equivalents(area, part)


def provenance(verilog: str, part: Device, options: Options, routed: Routed, *,
               given: bool) -> Provenance:
    """What a measurement was made of and with; `given` parameters are not random ones."""
    tools = {}
    for name in ("yosys", f"nextpnr-{part.family}"):
        try:
            tools[name] = tool_version(name, options.toolchain)
        except ToolError:
            tools[name] = "missing"
    tools |= {package: importlib.metadata.version(package) for package in ("amaranth", "numpy")}
    folder = routed.runs[0].folder if routed.runs else routed.synthesis
    made = record(folder) if folder is not None else {"host": "", "time": ""}
    placers = {run.placer for run in routed.runs}
    return Provenance(pqhw=__version__, rtl_sha256=rtl_hash(verilog), tools=tools,
                      host=made["host"], time=made["time"], constraint_mhz=part.clock_mhz,
                      target=part.family, placer=", ".join(sorted(placers)) or "heap",
                      parameters="given" if given else "random")
