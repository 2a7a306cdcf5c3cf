"""The front of a search as a table, and its engines' estimates beside what was routed."""

from collections.abc import Sequence

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.search.costs import OperatorCost
from ..explore.search.run import RoutedFront, SearchResult
from .numbers import ABSENT, count, quantity, share
from .tables import bullet

__all__ = ["engines_told", "front_table", "routed_table"]

MOST_ROWS = 30
"""Members that are shown, evenly spaced along the front."""


def front_table(result: SearchResult) -> RenderableType:
    """A row for every member, or for some of many."""
    layers = list(result.layers)
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("rate", "LUT4", "FF", "BRAM", "DSP", "LUT eq.", "kbit", "error"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("engine" if len(layers) == 1 else "engines", overflow="fold")
    members = result.members
    if len(members) > MOST_ROWS:
        members = [members[index * (len(members) - 1) // (MOST_ROWS - 1)]
                   for index in range(MOST_ROWS)]
    for member in members:
        area = member.area
        error = f"{member.error:.3g}" if "error" in result.objectives else ABSENT
        table.add_row(quantity(member.rate), *map(count, (area.lut4, area.ff, area.bram,
                                                          area.dsp)),
                      count(member.lut_equivalents), f"{member.parameter_bits / 1000:.1f}", error,
                      engines_told(list(member.engines.values())))
    how = "exhaustive" if result.exact else "NSGA-II"
    shown = f", {len(members)} of them shown" if len(members) < len(result.members) else ""
    heading = Text.assemble((result.title, "bold"), (
        f" on {result.device}, estimated; {how}, {result.points:,} points, "
        f"{len(result.members)} that no other beats{shown}", "dim"))
    reasons = [f"{layer}: {name}: {reason}" for layer, facts in result.layers.items()
               for name, reason in facts.impossible.items()]
    taught = [Text(f"Estimates of {own.kind} are corrected by {own.engines} routed before: LUT4 by "
                   f"{own.lut4:.3f}, clock by {own.fmax:.3f}.", style="dim")
              for own in result.corrections]
    return Group(heading, table, *taught, *map(bullet, reasons))


def engines_told(engines: Sequence[OperatorCost]) -> str:
    """How a design is built: of one layer its folding, of several how many by each choice."""
    if len(engines) == 1:
        folding = (engines[0].spec or {}).get("folding", {})
        lanes = ", ".join(f"{value} {name.removesuffix('_per_cycle')}"
                          for name, value in folding.items())
        return f"{engines[0].engine}: {lanes}" if lanes else engines[0].engine
    names = [own.engine for own in engines]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def routed_table(routed: RoutedFront) -> RenderableType:
    """Estimates beside what was routed."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("engine", overflow="fold")
    for title in ("LUT4", "estimated", "MHz", "estimated"):
        table.add_column(title, justify="right", no_wrap=True)
    for own in routed.engines:
        clock = ABSENT if own.fmax_mhz is None else f"{own.fmax_mhz:.1f}"
        table.add_row(own.name, count(own.lut4), count(own.lut4_estimated), clock,
                      f"{own.fmax_mhz_estimated:.1f}")
    reasons = [f"{own.name}: {own.reason}" for own in routed.engines if own.status != "ok"]
    seeds = f"{len(routed.seeds)} seed{'s' * (len(routed.seeds) > 1)}"
    return Group(table, *map(bullet, reasons), Text(
        f"The estimate's median error: LUT4 {share(routed.lut4_error)}, "
        f"clock {share(routed.fmax_error)}, of {len(routed.engines)} engines, {seeds}."))
