"""A search from its file to its front, and the front's engines routed."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic

from ...flow.folders import write_whole
from ...flow.results import Area
from ...spec import SpecError
from ...spec.dataflow import design_from_mapping, dump_design
from ..sweep.plan import Point, Sweep
from ..sweep.run import Step, SweepRun
from .combine import Evaluator, combine
from .costs import OperatorCost, load_costs
from .layers import layer_costs
from .learn import Correction, LearnedEngine, learn
from .plan import OBJECTIVES, Search

__all__ = ["FRONT", "Member", "RoutedEngine", "RoutedFront", "SearchResult", "learn_routed",
           "route_front", "run_search"]

FRONT, COSTS, ROUTED = "front.json", "costs.json", "routed.json"
"""Within a search's folder: its result, the ways that it chose from, and what was routed."""


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Member(_Model):
    """A design that no other beats."""
    rate: float = pydantic.Field(description="rows, or images, per second")
    area: Area = pydantic.Field(description="of all layers")
    lut_equivalents: float = pydantic.Field(description="area as one number, at PQA's prices")
    parameter_bits: int = pydantic.Field(description="of tables, prototypes and weights")
    error: float = pydantic.Field(description="root of the layers' mean squared errors; 0 where "
                                              "it is no objective")
    energy_proxy: float = pydantic.Field(description="LUT equivalents times cycles, of all layers")
    engines: dict[str, OperatorCost] = pydantic.Field(min_length=1,
                                                      description="how each layer is built")


class LayerFacts(_Model):
    """What was looked at for a layer."""
    points: int = pydantic.Field(description="foldings of all choices")
    ways: int = pydantic.Field(description="those that no other beats")
    impossible: dict[str, str] = pydantic.Field(description="choices that cannot be, and why")


class SearchResult(_Model):
    """A whole search."""
    schema_version: int = pydantic.Field(default=1, description="1")
    document: Literal["search"] = pydantic.Field(default="search", description='`"search"`')
    title: str = pydantic.Field(description="in words")
    device: str = pydantic.Field(description="name of the device")
    budget: Area = pydantic.Field(description="what a design may take")
    objectives: list[str] = pydantic.Field(min_length=1, description="what was looked for")
    exact: bool = pydantic.Field(description="whether every combination was looked at")
    combinations: int = pydantic.Field(description="combinations that were looked at")
    corrections: list[Correction] = pydantic.Field(
        default=[], description="what estimates were multiplied by, as routed engines taught")
    layers: dict[str, LayerFacts] = pydantic.Field(description="by the layers' names")
    members: list[Member] = pydantic.Field(description="the front, the first objective's best "
                                                       "first")

    @pydantic.field_validator("objectives")
    @classmethod
    def _known(cls, given: list[str]) -> list[str]:
        if unknown := [name for name in given if name not in OBJECTIVES]:
            raise ValueError(f"must be of {', '.join(OBJECTIVES)}, but one is {unknown[0]}")
        return given

    @property
    def points(self) -> int:
        """Foldings and combinations that were looked at."""
        return self.combinations + sum(layer.points for layer in self.layers.values())


def run_search(search: Search, progress: Callable[[str], None] = lambda name: None
               ) -> tuple[SearchResult, list[OperatorCost]]:
    """Search; also the ways to build the layers, of which the front's designs are made.

    Parameters
    ----------
    progress: called with the name of each layer whose ways are known

    Raises
    ------
    SpecError
        Where a layer cannot be built, or nothing fits the budget.
    """
    ways, facts = _ways(search, progress)
    evaluator = Evaluator(list(ways.values()), search.part, search.budget, search.objectives)
    found = combine(evaluator, seed=search.seed)
    figures = evaluator.figures(found.picks)
    members = [_member(figures, index, {name: own[pick] for (name, own), pick in zip(
        ways.items(), picks)}) for index, picks in enumerate(found.picks)]
    result = SearchResult(
        title=search.title, device=search.part.name, budget=search.budget,
        objectives=list(search.objectives), exact=found.exact,
        combinations=found.points if len(ways) > 1 else 0, layers=facts, members=members,
        corrections=list(search.learned.values()))
    return result, [own for layer in ways.values() for own in layer]


def _ways(search: Search, progress: Callable[[str], None]
          ) -> tuple[dict[str, Sequence[OperatorCost]], dict[str, LayerFacts]]:
    """Ways to build each layer: imported, or the best of all foldings of its choices."""
    ways: dict[str, Sequence[OperatorCost]] = {}
    facts = {}
    imported = None if search.costs is None else load_costs(search.costs)
    for name in search.layers:
        if imported is not None:
            ways[name] = [own for own in imported if own.operator == name]
            if not ways[name]:
                raise SpecError(f"{search.costs}: holds no costs of {name}.")
            facts[name] = LayerFacts(points=len(ways[name]), ways=len(ways[name]), impossible={})
        else:
            found = layer_costs(search, name, _wanted(search))
            ways[name] = found.costs
            facts[name] = LayerFacts(points=found.points, ways=len(found.costs),
                                     impossible=dict(found.reasons))
        progress(name)
    return ways, facts


def _wanted(search: Search) -> list[str]:
    """In what a way to build a layer has to be better than another to be kept."""
    if len(search.layers) == 1:
        return list(search.objectives)
    added = [name for name in search.objectives if name in (
        "parameter_bits", "error", "energy_proxy")]
    return ["cycles", *Area.model_fields, *added]


