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

__all__ = ["Option", "options"]

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
def options(spec: EngineSpec, part: Device, *, constant: bool) -> list[Option]:
    """Ways to build a layer of which none is both slower and larger in everything than another,
    the fastest first. Lanes divide channels, so that streams are regrouped without loss.

    Parameters
    ----------
    constant: whether parameters are known, and built in
    """
    found: list[Option] = []
    for variant in _variants(spec, part, constant):
        for folding in _foldings(variant, part):
            if spec.layer.row_outputs % min(folding.outputs_per_cycle, spec.layer.row_outputs):
                continue
            try:
                made = dataclasses.replace(variant, folding=folding)
                if made.input.elements % made.input.lanes == 0:
                    found += [_option(own, part) for narrow in _with_channels(made)
                              for own in _with_results(narrow)]
            except SpecError:
                continue
    found.sort(key=lambda one: (one.cycles, one.area.lut4))
    kept: list[Option] = []
    for one in found:
        if not any(_covers(other.amounts, one.amounts) for other in kept):
            kept.append(one)
    return kept


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


def _variants(spec: EngineSpec, part: Device, constant: bool) -> list[EngineSpec]:
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
def _option(spec: EngineSpec, part: Device) -> Option:
    chain = resolve(ChainSpec((spec,)), part)
    found = estimate(chain, part)
    own = [one for one in found.parts if one.name not in BORDER]
    area = Area(lut4=round(sum(one.lut4 for one in own)), ff=round(sum(one.ff for one in own)),
                bram=sum(one.bram for one in own), dsp=sum(one.dsp for one in own))
    return Option(chain.first, chain.cycles_per_row, area)
