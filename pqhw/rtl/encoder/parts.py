"""What the distances of a lane are made with: registers, chains, and pipelined sums."""

import dataclasses

from amaranth.hdl import Cat, Const, Module, Signal, Value

from ...spec import DistanceSpec
from ..segments import CarryChains, Segment, square_of
from ..target import Target

__all__ = ["NOTHING", "Parts", "Term", "accumulated", "magnitude", "sum_tree"]

WIDEST_TABLE = 5
"""Bits of a difference whose magnitude is made of LUTs; wider ones take a chain."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Where the distance to one prototype is built, and with what.

    Members
    -------
    m, platform, spec: module, family and spec
    chains: takes the arithmetic
    enable: advances the pipeline
    sum_step, sum_first: a part of a distance is taken; it is the first
    name: prefix of all signals
    """
    m: Module
    platform: Target
    spec: DistanceSpec
    chains: CarryChains
    enable: Value
    sum_step: Value
    sum_first: Value
    name: str

    def held(self, value: Value, name: str, step: Value | None = None) -> Signal:
        """A register that takes `value` when the pipeline advances, and with `step` if given."""
        register = Signal(value.shape(), name=f"{self.name}_{name}", reset_less=True)
        with self.m.If(self.enable if step is None else self.enable & step):
            self.m.d.sync += register.eq(value)
        return register

    def difference(self, x: Value, c: Value, name: str) -> tuple[Signal, Signal]:
        """x - c without its sign, and whether it is not negative, registered."""
        low, positive = self.chains.difference(x, c, f"{self.name}_{name}_minus")
        return self.held(low, f"{name}_difference"), self.held(positive, f"{name}_positive")


@dataclasses.dataclass(frozen=True)
class Term:
    """A number on its way through sums.

    Members
    -------
    value: its bits
    limit: the largest it can be
    flip: all bits of `value` are inverted where this is high; None for never
    carry: is still to be added
    """
    value: Value
    limit: int
    flip: Value | None = None
    carry: Value | None = None


NOTHING = Term(Const(0, 0), 0)
"""In front of other terms it adds a place to take a carry."""


def magnitude(parts: Parts, value: Value, positive: Value, name: str) -> Value:
    """The complement of |value|, from a difference and whether it is not negative.

    Above the lowest one of the value, every bit is inverted where it is negative.
    """
    if len(value) > WIDEST_TABLE:
        segment = Segment("sum", len(value), 1, "xfc")
        return parts.chains.add(f"{parts.name}_{name}", segment, a=value, x=positive,
                                b=Const(1, 1), c=positive)[:len(value)]
    return ~Cat(value[i] ^ (~positive & value[:i].any()) if i else value[0]
                for i in range(len(value)))


def sum_tree(parts: Parts, terms: list[Term], *, complement: bool = False,
             squares: bool = False) -> Term:
    """The sum of `terms`, one register per level, ceil(log2(len(terms))) levels.

    Complements are summed as complements: ~(a + b + s) = ~a + ~b + ~s, so an inversion in front
    of a sum and one carry per sum cost nothing. On the first level `squares` are coded.
    """
    level = 0
    while len(terms) > 1:
        level += 1
        coded = squares and level == 1
        following = [_joined(parts, terms[i], terms[i + 1], f"sum_{level}_{i // 2}", complement,
                             coded) for i in range(0, len(terms) - 1, 2)]
        if len(terms) % 2:
            following.append(_passed(parts, terms[-1], f"sum_{level}_pass", coded))
        terms = following
    return terms[0]


def _joined(parts: Parts, a: Term, b: Term, name: str, complement: bool, coded: bool) -> Term:
    limit = a.limit + b.limit
    total: Value
    if a is NOTHING:
        assert b.carry is not None
        total = magnitude(parts, b.value, b.carry, f"{name}_total")
        return Term(parts.held(total, name), limit)
    if coded:
        segment = Segment("squares", len(a.value), len(b.value))
        total = parts.chains.add(f"{parts.name}_{name}_total", segment, a=a.value, b=b.value)
        return Term(parts.held(total[:limit.bit_length()], name), limit)
    carry, rest = (b.carry, None) if a.carry is None else (a.carry, b.carry)
    total = _sum(parts, a, b, carry, f"{name}_total", complement)
    total = total[:max(limit.bit_length(), len(a.value), len(b.value))]
    return Term(parts.held(total, name), limit,
                carry=None if rest is None else parts.held(rest, f"{name}_carry"))


def _sum(parts: Parts, a: Term, b: Term, carry: Value | None, name: str, complement: bool,
         gate: Value | None = None) -> Signal:
    """a + b + carry with their inversions, one bit wider than both."""
    ports = {"x": a.flip, "y": b.flip, "g": gate, "c": carry}
    used = {port: value for port, value in ports.items() if value is not None}
    options = "".join(used) + "f" * complement
    return parts.chains.add(f"{parts.name}_{name}", Segment("sum", len(a.value), len(b.value),
                                                            options), a=a.value, b=b.value, **used)


def _passed(parts: Parts, term: Term, name: str, coded: bool) -> Term:
    value = parts.held(square_of(term.value) if coded else term.value, name)
    flip = None if term.flip is None else parts.held(term.flip, f"{name}_flip")
    if term.carry is None or term.carry is term.flip:
        return Term(value, term.limit, flip, None if term.carry is None else flip)
    return Term(value, term.limit, flip, parts.held(term.carry, f"{name}_carry"))


def accumulated(parts: Parts, part: Term, *, complement: bool = False) -> Signal:
    """The sum of all parts of a distance; it starts anew with the first."""
    bits = parts.spec.distance_range.bits
    total = Signal(bits, name=f"{parts.name}_distance", reset_less=True)
    following = _sum(parts, part, Term(total, 0), part.carry, "following", complement,
                     gate=parts.sum_first)
    with parts.m.If(parts.enable & parts.sum_step):
        parts.m.d.sync += total.eq(following[:bits])
    return total
