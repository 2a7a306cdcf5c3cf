"""Ways to build a layer: foldings, memories and multipliers, the best of them kept."""

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Iterable
from typing import Any

from ..flow.area import available
from ..flow.results import Area
from ..spec import ChainSpec, EngineSpec, MACSpec, PQSpec, SpecError
from ..spec.devices import Device, resolve
from ..spec.ranges import ceil_div
from .estimate import estimate
from .size import foldings

__all__ = ["Option", "option_of", "options", "variants"]

IDLE = 1.05
"""Lanes of a MAC engine, over all groups, beside the inputs that there are."""

DEEPEST = 64
"""Words of a table in logic: beyond, it takes several LUT4 one behind the other per bit, and its
address goes to thousands."""

FASTER = 3
"""Times that a folding may be faster than an interval asks for."""

BORDER = ("guard", "loader", "counters")
"""Parts of an accelerator that a layer within a network does without."""


@dataclasses.dataclass(frozen=True)
class Option:
    """A way to build a layer.

    Members
    -------
    spec: with folding and storage
    cycles: of an image
    area: estimated
    """
    spec: EngineSpec
    cycles: int
    area: Area

    @functools.cached_property
    def amounts(self) -> tuple[int, ...]:
        """The area's figures in their order, plain and fast."""
        return tuple(self.area.model_dump().values())

    def beats(self, spec: EngineSpec) -> bool:
        """Whether it takes less time than another for an output, or for a pixel."""
        return any(own < other for own, other in zip(_times(self.spec), _times(spec)))

    @property
    def regular(self) -> bool:
        """Whether its streams can be cut anew without loss wherever others are regular too: by
        powers of two, or whole."""
        return all(rows.lanes in (1 << rows.lanes.bit_length() - 1, rows.elements)
                   for rows in (self.spec.input, self.spec.results))


def _times(spec: EngineSpec) -> tuple[int, int]:
    """Cycles of what an engine has behind its window, for an output, and of a pixel in front of
    it; of a dense layer a row's."""
    if spec.front is None:
        return spec.row_cycles, spec.input_transfers
    return spec.front.output_cycles, max(spec.window.transfers, spec.pixel_cycles)


@functools.lru_cache(maxsize=256)
def options(spec: EngineSpec, part: Device, *, constant: bool, interval: int | None = None
            ) -> list[Option]:
    """Ways to build a layer of which none is both slower and larger in everything than another,
    the fastest first. Lanes divide channels, so that streams are regrouped without loss.

    Parameters
    ----------
    constant: whether parameters are known, and built in
    interval: cycles of an image that are enough; where given, neither the slower ones nor those
        that are far faster than they need be
    """
    found: list[Option] = []
    for variant in variants(spec, part, constant):
        made = [folded for folding in _foldings(variant, part)
                for folded in _folded(variant, folding)]
        for folded in _within(made, interval):
            with contextlib.suppress(SpecError):
                if not _as_with_fewer(folded) and not _too_deep(folded):
                    found += [option_of(own, part) for own in _with_results(folded)]
    found.sort(key=lambda one: (one.cycles, one.area.lut4))
    kept: list[Option] = []
    for one in found:
        if not any(_covers(other.amounts, one.amounts) for other in kept):
            kept.append(one)
    return kept


def _folded(variant: EngineSpec, folding: Any) -> list[EngineSpec]:
    """A variant with a folding, its window as wide as it is and narrower; none where lanes do not
    divide channels, or many of them would idle."""
    outputs, layer = folding.outputs_per_cycle, variant.layer
    if layer.row_outputs % min(outputs, layer.row_outputs):
        return []
    try:
        made = dataclasses.replace(variant, folding=folding)
    except SpecError:
        return []
    if made.input.elements % made.input.lanes:
        return []
    if isinstance(made, MACSpec) and made.groups * made.row_lanes > IDLE * layer.row_inputs:
        return []
    return _with_channels(made)


