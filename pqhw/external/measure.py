"""Generators of others measured: the same layer, the same rows, the same harness."""

from collections.abc import Callable, Sequence

import numpy as np

from ..flow.cache import Cache
from ..flow.measure import Options, Work, measure, measure_verilog, random_row_count, unmeasured
from ..flow.results import Comparison, Measurement
from ..sim.stimulus import random_rows
from ..spec import ChainSpec, SpecError
from ..spec.devices import Device
from ..spec.parameters import MACParameters, Parameters
from .da4ml import da4ml_version
from .layer import External, a_row_a_cycle, integers_of
from .rows import external_verilog

__all__ = ["compare_external", "measure_external", "verification_rows"]

NOTE = ("da4ml's logic holds the weights as constants: loader, guard, counters and weight memory "
        "of an engine are not in its area, and other weights are another design.")


def verification_rows(chain: ChainSpec, parameters: MACParameters) -> np.ndarray:
    """For every output the rows that make its sum largest and smallest, and random rows, constant
    extremes among them."""
    range_ = chain.first.activation_range
    positive = parameters.weights > 0
    return np.concatenate([
        np.where(positive, range_.high, range_.low), np.where(positive, range_.low, range_.high),
        random_rows(chain, (parameters,), random_row_count(chain), 1)])


def measure_external(cache: Cache, design: External, part: Device, *, name: str,
                     options: Options | None = None,
                     progress: Callable[[str], None] = lambda step: None) -> Measurement:
    """Simulate against the golden model, route with every seed, as `measure` does with an engine.

    In Icarus Verilog, or where it is not there in CXXRTL, whose C++ takes minutes to compile where
    a whole layer is one cycle's logic. Where neither is there, the result is not verified and has
    no performance.
    """
    chain = design.chain
    result = unmeasured(chain, part, name=name)
    result.kind = "da4ml"
    result.memory_bits = 0
    result.latency_cycles = design.latency
    result.spec = chain.to_mapping() | {"external": {
        "generator": "da4ml", "cutoff": design.cutoff, "adders": design.logic.adders,
        "stages": len(design.logic.stages)}}
    work = Work(parameters=(design.parameters,), levels=("cocotb",), otherwise="cxxrtl",
                rows=verification_rows(chain, design.parameters))
    options = Options() if options is None else options
    result = measure_verilog(cache, result, chain, external_verilog(design, part), part,
                             options=options, work=work, progress=progress)
    if result.provenance is not None:
        result.provenance.tools["da4ml"] = da4ml_version()
    return result


def compare_external(cache: Cache, designs: Sequence[tuple[str, External]], part: Device, *,
                     engines: Sequence[tuple[str, ChainSpec, Sequence[Parameters]]] = (),
                     options: Options | None = None,
                     progress: Callable[[str], None] = lambda step: None) -> Comparison:
    """Measure designs, and beside them engines of ours that compute the same with other folding.

    Raises `SpecError` where an engine's layer, precision or integers are others.
    """
    first = designs[0][1]
    for name, chain, parameters in engines:
        _check_same_work(first, name, chain, parameters)
    measurements = []
    for name, design in designs:
        measurements.append(measure_external(
            cache, design, part, name=name, options=options,
            progress=lambda step, name=name: progress(f"{name}: {step}")))  # type: ignore[misc]
    for name, chain, parameters in engines:
        rows = verification_rows(first.chain, first.parameters)[:random_row_count(chain)]
        work = Work(parameters=parameters, rows=rows, levels=("cxxrtl",))
        measurements.append(measure(
            cache, chain, part, name=name, options=options, work=work,
            progress=lambda step, name=name: progress(f"{name}: {step}")))  # type: ignore[misc]
    names = ", ".join(one.name for one in measurements)
    return Comparison(title=f"{names} on {part.title}", notes=[NOTE], measurements=measurements)


def _check_same_work(design: External, name: str, chain: ChainSpec,
                     parameters: Sequence[Parameters]) -> None:
    """Nothing but the folding and the engine's own choices may differ."""
    ours, theirs = a_row_a_cycle(chain).first, design.chain.first
    integers = integers_of(parameters)
    for field in ("in_features", "out_features"):
        _check_equal(f"layer.{field}", name, getattr(ours.layer, field),
                     getattr(theirs.layer, field))
    for field in ("activation_bits", "activation_signed", "output"):
        _check_equal(f"precision.{field}", name, getattr(ours.precision, field),
                     getattr(theirs.precision, field))
    for field in ("weights", "bias"):
        if (getattr(integers, field) != getattr(design.parameters, field)).any():
            raise SpecError(f"{field} must be equal in designs that are compared, but differ in "
                            f"{name}.")


def _check_equal(field: str, name: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise SpecError(f"{field} must be {theirs} in designs that are compared, but is {ours} "
                        f"in {name}.")
