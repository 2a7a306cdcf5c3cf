"""The best mapping: published optima, and brute force on small layers."""

import itertools

import numpy as np
import pytest

from pqhw.explore.mapping.cost import Bits, CostModel
from pqhw.explore.mapping.files import architecture_of, load_architecture
from pqhw.explore.mapping.mapping import Mapping
from pqhw.explore.mapping.nest import Slot
from pqhw.explore.mapping.search import exhaustive
from pqhw.explore.mapping.workload import DIMENSIONS, Workload

WIDE = Bits(16, 16, 16)
ALEXNET = [
    (Workload(C=3, M=96, R=11, S=11, P=55, Q=55, stride=4), 653, 871_200, 586.938, 511.341),
    (Workload(C=96, M=256, R=5, S=5, P=27, Q=27), 13_320, 3_732_480, 2_674.79, 9_983.60),
    (Workload(C=256, M=384, R=3, S=3, P=13, Q=13), 47_294, 958_464, 820.756, 786.665)]


@pytest.mark.parametrize("workload, valid, cycles, energy, edp", ALEXNET, ids="123")
@pytest.mark.parametrize("prune", [False, True])
def test_the_optima_of_alexnet(workload, valid, cycles, energy, edp, prune):
    found = exhaustive(load_architecture("eyeriss-16"), workload, [WIDE], CostModel(), prune=prune)
    best = found.optima[0]
    assert best.cycles == cycles
    assert float(f"{best.energy:.6g}") == energy and float(f"{best.edp:.6g}") == edp
    assert found.valid == (valid,) if not prune else found.valid[0] <= valid


@pytest.mark.parametrize("bits, valid", [(WIDE, 11_778), (Bits(8, 8, 8), 15_021)])
def test_fewer_bits_leave_more_mappings_that_fit(bits, valid):
    layer = Workload(G=32, R=3, S=3, P=112, Q=112)          # depthwise, computed densely
    found = exhaustive(load_architecture("eyeriss-16"), layer, [bits], CostModel(), prune=False)
    assert found.valid == (valid,)


# -- Brute force -------------------------------------------------------------------------------


ODD = {"name": "odd", "word_bits": 12, "mac": {"energy": 1.5}, "level": [
    {"name": "D", "block": 3, "read_energy": 200, "write_energy": 210},
    {"name": "B", "keeps": ["inputs"], "entries": 40, "read_energy": 11, "write_energy": 12,
     "x": {"size": 5, "only": "MPC"}, "y": {"size": 2}, "read_bandwidth": 0.5,
     "write_bandwidth": 1.5},
    {"name": "A", "keeps": ["weights", "outputs"], "entries": 18, "read_energy": 2.5,
     "write_energy": 3, "cluster": 2, "word_bits": 10}]}
FOUR = {"name": "four", "mac": {"energy": 1.0}, "level": [
    {"name": "D", "read_energy": 100, "write_energy": 100, "temporal": {"order": "MQPCRSNG"}},
    {"name": "C", "keeps": ["weights"], "entries": 30, "read_energy": 9, "write_energy": 9,
     "y": {"size": 3, "only": "QG"}},
    {"name": "B", "keeps": ["outputs", "inputs"], "entries": 60, "read_energy": 5,
     "write_energy": 5, "temporal": {"order": "PR", "whole": "R"}},
    {"name": "A", "keeps": ["inputs"], "entries": 6, "read_energy": 1, "write_energy": 1,
     "unpack_energy": 0.1, "temporal": {"only": "SQ"}, "x": {"size": 4}}]}
LAYERS = [Workload(C=2, M=3, P=3, R=2), Workload(M=2, P=6, R=3, stride=2), Workload(C=6, M=4),
          Workload(G=2, Q=4, S=3), Workload(P=8, R=5), Workload(N=2, C=3, Q=3)]
MODELS = [CostModel(), CostModel(output_rule="v0.4"), CostModel(compat="exact"),
          CostModel(compat="exact", straddle=True)]


def products(size, places):
    """All ordered factorizations, by trying everything."""
    divisors = [one for one in range(1, size + 1) if size % one == 0]
    return [ways for ways in itertools.product(divisors, repeat=places)
            if np.prod(ways, dtype=int) == size]


def brute_force(architecture, workload, bits, model):
    """Number of mappings that fit, in all orders, and the least energy-delay product."""
    seen = model.workload(workload)
    choices = []
    for dimension, size in seen.sizes.items():
        places = [(Slot(level, axis, dimension), rule)
                  for level, axis, rule in architecture.places()]
        ways = []
        for factors in products(size, len(places)):
            good = True
            for factor, (_, rule) in zip(factors, places):
                good &= factor == 1 or dimension in rule.only
                good &= dimension not in rule.whole or factor == size
            if good:
                ways.append([(slot, factor) for factor, (slot, _) in zip(factors, places)])
        choices.append(ways)
    least, valid = np.inf, 0
    for chosen in itertools.product(*choices):
        factors = {slot: factor for ways in chosen for slot, factor in ways if factor > 1}
        if any(np.prod([factor for slot, factor in factors.items()
                        if (slot.level, slot.axis) == (number, axis)] or [1])
               > (level.fanout(axis).size if level.fanout(axis) else 1)
               for number, level in enumerate(architecture.levels) for axis in "xy"):
            continue
        orders = []
        for number, level in enumerate(architecture.levels):
            own = [name for name in DIMENSIONS if Slot(number, "t", name) in factors]
            orders.append([level.temporal.order] if level.temporal.order else
                          ["".join(order) for order in itertools.permutations(own)])
        for order in itertools.product(*orders):
            nest = Mapping.of(architecture, list(order), factors).nest(architecture, seen)
            costs = model.batch(nest).of(bits)
            if costs.valid:
                valid += 1
                least = min(least, float(costs.edp))
    return valid, least


CASES = list(itertools.product((ODD, FOUR), LAYERS, MODELS))
"""A few by default, so that every table, layer and model takes part; all in the slow tests."""
FEW = [CASES[index] for index in (0, 5, 10, 15, 16, 22, 25, 28, 35, 38, 40, 47)]


@pytest.mark.parametrize("table, layer, model", [
    *FEW, *(pytest.param(*case, marks=pytest.mark.slow) for case in CASES if case not in FEW)],
    ids=lambda one: one["name"] if isinstance(one, dict) else repr(one))
def test_the_pruned_search_loses_nothing(table, layer, model):
    architecture, bits = architecture_of(table), [Bits(5, 3, 6), Bits(10, 10, 10)]
    pruned = exhaustive(architecture, layer, bits, model)
    whole = exhaustive(architecture, layer, bits, model, prune=False)
    for index, one in enumerate(bits):
        valid, least = brute_force(architecture, layer, one, model)
        assert (whole.valid[index] > 0) == (valid > 0)
        if valid:
            assert whole.optima[index].edp == pytest.approx(least, rel=1e-12)
            assert pruned.optima[index].edp == pytest.approx(least, rel=1e-12)
            nest = pruned.optima[index].mapping.nest(architecture, model.workload(layer))
            replayed = model.batch(nest).of(one)
            assert replayed.valid and float(replayed.edp) == pruned.optima[index].edp
        else:
            assert pruned.optima[index] is None
