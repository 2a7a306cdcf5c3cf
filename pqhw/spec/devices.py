"""The devices the product is measured on, and what a spec becomes on each."""

import dataclasses
from typing import Any

from .design import Own
from .engine import EngineSpec
from .fields import SpecError
from .mac import MACSpec
from .many import largest, ratio_of, smallest

__all__ = ["Device", "DEVICES", "FAMILIES", "device", "resolve"]

FAMILIES = ("generic", "ecp5", "ice40")
"""RTL targets: portable Verilog, and Verilog that instantiates a family's primitives."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """A part that the tools can route.

    Members
    -------
    luts, ffs, brams, dsps: available units
    bram_bits: bits of a block RAM
    dsp_bits: bits of an operand without sign that a DSP block takes
    package, speed: what nextpnr is told; speed grade 0 where the family has none
    clock_mhz: a clock constraint above reach, so that the router never stops early
    """
    name: str
    family: str
    title: str
    option: str
    package: str
    speed: int
    clock_mhz: int
    luts: int
    ffs: int
    brams: int
    bram_bits: int
    dsps: int
    dsp_bits: int
    lutram: bool


DEVICES = {part.name: part for part in (
    Device(name="lfe5u-25f", family="ecp5", title="Lattice ECP5 LFE5U-25F", option="25k",
           package="CABGA381", speed=6, clock_mhz=400, luts=24288, ffs=24288, brams=56,
           bram_bits=18432, dsps=28, dsp_bits=18, lutram=True),
    Device(name="lfe5u-85f", family="ecp5", title="Lattice ECP5 LFE5U-85F", option="85k",
           package="CABGA381", speed=6, clock_mhz=400, luts=83640, ffs=83640, brams=208,
           bram_bits=18432, dsps=156, dsp_bits=18, lutram=True),
    Device(name="ice40up5k", family="ice40", title="Lattice iCE40 UP5K", option="up5k",
           package="sg48", speed=0, clock_mhz=100, luts=5280, ffs=5280, brams=30,
           bram_bits=4096, dsps=8, dsp_bits=16, lutram=False),
    Device(name="ice40hx8k", family="ice40", title="Lattice iCE40 HX8K", option="hx8k",
           package="ct256", speed=0, clock_mhz=300, luts=7680, ffs=7680, brams=32,
           bram_bits=4096, dsps=0, dsp_bits=16, lutram=False),
)}


def device(name: str) -> Device:
    """Look a device up by name."""
    if name not in DEVICES:
        raise SpecError(f"device must be one of {', '.join(DEVICES)}, but is {name}.")
    return DEVICES[name]


def resolve(chain: Own, part: Device) -> Own:
    """The chain with every `auto` decided that depends on the device.

    DSP blocks go to scaled results first, then to the stages that ask for them by name, then to
    the others, stage by stage: as many as there are products for in a MAC engine, whose others
    are formed in logic; all or none in an encoder.

    Raises `SpecError` where the device lacks what the spec asks for by name.
    """
    chain = chain.with_stages([_packed(spec, part) for spec in chain.stages])
    scales = sum(spec.scale_multipliers for spec in chain.stages)
    asked = [_asked(spec) for spec in chain.stages]
    for spec, own in zip(chain.stages, asked):
        _check_multiplier(spec, part, scales + sum(asked) - own)
    left = largest(0, part.dsps - scales - sum(asked))
    stages = []
    for spec, own in zip(chain.stages, asked):
        if isinstance(spec, MACSpec):
            spec = _filled(spec, left + own)
            left -= spec.dsp_units - own
        elif spec.engine.multiplier == "auto" and spec.multipliers:
            multiplier = "dsp" if spec.multipliers <= left else "lut"
            left -= spec.multipliers if multiplier == "dsp" else 0
            spec = _with(spec, multiplier=multiplier)
        stages.append(_resolve(spec, part))
    return chain.with_stages(stages)


def _with(spec: Any, **values: Any) -> Any:
    """The spec with other fields of its engine; as it is where they are no others."""
    if all(getattr(spec.engine, name) is value for name, value in values.items()):
        return spec
    return dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, **values))


def _asked(spec: EngineSpec) -> int:
    """DSP blocks that a spec asks for by name: none, where its ratio follows from those left."""
    if _is_open(spec):
        return 0
    if isinstance(spec, MACSpec) and spec.engine.dsp_blocks is not None:
        return spec.dsp_units
    return spec.multipliers if spec.engine.multiplier == "dsp" else 0


def _is_open(spec: EngineSpec) -> bool:
    """Whether a `mixed` engine leaves it to the device how many of its outputs multiply."""
    return (isinstance(spec, MACSpec) and spec.engine.scheme == "mixed"
            and spec.engine.ratio in (None, "auto"))


def _packed(spec: EngineSpec, part: Device) -> EngineSpec:
    """As many products of a MAC engine in a DSP block as fit, where the spec does not say."""
    if (not isinstance(spec, MACSpec) or "fixed" not in spec.schemes
            or spec.engine.multiplier == "lut"):
        return spec
    most, asked = spec.most_per_dsp(part.dsp_bits), spec.engine.products_per_dsp
    if asked is None:
        asked = smallest(most, spec.outputs) if part.dsps else 1
        return _with(spec, products_per_dsp=asked) if asked > 1 else spec
    if asked > most:
        raise SpecError(f"engine.products_per_dsp must be at most {most} on {part.name}, "
                        f"but is {asked}.")
    return spec


def _filled(spec: MACSpec, blocks: int) -> MACSpec:
    """As many products on `blocks` DSP blocks as a MAC engine leaves open."""
    if _is_open(spec):
        spec = _shared(spec, blocks)
    if spec.engine.multiplier != "auto" or not spec.multipliers:
        return spec
    asked = spec.engine.dsp_blocks
    units = smallest(spec.multipliers, blocks if asked is None else asked)
    if units == spec.multipliers:
        return _with(spec, multiplier="dsp", dsp_blocks=None)
    if not units:
        return _with(spec, multiplier="lut", dsp_blocks=None, products_per_dsp=None)
    return _with(spec, dsp_blocks=units)


def _shared(spec: MACSpec, blocks: int) -> MACSpec:
    """The ratio of a `mixed` layer: integer weights for as many outputs as the blocks serve."""
    packed = 1 if spec.engine.multiplier == "lut" else spec.engine.products_per_dsp or 1
    lanes = spec.lanes_out
    served = packed * (blocks // (spec.row_lanes * spec.pixels))
    if spec.engine.multiplier == "lut":
        served = spec.outputs // 2
    fixed = smallest(served, spec.outputs - 1) // lanes * lanes
    return _with(spec, ratio=ratio_of(fixed, spec.outputs - fixed))


def _check_multiplier(spec: EngineSpec, part: Device, taken: int) -> None:
    """The blocks that a spec asks for by name are there."""
    if _is_open(spec):
        return
    held = f", {taken} of them taken by others" if part.dsps and taken else ""
    if isinstance(spec, MACSpec) and spec.engine.dsp_blocks is not None:
        if spec.dsp_units > part.dsps - taken:
            raise SpecError(f"engine.dsp_blocks must be at most {max(0, part.dsps - taken)} on "
                            f"{part.name}, which has {part.dsps or 'no'} DSP blocks{held}, "
                            f"but is {spec.engine.dsp_blocks}.")
    elif spec.engine.multiplier == "dsp" and spec.multipliers > part.dsps - taken:
        raise SpecError(f'engine.multiplier must be "lut" or "auto" for {spec.multipliers} '
                        f"products side by side on {part.name}, which has {part.dsps or 'no'} DSP "
                        f'blocks{held}, but is "dsp".')


def _resolve(spec: EngineSpec, part: Device) -> EngineSpec:
    memories = ["prototype_storage", "table_storage", "weight_storage"]
    if spec.front is not None:
        memories.append("line_storage")
    stores: dict[str, Any] = {
        field: _storage(part, field, getattr(spec.engine, field)) for field in memories
        if hasattr(spec.engine, field) and not (spec.engine.resident and field != "line_storage")}
    if (isinstance(spec, MACSpec) and spec.engine.weight_code == "auto"
            and (spec.in_logic or spec.engine.multiplier == "lut")):
        signed = part.family == "ice40" and spec.engine.scheme == "fixed" and spec.packed == 1
        stores["weight_code"] = "signed" if signed else "magnitude"
    resolved: EngineSpec = _with(spec, **stores)
    return resolved


def _storage(part: Device, field: str, asked: str) -> str:
    if part.lutram or asked == "rom":
        return asked
    if asked == "lutram":
        raise SpecError(f'engine.{field} must be "bram" on {part.name}, which has no LUT RAM, '
                        'but is "lutram".')
    return "bram"
