"""Mappings as a part of a page: energy and cycles of every layer by level, and the loops."""

import collections
from collections.abc import Sequence

from ..explore.mapping.mapping import Mapping
from ..explore.mapping.results import LayerResult, MappingResult
from ..spec import SpecError
from .numbers import count, quantity, share
from .plots import bars
from .sections import Plot, Row, Section, Table, Text

__all__ = ["layer_plots", "layer_table", "loop_nests", "mapping_section"]


def mapping_section(result: MappingResult) -> Section:
    """The whole document."""
    layers = result.layers
    wholes = {layer.optimal for layer in layers}
    found = ("given mappings" if wholes == {None} else
             "no mapping within the rules is better" if wholes == {True} else
             "the best of random draws" if wholes == {False} else "of several searches")
    facts = [("architecture", result.architecture), ("model", str(result.model.get("compat"))),
             ("layers", count(len(layers))), ("mappings", found)]
    if result.mappings_evaluated:
        facts.append(("costed", count(result.mappings_evaluated)))
    if len(layers) > 1:
        facts.append(("energy of all × cycles of all",
                      quantity(result.total_edp_j_cycles, "J·cycles")))
    return Section(
        kicker=f"Mapping on {result.architecture}", title=f"{result.name} on {result.architecture}",
        finding=_finding(result), facts=facts, plots=layer_plots(layers),
        tables=[layer_table("Layers", layers)] if layers else [],
        texts_title="Loop nests", texts=loop_nests(layers))


def _finding(result: MappingResult) -> str:
    if not result.layers:
        return "The document holds no layers."
    where: dict[str, float] = collections.defaultdict(float)
    for layer in result.layers:
        for level, energy in layer.level_energy_uj.items():
            where[level] += energy
    most = max(where, key=where.__getitem__, default="")
    told = f"{result.energy_uj:,.6g} µJ, {count(result.cycles)} cycles, " \
        f"{'EDP' if len(result.layers) == 1 else 'ΣEDP'} {result.sum_edp_j_cycles:,.6g} J·cycles"
    whole = sum(where.values())
    if not whole:
        return f"{told}."
    return f"{told}; most of the energy, {share(where[most] / whole)}, is {most}'s."


def layer_plots(layers: Sequence[LayerResult]) -> list[Plot]:
    """Energy of every layer by level, and cycles: computing, and waiting for a level."""
    names = [layer.name for layer in layers]
    levels = dict.fromkeys(level for layer in layers for level in layer.level_energy_uj)
    energy = {level: [layer.level_energy_uj.get(level, 0.0) for layer in layers]
              for level in levels}
    waits = [layer.waiting() for layer in layers]
    cycles = {"computing": [layer.cycles - wait for layer, (_, wait) in zip(layers, waits)]}
    for level in levels:
        cycles[f"waiting for {level}"] = [wait if where == level else 0 for where, wait in waits]
    return [
        bars(names, energy, title="Energy per layer", axis="µJ",
             caption="By the level that is accessed, and of the multipliers, MAC."),
        bars(names, cycles, title="Cycles per layer", axis="cycles",
             caption="What computing takes, and what the slowest level's bandwidth adds to it.")]


def layer_table(title: str, layers: Sequence[LayerResult]) -> Table:
    """A row for every layer, and one for all."""
    levels = list(dict.fromkeys(level for layer in layers for level in layer.level_energy_uj))
    rows = [Row([layer.name, f"{layer.bits.inputs}/{layer.bits.weights}/{layer.bits.outputs}",
                 f"{layer.energy_uj:,.6g}", *_shares(levels, [layer]), count(layer.cycles),
                 _wait(layer), share(layer.utilisation), f"{layer.edp_j_cycles:,.6g}"],
                words=_mapping(layer)) for layer in layers]
    if len(layers) > 1:
        rows.append(Row(["all", "", f"{sum(layer.energy_uj for layer in layers):,.6g}",
                         *_shares(levels, layers), count(sum(layer.cycles for layer in layers)),
                         "", "", f"{sum(layer.edp_j_cycles for layer in layers):,.6g}"],
                        key=True, opens=True))
    return Table(title=title, rows=rows, wordy=True, columns=[
        "layer", "I/W/O", "µJ", *(f"{level} %" for level in levels), "cycles", "waits for", "used",
        "EDP, J·cycles", "mapping"])


def _shares(levels: Sequence[str], layers: Sequence[LayerResult]) -> list[str]:
    whole = sum(layer.energy_uj for layer in layers)
    parts = [sum(layer.level_energy_uj.get(level, 0.0) for layer in layers) for level in levels]
    return [f"{100 * part / whole:.1f}" if whole else "0.0" for part in parts]


def _wait(layer: LayerResult) -> str:
    level, cycles = layer.waiting()
    return f"{level} {share(cycles / layer.cycles)}" if cycles else ""


def _mapping(layer: LayerResult) -> str:
    try:
        return Mapping.from_json(layer.mapping).text
    except SpecError as error:
        raise SpecError(f"layers: {layer.name}: {error}") from None


def loop_nests(layers: Sequence[LayerResult]) -> list[Text]:
    """Every layer's mapping as a loop nest, as far as the document has it."""
    return [Text(summary=layer.name, text="\n".join(layer.nest)) for layer in layers if layer.nest]
