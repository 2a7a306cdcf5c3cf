"""What a comparison says: per device each design's figures and their ratios to a baseline."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..flow.results import Area, Comparison, Measurement
from ..spec.devices import DEVICES
from .numbers import finite

__all__ = ["AREA", "Design", "DeviceRatios", "FIGURES", "PERFORMANCE", "device_ratios",
           "resource_shares", "withheld"]

AREA = {"lut4": "LUT4", "ff": "FF", "bram": "block RAM", "dsp": "DSP"}
"""Titles of the components of the area vector."""

PERFORMANCE = ("rows_per_second", "device_limited_rows_per_second", "rows_per_lut_pqa",
               "rows_per_lut_scarcity", "fmax_mhz", "cycles_per_row", "latency_cycles",
               "latency_us")
"""Figures that only a design equal to the golden model has."""

FIGURES = (*PERFORMANCE, *AREA, "luts_pqa", "luts_scarcity")
"""Names of all figures and ratios."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A measured design beside its baseline.

    Members
    -------
    label: its name, unique on the device
    withheld: why it has no performance and no ratio; None if it has both
    figures: value of each of `FIGURES`, None where there is none
    ratios: figure divided by the baseline's, None where either is absent or the divisor is zero
    accuracy_points: accuracy less the baseline's, in percentage points
    is_baseline: whether the ratios of the others refer to this design
    """
    label: str
    measurement: Measurement
    withheld: str | None
    figures: Mapping[str, float | None]
    ratios: Mapping[str, float | None]
    accuracy_points: float | None
    is_baseline: bool

    @property
    def kind(self) -> str:
        """The kind in capitals: PQ, MAC or PQ+MAC."""
        return self.measurement.kind.upper()


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DeviceRatios:
    """The designs measured on one part.

    Members
    -------
    device, package, speed_grade: as in the measurements
    title: the device's full name
    designs: in the order of the measurements
    """
    device: str
    package: str
    speed_grade: int
    title: str
    designs: tuple[Design, ...]

    @property
    def baseline(self) -> Design | None:
        """The design that ratios refer to; None if no design has performance."""
        return next((design for design in self.designs if design.is_baseline), None)

    @property
    def short_title(self) -> str:
        """The device's name without its maker: LFE5U-25F, iCE40 UP5K."""
        return self.device.upper().replace("ICE40", "iCE40 ")


def withheld(measurement: Measurement) -> str | None:
    """Why a design has no performance: failed, unequal to the golden model, never simulated."""
    if measurement.status == "failed":
        return f"failed: {measurement.reason or 'no reason was recorded'}"
    for level in measurement.verification:
        if level.status == "different":
            return f"not bit-exact at {level.level}: {level.reason or 'results differ'}"
    if measurement.verified is None:
        reasons = [f"{level.level} {level.status}" + (f" ({level.reason})" if level.reason else "")
                   for level in measurement.verification]
        return "not verified: " + ("; ".join(reasons) or "no level was run")
    if finite(measurement.rows_per_second) is None:
        return f"not measured: {measurement.reason or 'no throughput was recorded'}"
    return None


def resource_shares(used: Area, available: Area) -> dict[str, float | None]:
    """Used / available of each resource; None where the device has none of it."""
    return {name: getattr(used, name) / getattr(available, name)
            if getattr(available, name) else None for name in AREA}


def device_ratios(comparison: Comparison) -> tuple[DeviceRatios, ...]:
    """Group a comparison by part and relate each design to the part's baseline.

    The baseline is the MAC design that gets most out of a full device; without one that has
    performance it is the first design that has. Devices keep the order of the measurements.
    """
    parts: dict[tuple[str, str, int], list[Measurement]] = {}
    for one in comparison.measurements:
        parts.setdefault((one.device, one.package, one.speed_grade), []).append(one)
    return tuple(DeviceRatios(device=device, package=package, speed_grade=speed,
                              title=DEVICES[device].title if device in DEVICES else device,
                              designs=_designs(measurements))
                 for (device, package, speed), measurements in parts.items())


def _designs(measurements: Sequence[Measurement]) -> tuple[Design, ...]:
    reasons = [withheld(one) for one in measurements]
    figures = [_figures(one, reason) for one, reason in zip(measurements, reasons)]
    base = _baseline(measurements, reasons)
    designs = []
    for index, (one, label) in enumerate(zip(measurements, _labels(measurements))):
        ratios: dict[str, float | None] = dict.fromkeys(FIGURES)
        points = None
        if base is not None and reasons[index] is None:
            ratios = {name: _divide(figures[index][name], figures[base][name])
                      for name in FIGURES}
            points = _points(one.accuracy, measurements[base].accuracy)
        designs.append(Design(label=label, measurement=one, withheld=reasons[index],
                              figures=MappingProxyType(figures[index]),
                              ratios=MappingProxyType(ratios), accuracy_points=points,
                              is_baseline=index == base))
    return tuple(designs)


def _labels(measurements: Sequence[Measurement]) -> list[str]:
    labels: list[str] = []
    for one in measurements:
        label, copy = one.name, 2
        while label in labels:
            label, copy = f"{one.name} ({copy})", copy + 1
        labels.append(label)
    return labels


def _baseline(measurements: Sequence[Measurement], reasons: Sequence[str | None]) -> int | None:
    sound = [index for index, reason in enumerate(reasons) if reason is None]
    macs = [index for index in sound if measurements[index].kind == "mac"]
    if macs:
        return max(macs, key=lambda index: finite(
            measurements[index].device_limited_rows_per_second) or 0)
    return sound[0] if sound else None


def _figures(one: Measurement, reason: str | None) -> dict[str, float | None]:
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    if one.area is not None:
        figures |= {name: getattr(one.area, name) for name in AREA}
    prices = one.lut_equivalents
    if prices is not None:
        figures |= {"luts_pqa": finite(prices.pqa), "luts_scarcity": finite(prices.scarcity)}
    if reason is not None:
        return figures
    rows = finite(one.rows_per_second)
    fmax = finite(one.fmax_mhz.median) if one.fmax_mhz is not None else None
    figures |= {
        "rows_per_second": rows,
        "device_limited_rows_per_second": finite(one.device_limited_rows_per_second),
        "rows_per_lut_pqa": _divide(rows, figures["luts_pqa"]),
        "rows_per_lut_scarcity": _divide(rows, figures["luts_scarcity"]),
        "fmax_mhz": fmax,
        "cycles_per_row": one.cycles_per_row,
        "latency_cycles": one.latency_cycles,
        "latency_us": _divide(one.latency_cycles, fmax)}
    return figures


def _divide(value: float | None, divisor: float | None) -> float | None:
    return value / divisor if value is not None and divisor else None


def _points(value: float | None, base: float | None) -> float | None:
    value, base = finite(value), finite(base)
    return 100 * (value - base) if value is not None and base is not None else None
