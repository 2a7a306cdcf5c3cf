"""What segments of carry chains compute, in plain integers."""

import random

from pqhw.rtl.segments import Segment

SEGMENTS = [
    Segment("difference", 3, 3), Segment("difference", 4, 4, "s"), Segment("difference", 8, 8, "s"),
    Segment("less", 3, 3), Segment("less", 5, 5, "s"), Segment("less", 12, 12),
    Segment("greater", 3, 3, "xy"), Segment("greater", 8, 8, "xy"),
    Segment("sum", 4, 4, "xycf"), Segment("sum", 5, 4, "ycf"), Segment("sum", 8, 1, "xcf"),
    Segment("sum", 6, 9, "gcf"), Segment("sum", 4, 7, "xgcf"), Segment("sum", 4, 9, "g"),
    Segment("sum", 3, 6), Segment("sum", 7, 7), Segment("squares", 6, 6), Segment("squares", 8, 8),
    Segment("squares", 4, 4), Segment("choice", 7, 7, "g"),
    Segment("choice", 6, 6, "gk"), Segment("products", 2, 2), Segment("products", 3, 3),
    Segment("products", 2, 2, "e"), Segment("products", 3, 3, "e"), Segment("sum", 3, 3, "ck"),
    Segment("sum", 2, 1, "cke"), Segment("sum", 5, 5, "cke")]


def draws(segment, seed, count):
    """Inputs by port: corners, then random bits."""
    rng = random.Random(f"{segment.token} {seed}")
    ends = [0, 1, -1, -2, 1 << segment.bits - 1, (1 << segment.bits - 1) - 1]
    made = []
    for index in range(count):
        corner = index < 100
        made.append({name: (rng.choice(ends) if corner else rng.getrandbits(width))
                     & (1 << width) - 1 for name, width in segment.inputs.items()})
    return made


def signed(value, bits):
    return value - (value >> bits - 1 << bits)


def square(coded):
    """Bits 0 and 1 are those of the number, bit 2 is left out."""
    return coded & ~6 | (coded & 3 == 2) << 2


def result(segment, a, b, x=0, y=0, g=0, c=0, k=0):
    """The segment's total from its inputs."""
    bits, fills = segment.bits, "f" in segment.options
    if "s" in segment.options:
        a, b = signed(a, segment.a), signed(b, segment.b)
    if segment.kind == "difference":
        return (a - b) % (1 << bits) | (a >= b) << bits
    if segment.kind == "less":
        return int(a < b)
    if segment.kind == "greater":
        p, q = ((d if positive else d - (1 << bits)) for d, positive in ((a, x), (b, y)))
        sizes = [size if size >= 0 else ~size for size in (p, q)]
        return int((sizes[0], p < 0) > (sizes[1], q < 0))
    if segment.kind == "squares":
        return square(a) + square(b)
    if segment.kind == "choice":
        return (a + (c if g else b) + k) % (1 << bits)
    if segment.kind == "products":
        return (a ^ b if "e" in segment.options else a & b).bit_count()
    if "k" in segment.options:
        c = c ^ k if "e" in segment.options else c & k
    ones_a, ones_b = (1 << segment.a) - 1, (1 << segment.b) - 1
    a, b = a ^ ones_a * x, b ^ ones_b * y
    if g:
        b = ones_b if fills else 0
    if fills:
        a, b = a | (1 << bits) - 1 & ~ones_a, b | (1 << bits) - 1 & ~ones_b
    return (a + b + c) % (1 << bits + 1)