def _member(figures: Mapping[str, np.ndarray], index: int, engines: dict[str, OperatorCost]
            ) -> Member:
    names = tuple(Area.model_fields)
    return Member(
        rate=round(float(figures["rate"][index]), 1), engines=engines,
        area=Area(**{name: round(own) for name, own in zip(names, figures["area"][index])}),
        lut_equivalents=round(float(figures["lut_equivalents"][index]), 1),
        parameter_bits=round(float(figures["parameter_bits"][index])),
        error=round(float(figures["error"][index]), 6),
        energy_proxy=round(float(figures["energy_proxy"][index]), 1))


# -- Routing -----------------------------------------------------------------------------------

class RoutedEngine(_Model):
    """An engine of the front, estimated and routed."""
    name: str = pydantic.Field(description="layer, choice and number")
    status: str = pydantic.Field(description="`ok`, or `failed`")
    reason: str | None = pydantic.Field(default=None, description="one sentence, if it failed")
    lut4_estimated: int = pydantic.Field(description="LUT4 by the estimate")
    lut4: int | None = pydantic.Field(default=None, description="LUT4, routed")
    fmax_mhz_estimated: float = pydantic.Field(description="clock by the estimate")
    fmax_mhz: float | None = pydantic.Field(default=None, description="median over seeds, routed")
    cycles: int = pydantic.Field(ge=1, description="of a row, or an image")
    lut_equivalents: float | None = pydantic.Field(
        default=None, description="area as one number, at PQA's prices, routed")
    spec: dict[str, Any] = pydantic.Field(description="the engine's spec")


class RoutedFront(_Model):
    """What routing says of a search's estimates."""
    schema_version: int = pydantic.Field(default=1, description="1")
    document: Literal["search-routed"] = pydantic.Field(
        default="search-routed", description='`"search-routed"`')
    seeds: list[int] = pydantic.Field(description="of the placement")
    lut4_error: float | None = pydantic.Field(
        description="median of the relative errors of LUT4; null where nothing was routed")
    fmax_error: float | None = pydantic.Field(description="the same of clocks")
    engines: list[RoutedEngine] = pydantic.Field(description="list of [Engine](#engine)")

    @property
    def ok(self) -> bool:
        """Whether every engine was routed and equal to the golden model."""
        return all(own.status == "ok" for own in self.engines)


def route_front(result: SearchResult, folder: Path, *, most: int, seeds: Sequence[int] = (1, 2, 3),
                scheduler: str = "local", jobs: int = 1, timeout: float = 3600,
                progress: Callable[[Step], None] = lambda step: None) -> RoutedFront:
    """Verify, synthesize and route engines of the front as a sweep in the folder.

    Parameters
    ----------
    most: so many engines, evenly spaced along the front; each of them once
    """
    engines: dict[str, OperatorCost] = {}
    for member in result.members:
        for own in member.engines.values():
            if own.spec is None:
                raise SpecError(f"{own.operator}: {own.engine} comes from a file of costs without "
                                "its spec, so that it cannot be routed.")
            engines.setdefault(json.dumps(own.spec, sort_keys=True), own)
    distinct = list(engines.values())
    if len(distinct) > most:
        places = np.linspace(0, len(distinct) - 1, most).astype(int)
        distinct = [distinct[index] for index in places]
    points = [Point(name=f"{own.operator} {own.engine} {number}", device=result.device,
                    settings={"operator": own.operator, "engine": own.engine},
                    seeds=tuple(seeds), design=own.spec)
              for number, own in enumerate(distinct, start=1)]
    sweep = Sweep(title=result.title, method="measured", columns=("operator", "engine"),
                  points=tuple(points))
    done = SweepRun(sweep=sweep, folder=folder, timeout=timeout).run(
        scheduler=scheduler, jobs=jobs, progress=progress)
    found = [_routed(row, own) for row, own in zip(done.rows, distinct)]
    return RoutedFront(
        seeds=list(seeds), engines=found,
        lut4_error=_median([(own.lut4_estimated, own.lut4) for own in found]),
        fmax_error=_median([(own.fmax_mhz_estimated, own.fmax_mhz) for own in found]))


def learn_routed(path: Path, part: str, routed: RoutedFront) -> list[LearnedEngine]:
    """Add what was routed to a file of learned engines; failures teach nothing."""
    return learn(path, part, [(own.spec, own.lut4, own.fmax_mhz) for own in routed.engines
                              if own.status == "ok" and own.lut4 and own.fmax_mhz])


def _routed(row: Any, own: OperatorCost) -> RoutedEngine:
    assert own.spec is not None, "what is routed has a spec"
    return RoutedEngine(name=row.name, status=row.status, reason=row.reason, lut4=row.lut4,
                        fmax_mhz=row.fmax_mhz, lut4_estimated=own.lut4, cycles=own.cycles,
                        fmax_mhz_estimated=own.fmax_mhz, spec=own.spec,
                        lut_equivalents=row.lut_equivalents_pqa)


def _median(pairs: Sequence[tuple[float, float | None]]) -> float | None:
    errors = [abs(estimated / measured - 1) for estimated, measured in pairs if measured]
    return round(statistics.median(errors), 4) if errors else None


def write_result(folder: Path, result: SearchResult) -> None:
    """Write front.json, and the designs of layers that two engines share, as `pqhw verilog` takes
    them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FRONT, json.dumps(result.model_dump(mode="json"), indent=1) + "\n")
    split = {json.dumps(own.spec): own for member in result.members
             for own in member.engines.values() if own.spec is not None and "node" in own.spec}
    for number, own in enumerate(split.values(), start=1):
        assert own.spec is not None
        design = design_from_mapping(own.spec)
        write_whole(folder / f"{own.operator}-split-{number}.toml", dump_design(design))
