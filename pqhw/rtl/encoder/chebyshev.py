"""chebyshev: the largest absolute difference, found before any magnitude is made."""

from amaranth.hdl import Mux, Signal, Value

from ..segments import Segment
from .parts import Parts, magnitude

__all__ = ["chebyshev_distance"]

Difference = tuple[Value, Value]
"""Low bits of a difference, and whether it is not negative."""


def chebyshev_distance(parts: Parts, x: list[Value], c: list[Value]) -> Value:
    """The complement of max |x - c|.

    Differences are compared by (d ^ s, s), s their sign: |d| = (d ^ s) + s, so that the greater
    pair has no smaller magnitude. One magnitude is made of the winner.

    Cost on ECP5, for w-bit operands: per element a difference of w + 1 LUT4, but for the first
    a comparison and multiplexers of w + 1 each; one magnitude of about w.
    """
    differences: list[Difference] = [parts.difference(own, other, f"e{index}")
                                     for index, (own, other) in enumerate(zip(x, c))]
    level = 0
    while len(differences) > 1:
        level += 1
        differences = [_larger(parts, differences[i:i + 2], f"max_{level}_{i // 2}")
                       for i in range(0, len(differences), 2)]
    value, positive = differences[0]
    if parts.spec.element_chunks > 1:
        value, positive = _largest(parts, value, positive)
    return parts.held(magnitude(parts, value, positive, "magnitude"), "distance")


def _greater(parts: Parts, a: Difference, b: Difference, name: str) -> Signal:
    segment = Segment("greater", len(a[0]), len(b[0]), "xy")
    return parts.chains.add(f"{parts.name}_{name}", segment, a=a[0], b=b[0], x=a[1], y=b[1])


def _larger(parts: Parts, pair: list[Difference], name: str) -> Difference:
    if len(pair) == 1:
        return parts.held(pair[0][0], name), parts.held(pair[0][1], f"{name}_positive")
    (a, a_positive), (b, b_positive) = pair
    second = _greater(parts, pair[1], pair[0], f"{name}_second")
    return (parts.held(Mux(second, b, a), name),
            parts.held(Mux(second, b_positive, a_positive), f"{name}_positive"))


def _largest(parts: Parts, value: Value, positive: Value) -> Difference:
    """Keep the largest difference over chunks of elements."""
    best = Signal(len(value), name=f"{parts.name}_largest", reset_less=True)
    best_positive = Signal(name=f"{parts.name}_largest_positive", reset_less=True)
    larger = _greater(parts, (value, positive), (best, best_positive), "larger")
    with parts.m.If(parts.enable & parts.sum_step & (parts.sum_first | larger)):
        parts.m.d.sync += [best.eq(value), best_positive.eq(positive)]
    return best, best_positive
