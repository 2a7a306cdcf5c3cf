"""Foldings of all layers of a network such that none is slower, or larger, than it need be."""

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..flow.area import available
from ..flow.results import Area
from ..spec import ChainSpec, EngineSpec, MACSpec, PQSpec, SpecError
from ..spec.dataflow import DataflowSpec, Setting
from ..spec.dataflow.parts import least_lanes
from ..spec.devices import Device, resolve
from ..spec.network import Engine, Flatten, NetworkSpec
from ..spec.ranges import ceil_div
from .estimate import estimate
from .schedule import with_buffers
from .size import foldings

__all__ = ["Balanced", "Option", "balance", "options"]

BORDER = ("guard", "loader", "counters")
"""Parts of an accelerator that a layer within a network does without."""

ROUNDS = 24
"""Times that prices of resources are changed before an interval is given up."""

DEARER = 1.5
"""Factor by which the price of a resource rises that is used beyond the budget."""


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


@dataclasses.dataclass(frozen=True)
class Balanced:
    """What `balance` found.

    Members
    -------
    design: with foldings, storages and buffers
    areas: of its layers, by name, estimated
    """
    design: DataflowSpec
    areas: Mapping[str, Area]

    @property
    def area(self) -> Area:
        """Of all layers."""
        return _sum(self.areas.values())


@functools.lru_cache(maxsize=256)
def options(spec: EngineSpec, part: Device, *, constant: bool) -> list[Option]:
    """Ways to build a layer of which none is both slower and larger in everything than another,
    the fastest first. Lanes divide channels, so that streams are regrouped without loss.

    Parameters
    ----------
    constant: whether tables may be built into the logic
    """
    found: list[Option] = []
    for variant in _variants(spec, part, constant):
        for folding in _foldings(variant, part):
            if spec.layer.row_outputs % min(folding.outputs_per_cycle, spec.layer.row_outputs):
                continue
            try:
                made = dataclasses.replace(variant, folding=folding)
                if made.input.elements % made.input.lanes == 0:
                    found += [_option(own, part) for own in _with_results(made)]
            except SpecError:
                continue
    found.sort(key=lambda one: (one.cycles, one.area.lut4))
    kept: list[Option] = []
    for one in found:
        if not any(_covers(other.area, one.area) for other in kept):
            kept.append(one)
    return kept


def _covers(area: Area, other: Area) -> bool:
    return all(own <= theirs for own, theirs in zip(area.model_dump().values(),
                                                    other.model_dump().values()))


def _foldings(spec: EngineSpec, part: Device) -> Iterable[Any]:
    return [folding for _, folding in foldings(spec, available(part))]


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
    memories = ["bram", "lutram"] if part.lutram else ["bram"]
    if isinstance(spec, PQSpec):
        choices.append([{"table_storage": own} for own in memories + ["rom"] * constant])
        choices.append([{"prototype_storage": own} for own in (["rom"] if constant else memories)])
        if spec.multipliers:
            choices.append([{"multiplier": "lut"}, *[{"multiplier": "dsp"}] * bool(part.dsps)])
    elif isinstance(spec, MACSpec):
        choices.append([{"weight_storage": own} for own in memories])
        if "fixed" in spec.schemes:
            choices.append([{"multiplier": "lut"}, *(
                {"multiplier": "auto", "dsp_blocks": blocks} for blocks in _powers(part.dsps))])
    made = []
    for chosen in itertools.product(*choices):
        values = {name: value for own in chosen for name, value in own.items()}
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


