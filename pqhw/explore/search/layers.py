"""Ways to build one layer that no other beats: grids of all its choices, within the budget."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...flow.area import equivalents
from ...flow.results import Area
from ...spec import EngineSpec, MACSpec, PQSpec, SpecError
from ...spec.devices import Device, resolve
from ...study.cost import engine_cost
from ..options import variants
from ..size import as_kind
from .costs import OperatorCost
from .error import error_proxy
from .grid import Grid, layer_grid
from .learn import corrected
from .pareto import nondominated
from .neutral import neutral_variants
from .plan import Choice, Search
from .split import part_of, split_costs

__all__ = ["LayerCosts", "layer_costs", "prices"]


@dataclasses.dataclass(frozen=True)
class LayerCosts:
    """What was found for a layer.

    Members
    -------
    costs: the ways that no other beats, the fastest first
    points: foldings that were looked at
    reasons: why choices cannot be, by their names
    """
    costs: tuple[OperatorCost, ...]
    points: int
    reasons: Mapping[str, str]


def prices(part: Device) -> np.ndarray:
    """LUT equivalents of a LUT4, a flip-flop, a block RAM and a DSP block, at PQA's prices."""
    names = tuple(Area.model_fields)
    return np.array([equivalents(Area(**{own: int(own == name) for own in names}), part).pqa
                     for name in names])


def layer_costs(search: Search, name: str, wanted: Sequence[str]) -> LayerCosts:
    """The ways to build a layer, of all choices that are for it.

    Parameters
    ----------
    wanted: columns of `_columns` in which a way has to be better than another to be kept

    Raises
    ------
    SpecError
        Where nothing can be built, or nothing fits the budget.
    """
    found: list[tuple[Choice, Grid, float, int]] = []
    reasons: dict[str, str] = {}
    for choice in search.choices:
        if not choice.suits(name):
            continue
        try:
            specs = _variants(search, choice, search.layers[name])
        except SpecError as error:
            reasons[choice.name] = str(error)
            continue
        for spec, blocks in specs.items():
            try:
                grid = layer_grid(spec, search.part, _most_products(search.budget), blocks)
                grid = dataclasses.replace(grid, figures=corrected(
                    grid.figures, search.learned.get(choice.kind)))
            except SpecError as error:
                reasons[choice.name] = str(error)
                continue
            off = 0.0
            if "error" in search.objectives:
                off = error_proxy(spec, search.seed) if choice.error is None else choice.error
            found.append((choice, grid, off, _parameter_bits(spec)))
    points = sum(len(grid) for _, grid, _, _ in found)
    rows = [_columns(grid, off, bits, search) for _, grid, off, bits in found]
    kept = _kept(rows, search.budget, wanted)
    if not kept and not any(split.suits(name) for split in search.splits):
        told = "; ".join(f"{choice}: {reason}" for choice, reason in reasons.items())
        raise SpecError(f"{name}: {told or 'nothing fits the budget.'}")
    costs = [_cost(name, *found[number][:3], found[number][3], index) for number, index in kept]
    halves = _split(search, name, reasons)
    if halves.costs:
        costs += halves.costs
        columns = np.array([[_figure(own, figure, search.part) for figure in wanted]
                            for own in costs])
        costs = [costs[index] for index in nondominated(columns)]
    if not costs:
        raise SpecError(f"{name}: nothing fits the budget.")
    return LayerCosts(tuple(sorted(costs, key=lambda one: (one.cycles, one.lut4))),
                      points + halves.points, reasons)


def _split(search: Search, name: str, reasons: dict[str, str]) -> LayerCosts:
    """The ways to build a layer by two choices, and foldings of halves that were looked at."""
    layer, choices = search.layers[name], {own.name: own for own in search.choices}
    found: list[OperatorCost] = []
    points = 0
    for split in search.splits:
        for outputs in split.outputs if split.suits(name) else ():
            label = f"{split.first} + {split.second}, {outputs} outputs by the first"
            halves: list[Sequence[OperatorCost]] = []
            try:
                shape = part_of(layer, outputs)["layer"]
                rest = next(layer["layer"][field] for field in ("out_channels", "out_features")
                            if field in shape) - outputs
                for choice, count in ((split.first, outputs), (split.second, rest)):
                    alone = dataclasses.replace(
                        search, splits=(), layers={name: part_of(layer, count)},
                        choices=(dataclasses.replace(choices[choice], layers=("*",)),))
                    own = layer_costs(alone, name, ["rate", "lut_equivalents", *(
                        {"error"} & set(search.objectives))])
                    points += own.points
                    halves.append(own.costs)
                found += split_costs(name, label, layer["layer"], halves[0], halves[1],
                                     search.part, search.budget)
            except SpecError as error:
                reasons[label] = str(error)
    return LayerCosts(tuple(found), points, {})


