"""What one element adds to a distance, registered after the difference and after the distance."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned

from ...spec import DistanceSpec
from ..streams import shape_of
from ..target import Target, place

__all__ = ["element_distance", "magnitude", "square"]

LARGEST_TABLE = 6
"""Bits of a magnitude whose square is looked up; wider ones are multiplied."""


def element_distance(m: Module, platform: Target, enable: Value, spec: DistanceSpec, x: Value,
                     c: Value, name: str) -> Value:
    """(x - c)**2 or |x - c|, two enabled cycles after its operands.

    Cost on ECP5, for w-bit operands: a difference of w + 2 LUT4; then w LUT4 for the magnitude,
    or the square's table (w = 4: 9 LUT4), or, above 6 bits of magnitude, a DSP block whose
    registers hold difference and square; in logic (`engine.multiplier`) w LUT4 for the magnitude
    and about (w + 3) * (w - 1) for its rows.
    """
    shape = shape_of(spec.element_distance_range)
    difference = platform.subtract(m, x, c, f"{name}_minus")
    bits = spec.difference_range.magnitude().bits
    multiplied = spec.engine.encoder == "l2" and bits > LARGEST_TABLE
    in_logic = spec.engine.multiplier == "lut"
    if multiplied and not in_logic and platform.multiplier is not None:
        own = difference.shape()
        block = place(m, platform, f"{name}_square", "dsp", platform.multiplier, own, own)
        m.d.comb += [block.a.eq(difference), block.b.eq(difference), block.enable.eq(enable)]
        return block.p[:shape.width]
    held = Signal(shape_of(spec.difference_range), name=f"{name}_difference", reset_less=True)
    distance = Signal(shape, name=f"{name}_distance", reset_less=True)
    if spec.engine.encoder == "l1":
        result = magnitude(held)
    elif not multiplied:
        result = square(held)
    elif in_logic:
        result = squared_in_logic(m, platform, held, bits, name)
    else:
        result = held * held
    with m.If(enable):
        m.d.sync += [held.eq(difference), distance.eq(result)]
    return distance


def squared_in_logic(m: Module, platform: Target, value: Value, bits: int, name: str) -> Value:
    """value**2 from the partial products of its magnitude of `bits` bits, in pairs of rows."""
    size = Signal(bits, name=f"{name}_magnitude")
    m.d.comb += size.eq(magnitude(value))
    total: Value = Const(0, 0)
    for low in range(0, bits, 2):
        pair = platform.row_pair(m, size, Cat(size[low:low + 2], Const(0, 2))[:2],
                                 f"{name}_rows{low}")
        if not low:
            total = pair
            continue
        shape = unsigned(max(len(total) - low, len(pair)) + 1)
        upper = platform.add(m, total[low:], pair, shape, f"{name}_sum{low}")
        total = Cat(total[:low], upper)
    return total[:2 * bits]


def magnitude(value: Value) -> Value:
    """|value|: above the lowest one, every bit is inverted where the value is negative."""
    if not value.shape().signed:
        return value
    sign = value[-1]
    return Cat(value[i] ^ (sign & value[:i].any()) if i else value[0]
               for i in range(len(value)))


def square(value: Value) -> Value:
    """value**2 as a table: bit i of a square depends on bits 0 to i - 1 of the value alone."""
    width = len(value)
    bits = []
    for bit in range(2 * width - 1):
        used = min(width, max(1, bit))
        signed = value.shape().signed and used == width
        numbers = [n - (1 << width) if signed and n >> (width - 1) else n
                   for n in range(1 << used)]
        table = sum((n * n >> bit & 1) << i for i, n in enumerate(numbers))
        bits.append(Const(table, 1 << used).bit_select(value[:used], 1))
    return Cat(bits)
