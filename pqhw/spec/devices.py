"""The devices the product is measured on, and what a spec becomes on each."""

import dataclasses
from typing import Any

from .chain import ChainSpec
from .engine import EngineSpec
from .fields import SpecError
from .mac import MACSpec

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


def resolve(chain: ChainSpec, part: Device) -> ChainSpec:
    """The chain with every `auto` decided that depends on the device.

    DSP blocks go to scaled results first, then to the stages that ask for them by name, then to
    the others, stage by stage, as long as they suffice for all products of a stage.

    Raises `SpecError` where the device lacks what the spec asks for by name.
    """
    chain = ChainSpec(tuple(_packed(spec, part) for spec in chain.stages))
    scales = sum(spec.scale_multipliers for spec in chain.stages)
    asked = [spec.multipliers if spec.engine.multiplier == "dsp" else 0 for spec in chain.stages]
    for spec, own in zip(chain.stages, asked):
        _check_multiplier(spec, part, scales + sum(asked) - own)
    left = part.dsps - scales - sum(asked)
    stages = []
    for spec in chain.stages:
        multiplier = spec.engine.multiplier
        if multiplier == "auto" and spec.multipliers:
            multiplier = "dsp" if spec.multipliers <= left else "lut"
            left -= spec.multipliers if multiplier == "dsp" else 0
        stages.append(_resolve(spec, part, multiplier))
    return ChainSpec(tuple(stages))


def _packed(spec: EngineSpec, part: Device) -> EngineSpec:
    """As many products of a MAC engine in a DSP block as fit, where the spec does not say."""
    if (not isinstance(spec, MACSpec) or spec.engine.scheme != "fixed"
            or spec.engine.multiplier == "lut"):
        return spec
    most, asked = spec.most_per_dsp(part.dsp_bits), spec.engine.products_per_dsp
    if asked is None:
        asked = min(most, spec.outputs)
    elif asked > most:
        raise SpecError(f"engine.products_per_dsp must be at most {most} on {part.name}, "
                        f"but is {asked}.")
    engine = dataclasses.replace(spec.engine, products_per_dsp=asked if asked > 1 else None)
    return dataclasses.replace(spec, engine=engine)


def _check_multiplier(spec: EngineSpec, part: Device, taken: int) -> None:
    if spec.engine.multiplier == "dsp" and spec.multipliers > part.dsps - taken:
        held = f", {taken} of them taken by others" if part.dsps and taken else ""
        raise SpecError(f'engine.multiplier must be "lut" or "auto" for {spec.multipliers} '
                        f"products side by side on {part.name}, which has {part.dsps or 'no'} DSP "
                        f'blocks{held}, but is "dsp".')


def _resolve(spec: EngineSpec, part: Device, multiplier: str) -> EngineSpec:
    memories = ["prototype_storage", "table_storage", "weight_storage"]
    if spec.front is not None:
        memories.append("line_storage")
    stores: dict[str, Any] = {field: _storage(part, field, getattr(spec.engine, field))
              for field in memories if hasattr(spec.engine, field)}
    if isinstance(spec, MACSpec) and multiplier == "lut":
        stores["products_per_dsp"] = None
        if spec.engine.weight_code == "auto":
            signed = part.family == "ice40" and spec.engine.scheme == "fixed"
            stores["weight_code"] = "signed" if signed else "magnitude"
    engine = dataclasses.replace(spec.engine, multiplier=multiplier, **stores)
    return dataclasses.replace(spec, engine=engine)


def _storage(part: Device, field: str, asked: str) -> str:
    if part.lutram or asked == "rom":
        return asked
    if asked == "lutram":
        raise SpecError(f'engine.{field} must be "bram" on {part.name}, which has no LUT RAM, '
                        'but is "lutram".')
    return "bram"
