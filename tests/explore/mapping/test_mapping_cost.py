"""What accesses cost: packing, the exact model's differences, bounds, and random draws."""

import dataclasses
import re

import numpy as np
import pytest
from mapping_models import random_case

from pqhw.explore.mapping.architecture import Architecture
from pqhw.explore.mapping.cost import Bits, CostModel
from pqhw.explore.mapping.files import architecture_of, load_architecture
from pqhw.explore.mapping.mapping import Mapping
from pqhw.explore.mapping.network import SearchSettings, map_layers, uniform_bits
from pqhw.explore.mapping.packing import Packing
from pqhw.explore.mapping.request import workloads_of
from pqhw.explore.mapping.sampling import sampled
from pqhw.explore.mapping.search import exhaustive
from pqhw.explore.mapping.workload import Workload
from pqhw.spec.fields import SpecError

EXACT = CostModel(compat="exact")


@pytest.mark.parametrize("word, expected", [
    (16, {1: (16, 9), 2: (8, 6), 3: (5, 5), 4: (4, 4), 5: (3, 3), 8: (2, 2)}),
    (8, {1: (8, 5), 2: (4, 3), 4: (2, 2)})])
def test_elements_that_share_a_word(word, expected):
    for per_word, (high, low) in expected.items():
        for bits in range(low, high + 1):
            packing = Packing(bits, word)
            assert packing.per_word == packing.density == per_word
            assert [packing.words(count) for count in (0, 1, per_word, per_word + 1)] == [
                0, 1, 1, 2]


