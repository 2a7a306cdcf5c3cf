"""Mappings as tables: what every layer costs, where its energy goes, and its loops."""

from collections.abc import Sequence

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.mapping.network import MappedLayer, MappedNetwork
from ..explore.mapping.reproduce import Comparison
from .numbers import count, quantity, share

__all__ = ["comparison_of_figures", "mapping_table", "nest_text"]


def mapping_table(network: MappedNetwork, *, nests: bool = False) -> RenderableType:
    """A row per layer with energy by level, and the totals; loop nests below if asked for."""
    architecture = network.architecture
    names = [level.name for level in architecture.levels] + ["MAC"]
    heading = Text.assemble((f"{network.name} on {architecture.title}", "bold"),
                            (f", {network.model.compat}", "dim"))
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", no_wrap=True)
    table.add_column("I/W/O", no_wrap=True)
    for name in ("µJ", *(f"{name} %" for name in names), "cycles", "used", "EDP, J·cycles"):
        table.add_column(name, justify="right")
    for layer in network.layers:
        bits = layer.bits
        energies = layer.level_energy(architecture)
        table.add_row(layer.name, f"{bits.inputs}/{bits.weights}/{bits.outputs}",
                      _number(layer.energy), *(_percent(energies[name], layer.energy)
                                               for name in names),
                      count(layer.cycles), share(_used(layer, network)), _number(layer.edp))
    if len(network.layers) > 1:
        table.add_section()
        totals = [sum(layer.level_energy(architecture)[name] for layer in network.layers)
                  for name in names]
        table.add_row("all", "", _number(network.energy),
                      *(_percent(own, network.energy) for own in totals), count(network.cycles),
                      "", _number(network.edp))
    parts: list[RenderableType] = [heading, table, Text(_remark(network), style="dim")]
    if nests:
        for layer in network.layers:
            parts += [Text(), Text(layer.name, style="bold"), nest_text(layer, network)]
    return Group(*parts)


def nest_text(layer: MappedLayer, network: MappedNetwork) -> Text:
    """A mapping as a loop nest."""
    return Text("\n".join(layer.mapping.lines(network.architecture)))


def comparison_of_figures(figures: Sequence[Comparison]) -> RenderableType:
    """Published figures beside ours."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("figure")
    for name in ("published", "ours", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for one in figures:
        table.add_row(one.what, one.shown(one.published), one.shown(one.ours),
                      "equal" if one.equal else one.relation)
    return table


def _number(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0.0"


def _used(layer: MappedLayer, network: MappedNetwork) -> float:
    return int(layer.costs.counts.multipliers) / network.architecture.instances("MAC")


def _remark(network: MappedNetwork) -> str:
    wholes = {layer.whole for layer in network.layers}
    found = ("given mappings" if wholes == {None} else
             "no mapping within the rules is better" if wholes == {True} else
             "the best of random draws; better ones may exist")
    total = f"; energy of all times cycles of all {quantity(network.total_edp)} J·cycles" \
        if len(network.layers) > 1 else ""
    told = f"; {count(network.evaluated)} mappings costed" if network.evaluated else ""
    return f"{found}{total}{told}"
