"""Cells of sums whose terms come as magnitude and sign, and of the lanes that make such terms."""

import functools

from ...spec import MACSpec
from ...spec.many import pointwise
from ...spec.ranges import Range
from ...spec.weights import second_shift, sp2_bits
from .cells import Cells, Fabric
from .distances import repeated, segments

__all__ = ["shift_lane", "signed_columns"]


def signed_columns(fabric: Fabric, spec: MACSpec) -> Cells:
    """Per output a tree over the terms of a cycle, and what adds its last one: the accumulator,
    or, with one group, nothing but that.

    An addition takes a half per bit and one, as do the accumulators, all of which share chains;
    iCE40 inverts in front of the first level's. A register per level for sums, the ones that are
    still to be added, and the terms and signs that are passed on.
    """
    width = spec.sum_range.bits
    registers = fabric.registers((1 + (spec.groups > 1)) * width, alone=True) * spec.columns
    cells = registers + repeated(fabric, width + 1, spec.columns)
    for count, scheme, blocks in spec.alike_columns:
        cells += _column(fabric, spec.scheme_term(scheme), blocks, spec.terms_per_cycle - blocks,
                         *(spec.scheme_product(scheme, on_dsp).bits
                           for on_dsp in (True, False))) * count
    return cells


@pointwise
@functools.lru_cache(maxsize=4096)
def _column(fabric: Fabric, term: Range, blocks: int, others: int, block_bits: int,
            other_bits: int) -> Cells:
    """The tree of one column, over terms of a range from DSP blocks and from others, of so many
    bits, still to be inverted."""
    kinds = [(term, block_bits, True), (term, other_bits, True)]
    terms = [0] * blocks + [1] * others
    cells = Cells()
    while len(terms) > 1:
        sums: dict[tuple[int, int], int] = {}
        halves, following = [], []
        for pair in zip(terms[::2], terms[1::2]):
            if pair not in sums:
                both = kinds[pair[0]][0] + kinds[pair[1]][0]
                sums[pair] = len(kinds)
                kinds.append((both, both.bits, False))
            following.append(sums[pair])
            halves.append(kinds[sums[pair]][1] + 1)
        cells += fabric.registers(sum(halves) - len(halves))
        cells += fabric.registers(len(halves), alone=True)
        if not fabric.ecp5:
            inverted = sum(kinds[own][0].bits * kinds[own][2] for own in terms[:2 * len(halves):2])
            cells += Cells(lut=2 * inverted)
        cells += segments(fabric, halves, ends=0)
        if len(terms) % 2:
            cells += fabric.registers(kinds[terms[-1]][1] + 1, alone=True)
            following.append(terms[-1])
        terms = following
    return cells


def shift_lane(fabric: Fabric, spec: MACSpec, outputs: int) -> Cells:
    """A product by a power of two, or by the sum of two.

    Half a LUT4 for each choice of a bit; zero is the reset of the register behind, but where a
    summand of sp2 has three places. pot: four choices, then one of those four apart. sp2: the
    first summand, the second, and an adder, which gates a second summand that has one choice. What
    waits of the activation is one for all `outputs` that shift.
    """
    x, bits = spec.activation_range.bits, spec.engine.weight_bits
    product = spec.scheme_product(spec.schemes[-1], False).bits
    shared = 1 / outputs
    if spec.engine.scheme == "pot":
        fine = x + (2 if bits == 3 else 3)
        coarse = 0.26 * product * (1 << bits - 3) if bits > 3 else 0
        return (Cells(lut=1.77 * fine + coarse) + fabric.registers(fine + product)
                + fabric.registers(bits - 3, alone=True))
    first, second = sp2_bits(bits)
    cells = Cells(ff=product)
    for summand, gated in ((first, False), (second, second == 1)):
        choices = (1 << summand) - 1
        width = x + choices - 1
        if gated:
            cells += fabric.registers(x * shared + 1, alone=True)
        else:
            cells += Cells(lut=_shifted(fabric, x, choices), ff=width)
    adder = product - second_shift(bits) - 1
    return cells + (fabric.add_gated(adder) if second == 1 else fabric.add(adder))


def _shifted(fabric: Fabric, x: int, choices: int) -> float:
    """LUT4 of x shifted by one of so many places, or 0."""
    width = x + choices - 1
    if fabric.ecp5 and choices == 3:
        return width + max(0, x - 2)
    return 0.52 * choices * width if choices > 1 else 0
