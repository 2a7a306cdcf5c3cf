"""NSGA-II over the bits of all layers: what is lost against what it costs."""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ...spec.fields import Integer, SpecError, show
from .accuracy import LEAST, Evaluator, Noise
from .operators import OPERATORS, Operators
from .tables import CostTable

__all__ = ["COSTS", "Generation", "Point", "SearchResult", "TradeSettings", "descent",
           "search_bits"]

COSTS = ("edp", "energy", "cycles")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TradeSettings:
    """How the search goes.

    Parameters
    ----------
    cost: ``edp`` (the sum over layers), ``energy`` or ``cycles``
    operators: ``stepwise``, over the widths that differ in cost, or ``published``
    parents, offspring, generations: of NSGA-II
    seed: equal seeds give equal results

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    cost: str = "edp"
    operators: str = "stepwise"
    parents: int = 10
    offspring: int = 10
    generations: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        for field, words in (("cost", COSTS), ("operators", tuple(OPERATORS))):
            if getattr(self, field) not in words:
                raise SpecError(f"{field} must be one of {', '.join(words)}, "
                                f"but is {show(getattr(self, field))}.")
        for field, low in (("parents", 2), ("offspring", 1), ("generations", 1), ("seed", 0)):
            Integer(low, 1_000_000).check(field, getattr(self, field))


@dataclasses.dataclass(frozen=True)
class Point:
    """A genome with what it loses and costs.

    Members
    -------
    genome: per layer, bits of activations and weights
    loss: in the evaluator's unit
    energy: µJ
    edp: sum of the layers' energy-delay products in J·cycles
    """
    genome: tuple[tuple[int, int], ...]
    loss: float
    energy: float
    cycles: int
    edp: float

    def cost(self, name: str) -> float:
        """One of `COSTS`."""
        return float(getattr(self, name))

    @property
    def label(self) -> str:
        """Bits in short: of all layers, or the range that they span."""
        sides = []
        for side in zip(*self.genome):
            sides.append(str(side[0]) if len(set(side)) == 1 else f"{min(side)}–{max(side)}")
        return "/".join(sides)


@dataclasses.dataclass(frozen=True)
class Generation:
    """State after a generation.

    Members
    -------
    evaluated: different genomes so far
    hypervolume: of the rectangle from the least to the largest loss of uniform bits, and from no
        cost to that of uniform 8 bits, the share that some genome found so far is better than
    """
    number: int
    evaluated: int
    hypervolume: float


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What was found.

    Members
    -------
    front: genomes that none found is better than in both, cheapest first
    uniform: by bits, all layers with these of both activations and weights
    history: per generation
    """
    settings: TradeSettings
    unit: str
    front: tuple[Point, ...]
    uniform: dict[int, Point]
    history: tuple[Generation, ...]
    seconds: float

    def cheapest(self, loss: float) -> Point | None:
        """The cheapest genome that loses no more."""
        good = [point for point in self.front if point.loss <= loss]
        return min(good, key=lambda point: point.cost(self.settings.cost), default=None)


