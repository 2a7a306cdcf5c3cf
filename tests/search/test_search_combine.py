"""Points that no other beats, combinations of layers, and NSGA-II where they are many."""

import itertools

import numpy as np
import pytest

from pqhw.explore.search.combine import Evaluator, combine
from pqhw.explore.search.costs import OperatorCost
from pqhw.explore.search.pareto import nondominated
from pqhw.flow.area import equivalents
from pqhw.flow.results import Area
from pqhw.spec import SpecError
from pqhw.spec.devices import device

ECP5 = device("lfe5u-25f")
ALL = Area(lut4=10 ** 6, ff=10 ** 6, bram=10 ** 6, dsp=10 ** 6)
OBJECTIVES = ("rate", "lut_equivalents", "error")


def brute_force(costs):
    """By comparing all rows with all others; of equal rows the first."""
    kept = []
    for index, own in enumerate(costs):
        beaten = any((other <= own).all() and (other < own).any() for other in costs)
        if not beaten and not any((costs[before] == own).all() for before in range(index)):
            kept.append(index)
    return kept


@pytest.mark.parametrize("points, objectives, levels", [
    (0, 2, 5), (1, 3, 5), (60, 1, 9), (300, 2, 12), (300, 3, 6), (250, 4, 4), (40, 3, 1),
    (2500, 2, 2000)])
def test_the_front_is_that_of_comparing_all_with_all(points, objectives, levels):
    costs = np.random.default_rng(points).integers(0, levels, (points, objectives)).astype(float)
    assert nondominated(costs).tolist() == brute_force(costs)


def way(random, operator, number):
    cycles = int(random.integers(1, 60))
    return OperatorCost(operator=operator, shape={}, engine=f"way {number}", cycles=cycles,
                        fmax_mhz=float(random.integers(100, 200)),
                        lut4=int(random.integers(100, 3000) + 9000 // cycles),
                        ff=int(random.integers(100, 3000)), bram=int(random.integers(0, 9)),
                        dsp=int(random.integers(0, 4)), error=float(random.random()),
                        parameter_bits=int(random.integers(0, 10 ** 6)))


def layers(count, ways, seed=0):
    random = np.random.default_rng(seed)
    return [[way(random, f"layer {layer}", number) for number in range(ways)]
            for layer in range(count)]


def alone(ways, objectives):
    """Objectives of one combination, in arithmetic of our own."""
    area = Area(**{name: sum(getattr(own, name) for own in ways) for name in Area.model_fields})
    prices = equivalents(area, ECP5).pqa
    found = {"rate": -1e6 * min(own.fmax_mhz for own in ways) / max(own.cycles for own in ways),
             "lut4": area.lut4, "lut_equivalents": prices,
             "parameter_bits": sum(own.parameter_bits for own in ways),
             "error": (sum(own.error ** 2 for own in ways) / len(ways)) ** 0.5,
             "energy_proxy": sum(equivalents(own.area, ECP5).pqa * own.cycles for own in ways)}
    return [found[name] for name in objectives], area


def test_objectives_are_those_of_every_combination_alone():
    ways = layers(4, 7)
    objectives = ("rate", "lut4", "lut_equivalents", "parameter_bits", "error", "energy_proxy")
    budget = Area(lut4=4000, ff=5000, bram=10, dsp=4)
    evaluator = Evaluator(ways, ECP5, budget, objectives)
    picks = np.random.default_rng(3).integers(0, 7, (200, 4))
    costs, excess = evaluator.costs(picks)
    for own, cost, over in zip(picks, costs, excess):
        wanted, area = alone([layer[pick] for layer, pick in zip(ways, own)], objectives)
        assert cost == pytest.approx(wanted, rel=1e-4), own
        assert [amount <= most for amount, most in zip(
            area.model_dump().values(), budget.model_dump().values())] == (over <= 0).tolist()


@pytest.mark.parametrize("budget", [ALL, Area(lut4=6000, ff=7000, bram=14, dsp=8)])
def test_all_combinations_are_looked_at_where_they_are_few(budget):
    ways = layers(3, 12, seed=5)
    evaluator = Evaluator(ways, ECP5, budget, OBJECTIVES)
    found = combine(evaluator)
    assert found.exact and found.points == 12 ** 3
    every = np.array(list(itertools.product(range(12), repeat=3)))
    costs, excess = evaluator.costs(every)
    fits = every[(excess <= 0).all(axis=1)]
    wanted = fits[brute_force(costs[(excess <= 0).all(axis=1)])]
    assert sorted(map(tuple, found.picks)) == sorted(map(tuple, wanted))


def test_nsga_finds_nearly_all_of_what_looking_at_all_finds():
    pytest.importorskip("pymoo")
    ways = layers(4, 14, seed=6)
    evaluator = Evaluator(ways, ECP5, ALL, ("rate", "lut_equivalents"))
    exact = combine(evaluator)
    found = combine(evaluator, most=1, population=60, generations=60)
    assert exact.exact and not found.exact
    again = combine(evaluator, most=1, population=60, generations=60)
    assert (found.picks == again.picks).all(), "a seed decides"
    best, near = evaluator.costs(exact.picks)[0], evaluator.costs(found.picks)[0]
    reference = best.max(axis=0) * [0.5, 1.2]

    def volume(costs):
        order = costs[np.lexsort(costs.T[::-1])]
        total, low = 0.0, reference[1]
        for rate, price in order:
            if rate < reference[0] and price < low:
                total += (reference[0] - rate) * (low - price)
                low = price
        return total

    assert volume(near) > 0.97 * volume(best)


def test_a_budget_that_holds_nothing_is_told():
    evaluator = Evaluator(layers(2, 4), ECP5, Area(lut4=10, ff=10, bram=0, dsp=0), OBJECTIVES)
    with pytest.raises(SpecError, match="budget must hold the smallest design"):
        combine(evaluator)
