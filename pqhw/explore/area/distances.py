"""Cells of the distances: differences, sums, maxima, squares and products, and the nearest."""

from ...spec import DistanceSpec
from ...spec.many import pointwise
from ...spec.ranges import Range
from .cells import Cells, Fabric, even, total

__all__ = ["argmin", "distance_lane", "repeated", "segments"]

LONGEST_CHAIN = 48
"""Halves that share a carry chain, here as in the RTL."""

LONGEST_CHOOSING = 32
"""The same for comparisons."""

WIDEST_MAGNITUDE = 5
"""Bits of a magnitude that is made of LUT4; wider ones take a chain."""

SQUARE_LUTS = (0, 0, 1, 3, 8, 19, 44)
"""LUT4 of the square of a signed difference, by the bits of its magnitude, without bit 2."""

MAGNITUDE_LUTS = (0, 0, 2, 3, 5, 7, 9, 11, 13)
"""LUT4 of the magnitude of a signed difference, by its bits."""

Tree = tuple[list[int], Cells, int]
"""Widths of the sums, registers, and the largest value."""


def segments(fabric: Fabric, halves: list[int], longest: int = LONGEST_CHAIN, *,
             ends: int = 1) -> Cells:
    """Segments on shared chains: their halves, and per chain one more, if its last carry is used,
    rounded up to a pair.

    iCE40 has a LUT4 per bit, and pays for the inversions in front of a sum elsewhere.
    """
    if not fabric.ecp5:
        return Cells(lut=sum(halves))
    chains: list[int] = []
    filled = 0
    for own in halves:
        if filled and filled + own >= longest:
            chains.append(filled)
            filled = 0
        filled += own
    return Cells(carry=sum(even(chain + ends) for chain in [*chains, filled] if chain))


@pointwise
def repeated(fabric: Fabric, half: int, count: int) -> Cells:
    """So many segments of equal length, whose last carry is not used."""
    return segments(fabric, [half] * count, ends=0)


def tree(fabric: Fabric, limits: list[int], bits: list[int], flags: list[int]) -> Tree:
    """Sums of unsigned terms, each as wide as its largest value, a register per level.

    Of two terms with a flag one is left after their sum.
    """
    widths: list[int] = []
    registers = Cells()
    while len(limits) > 1:
        joined = [a + b for a, b in zip(limits[::2], limits[1::2])]
        widths += [max(pair) for pair in zip(bits[::2], bits[1::2])]
        following = [max(limit.bit_length(), 1) for limit in joined]
        left = [a & b for a, b in zip(flags[::2], flags[1::2])]
        registers += fabric.registers(sum(following)) + fabric.registers(sum(left), alone=True)
        if len(limits) % 2:
            registers += fabric.registers(bits[-1] + flags[-1], alone=True)
            joined.append(limits[-1])
            following.append(bits[-1])
            left.append(flags[-1])
        limits, bits, flags = joined, following, left
    return widths, registers, limits[0]


def operand_bits(spec: DistanceSpec) -> int:
    """Bits of a difference without its sign."""
    return max(spec.activation_range.bits, spec.prototype_range.bits)


def magnitude(fabric: Fabric, bits: int) -> Cells:
    """One absolute value from a difference and its sign."""
    if bits > WIDEST_MAGNITUDE and fabric.ecp5:
        return Cells(carry=bits + 1)
    return Cells(lut=MAGNITUDE_LUTS[bits])


def differences(fabric: Fabric, spec: DistanceSpec) -> tuple[list[int], Cells]:
    """Halves of the differences of one prototype, and their registers."""
    bits = operand_bits(spec)
    lanes = spec.element_lanes
    return [bits + 1] * lanes, fabric.registers((bits + 1) * lanes)


