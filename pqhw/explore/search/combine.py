"""Ways to build all layers put together: every combination, or NSGA-II where they are too many."""

import dataclasses
import math
import warnings
from collections.abc import Sequence

import numpy as np

from ...flow.results import Area
from ...flow.tools import ToolMissing
from ...spec import SpecError
from ...spec.devices import Device
from .costs import OperatorCost
from .layers import prices
from .pareto import nondominated

__all__ = ["Combined", "Evaluator", "combine"]

MOST_ENUMERATED = 2_000_000
"""Combinations up to which all of them are looked at."""

BLOCK = 1 << 16
POPULATION, GENERATIONS = 200, 250


@dataclasses.dataclass(frozen=True)
class Combined:
    """What was found.

    Members
    -------
    picks: [members, layers], which way each layer is built
    points: combinations that were looked at
    exact: whether those were all
    """
    picks: np.ndarray
    points: int
    exact: bool


class Evaluator:
    """Objectives of combinations of ways, a row for each.

    Layers stand side by side and hand images on: the slowest decides the rate, at the slowest
    clock among them; areas, bits and energy add up; of errors, which are independent, the root of
    the mean of their squares is taken. Streams between the layers are not counted.
    """

    def __init__(self, ways: Sequence[Sequence[OperatorCost]], part: Device, budget: Area,
                 objectives: Sequence[str]):
        self.ways = ways
        self.objectives = tuple(objectives)
        self.limits = np.array(list(budget.model_dump().values()), dtype=float)
        names = tuple(Area.model_fields)
        self.area = [np.array([[getattr(own, name) for name in names] for own in layer],
                              dtype=float) for layer in ways]
        self.cycles = [np.array([own.cycles for own in layer], dtype=float) for layer in ways]
        self.period = [np.array([1 / own.fmax_mhz for own in layer]) for layer in ways]
        self.bits = [np.array([own.parameter_bits for own in layer], dtype=float)
                     for layer in ways]
        self.error = [np.array([own.error ** 2 for own in layer]) for layer in ways]
        self.energy = [np.array([own.energy_proxy(part) for own in layer]) for layer in ways]
        self.prices = prices(part)

    @property
    def combinations(self) -> int:
        """How many there are."""
        return math.prod(map(len, self.ways))

    def figures(self, picks: np.ndarray) -> dict[str, np.ndarray]:
        """Every objective of picks [points, layers], and the area [points, 4]."""
        def added(tables: Sequence[np.ndarray]) -> np.ndarray:
            total: np.ndarray = sum(
                table[own] for table, own in zip(tables, picks.T))
            return total

        def largest(tables: Sequence[np.ndarray]) -> np.ndarray:
            return np.maximum.reduce([table[own] for table, own in zip(tables, picks.T)])

        area = added(self.area)
        return {"rate": 1e6 / (largest(self.period) * largest(self.cycles)), "area": area,
                "lut4": area[:, 0], "lut_equivalents": area @ self.prices,
                "parameter_bits": added(self.bits), "energy_proxy": added(self.energy),
                "error": np.sqrt(added(self.error) / len(self.ways))}

    def costs(self, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The objectives [points, objectives], the smaller the better, and by how much of it each
        resource exceeds the budget [points, 4]."""
        found = self.figures(picks)
        columns = [-found[name] if name == "rate" else found[name] for name in self.objectives]
        excess = (found["area"] - self.limits) / np.maximum(self.limits, 1)
        return np.stack(columns, axis=1), excess


def combine(evaluator: Evaluator, *, seed: int = 0, most: int = MOST_ENUMERATED,
            population: int = POPULATION, generations: int = GENERATIONS) -> Combined:
    """The combinations within the budget that no other beats.

    Raises
    ------
    SpecError
        Where none fits.
    ToolMissing
        Where they are too many to look at all, without pymoo.
    """
    exact = evaluator.combinations <= most
    if exact:
        picks = _enumerated(evaluator)
        points = evaluator.combinations
    else:
        picks = _searched(evaluator, seed, population, generations)
        points = population * generations
    if not len(picks):
        raise SpecError("budget must hold the smallest design, but none that was found fits it.")
    costs, _ = evaluator.costs(picks)
    order = np.lexsort(costs.T[::-1])
    return Combined(picks[order], points, exact)


def _fitting(evaluator: Evaluator, picks: np.ndarray) -> np.ndarray:
    """Picks that fit and that no other of them beats."""
    costs, excess = evaluator.costs(picks)
    fits = (excess <= 0).all(axis=1)
    found: np.ndarray = picks[fits][nondominated(costs[fits])]
    return found


def _enumerated(evaluator: Evaluator) -> np.ndarray:
    shape = [len(layer) for layer in evaluator.ways]
    kept = np.zeros((0, len(shape)), dtype=np.int64)
    for start in range(0, evaluator.combinations, BLOCK):
        numbers = np.arange(start, min(start + BLOCK, evaluator.combinations))
        picks = np.stack(np.unravel_index(numbers, shape), axis=1)
        kept = _fitting(evaluator, np.concatenate([kept, picks]))
    return kept


def _searched(evaluator: Evaluator, seed: int, population: int, generations: int) -> np.ndarray:
    """By NSGA-II, from random combinations and from those in which all layers are as fast, or as
    small, as they can be."""
    try:
        with warnings.catch_warnings():  # Of what it imports, not of what is done here.
            warnings.simplefilter("ignore")
            from pymoo.algorithms.moo.nsga2 import NSGA2
            from pymoo.core.problem import Problem
            from pymoo.operators.crossover.ux import UniformCrossover
            from pymoo.operators.mutation.pm import PM
            from pymoo.operators.repair.rounding import RoundingRepair
            from pymoo.optimize import minimize
    except ImportError:
        raise ToolMissing("pymoo is not installed; run: pip install 'pqhw[search]'") from None
    sizes = np.array([len(layer) for layer in evaluator.ways])

    class Combinations(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=len(sizes), n_obj=len(evaluator.objectives), n_ieq_constr=4,
                             xl=0, xu=sizes - 1, vtype=int)

        def _evaluate(self, x: np.ndarray, out: dict[str, np.ndarray], *arguments: object,
                      **options: object) -> None:
            out["F"], out["G"] = evaluator.costs(x.astype(np.int64))

    random = np.random.default_rng(seed)
    first = np.concatenate([_paced(evaluator, population // 2),
                            random.integers(0, sizes, (population - population // 2, len(sizes)))])
    algorithm = NSGA2(pop_size=population, sampling=first, eliminate_duplicates=True,
                      crossover=UniformCrossover(),
                      mutation=PM(prob_var=1 / len(sizes), vtype=float, repair=RoundingRepair()))
    result = minimize(Combinations(), algorithm, ("n_gen", generations), seed=seed, verbose=False)
    last = result.pop.get("X").astype(np.int64)
    return _fitting(evaluator, np.concatenate([last, first]))


def _paced(evaluator: Evaluator, count: int) -> np.ndarray:
    """[count, layers]: for several paces, of every layer the cheapest way that keeps it."""
    price = [table @ evaluator.prices for table in evaluator.area]
    paces = np.unique(np.concatenate(evaluator.cycles))
    paces = paces[paces >= max(own.min() for own in evaluator.cycles)]
    chosen = paces[np.linspace(0, len(paces) - 1, count).astype(int)]
    return np.array([[int(np.where(cycles <= pace, own, np.inf).argmin())
                      for cycles, own in zip(evaluator.cycles, price)] for pace in chosen])
