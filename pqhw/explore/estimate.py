"""What a design will take and give, estimated from its spec in milliseconds."""

import dataclasses
from typing import Any

from ..flow.area import available, equivalents
from ..flow.results import Area
from ..spec import ChainSpec
from ..spec.devices import Device, resolve
from .area import GROUPS, Cells, PartArea, part_areas, total
from .fit import apply_fit, fitted
from .hints import hints

__all__ = ["Estimate", "PartEstimate", "estimate"]


@dataclasses.dataclass(frozen=True)
class PartEstimate:
    """A part's share of the estimate.

    Members
    -------
    name: the part, preceded by its stage where there are several
    lut4, ff: estimated; corrected like the whole design's
    bram, dsp: exact
    cycles_per_row: of an engine's slowest half, where the part has a rate of its own
    """
    name: str
    lut4: float
    ff: float
    bram: int
    dsp: int
    cycles_per_row: int | None = None


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Area, clock and rate of a design on a device, before it is built.

    Block RAMs, DSP blocks, LUT RAM, cycles and latency are exact. LUT4, flip-flops and clock are
    formulas fitted on routed designs; `errors` tells how far they are off on routed designs that
    the fit has not seen: per figure the median and the 90th percentile of the relative error.

    Members
    -------
    parts: where the area goes
    area: the design's; LUT4 as `pqhw synth` counts them
    lutram: LUT RAM cells (TRELLIS_DPR16X4), part of `area.lut4`
    fmax_mhz: estimated clock
    shares: used part of every resource of the device
    hints: one line each on what looks wrong
    cycles_exact: whether the cycles are met, and not only a bound (`ChainSpec.cycles_exact`)
    """
    device: Device
    spec: dict[str, Any]
    parts: tuple[PartEstimate, ...]
    area: Area
    lutram: int
    fmax_mhz: float
    cycles_per_row: int
    latency_cycles: int | None
    errors: dict[str, dict[str, float]]
    held_out: int
    hints: tuple[str, ...]
    cycles_exact: bool = True

    @property
    def rows_per_second(self) -> float:
        """Clock over cycles per row."""
        return self.fmax_mhz * 1e6 / self.cycles_per_row

    @property
    def shares(self) -> dict[str, float]:
        """Used part of every resource that the design uses; above 1 it does not fit."""
        has = available(self.device).model_dump()
        return {name: used / has[name] if has[name] else float("inf")
                for name, used in self.area.model_dump().items() if used}

    @property
    def limiting_resource(self) -> str:
        """The resource of which the largest share is used."""
        return max(self.shares, key=self.shares.__getitem__)

    def to_json(self) -> dict[str, Any]:
        """Plain values; every estimated one beside its error on held-out points."""
        return {
            "schema_version": 1, "document": "estimate", "device": self.device.name,
            "spec": self.spec, "area": self.area.model_dump(), "lutram": self.lutram,
            "fmax_mhz": round(self.fmax_mhz, 1), "cycles_per_row": self.cycles_per_row,
            "latency_cycles": self.latency_cycles,
            "rows_per_second": round(self.rows_per_second, 1),
            "shares": {name: round(share, 4) for name, share in self.shares.items()
                       if share != float("inf")},
            "limiting_resource": self.limiting_resource,
            "lut_equivalents": equivalents(self.area, self.device).model_dump(),
            "errors": {**self.errors, "held_out_points": self.held_out},
            "exact": ["bram", "dsp", "lutram", *["cycles_per_row"] * self.cycles_exact,
                      "latency_cycles"],
            "parts": [dataclasses.asdict(part) | {"lut4": round(part.lut4, 1),
                                                  "ff": round(part.ff, 1)} for part in self.parts],
            "hints": list(self.hints)}


def estimate(chain: ChainSpec, part: Device) -> Estimate:
    """Estimate a design on a device.

    Raises `SpecError` where the device lacks what the spec asks for by name.
    """
    chain = resolve(chain, part)
    family = fitted()["families"][part.family]
    values = apply_fit(family, chain, part)
    areas = part_areas(chain, part)
    cells = total(one.cells for one in areas)
    area = Area(lut4=round(values["lut4"]), ff=round(values["ff"]), bram=cells.bram,
                dsp=cells.dsp)
    factors = dict(zip(GROUPS, family["lut4"]))
    made = Estimate(
        device=part, spec=chain.to_mapping(), area=area, lutram=cells.lutram,
        parts=tuple(_part(chain, one, factors[one.group], family["ff"]) for one in areas
                    if one.cells != Cells()),
        fmax_mhz=values["fmax"], cycles_per_row=chain.cycles_per_row,
        latency_cycles=chain.latency, errors=family["errors"],
        held_out=family["points"]["held_out"], hints=(), cycles_exact=chain.cycles_exact)
    return dataclasses.replace(made, hints=tuple(hints(chain, made.shares)))


def _part(chain: ChainSpec, one: PartArea, luts: float, ffs: float) -> PartEstimate:
    name = one.kind
    if one.stage is not None and len(chain.stages) > 1:
        name = f"{one.stage}.{one.kind}"
    return PartEstimate(name=name, lut4=one.cells.lut4 * luts,
                        ff=one.cells.ff * ffs, bram=one.cells.bram, dsp=one.cells.dsp,
                        cycles_per_row=one.cycles)
