"""Counts of accesses: published figures, and loop nests walked step by step."""

import itertools
import random

import pytest
from mapping_models import FREE, Walk, random_case, reference_fills

from pqhw.explore.mapping.architecture import Architecture, Compute, Level
from pqhw.explore.mapping.counts import count_accesses
from pqhw.explore.mapping.files import load_architecture
from pqhw.explore.mapping.mapping import Mapping
from pqhw.explore.mapping.orders import level_orders
from pqhw.explore.mapping.workload import Workload

FIRST = Workload(C=3, M=32, R=3, S=3, P=112, Q=112, stride=2)
EYERISS = "DRAM P8 Q2 M4 | GLB P14 Q4 | GLB.x Q14 | GLB.y C3 S3 | weights R3 | psum M8"
SIMBA = ("DRAM Q28 | GLB P4 | GLB.x C3 M4 | input Q4 | input.x M4 | weight R3 P4 S3 | "
         "accumulation M2 P7")


def counted(name, text, workload, *, stepwise_halo=True, first_fill=False):
    """Cycles, multipliers, and (reads, fills, updates) by level and first letter of the tensor."""
    architecture = load_architecture(name)
    nest = Mapping.parse(text).nest(architecture, workload)
    counts = count_accesses(nest, stepwise_halo=stepwise_halo, first_fill=first_fill)
    return counts.cycles, counts.multipliers, {
        (architecture.levels[level].name, tensor[0]): (one.reads, one.fills, one.updates)
        for (level, tensor), one in counts.accesses.items()}


def test_the_row_stationary_mapping_has_the_published_counts():
    cycles, multipliers, counts = counted("eyeriss-8", EYERISS, FIRST)
    assert (cycles, multipliers / 168) == (86_016, 0.75)
    assert counts == {
        ("psum", "o"): (57_344, 0, 86_016), ("weights", "w"): (86_016, 1_536, 0),
        ("ifmap", "i"): (86_016, 10_752, 0), ("GLB", "i"): (1_354_752, 157_296, 0),
        ("GLB", "o"): (0, 0, 401_408), ("DRAM", "w"): (13_824, 0, 0),
        ("DRAM", "i"): (157_296, 0, 0), ("DRAM", "o"): (0, 0, 401_408)}


def test_so_has_the_mapping_on_many_small_arrays():
    cycles, multipliers, counts = counted("simba-16", SIMBA, FIRST)
    assert (cycles, multipliers) == (225_792, 48)
    assert counts == {
        ("register", "w"): (225_792, 32_256, 0), ("weight", "w"): (32_256, 18, 0),
        ("accumulation", "o"): (200_704, 50_176, 225_792), ("input", "i"): (225_792, 56_700, 0),
        ("GLB", "i"): (170_100, 151_875, 0), ("GLB", "o"): (802_816, 0, 1_204_224),
        ("DRAM", "w"): (864, 0, 0), ("DRAM", "i"): (151_875, 0, 0),
        ("DRAM", "o"): (0, 0, 401_408)}


def test_the_older_output_rule_counts_what_is_touched_first():
    _, _, counts = counted("eyeriss-8", EYERISS, FIRST, first_fill=True)
    assert counts["psum", "o"] == (57_344, 28_672, 86_016)
    assert counts["GLB", "o"] == (0, 401_408, 401_408)
    _, _, counts = counted("simba-16", SIMBA, FIRST, first_fill=True)
    assert counts["accumulation", "o"] == (200_704, 75_264, 225_792)


@pytest.mark.parametrize("seed", range(150))
def test_closed_forms_equal_a_walk_through_the_loops(seed):
    architecture, workload, mapping = random_case(seed)
    counts = count_accesses(mapping.nest(architecture, workload), stepwise_halo=False,
                            first_fill=False)
    walk = Walk(architecture, workload, mapping)
    for tensor in ("weights", "inputs", "outputs"):
        fed = len(architecture.levels)
        for level in reversed(range(fed)):
            if tensor not in architecture.levels[level].keeps:
                continue
            one = counts.accesses[level, tensor]
            sent = walk.sent(tensor, level, fed)
            fills = walk.fills(tensor, level) if level else 0
            told = f"seed {seed}, {tensor} at level {level} of {mapping.text}"
            if tensor == "outputs":
                distinct = walk.distinct(tensor, level)
                expected = sent - distinct, fills - distinct if level else 0, sent
            else:
                expected = sent, fills, 0
            assert (one.reads, one.fills, one.updates) == expected, told
            fed = level


@pytest.mark.parametrize("seed", range(1000, 1300))
def test_the_reference_s_fills_equal_its_way_of_following_two_iterations(seed):
    architecture, workload, mapping = random_case(seed, most=4)
    counts = count_accesses(mapping.nest(architecture, workload), stepwise_halo=True,
                            first_fill=True)
    walk = Walk(architecture, workload, mapping)
    for (level, tensor), one in counts.accesses.items():
        if level:
            assert one.fills == reference_fills(walk, tensor, level), \
                f"seed {seed}, {tensor} at level {level} of {mapping.text}"