@pytest.mark.parametrize("bits, word", [(5, 8), (3, 16), (7, 12), (20, 16), (33, 8), (16, 16)])
def test_elements_across_the_borders_of_words(bits, word):
    packing = Packing(bits, word, straddle=True)
    touched = [len({bit // word for bit in range(index * bits, (index + 1) * bits)})
               for index in range(word)]
    for count in (1, 2, 7, word):
        assert packing.words(count) == -(-count * bits // word)
    assert packing.words_one_by_one(word) == sum(touched)
    assert Packing(bits, word).words_one_by_one(10) == 10 * -(-bits // word)


def test_wide_elements_take_whole_words():
    packing = Packing(20, 16)
    assert (packing.per_word, packing.density, packing.words(3)) == (0, 0.5, 6)


# -- The exact model ---------------------------------------------------------------------------


TWO = {"name": "two", "word_bits": 16, "mac": {"energy": 2.0, "bits": 16}, "level": [
    {"name": "D", "read_energy": 100, "write_energy": 1000},
    {"name": "B", "entries": 64, "read_energy": 1, "write_energy": 10}]}


def costed(text, workload, bits, model, table=None):
    architecture = architecture_of(table or TWO)
    nest = Mapping.parse(text).nest(architecture, model.workload(workload))
    return model.batch(nest).of(bits)


def test_an_innermost_memory_reads_a_word_per_element_without_a_register():
    layer, text, bits = Workload(C=4, M=4), "B C4 M4", Bits(4, 4, 4)
    packed, exact = (costed(text, layer, bits, model) for model in (CostModel(), EXACT))
    assert packed.parts[1, "weights"].words_read == 4
    assert exact.parts[1, "weights"].words_read == 16
    table = {**TWO, "level": [TWO["level"][0], {**TWO["level"][1], "unpack_energy": 0.25}]}
    register = costed(text, layer, bits, EXACT, table)
    assert register.parts[1, "weights"].words_read == 4
    assert register.parts[1, "weights"].energy == 4 * 1 + 4 * 10 + 16 * 0.25


def test_partial_sums_are_as_wide_as_the_accumulator_until_they_are_complete():
    layer, bits = Workload(C=8, M=6), Bits(4, 4, 4)
    assert bits.accumulator(layer) == 11
    inside = costed("B C8 M6", layer, bits, EXACT)
    assert inside.parts[1, "outputs"].words_held == 6, "innermost, sums are partial"
    assert inside.parts[0, "outputs"].words_written == 2, "complete ones go out packed"
    outside = costed("D C8 | B M6", layer, bits, EXACT)
    assert outside.parts[0, "outputs"].words_written == 6 * 1, "one tile that stays"
    spread = costed("D M6 C8", layer, bits, EXACT)
    assert spread.parts[0, "outputs"].words_written == 6
    swapped = costed("D C8 M6", layer, bits, EXACT)
    assert swapped.parts[0, "outputs"].words_written == 8 * 6, "partial at every visit"
    packed = costed("D C8 M6", layer, bits, CostModel(output_rule="v0.4"))
    assert packed.parts[0, "outputs"].words_written == 8 * 6 // 4


def test_a_single_product_is_no_partial_sum():
    alone = costed("B M6", Workload(M=6), Bits(4, 4, 4), EXACT)
    assert alone.parts[1, "outputs"].words_held == 2


@pytest.mark.parametrize("model, energy", [(CostModel(), 32.0), (EXACT, 32.0 * 4 * 2 / 256)])
def test_a_multiplication_costs_by_its_bits_in_the_exact_model_alone(model, energy):
    assert costed("B C4 M4", Workload(C=4, M=4), Bits(4, 2, 4), model).compute_energy == energy


def test_groups_are_honoured_by_the_exact_model_alone():
    layer, eyeriss = Workload(G=32, R=3, S=3, P=8, Q=8), load_architecture("eyeriss-16")
    dense, exact = (exhaustive(eyeriss, layer, [Bits(8, 8, 8)], model).optima[0]
                    for model in (CostModel(), EXACT))
    assert dense.cycles * 168 >= 32 * 32 * 9 * 64
    assert exact.cycles <= 32 * 9 * 64 and exact.energy < dense.energy / 5


def test_bandwidth_stretches_cycles_to_the_next_whole_one():
    table = {**TWO, "level": [{**TWO["level"][0], "read_bandwidth": 0.7}, TWO["level"][1]]}
    costs = costed("B C4 M4", Workload(C=4, M=4), Bits(16, 16, 16), CostModel(), table)
    assert costs.cycles == np.ceil(20 / 0.7)


@pytest.mark.parametrize("fields, sentence", [
    ({"compat": "v1"}, 'compat must be timeloop-q or exact, but is "v1".'),
    ({"output_rule": "v4"}, 'output_rule must be v0.3 or v0.4, but is "v4".'),
    ({"straddle": True}, "straddle must be false with compat = timeloop-q, but is true."),
    ({"compat": "exact", "straddle": 1}, "straddle must be true or false, but is 1.")])
def test_a_model_that_is_none_is_refused(fields, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        CostModel(**fields)


def test_the_reference_cannot_pack_elements_wider_than_a_word():
    with pytest.raises(SpecError, match="bits.weights must be at most 16, the word of D, with "):
        exhaustive(architecture_of(TWO), Workload(C=2), [Bits(8, 17, 8)], CostModel())
    assert exhaustive(architecture_of(TWO), Workload(C=2), [Bits(8, 17, 8)], EXACT).optima[0]


@pytest.mark.parametrize("model", [CostModel(), CostModel(output_rule="v0.4"), EXACT,
                                   CostModel(compat="exact", straddle=True)], ids=str)
def test_no_mapping_costs_less_than_the_bound(model):
    rng = np.random.default_rng(7)
    for seed in range(300):
        architecture, workload, mapping = random_case(2000 + seed)
        levels = tuple(dataclasses.replace(
            level, block=int(rng.integers(1, 4)), cluster=int(rng.integers(1, 3)),
            read_energy=float(rng.integers(0, 9)), write_energy=float(rng.integers(0, 9)),
            word_bits=int(rng.integers(8, 20))) for level in architecture.levels)
        architecture = Architecture(name="odd", title="odd", levels=levels,
                                    compute=architecture.compute)
        bits = Bits(*(int(one) for one in rng.integers(2, 9, 3)))
        seen = model.workload(workload)
        if seen != workload:
            continue
        costs = model.batch(mapping.nest(architecture, seen)).of(bits)
        assert float(costs.energy) >= model.bound(architecture, seen, bits) * (1 - 1e-9), \
            f"seed {seed}: {mapping.text}"


# -- Random draws ------------------------------------------------------------------------------


SMALL = Workload(C=8, M=12, R=3, S=3, P=6, Q=6)


def test_random_draws_repeat_with_their_seed():
    simba, bits = load_architecture("simba-16"), [Bits(8, 8, 8), Bits(4, 4, 4)]
    layer = Workload(C=96, M=120, R=3, S=3, P=30, Q=30)
    first, again, other = (sampled(simba, layer, bits, CostModel(), samples=4000, seed=seed)
                           for seed in (1, 1, 2))
    assert (first.optima, first.evaluated, first.valid) == (
        again.optima, again.evaluated, again.valid)
    assert first.optima != other.optima


def test_improved_draws_come_close_to_the_best():
    eyeriss, bits = load_architecture("eyeriss-16"), [Bits(8, 8, 8)]
    layer = Workload(C=64, M=128, R=3, S=3, P=28, Q=28)
    best = exhaustive(eyeriss, layer, bits, CostModel()).optima[0]
    improved = sampled(eyeriss, layer, bits, CostModel(), samples=8000).optima[0]
    plain = sampled(eyeriss, layer, bits, CostModel(), samples=8000, improve=False).optima[0]
    assert best.edp <= improved.edp <= 1.02 * best.edp
    assert best.edp <= plain.edp


@pytest.mark.parametrize("objective", ["edp", "energy", "cycles"])
def test_each_objective_has_its_own_best(objective):
    eyeriss, bits = load_architecture("eyeriss-16"), [Bits(8, 8, 8)]
    found = {name: exhaustive(eyeriss, SMALL, bits, CostModel(), objective=name).optima[0]
             for name in ("edp", "energy", "cycles")}
    values = {name: getattr(one, objective) for name, one in found.items()}
    assert min(values.values()) == values[objective]


@pytest.mark.parametrize("call, sentence", [
    (lambda: sampled(load_architecture("simba-16"), SMALL, [Bits()], CostModel(), samples=0),
     f"samples must be an integer from 1 to {1 << 40}, but is 0."),
    (lambda: exhaustive(load_architecture("simba-16"), SMALL, [Bits()], CostModel(),
                        objective="area"),
     'objective must be one of edp, energy, cycles, but is "area".'),
    (lambda: exhaustive(load_architecture("simba-16"), Workload(M=6), [Bits()], CostModel()),
     "M must be a multiple of 4, which simba-16 fixes, but is 6."),
    (lambda: exhaustive(load_architecture("eyeriss-16"), Workload(R=3, S=3, N=2), [Bits()],
                        CostModel(), objective=None),
     "objective must be one of edp, energy, cycles, but is None."),
    (lambda: map_layers("w", {"wide": Workload(S=13)}, load_architecture("eyeriss-16"),
                        {"wide": Bits()}, CostModel(), SearchSettings()),
     "wide: no mapping fits eyeriss-16.")])
def test_what_cannot_be_searched_is_told(call, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence)):
        call()


# -- A network ---------------------------------------------------------------------------------


def test_the_optimum_of_a_whole_network():
    """28 layers of 20 shapes, depthwise ones computed densely; 2 bits are the least energy."""
    _, layers = workloads_of("mobilenet-v1", classes=100)
    eyeriss = load_architecture("eyeriss-16")
    wide, narrow = (map_layers("v1", layers, eyeriss, uniform_bits(layers, bits, bits),
                               CostModel(), SearchSettings()) for bits in (8, 2))
    assert all(layer.whole for layer in wide.layers + narrow.layers)
    assert (round(wide.energy), round(wide.edp), wide.cycles) == (18_689, 40_563, 30_343_168)
    assert 0.33 < 1 - narrow.energy / wide.energy < 0.34
    for layer in wide.layers:
        assert sum(layer.level_energy(eyeriss).values()) == pytest.approx(layer.energy, rel=1e-12)
    assert wide.total_edp == pytest.approx(wide.energy * 1e-6 * wide.cycles)