def search_bits(table: CostTable, evaluator: Evaluator, settings: TradeSettings, *,
                noise: Noise | None = None,
                progress: Callable[[Generation], None] = lambda generation: None) -> SearchResult:
    """Search genomes by NSGA-II (pymoo); all that were looked at take part in the front.

    Parameters
    ----------
    noise: with ``stepwise``, the search begins with what `descent` finds by it
    progress: told of every generation

    Raises
    ------
    SpecError
        If pymoo is not installed.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.crossover import Crossover
        from pymoo.core.mutation import Mutation
        from pymoo.core.problem import Problem
        from pymoo.optimize import minimize
    except ModuleNotFoundError:
        raise SpecError("the search needs the package pymoo; pip install 'pqhw[search]'.") from None
    started = time.perf_counter()
    layers = len(table.names)
    widths = table.widths if settings.operators == "published" else table.kinds
    operators = OPERATORS[settings.operators](widths, layers)
    archive = _Archive(table, evaluator, settings.cost)
    uniform = {bits: archive.add(np.full((1, layers, 2), bits))[0] for bits in table.widths}

    class Bits(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=2 * layers, n_obj=2, xl=0, xu=len(widths) - 1, vtype=int)

        def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **rest: Any) -> None:
            points = archive.add(np.array(widths)[x.reshape(-1, layers, 2)])
            out["F"] = np.array([[point.loss, point.cost(settings.cost)] for point in points])

    class Cross(Crossover):
        def __init__(self) -> None:
            super().__init__(2, 1, prob=1.0)

        def _do(self, problem: Any, x: np.ndarray, *args: Any, random_state: Any = None,
                **rest: Any) -> np.ndarray:
            return _each(operators.cross, x[0], x[1], layers=layers, random=random_state)[None]

    class Mutate(Mutation):
        def _do(self, problem: Any, x: np.ndarray, *args: Any, random_state: Any = None,
                **rest: Any) -> np.ndarray:
            return _each(operators.mutate, x, layers=layers, random=random_state)

    history: list[Generation] = []

    def after(algorithm: Any) -> None:
        history.append(Generation(len(history) + 1, len(archive.points),
                                  archive.hypervolume(uniform)))
        progress(history[-1])

    algorithm = NSGA2(pop_size=settings.parents, n_offsprings=settings.offspring,
                      sampling=_beginning(operators, archive, settings, noise), crossover=Cross(),
                      mutation=Mutate(), eliminate_duplicates=True)
    minimize(Bits(), algorithm, ("n_gen", settings.generations), seed=settings.seed,
             callback=after, verbose=False)
    return SearchResult(settings, evaluator.unit, archive.front(), uniform, tuple(history),
                        time.perf_counter() - started)


def _each(change: Callable[..., np.ndarray], *genomes: np.ndarray, layers: int,
          random: np.random.Generator) -> np.ndarray:
    rows = [change(*(own.astype(np.int64).reshape(layers, 2) for own in rows), random)
            for rows in zip(*genomes)]
    return np.stack(rows).reshape(len(rows), -1)


def _beginning(operators: Operators, archive: "_Archive", settings: TradeSettings,
               noise: Noise | None) -> np.ndarray:
    """First genomes, as places: of more than the population holds those that none is better than,
    spread evenly over the cost."""
    first = operators.begin()
    if noise is not None and settings.operators == "stepwise":
        first = np.searchsorted(operators.widths, descent(archive.table, noise, settings.cost))
    elif len(first) > settings.parents:
        places = {point.genome: at for at, point in enumerate(
            archive.add(np.array(operators.widths)[first]))}
        first = first[[places[point.genome] for point in archive.front()
                       if point.genome in places]]
    if len(first) > settings.parents:
        spread = np.linspace(0, len(first) - 1, settings.parents).round()
        first = first[spread.astype(int)]
    return first.reshape(len(first), -1)


def descent(table: CostTable, noise: Noise, cost: str) -> np.ndarray:
    """Genomes [B, L, 2] from the most bits to the fewest, each one step of one layer's activations
    or weights to fewer bits: the one that saves most for the noise that it adds."""
    kinds = table.kinds
    place = COSTS.index(cost)
    places = np.full((len(table.names), 2), len(kinds) - 1)
    path = [places]
    while places.any():
        steps = np.argwhere(places)
        tried = np.repeat(places[None], len(steps), axis=0)
        tried[(np.arange(len(steps)), *steps.T)] -= 1
        genomes = np.array(kinds)[np.concatenate((places[None], tried))]
        energy, cycles, edp = table.costs(genomes)
        spent = (edp, energy, cycles)[place]
        added = [noise.part(layer, side, kinds[places[layer, side] - 1])
                 - noise.part(layer, side, kinds[places[layer, side]])
                 for layer, side in steps.tolist()]
        worth = (spent[0] - spent[1:]) / np.maximum(added, LEAST)
        places = tried[int(worth.argmax())]
        path.append(places)
    return np.array(kinds)[np.array(path)]


class _Archive:
    """All genomes that were looked at; `first` are the bits that enter the first layer, the fewest
    that hold what does, where they are not to be chosen."""

    def __init__(self, table: CostTable, evaluator: Evaluator, cost: str):
        self.table, self.evaluator, self.cost = table, evaluator, cost
        self.points: dict[bytes, Point] = {}
        given = evaluator.input_bits
        self.first = None if given is None else min(
            (bits for bits in table.widths if bits >= given), default=max(table.widths))

    def add(self, genomes: np.ndarray) -> list[Point]:
        """Points of genomes [B, L, 2], as bits."""
        genomes = self.table.check(genomes)
        if self.first is not None:
            genomes[:, 0, 0] = self.first
        keys = [genome.tobytes() for genome in genomes]
        fresh = [at for at, key in enumerate(keys) if key not in self.points]
        if fresh:
            losses = self.evaluator.losses(genomes[fresh])
            for at, loss, energy, cycles, edp in zip(fresh, losses,
                                                     *self.table.costs(genomes[fresh])):
                pairs = tuple((int(entering), int(weights)) for entering, weights in genomes[at])
                self.points[keys[at]] = Point(pairs, float(loss), float(energy), int(cycles),
                                              float(edp))
        return [self.points[key] for key in keys]

    def front(self) -> tuple[Point, ...]:
        """Points that none is better than, cheapest first."""
        order = sorted(self.points.values(),
                       key=lambda point: (point.cost(self.cost), point.loss, point.genome))
        kept: list[Point] = []
        for point in order:
            if not kept or point.loss < kept[-1].loss:
                kept.append(point)
        return tuple(kept)

    def hypervolume(self, uniform: dict[int, Point]) -> float:
        """See `Generation`."""
        losses = [point.loss for point in uniform.values()]
        low, span = min(losses), max(losses) - min(losses) or 1.0
        full = uniform[max(uniform)].cost(self.cost)
        points = np.array([[max(0.0, (point.loss - low) / span), point.cost(self.cost) / full]
                           for point in self.front()])
        return float(_indicator()(points))


@functools.cache
def _indicator() -> Any:
    from pymoo.indicators.hv import HV
    return HV(ref_point=np.array([1.0, 1.0]))
