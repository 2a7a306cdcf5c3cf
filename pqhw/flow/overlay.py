"""An overlay measured with a network: verified, synthesized in a harness, routed."""

import dataclasses

import numpy as np

from ..emit.overlay import overlay_verilog
from ..sim.overlay_run import simulate_levels
from ..spec.devices import Device
from ..spec.overlay import Program
from ..spec.overlay.cycles import program_cycles
from .area import available
from .cache import Cache
from .measure import fill_performance, provenance
from .results import Measurement, Verification
from .routed import Options, Progress, fill_routing, route_all

__all__ = ["measure_overlay"]


def measure_overlay(cache: Cache, program: Program, images: np.ndarray, expected: np.ndarray,
                    part: Device, *, name: str, options: Options,
                    progress: Progress = lambda step: None) -> Measurement:
    """Measure the hardware that a program is for, on a device, at the program's rate.

    Parameters
    ----------
    images, expected:
        What the Verilog is verified with, in CXXRTL: images, and the golden network's results.

    Returns
    -------
    A measurement; where a tool failed or the design does not fit, one that says so.
    """
    spec, cycles = program.spec, program_cycles(program)
    verilog = overlay_verilog(spec, target=part.family)
    result = Measurement(
        name=name, kind="overlay", device=part.name, package=part.package, speed_grade=part.speed,
        spec={"overlay": spec.to_mapping(), "network": program.name}, status="failed",
        area_available=available(part), cycles_per_row=cycles)
    level, = simulate_levels(cache, program, images, expected, "cxxrtl",
                             target=part.family).levels
    progress("cxxrtl")
    result.verification = [Verification(level="cxxrtl", status=level.status, rows=level.images,
                                        reason=level.reason)]
    if level.status == "equal":
        result.verified = "cxxrtl"
        result.cycles_per_row_measured = level.cycles
    if options.placer == "auto" and part.family == "ecp5":
        # With most block RAMs used, router1 finds no end, nor router2 after the static placer.
        options = dataclasses.replace(options, placer="heap-router2")
    routed = route_all(cache, verilog, part, options, progress)
    fill_routing(result, part, routed, options)
    if result.status == "ok" and result.verified and result.fmax_mhz and result.area:
        fill_performance(result, part, result.fmax_mhz, result.area)
    result.provenance = provenance(verilog, part, options, routed, given=True)
    return result
