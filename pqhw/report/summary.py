"""The rows of the summary table, shared by the terminal and the page."""

import dataclasses

from .numbers import ABSENT, accuracy, count, points, quantity, ratio, share
from .ratios import AREA, Design, DeviceRatios, resource_shares

__all__ = ["Cell", "Row", "limiting", "summary_rows"]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A value, with its relation to the baseline where there is one."""
    value: str
    relation: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure of all designs; `opens` a group, `key` figures are set off."""
    title: str
    cells: tuple[Cell, ...]
    opens: bool = False
    key: bool = False


def summary_rows(part: DeviceRatios) -> list[Row]:
    """The designs as columns, their figures as rows; rows that no design fills are left out."""
    def row(title: str, cell, *, opens: bool = False, key: bool = False) -> Row:
        return Row(title, tuple(cell(design) for design in part.designs), opens, key)

    def figure(title: str, name: str, write, **options) -> Row:
        return row(title, lambda design: _related(design, name, write(design.figures[name])),
                   **options)

    levels = [level for level in ("amaranth", "cxxrtl", "cocotb")
              if any(one.level == level for design in part.designs
                     for one in design.measurement.verification)]
    rows = [
        row("kind", lambda design: Cell(design.kind)),
        row("status", lambda design: Cell(_status(part, design))),
        row("accuracy", _accuracy),
        row("verified by", lambda design: Cell(design.measurement.verified or ABSENT), opens=True),
        *(row(f"  {level} (rows)", lambda design, level=level: Cell(_level(design, level)))
          for level in levels),
        *(figure(AREA[name], name, count, opens=name == "lut4") for name in AREA),
        row("fullest resource", lambda design: Cell(limiting(design))),
        row("memory bits", lambda design: Cell(count(design.measurement.memory_bits))),
        figure("LUT equivalents, pqa", "luts_pqa", count),
        figure("LUT equivalents, scarcity", "luts_scarcity", count),
        figure("Fmax, median", "fmax_mhz", lambda value: quantity(value, "MHz"), opens=True),
        row("  quartiles", lambda design: Cell(_quartiles(design))),
        row("  seeds routed", lambda design: Cell(_seeds(design))),
        figure("cycles per row", "cycles_per_row", count),
        figure("latency, cycles", "latency_cycles", count),
        figure("latency", "latency_us", lambda value: quantity(value, "µs")),
        figure("rows/s", "rows_per_second", quantity, opens=True),
        figure("rows/s, full device", "device_limited_rows_per_second", quantity, key=True),
        figure("rows/s per LUT, pqa", "rows_per_lut_pqa", quantity),
        figure("rows/s per LUT, scarcity", "rows_per_lut_scarcity", quantity)]
    return [row for row in rows if any(cell.value != ABSENT for cell in row.cells)]


def limiting(design: Design) -> str:
    """The resource that fills up first and its share: LUT4, 51 %."""
    one = design.measurement
    if one.area is None or one.area_available is None:
        return ABSENT
    shares = {name: value for name, value in resource_shares(one.area, one.area_available).items()
              if value is not None}
    if not shares:
        return ABSENT
    fullest = max(shares, key=lambda name: shares[name])
    return f"{AREA[fullest]} {share(shares[fullest])}"


def _related(design: Design, name: str, value: str) -> Cell:
    if design.is_baseline or design.ratios[name] is None:
        return Cell(value)
    return Cell(value, ratio(design.ratios[name]))


def _accuracy(design: Design) -> Cell:
    value = accuracy(design.measurement.accuracy)
    if design.is_baseline or design.accuracy_points is None:
        return Cell(value)
    return Cell(value, points(design.accuracy_points))


def _status(part: DeviceRatios, design: Design) -> str:
    if design.withheld is not None:
        return design.withheld.split(":")[0]
    return "baseline" if design.is_baseline and len(part.designs) > 1 else "ok"


def _level(design: Design, level: str) -> str:
    for one in design.measurement.verification:
        if one.level == level:
            return f"{one.status} ({count(one.rows)})" if one.rows else one.status
    return ABSENT


def _quartiles(design: Design) -> str:
    fmax = design.measurement.fmax_mhz
    if design.withheld is not None or fmax is None or len(fmax.all) < 2:
        return ABSENT
    return f"{quantity(fmax.q1)}–{quantity(fmax.q3)}"


def _seeds(design: Design) -> str:
    one = design.measurement
    if not one.seeds:
        return ABSENT
    return f"{len(one.seeds) - one.failed_seeds} of {len(one.seeds)}"
