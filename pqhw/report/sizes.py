"""What fits a budget, engine kind by engine kind, as a table."""

from collections.abc import Sequence

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.size import Sized
from ..flow.results import Area
from ..spec.devices import Device
from .numbers import count, quantity, share

__all__ = ["size_table"]


def size_table(found: Sequence[Sized], part: Device, budget: Area) -> RenderableType:
    """Folding, cycles, area and rate of the best design of every kind, best rate first."""
    amounts = ", ".join(f"{count(amount)} {name}" for name, amount in zip(
        ("LUT4", "FF", "block RAMs", "DSPs"), budget.model_dump().values()))
    heading = Text.assemble((part.title, "bold"), (f", within {amounts}; estimated", "dim"))
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("kind", no_wrap=True)
    table.add_column("per cycle")
    for name in ("cycles per row", "LUT4", "FF", "BRAM", "DSP", "MHz", "rows/s", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    missing = []
    for one in found:
        if one.estimate is None or one.chain is None:
            missing.append(Text(f"{one.kind}: {one.reason}", style="dim"))
            continue
        area, used = one.estimate.area, _shares(one.estimate.area, budget)
        limit = max(used, key=used.__getitem__)
        table.add_row(one.kind, _folding(one), count(one.estimate.cycles_per_row),
                      count(area.lut4), count(area.ff), count(area.bram), count(area.dsp),
                      f"{one.estimate.fmax_mhz:.0f}", quantity(one.estimate.rows_per_second),
                      f"{limit} {share(used[limit])}")
    return Group(heading, table, *missing)


def _shares(area: Area, budget: Area) -> dict[str, float]:
    names = ("LUT4", "FF", "BRAM", "DSP")
    return {name: used / most for name, used, most in zip(
        names, area.model_dump().values(), budget.model_dump().values()) if most}


def _folding(one: Sized) -> str:
    assert one.chain is not None
    folding = one.chain.first.folding.to_mapping()
    knobs = [f"{value} {name.removesuffix('_per_cycle').replace('_', ' ')}"
             for name, value in folding.items() if value is not None]
    ratio = getattr(one.chain.first.engine, "ratio", None)
    return ", ".join(knobs + [f"{ratio} fixed to sp2"] * (ratio is not None))