def absolute(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """l1: the adders undo the signs; on iCE40 a LUT4 per bit of each difference does."""
    bits, limit, lanes = operand_bits(spec), spec.element_distance_range.high, spec.element_lanes
    halves, cells = differences(fabric, spec)
    if not fabric.ecp5:
        cells += Cells(lut=0.9 * bits * lanes)
    if spec.element_chunks > 1:
        widths, registers, _ = tree(fabric, [limit] * lanes, [bits] * lanes, [1] * lanes)
        width = spec.distance_range.bits
        cells += registers + fabric.registers(width)
        return cells + segments(fabric, [*halves, *(own + 1 for own in widths), width + 1])
    widths, registers, _ = tree(fabric, [0, *[limit] * lanes], [0, *[bits] * lanes],
                                [0, *[1] * lanes])
    cells += registers
    first = [] if bits <= WIDEST_MAGNITUDE or not fabric.ecp5 else [bits + 1]
    if not first:
        cells += magnitude(fabric, bits)
    return cells + segments(fabric, [*halves, *first, *(own + 1 for own in widths[1:])])


def chebyshev(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """Comparisons and multiplexers of differences, and one magnitude."""
    bits = operand_bits(spec) + 1
    halves, cells = differences(fabric, spec)
    comparisons: list[int] = []
    alive = spec.element_lanes
    while alive > 1:
        nodes, odd = divmod(alive, 2)
        comparisons += [bits] * nodes
        cells += (Cells(lut=bits) + fabric.registers(bits)) * nodes
        cells += fabric.registers(bits, alone=True) * odd
        alive = nodes + odd
    if spec.element_chunks > 1:
        comparisons.append(bits)
        cells += fabric.registers(bits, alone=True) + Cells(lut=1)
    if not fabric.ecp5:
        cells += Cells(lut=1.5 * bits * spec.element_lanes)
    return (cells + magnitude(fabric, bits - 1) + fabric.registers(bits - 1)
            + segments(fabric, halves) + segments(fabric, comparisons, LONGEST_CHOOSING))


def squared(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """l2: tables up to six bits of magnitude, else a DSP block or rows of partial products."""
    bits, limit, lanes = operand_bits(spec), spec.element_distance_range.high, spec.element_lanes
    width = limit.bit_length()
    halves: list[int] = []
    if not spec.multipliers:
        halves, cells = differences(fabric, spec)
        cells += Cells(lut=SQUARE_LUTS[bits] * lanes) + fabric.registers((width - 1) * lanes)
        if lanes == 1:
            cells += Cells(lut=1)
    elif spec.engine.multiplier != "lut":
        cells = (fabric.subtract(bits) + Cells(dsp=1)) * lanes
    else:
        halves, cells = differences(fabric, spec)
        one = magnitude(fabric, bits) + square_rows(fabric, bits) + fabric.registers(width)
        cells += one * lanes
    widths, registers, _ = tree(fabric, [limit] * lanes, [width] * lanes, [0] * lanes)
    cells += registers
    halves += [own + 1 for own in widths]
    if spec.element_chunks > 1:
        halves.append(spec.distance_range.bits + 1)
        cells += fabric.registers(spec.distance_range.bits)
    return cells + segments(fabric, halves)


def square_rows(fabric: Fabric, bits: int) -> Cells:
    """A square in logic: a chain per pair of rows, and one per sum of pairs."""
    cells, width = Cells(), 0
    for low in range(0, bits, 2):
        cells += fabric.row_pair(bits, square=True)
        if low:
            upper = max(width - low, bits + 2) + 1
            cells += fabric.add(upper)
            width = low + upper
        else:
            width = bits + 2
    return cells


def products(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """dot: a multiplier per element, as many sums, the norm among their terms."""
    lanes, score = spec.element_lanes, spec.distance_range.bits - 1
    product = spec.activation_range * spec.prototype_range
    wide, narrow = sorted((spec.activation_range.bits, spec.prototype_range.bits), reverse=True)
    if spec.engine.multiplier == "lut":
        one = Cells(lut=0 if fabric.ecp5 else 0.6 * wide * narrow)
        one += Cells(carry=(wide + 3) * (narrow - 1), ff=product.bits + (wide + 2) * narrow / 2)
    else:
        one = Cells(dsp=1)
    cells = one * lanes
    nodes: list[Range] = [product] * lanes
    while len(nodes) > 1:
        following = [a + b for a, b in zip(nodes[::2], nodes[1::2])]
        sums = [min(node.bits, score) for node in following]
        cells += total(fabric.add(bits) + fabric.registers(bits) for bits in sums)
        if len(nodes) % 2:
            cells += fabric.registers(nodes[-1].bits, alone=True)
            following.append(nodes[-1])
        nodes = following
    if spec.element_chunks > 1:
        return cells + segments(fabric, [score + 1]) + fabric.registers(score + 1)
    return cells + fabric.add(score) + fabric.registers(score + 1)


@pointwise
def argmin(fabric: Fabric, candidates: int, width: int, keeps_least: bool) -> Cells:
    """The least of several distances and its index, a register per level.

    A node: a comparison, a multiplexer of `width` bits and of the index bits so far; the node's
    own index bit is the comparison. The root passes on its distance only if `keeps_least`, and is
    then followed by one comparison more.
    """
    halves: list[int] = []
    cells, level = Cells(), 0
    while candidates > 1:
        level += 1
        nodes, odd = divmod(candidates, 2)
        candidates = nodes + odd
        kept = width if candidates > 1 or keeps_least else 0
        halves += [width] * nodes
        cells += Cells(lut=kept + level - 1) * nodes
        cells += fabric.registers(kept + level) * nodes
        cells += fabric.registers(width + level - 1, alone=True) * odd
    halves += [width] * keeps_least
    if not fabric.ecp5:
        return cells + fabric.less(width) * len(halves)
    return cells + segments(fabric, halves, LONGEST_CHOOSING)


def distance_lane(fabric: Fabric, spec: DistanceSpec) -> Cells:
    """One subspace: the distances to all prototypes side by side, and the least of them."""
    formulas = {"l1": absolute, "l2": squared, "chebyshev": chebyshev, "dot": products}
    cells = formulas[spec.engine.encoder](fabric, spec) * spec.prototype_lanes
    chunked = spec.prototype_chunks > 1
    width = spec.distance_range.bits
    cells += argmin(fabric, spec.prototype_lanes, width, chunked)
    best = Cells(lut=3 + 0.8 * spec.code_bits)
    best += fabric.registers(width, alone=True) + fabric.registers(spec.code_bits)
    return cells + best * chunked
