"""The estimate of a design as a table: every estimated figure beside its error."""

from collections.abc import Mapping

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.area.cells import LUTRAM_CELL
from ..explore.estimate import Estimate
from ..flow.area import available, equivalents
from .numbers import ABSENT, count, quantity, share
from .tables import bullet

__all__ = ["error_of", "estimate_table"]

RESOURCES = {"lut4": "LUT4", "ff": "FF", "bram": "block RAM", "dsp": "DSP"}


def estimate_table(estimate: Estimate) -> RenderableType:
    """Totals with their errors, then the parts, then hints."""
    part = estimate.device
    grade = f" speed grade {part.speed}" if part.speed else ""
    heading = Text.assemble((part.title, "bold"), (f" {part.package}{grade}, estimated", "dim"))
    return Group(heading, _totals(estimate), Text(), _parts(estimate),
                 *(bullet(hint) for hint in estimate.hints), _source(estimate))


def _source(estimate: Estimate) -> Text:
    return Text(f"± is the median error on {estimate.held_out} held-out routed designs (one "
                "placement seed each); the rest is exact.", style="dim")


def _error(estimate: Estimate, figure: str) -> str:
    """The error that stands beside an estimated figure."""
    return error_of(estimate.errors[figure], estimate.held_out)


def error_of(error: Mapping[str, float], held_out: int) -> str:
    """The median and the 90th percentile of a relative error, in words."""
    return (f"±{share(error['median'])} (median of {held_out} held-out points; "
            f"90 % within {share(error['p90'])})")


def _totals(estimate: Estimate) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, show_header=False, pad_edge=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    table.add_column(style="dim", no_wrap=True)
    area, has = estimate.area.model_dump(), available(estimate.device).model_dump()
    for name, title in RESOURCES.items():
        of_device = ABSENT if not has[name] else share(area[name] / has[name])
        error = _error(estimate, name) if name in estimate.errors else "exact"
        table.add_row(title, count(area[name]), error, f"{of_device} of the device")
    if estimate.lutram:
        table.add_row("of it LUT RAM cells", count(estimate.lutram), "exact",
                      f"{LUTRAM_CELL} LUT4 each")
    clock = _error(estimate, "fmax")
    prices = equivalents(estimate.area, estimate.device)
    for title, value, error, note in (
            ("Fmax", f"{estimate.fmax_mhz:.0f} MHz", clock, ""),
            ("cycles per row", count(estimate.cycles_per_row),
             "exact" if estimate.cycles_exact else "at least", ""),
            ("latency, cycles", count(estimate.latency_cycles)
             if estimate.latency_cycles else "measured by pqhw sim", "exact"
             if estimate.latency_cycles else "", ""),
            ("rows per second", quantity(estimate.rows_per_second), clock, ""),
            ("LUT equivalents, PQA's prices", count(prices.pqa), _error(estimate, "lut4"), ""),
            ("LUT equivalents by scarcity", count(prices.scarcity), _error(estimate, "lut4"), ""),
            ("limiting resource", RESOURCES[estimate.limiting_resource], "", "")):
        table.add_row(title, value, error, note)
    return table


def _parts(estimate: Estimate) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("part", no_wrap=True)
    for name in ("lut4", "ff"):
        error = estimate.errors[name]
        table.add_column(f"{RESOURCES[name]} ±{share(error['median'])}", justify="right")
    for title in ("block RAM", "DSP", "cycles per row"):
        table.add_column(title, justify="right")
    for part in estimate.parts:
        table.add_row(part.name, count(part.lut4), count(part.ff), count(part.bram or None),
                      count(part.dsp or None), count(part.cycles_per_row))
    return table
