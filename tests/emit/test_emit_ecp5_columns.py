"""Adder trees on shared carry chains, by simulation of the cells, and what they cost."""

import importlib.resources
import random

import pytest
from icarus import icarus_outputs, needs_icarus

from pqhw.emit.design import component_verilog
from pqhw.rtl.ecp5_adders import Addition, AdderBank
from pqhw.rtl.ecp5_columns import ColumnTree, column_luts

MODELS = [str(importlib.resources.files("pqhw.sim") / "models" / "ecp5.v"), "-Wno-portbind"]


def outputs(component, vectors, folder):
    """All outputs of a component, cycle by cycle, as bits."""
    verilog = component_verilog(component, target="ecp5")
    return icarus_outputs(verilog, component, vectors, folder, MODELS)


@needs_icarus
@pytest.mark.parametrize("widths", [
    (8,) * 8, (5,) * 8, (8,) * 2, (4,) * 3, (3,) * 5, (8,) * 9, (2,) * 7, (16,) * 4,
    (8, 3, 5, 1, 8, 2), (1, 1), (1, 4, 4, 1), (6,) * 17], ids=str)
def test_a_tree_gives_the_sum_of_its_signed_terms(widths, tmp_path):
    rng = random.Random(sum(widths))
    tree = ColumnTree(*widths)
    rows = [[-(1 << w - 1) for w in widths], [(1 << w - 1) - 1 for w in widths],
            [-1 for _ in widths], [0 for _ in widths]]
    rows += [[rng.randrange(-(1 << w - 1), 1 << w - 1) for w in widths] for _ in range(300)]
    rows += [[rng.choice([-(1 << w - 1), (1 << w - 1) - 1]) for w in widths] for _ in range(100)]
    vectors, held, expected = [], [None] * tree.depth, []
    bits = max(widths) + tree.depth
    for row in rows:
        packed, low = 0, 0
        for value, width in zip(row, widths):
            packed |= (value & (1 << width) - 1) << low
            low += width
        enable = int(rng.random() < 0.8)
        vectors.append([packed, enable])
        expected.append(held[-1])
        if enable:
            held = [f"{sum(row) & (1 << bits) - 1:0{bits}b}", *held[:-1]]
    seen = [line[0] for line in outputs(tree, vectors, tmp_path)]
    assert [one for one, wanted in zip(seen, expected) if wanted is not None] == [
        wanted for wanted in expected if wanted is not None]


@needs_icarus
@pytest.mark.parametrize("final", (False, True))
def test_additions_on_one_chain_do_not_touch_each_other(final, tmp_path):
    """For every pair of operands of the first, whatever the others add."""
    bank = AdderBank(final, Addition(3, 0, 4, False), Addition(2, 3, 1, True),
                     Addition(4, 8, 8, True))
    rng = random.Random(5)
    vectors = [[a, b, rng.randrange(4), rng.randrange(4), rng.randrange(2), rng.randrange(16),
                rng.randrange(16), rng.randrange(2)] for a in range(8) for b in range(8)
               for _ in range(8)]
    names = [name for name in bank.signature.members if not name.startswith("total")]
    assert names == ["a0", "b0", "a1", "b1", "c1", "a2", "b2", "c2"]
    for line, (a0, b0, a1, b1, c1, a2, b2, c2) in zip(outputs(bank, vectors, tmp_path), vectors):
        last = (a2 ^ 8) + (b2 ^ 8) + c2
        wanted = [a0 + (b0 ^ 4), (a1 ^ 3) + (b1 ^ 1) + c1, last ^ 16 * final]
        assert [int(bits, 2) for bits in line] == wanted


@pytest.mark.parametrize("widths, luts", [((8,) * 8, 65), ((5,) * 8, 44), ((8,) * 4, 28),
                                          ((8, 8), 10), ((8,), 0)])
def test_a_tree_costs_less_than_its_adders_one_by_one(widths, luts):
    assert column_luts(*widths) == luts
