"""Cells of multiply-accumulate on planes of bits: counts, sums, and the order of planes."""

import itertools

from ...spec import BitplaneSpec
from ...spec.many import pointwise
from ...spec.popcount import CountPlan, count_plan
from ...spec.ranges import Range, ceil_log2
from .cells import Cells, Fabric, either
from .distances import repeated, segments
from .encoders import section_memory

__all__ = ["plane_counts", "plane_replay", "plane_sums", "plane_weights"]

ORDER_LUTS = 34
"""LUT4 of what decides which planes come next, without its counters."""


def plane_weights(fabric: Fabric, spec: BitplaneSpec) -> Cells:
    """The weight memory; what addresses it stands with the order of planes."""
    return section_memory(fabric, spec.section("weights"), spec.weight_store,
                          spec.engine.bram_register)


def plane_counts(fabric: Fabric, spec: BitplaneSpec) -> Cells:
    """A count per output and pair of planes; the choice among blocks of activations, once. What
    waits of a plane of weights or activations is the same for all its pairs."""
    pairs = spec.weight_planes * spec.activation_planes
    alone = (pairs == 1) & (not spec.two_valued)
    count, waits = _count(fabric, spec.row_lanes, alone), _waits(spec.row_lanes)
    chosen = spec.row_lanes * spec.activation_planes
    blocks = spec.activation_blocks
    select = blocks / 2 * (blocks > 1) * chosen
    return (count * (pairs * spec.outputs) + Cells(lut=select)
            + fabric.registers(chosen * spec.weight_stages, alone=True)
            + fabric.registers(waits * (spec.outputs * spec.weight_planes
                                        + spec.activation_planes), alone=True))


@pointwise
def _count(fabric: Fabric, lanes: int, alone: bool) -> Cells:
    """One count of products; `alone` where no other is added to it."""
    plan = count_plan(lanes)
    halves, bits, _ = _counted(plan, plan.depth)
    count = fabric.registers(bits)
    if fabric.ecp5:
        return (count + segments(fabric, halves)
                + Cells(lut=_single(plan) + (1 + plan.depth / 8) * alone))
    return count + Cells(lut=1.5 * lanes, carry=sum(halves) - len(halves))


@pointwise
def _waits(lanes: int) -> int:
    """Cycles that the products of a count wait in all."""
    plan = count_plan(lanes)
    return _counted(plan, plan.depth)[2]


def _single(plan: CountPlan) -> int:
    """Products that a LUT4 forms on its own."""
    if not plan.parts:
        return int(plan.products == 1)
    return sum(map(_single, plan.parts))


def _counted(plan: CountPlan, level: int) -> tuple[list[int], int, int]:
    """Halves of a tree's sums, bits of its registers, and cycles that its products wait in all."""
    if not plan.parts:
        return [2] * (plan.products > 1), plan.bits, plan.products * (level - 1)
    halves, bits, waits = [plan.operand_bits + 1], plan.bits, level - 1 if plan.carried else 0
    for part in plan.parts:
        own = _counted(part, level - 1)
        halves += own[0]
        bits += own[1]
        waits += own[2]
    return halves, bits, waits


def plane_sums(fabric: Fabric, spec: BitplaneSpec) -> Cells:
    """Per output the sums of its counts and an accumulator; flags along the pipeline."""
    cells = _joining(fabric, spec.row_lanes, spec.weight_planes, spec.activation_planes,
                     spec.two_valued, spec.precision.activation_signed)
    width = spec.count_range.bits
    cells += fabric.registers(2 * width, alone=True)
    stages = spec.weight_stages + spec.product_stages + spec.sum_stages
    return (cells * spec.outputs + repeated(fabric, width + 1, spec.outputs)
            + fabric.registers(stages * (4 + spec.bank_bits) + 2 * spec.product_stages, alone=True)
            + Cells(lut=4))


@pointwise
def _joining(fabric: Fabric, lanes: int, weight_planes: int, activation_planes: int,
             two_valued: bool, signed: bool) -> Cells:
    """The sums of an output's counts of pairs of planes."""
    terms: list[Range] = []
    for a, b in itertools.product(range(weight_planes), range(activation_planes)):
        high = lanes << a + b
        top = a == weight_planes - 1 or (b == activation_planes - 1 and signed)
        terms.append(Range(-high - 1 if top and not two_valued else 0, high))
    cells = Cells()
    while len(terms) > 1:
        following = [one + other for one, other in zip(terms[::2], terms[1::2])]
        halves = [both.bits + 1 for both in following]
        cells += fabric.registers(sum(halves) - len(halves))
        cells += segments(fabric, halves, ends=0)
        if len(terms) % 2:
            cells += fabric.registers(terms[-1].bits, alone=True)
            following.append(terms[-1])
        terms = following
    return cells


def plane_replay(fabric: Fabric, spec: BitplaneSpec) -> Cells:
    """Rows stored, or held, and the order of groups, planes and tiles with addresses of weights."""
    words, blocks = spec.weight_words, spec.weight_blocks + spec.activation_blocks
    cells = fabric.counter(spec.groups) + fabric.counter(spec.tiles)
    bits = ceil_log2(words)
    cells += Cells(lut=5 * bits, ff=3 * bits) + fabric.counter(spec.tiles * spec.sets)
    cells += Cells(lut=ORDER_LUTS, ff=2 * ceil_log2(spec.weight_blocks)
                   + 2 * ceil_log2(spec.activation_blocks) + 1) * (blocks > 2)
    width = spec.row_lanes * spec.precision.activation_bits + spec.bank_bits
    storage = "lutram" if fabric.ecp5 else "bram"
    held = 6 + ceil_log2(words) + ceil_log2(spec.activation_blocks)
    stored = (fabric.memory(storage, width, 2 << ceil_log2(spec.groups))
              + fabric.counter(spec.groups) + fabric.registers(held, alone=True)
              + Cells(lut=16, ff=5 + 2 * spec.precision_bits))
    return cells + either(spec.stores_rows, stored, Cells(lut=2))