def _figure(cost: OperatorCost, name: str, part: Device) -> float:
    """What ways are held against each other by, the smaller the better."""
    match name:
        case "rate":
            return -cost.fmax_mhz / cost.cycles
        case "lut_equivalents":
            return cost.lut_equivalents(part)
        case "energy_proxy":
            return cost.energy_proxy(part)
    return float(getattr(cost, name))


def _variants(search: Search, choice: Choice, layer: Mapping[str, Any]
              ) -> dict[EngineSpec, tuple[int, ...]]:
    """The layer as a choice makes it, with every memory and multiplier that is left open, each
    with the numbers of DSP blocks that it may have."""
    spec = as_kind(choice.mapping(layer), choice.kind)
    limited = dataclasses.replace(search.part, dsps=min(search.part.dsps, search.budget.dsp))
    made = variants(spec, limited, search.constant)
    if not made:  # What does not allow constants says why.
        dataclasses.replace(spec, engine=dataclasses.replace(spec.engine,
                                                             resident=search.constant))
        raise SpecError(f"no memory or multiplier of {search.part.name} suits it.")
    asked = {path.partition(".")[2] for path in choice.changes if path.startswith("engine.")}
    fixed = [own for own in made if all(
        getattr(own.engine, field) == getattr(spec.engine, field) for field in asked
        if field.endswith("storage") or field in ("multiplier", "dsp_blocks"))]
    found: dict[EngineSpec, tuple[int, ...]] = {}
    chosen = fixed or made
    if search.wide:
        chosen = [wide for own in chosen for wide in neutral_variants(own, search.part, asked)]
    for own in chosen:
        blocks = getattr(own.engine, "dsp_blocks", None)
        if blocks is None or "dsp_blocks" in asked:
            found[own] = ()
        else:
            open_ = dataclasses.replace(own, engine=dataclasses.replace(
                own.engine, dsp_blocks=None))
            found[open_] = (*found.get(open_, ()), blocks)
    return found


def _most_products(budget: Area) -> int:
    """Products side by side that a budget could hold at the very most."""
    return budget.lut4 // 4 + 9 * budget.dsp


def _parameter_bits(spec: EngineSpec) -> int:
    cost = engine_cost(dataclasses.replace(
        spec, engine=dataclasses.replace(spec.engine, resident=False)))
    return cost.memory_bits


def _columns(grid: Grid, error: float, bits: int, search: Search) -> dict[str, np.ndarray]:
    """What points are held against each other by, the smaller the better."""
    figures = grid.figures
    area = np.stack([figures[name] for name in Area.model_fields], axis=1)
    price = area @ prices(search.part)
    ones = np.ones(len(grid))
    return {**{name: figures[name] for name in ("cycles", *Area.model_fields)},
            "rate": -figures["fmax_mhz"] / figures["cycles"], "lut_equivalents": price,
            "period": 1 / figures["fmax_mhz"], "energy_proxy": price * figures["cycles"],
            "error": error * ones, "parameter_bits": bits * ones}


def _kept(rows: Sequence[Mapping[str, np.ndarray]], budget: Area, wanted: Sequence[str]
          ) -> list[tuple[int, int]]:
    """Grids and points within them that fit and that no other beats."""
    limits = budget.model_dump()
    sources, costs = [], []
    for number, own in enumerate(rows):
        fits = np.ones(len(own["cycles"]), dtype=bool)
        for name, most in limits.items():
            fits &= own[name] <= most
        places = np.flatnonzero(fits)
        columns = np.stack([own[name][places] for name in wanted], axis=1)
        best = nondominated(columns)
        sources += [(number, int(places[index])) for index in best]
        costs.append(columns[best])
    return [sources[index] for index in nondominated(np.concatenate(costs))] if sources else []


def _cost(name: str, choice: Choice, grid: Grid, error: float, bits: int, index: int
          ) -> OperatorCost:
    """A point with its whole spec."""
    spec, own = grid.spec, {key: values[index] for key, values in grid.figures.items()}
    return OperatorCost(
        operator=name, shape=spec.layer.to_mapping(), engine=choice.name, bits=_bits(spec),
        device=grid.part.name, cycles=int(own["cycles"]), fmax_mhz=round(float(own["fmax_mhz"]), 2),
        **{key: int(own[key]) for key in Area.model_fields}, parameter_bits=bits, error=error,
        spec=resolve(grid.chain(index), grid.part).to_mapping())


def _bits(spec: EngineSpec) -> dict[str, int]:
    found = {"activation": spec.precision.activation_bits}
    if isinstance(spec, PQSpec):
        return found | {"prototype": spec.precision.prototype_bits,
                        "table": spec.precision.table_bits}
    assert isinstance(spec, MACSpec)
    return found | {"weight": spec.engine.weight_bits}