def balance(network: NetworkSpec, part: Device, budget: Area, *, interval: int | None = None,
            constant: bool = True, progress: Callable[[str], None] = lambda name: None
            ) -> Balanced:
    """The network as a dataflow accelerator of the best rate that the budget holds.

    Parameters
    ----------
    budget: what layers may take
    interval: cycles of an image that are enough; as few as fit where left out
    constant: whether tables may be built into the logic, for which parameters must be known
    progress: called with the name of each layer whose foldings are known

    Raises
    ------
    SpecError
        Where nothing fits, in one sentence that says what is short.
    """
    ways = {}
    for name, spec in network.engines.items():
        ways[name] = options(spec, part, constant=constant)
        if not ways[name]:
            raise SpecError(f"{name}: no folding can be built on {part.name}.")
        progress(name)
    paces = sorted({one.cycles for own in ways.values() for one in own})
    fastest = max(own[0].cycles for own in ways.values())
    paces = [pace for pace in paces if pace >= fastest]
    if interval is not None:
        chosen = _chosen(ways, interval, budget, part)
        if isinstance(chosen, str):
            raise SpecError(f"interval must leave room for all layers, but {interval} cycles "
                            f"{chosen}.")
        return _made(network, chosen, interval)
    low, high = 0, len(paces) - 1
    best = _chosen(ways, paces[high], budget, part)
    if isinstance(best, str):
        raise SpecError(f"budget must hold the slowest design, but that {best}.")
    while low < high:
        middle = (low + high) // 2
        tried = _chosen(ways, paces[middle], budget, part)
        if isinstance(tried, str):
            low = middle + 1
        else:
            high, best = middle, tried
    return _made(network, best, paces[high])


def _chosen(ways: Mapping[str, list[Option]], interval: int, budget: Area, part: Device
            ) -> dict[str, Option] | str:
    """An option of every layer within the interval and together within the budget, or what is
    short: the cheapest at prices that rise where a resource is short."""
    most = budget.model_dump()
    has = available(part).model_dump()
    prices = {name: 1 / has[name] if has[name] else 1.0 for name in most}
    short = "are too few for one of them"
    for _ in range(ROUNDS):
        chosen = {}
        for name, own in ways.items():
            able = [one for one in own if one.cycles <= interval]
            if not able:
                return f"are too few for {name}, which takes {own[0].cycles}"
            chosen[name] = min(able, key=lambda one: (sum(
                prices[key] * value for key, value in one.area.model_dump().items()), one.cycles))
        used = {key: sum(one.area.model_dump()[key] for one in chosen.values()) for key in most}
        over = {key: value / max(most[key], 1) for key, value in used.items()
                if value > most[key]}
        if not over:
            return chosen
        worst = max(over, key=over.__getitem__)
        short = f"takes {used[worst]} {worst} of {most[worst]}"
        prices[worst] *= DEARER
    return short


def _made(network: NetworkSpec, chosen: Mapping[str, Option], interval: int) -> Balanced:
    """The design: narrow nodes between the layers, and room where pixels wait."""
    nodes = tuple(dataclasses.replace(node, op=Engine(chosen[node.name].spec))
                  if node.name in chosen else node for node in network.nodes)
    made = dataclasses.replace(network, nodes=nodes)
    settings = []
    for node in nodes:
        lanes = None
        if not isinstance(node.op, Engine | Flatten):
            shapes = [made.shapes[name] for name in node.inputs]
            lanes = _lanes(shapes + [made.shapes[node.name]], least_lanes(node.op, shapes),
                           interval)
        settings.append(Setting(lanes))
    return Balanced(with_buffers(DataflowSpec(made, tuple(settings))),
                    {name: one.area for name, one in chosen.items()})


def _sum(areas: Iterable[Area]) -> Area:
    """All of them together."""
    total = dict.fromkeys(Area.model_fields, 0)
    for area in areas:
        total = {key: value + area.model_dump()[key] for key, value in total.items()}
    return Area(**total)


def _lanes(shapes: list[tuple[int, ...]], divided: int, interval: int) -> int:
    """The fewest lanes with which a node keeps the pace."""
    most = max(shape[-1] for shape in shapes)
    for lanes in range(1, most + 1):
        if divided % lanes == 0 and all(
                _units(shape) * ceil_div(shape[-1], lanes) <= interval for shape in shapes):
            return lanes
    return max(own for own in range(1, most + 1) if divided % own == 0)


def _units(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[1] if len(shape) == 3 else 1