def _within(made: list[EngineSpec], interval: int | None) -> list[EngineSpec]:
    """Of foldings those that an interval leaves room for, and that do not do with far less; of a
    layer that is faster anyway, the slowest."""
    if interval is None:
        return made
    cycles = [one.cycles_per_row for one in made]
    most = max((own for own in cycles if own <= interval), default=min(cycles, default=0))
    least = min(most, interval) // FASTER
    return [one for one, own in zip(made, cycles) if least <= own <= max(most, interval)]


def _as_with_fewer(spec: EngineSpec) -> bool:
    """Whether half as many DSP blocks would be as many as it can use."""
    if not isinstance(spec, MACSpec) or not spec.engine.dsp_blocks:
        return False
    return spec.engine.dsp_blocks // 2 >= spec.multipliers


def _too_deep(spec: EngineSpec) -> bool:
    """Whether tables in logic have more words than a multiplexer of LUT4 chooses among at once."""
    return isinstance(spec, PQSpec) and spec.table_store == "rom" and spec.table_words > DEEPEST


def _covers(area: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(own <= theirs for own, theirs in zip(area, other))


def _foldings(spec: EngineSpec, part: Device) -> Iterable[Any]:
    return [folding for _, folding in foldings(spec, available(part))]


def _with_channels(spec: EngineSpec) -> list[EngineSpec]:
    """The spec with its window as wide as it is, and narrower where that is made for bursts:
    pixels of a dataflow come evenly."""
    if spec.front is None or spec.front.exact or spec.encodes_pixels:
        return [spec]
    wide = spec.front.channel_lanes
    return [spec, *(dataclasses.replace(spec, folding=dataclasses.replace(
        spec.folding, channels_per_cycle=lanes)) for lanes in _powers(wide)[:-1]
        if spec.layer.unit_inputs % lanes == 0)]


def _with_results(spec: EngineSpec) -> list[EngineSpec]:
    """The spec with all results of a tile at once, or as few as keep up with the tiles."""
    fewest = ceil_div(spec.outputs, spec.tile_interval)
    lanes = next(own for own in range(fewest, spec.outputs + 1) if spec.outputs % own == 0)
    if lanes == spec.lanes_out:
        return [spec]
    return [spec, dataclasses.replace(spec, folding=dataclasses.replace(
        spec.folding, results_per_cycle=lanes))]


def variants(spec: EngineSpec, part: Device, constant: bool) -> list[EngineSpec]:
    """The layer with each choice of memories and multipliers that is left open."""
    choices: list[list[dict[str, Any]]] = []
    memories = ["bram", "lutram"] if part.lutram or constant else ["bram"]
    if isinstance(spec, PQSpec):
        choices.append([{"table_storage": own} for own in memories])
        choices.append([{"prototype_storage": "lutram"}] if constant and part.lutram else
                       [{"prototype_storage": own} for own in memories])
        if spec.multipliers:
            choices.append([{"multiplier": "lut"}, *[{"multiplier": "dsp"}] * bool(part.dsps)])
    elif isinstance(spec, MACSpec):
        choices.append([{"weight_storage": own} for own in memories])
        if "fixed" in spec.schemes:
            choices.append([{"multiplier": "lut"}, *(
                {"multiplier": "auto", "dsp_blocks": blocks} for blocks in _powers(part.dsps))])
    made = []
    for chosen in itertools.product(*choices):
        values = {"resident": constant}
        for own in chosen:
            values |= own
        with contextlib.suppress(SpecError):
            made.append(dataclasses.replace(spec, engine=dataclasses.replace(
                spec.engine, **values)))
    return made


def _powers(most: int) -> list[int]:
    """Powers of two up to a number, and the number."""
    return sorted({1 << bits for bits in range(most.bit_length())} | {most}) if most else []


@functools.lru_cache(maxsize=1 << 16)
def option_of(spec: EngineSpec, part: Device) -> Option:
    """A layer as its spec says, and what it takes on a device."""
    chain = resolve(ChainSpec((spec,)), part)
    found = estimate(chain, part)
    own = [one for one in found.parts if one.name not in BORDER]
    area = Area(lut4=round(sum(one.lut4 for one in own)), ff=round(sum(one.ff for one in own)),
                bram=sum(one.bram for one in own), dsp=sum(one.dsp for one in own))
    return Option(chain.first, chain.cycles_per_row, area)
