"""Foldings of all layers of a network such that none is slower, or larger, than it need be."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ..flow.area import available
from ..flow.results import Area
from ..spec import SpecError
from ..spec.dataflow import DataflowSpec, Setting
from ..spec.dataflow.parts import least_lanes
from ..spec.dataflow.schedule import too_slow
from ..spec.devices import Device, resolve
from ..spec.network import Engine, Flatten, NetworkSpec
from ..spec.ranges import ceil_div
from .area.nodes import other_cells
from .options import Option, option_of, options

__all__ = ["Balanced", "Option", "as_folded", "balance", "options"]

ROUNDS = 40
"""Times that prices of resources are changed before an interval is given up."""

DEARER = 0.6
"""How much the logarithm of a price follows the share of a resource that is short, or left over."""

CALMER = 0.93
"""Factor by which prices follow less from round to round."""

REFITS = 3
"""Times that layers are chosen anew for what the streams between them leave."""

FULL = 0.5
"""Share of the LUT4 from which on what lies idle is used to save them: wires get long, and the
clock slow, where logic stands close."""

LESS = 0.96
"""Factor by which the LUT4 are cut then, as long as the layers still fit."""


@dataclasses.dataclass(frozen=True)
class Balanced:
    """What `balance` found.

    Members
    -------
    design: with foldings, storages and buffers
    areas: estimated, of its layers and other nodes by name, and of `STREAMS` and `BORDER`
    """
    design: DataflowSpec
    areas: Mapping[str, Area]

    @property
    def area(self) -> Area:
        """Of all."""
        return _sum(self.areas.values())


@dataclasses.dataclass(frozen=True)
class _Search:
    """What a search goes through: ways to build every layer, and what all may take."""
    network: NetworkSpec
    part: Device
    budget: Area
    ways: Mapping[str, list[Option]]

    def attempt(self, interval: int) -> Balanced | str:
        """The design for an interval, or what is short.

        Where a window gives its pixels in bursts, or a stream cannot be cut anew fast enough,
        layers that keep the pace alone do not between others: faster ones are tried.
        """
        ways = dict(self.ways)
        while True:
            found = self._fitted(interval, ways)
            if isinstance(found, str) or found.design.cycles_per_row <= interval:
                return found
            name = too_slow(found.design, interval)
            rest = [] if name not in ways else [
                one for one in ways[name] if one.beats(found.design.network.engines[name])]
            if rest:
                assert name is not None
                ways[name] = rest
                continue
            regular = {own: [one for one in them if one.regular] or them
                       for own, them in ways.items()}
            if regular == ways:
                return (f"are too few for {name or 'the streams'} between the others, "
                        f"which take {found.design.cycles_per_row}")
            ways = regular

    def _fitted(self, interval: int, ways: Mapping[str, list[Option]]) -> Balanced | str:
        """Layers within what the streams between them leave of the budget."""
        others = Area(lut4=0, ff=0, bram=0, dsp=0)
        short = ""
        for _ in range(REFITS):
            left = _rest(self.budget, others)
            chosen = _chosen(ways, interval, left, self.part)
            if isinstance(chosen, str):
                return chosen
            made = _made(self.network, self._saving(ways, chosen, interval, left), interval,
                         self.part)
            over = _over(made.area, self.budget)
            if not over:
                return made
            short = f"takes {over}"
            others = _sum(area for name, area in made.areas.items() if name not in ways)
        return short

    def _saving(self, ways: Mapping[str, list[Option]], chosen: dict[str, Option], interval: int,
                left: Area) -> dict[str, Option]:
        """The same with fewer LUT4, where they are many and other resources can do their work."""
        most = available(self.part).lut4
        while (lut4 := _sum(one.area for one in chosen.values()).lut4) > FULL * most:
            tried = _chosen(ways, interval, left.model_copy(update={"lut4": int(LESS * lut4)}),
                            self.part)
            if isinstance(tried, str):
                break
            chosen = tried
        return chosen


def balance(network: NetworkSpec, part: Device, budget: Area, *, interval: int | None = None,
            constant: bool = True, progress: Callable[[str], None] = lambda name: None
            ) -> Balanced:
    """The network as a dataflow accelerator of the best rate that the budget holds.

    Parameters
    ----------
    budget: what the design may take
    interval: cycles of an image that are enough; as few as fit where left out
    constant: whether parameters are built in, for which they must be known
    progress: called with the name of each layer whose foldings are known

    Raises
    ------
    SpecError
        Where nothing fits, in one sentence that says what is short.
    """
    ways = {}
    for name, spec in network.engines.items():
        ways[name] = options(spec, part, constant=constant, interval=interval)
        if not ways[name]:
            raise SpecError(f"{name}: no folding can be built on {part.name}.")
        progress(name)
    search = _Search(network, part, budget, ways)
    if interval is not None:
        found = search.attempt(interval)
        if isinstance(found, str):
            raise SpecError(f"interval must leave room for all layers, but {interval} cycles "
                            f"{found}.")
        return found
    fastest = max(own[0].cycles for own in ways.values())
    paces = sorted({one.cycles for own in ways.values() for one in own if one.cycles >= fastest})
    low, high = 0, len(paces) - 1
    best = search.attempt(paces[high])
    if isinstance(best, str):
        raise SpecError(f"budget must hold the slowest design, but that {best}.")
    while low < high:
        middle = (low + high) // 2
        tried = search.attempt(paces[middle])
        if isinstance(tried, str):
            low = middle + 1
        else:
            high, best = middle, tried
    return best


def _chosen(ways: Mapping[str, list[Option]], interval: int, budget: Area, part: Device
            ) -> dict[str, Option] | str:
    """An option of every layer within the interval and together within the budget, or what is
    short: the cheapest at prices that follow how short every resource is, and, as layers of one
    shape change all at once with prices, then changes of one layer at a time."""
    tables, able = [], []
    for name, own in ways.items():
        fast = sorted((one for one in own if one.cycles <= interval), key=lambda one: one.cycles)
        if not fast:
            return f"are too few for {name}, which takes {own[0].cycles}"
        able.append(fast)
        tables.append(np.array([one.amounts for one in fast], dtype=float))
    limits = np.maximum([float(most) for most in budget.model_dump().values()], 0.001)
    prices = 1 / np.maximum([float(most) for most in available(part).model_dump().values()], 1)
    best, least = [], np.inf
    for step in range(ROUNDS):
        picks = [int(np.argmin(table @ prices)) for table in tables]
        shares = sum(table[pick] for table, pick in zip(tables, picks)) / limits
        excess = np.maximum(shares - 1, 0).sum()
        if excess < least:
            best, least = picks, excess
        if not excess:
            break
        prices = prices * np.exp(DEARER * CALMER ** step * np.clip(shares - 1, -0.5, 1))
    best = _repaired(tables, best, limits)
    chosen = {name: own[pick] for name, own, pick in zip(ways, able, best)}
    over = _over(_sum(one.area for one in chosen.values()), budget)
    return f"takes {over}" if over else chosen


def _repaired(tables: list[np.ndarray], picks: list[int], limits: np.ndarray) -> list[int]:
    """The same options but for single layers, while that brings all nearer to the limits."""
    picks = list(picks)
    used = sum(table[pick] for table, pick in zip(tables, picks))
    while (excess := np.maximum(used / limits - 1, 0).sum()) > 0:
        tried = [np.maximum((used - table[pick] + table) / limits - 1, 0).sum(axis=1)
                 for table, pick in zip(tables, picks)]
        layer = int(np.argmin([own.min() for own in tried]))
        if tried[layer].min() >= excess:
            break
        picks[layer] = int(tried[layer].argmin())
        used = sum(table[pick] for table, pick in zip(tables, picks))
    return picks


def _made(network: NetworkSpec, chosen: Mapping[str, Option], interval: int, part: Device
          ) -> Balanced:
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
    design = DataflowSpec(made, tuple(settings)).with_buffers()
    return Balanced(design, {name: one.area for name, one in chosen.items()}
                    | _other_areas(design, part))


def as_folded(design: DataflowSpec, part: Device) -> Balanced:
    """A network with the foldings that it has, and what its nodes take on a device.

    Raises `SpecError` where the device lacks what a layer asks for by name.
    """
    design = resolve(design, part)
    areas = {name: option_of(spec, part).area for name, spec in design.network.engines.items()}
    return Balanced(design, areas | _other_areas(design, part))


def _other_areas(design: DataflowSpec, part: Device) -> dict[str, Area]:
    """Of all that is no engine, by name."""
    return {name: Area(lut4=round(cells.lut4), ff=round(cells.ff), bram=cells.bram, dsp=cells.dsp)
            for name, cells in other_cells(design, part).items()}


def _rest(budget: Area, others: Area) -> Area:
    """What is left beside others."""
    return Area(**{key: max(0, value - others.model_dump()[key])
                   for key, value in budget.model_dump().items()})


def _over(area: Area, budget: Area) -> str:
    """The resource of which an area takes most beyond the budget, in words; nothing if none."""
    most = budget.model_dump()
    over = {key: value / max(most[key], 1) for key, value in area.model_dump().items()
            if value > most[key]}
    if not over:
        return ""
    worst = max(over, key=over.__getitem__)
    return f"{area.model_dump()[worst]} {worst} of {most[worst]}"


def _sum(areas: Iterable[Area]) -> Area:
    """All of them together."""
    total = dict.fromkeys(Area.model_fields, 0)
    for area in areas:
        total = {key: value + area.model_dump()[key] for key, value in total.items()}
    return Area(**total)


def _lanes(shapes: list[tuple[int, ...]], divided: int, interval: int) -> int:
    """The fewest lanes with which a node keeps the pace."""
    most = max(shape[-1] for shape in shapes)
    powers = (1 << bits for bits in range(most.bit_length()))
    for lanes in (*powers, *range(1, most + 1)):
        if divided % lanes == 0 and all(
                _units(shape) * ceil_div(shape[-1], lanes) <= interval for shape in shapes):
            return lanes
    return max(own for own in range(1, most + 1) if divided % own == 0)


def _units(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[1] if len(shape) == 3 else 1