# -- Windows that slide ------------------------------------------------------------------------


TENSORS = frozenset(("weights", "inputs", "outputs"))
THREE = Architecture(
    name="three", title="three", compute=Compute(energy=1.0, bits=16),
    levels=tuple(Level(name=name, keeps=TENSORS, word_bits=16, temporal=FREE) for name in "DBA"))


def fills(text, workload, *, stepwise_halo=True):
    """Inputs that come into the innermost of three levels."""
    counts = count_accesses(Mapping.parse(text).nest(THREE, workload), first_fill=True,
                            stepwise_halo=stepwise_halo)
    return counts.accesses[2, "inputs"].fills


@pytest.mark.parametrize("text, reference, exact", [
    ("B P4 | A R3", 6, 6), ("D P2 | B P2 | A R3", 6, 6), ("D P2 | B P4 | A R3", 12, 10),
    ("D P4 | B P2 | A R3", 10, 10), ("D P2 | B M2 P2 | A R3", 14, 10),
    ("D P2 | B P2 M2 | A R3", 12, 6), ("D M3 | B P2 | A R3", 12, 4 + 2 * (4 - 2))])
def test_a_credit_for_what_stays(text, reference, exact):
    """A kernel of three rows, one output row at a time: the reference's credit goes on over a
    second loop only where the first has two iterations."""
    sizes = {}
    for word in text.split():
        if word[1:].isdigit():
            sizes[word[0]] = sizes.get(word[0], 1) * int(word[1:])
    workload = Workload(**sizes)
    assert fills(text, workload) == reference
    assert fills(text, workload, stepwise_halo=False) == exact


def sliding_case(seed):
    """Small windows, moved by several loops at two levels."""
    rng = random.Random(seed)
    loops = {name: [] for name in "DBA"}
    sizes = {}
    for place, most in (("A", 2), ("B", 3), ("D", 3)):
        for dimension in rng.sample("PPRRQSCM", most):
            if any(dimension == name for name, _ in loops[place]):
                continue
            factor = rng.choice((2, 2, 3))
            loops[place].append((dimension, factor))
            sizes[dimension] = sizes.get(dimension, 1) * factor
    return Workload(stride=(rng.randint(1, 2), rng.randint(1, 2)), **sizes), Mapping(
        {name: tuple(own) for name, own in loops.items()})


def test_windows_moved_by_several_loops():
    """Against both ways of walking; more than a few of them go on over a second loop."""
    gone_on = 0
    for seed in range(600):
        workload, mapping = sliding_case(seed)
        walk = Walk(THREE, workload, mapping)
        told = f"seed {seed}: {mapping.text}"
        for level in (1, 2):
            own = {stepwise: count_accesses(
                mapping.nest(THREE, workload), first_fill=True, stepwise_halo=stepwise
                ).accesses[level, "inputs"].fills for stepwise in (True, False)}
            assert own[True] == reference_fills(walk, "inputs", level), told
            assert own[False] == walk.fills("inputs", level), told
            moving = [loop for loop in walk.time(level) if loop.slot.dimension in "PRQSC"]
            gone_on += len(moving) > 1 and own[True] == own[False] < len(
                list(walk.tiles("inputs", level))) * len(next(walk.tiles("inputs", level)))
    assert gone_on > 20


# -- Orders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_orders_that_are_left_out_cost_what_others_cost(seed):
    """All orders of the outermost loops give no counts that the kept ones do not give."""
    rng = random.Random(seed)
    dimensions = "".join(sorted(rng.sample("NGCMRSPQ", 5)))
    inner = [(name, rng.choice((1, 2, 3))) for name in "PQRS"]
    middle = [(rng.choice("PQRSCM"), 2)]
    outer = {name: rng.choice((1, 2, 2, 3)) for name in dimensions}
    sizes = {}
    for name, factor in [*inner, *middle, *outer.items()]:
        sizes[name] = sizes.get(name, 1) * factor
    workload = Workload(stride=(1, rng.randint(1, 2)), **sizes)

    def counted_in(order):
        mapping = Mapping({"D": tuple((name, outer[name]) for name in reversed(order)),
                           "B": tuple(middle), "A": tuple(inner)})
        counts = count_accesses(mapping.nest(THREE, workload), stepwise_halo=True, first_fill=True)
        return tuple((int(one.reads), int(one.fills), int(one.updates))
                     for _, one in sorted(counts.accesses.items()))

    kept = level_orders(dimensions, TENSORS)
    whole = {counted_in(order) for order in itertools.permutations(dimensions)}
    assert {counted_in(order) for order in kept} == whole
    assert len(level_orders("NCRS", frozenset(("outputs",)))) < 24
