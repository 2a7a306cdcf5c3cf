"""l2: sums of squared differences, from tables, DSP blocks or logic."""

from amaranth.hdl import Cat, Const, Signal, Value, unsigned

from ..streams import shape_of
from ..target import place
from .parts import Parts, Term, accumulated, magnitude, sum_tree

__all__ = ["squared_distance"]


def squared_distance(parts: Parts, x: list[Value], c: list[Value]) -> Value:
    """sum (x - c)**2.

    Cost on ECP5, for w-bit operands: per element a difference of w + 1 LUT4 and its square, a
    table (w = 4: 8 LUT4) or, above 6 bits of magnitude, a DSP block whose registers hold
    difference and square; in logic (`engine.multiplier`) w LUT4 for the magnitude and about
    (w + 3) * (w - 1) for its rows. Sums of one LUT4 more than their operands have bits.
    """
    spec = parts.spec
    limit = spec.element_distance_range.high
    tabled = not spec.multipliers
    coded = tabled and len(x) > 1
    make = _multiplied if not tabled else _coded if coded else _tabled
    squares = [make(parts, own, other, f"e{index}") for index, (own, other) in enumerate(zip(x, c))]
    part = sum_tree(parts, [Term(value, limit) for value in squares], squares=coded)
    return part.value if spec.element_chunks == 1 else accumulated(parts, part)


def _coded(parts: Parts, x: Value, c: Value, name: str) -> Value:
    """The square's table without bit 2, which the adder makes of bits 0 and 1 of the value."""
    value, positive = parts.difference(x, c, name)
    rest = [square_bit(Cat(value, ~positive), bit) for bit in range(3, 2 * len(value))]
    return Cat(parts.held(value[:2], f"{name}_low"), Const(0, 1),
               parts.held(Cat(rest), f"{name}_distance"))


def _tabled(parts: Parts, x: Value, c: Value, name: str) -> Value:
    value, positive = parts.difference(x, c, name)
    signed = Cat(value, ~positive)
    return parts.held(Cat(square_bit(signed, bit) for bit in range(2 * len(value))),
                      f"{name}_distance")


def _multiplied(parts: Parts, x: Value, c: Value, name: str) -> Value:
    """The square from a DSP block, or from rows of partial products."""
    m, platform, spec = parts.m, parts.platform, parts.spec
    shape = shape_of(spec.element_distance_range)
    if spec.engine.multiplier == "lut":
        value, positive = parts.difference(x, c, name)
        return parts.held(_from_rows(parts, value, positive, name)[:shape.width],
                          f"{name}_distance")
    difference = platform.subtract(m, x, c, f"{parts.name}_{name}_minus")
    if platform.multiplier is None:
        held = parts.held(difference, f"{name}_difference")
        return parts.held((held * held)[:shape.width], f"{name}_distance")
    own = difference.shape()
    block = place(m, platform, f"{parts.name}_{name}_square", "dsp", platform.multiplier, own, own)
    m.d.comb += [block.a.eq(difference), block.b.eq(difference), block.enable.eq(parts.enable)]
    return block.p[:shape.width]


def _from_rows(parts: Parts, value: Value, positive: Value, name: str) -> Value:
    """value**2 from the partial products of its magnitude, in pairs of rows."""
    bits = len(value)
    size = Signal(bits, name=f"{parts.name}_{name}_size")
    parts.m.d.comb += size.eq(~magnitude(parts, value, positive, f"{name}_magnitude"))
    total: Value = Const(0, 0)
    for low in range(0, bits, 2):
        pair = parts.platform.row_pair(parts.m, size, Cat(size[low:low + 2], Const(0, 2))[:2],
                                       f"{parts.name}_{name}_rows{low}")
        if not low:
            total = pair
            continue
        shape = unsigned(max(len(total) - low, len(pair)) + 1)
        upper = parts.platform.add(parts.m, total[low:], pair, shape,
                                   f"{parts.name}_{name}_sum{low}")
        total = Cat(total[:low], upper)
    return total[:2 * bits]


def square_bit(value: Value, bit: int) -> Value:
    """A bit of value**2 as a table, where the top bit of `value` is its sign.

    Bit i of a square depends on bits 0 to i - 1 of the value alone.
    """
    width = len(value)
    used = min(width, max(1, bit))
    numbers = [n - (1 << width) if n >> (width - 1) else n for n in range(1 << used)]
    table = sum((n * n >> bit & 1) << i for i, n in enumerate(numbers))
    return Const(table, 1 << used).bit_select(value[:used], 1)
