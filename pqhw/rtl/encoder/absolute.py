"""l1: sums of absolute differences, whose signs are undone inside the adders."""

from amaranth.hdl import Value

from .parts import NOTHING, Parts, Term, accumulated, sum_tree

__all__ = ["absolute_distance"]


def absolute_distance(parts: Parts, x: list[Value], c: list[Value]) -> Value:
    """The complement of sum |x - c|.

    With p telling that a difference d is not negative, |d| = (d ^ ~p) + ~p. Kept as complements,
    ~(a + b + ~p) = ~a + ~b + p and ~(d ^ ~p) = d ^ p: the adders of the tree invert, and each
    takes the flag of one element as its carry. There is one flag more than adders: the first
    element's magnitude is made beside the others' first sums, or the accumulator takes it.

    Cost on ECP5, for w-bit operands and n elements: n differences of w + 1 LUT4, one magnitude of
    about w, n - 1 sums of one LUT4 more than their operands have bits.
    """
    limit = parts.spec.element_distance_range.high
    terms = []
    for index, (own, other) in enumerate(zip(x, c)):
        value, positive = parts.difference(own, other, f"e{index}")
        terms.append(Term(value, limit, positive, positive))
    if parts.spec.element_chunks == 1:
        return sum_tree(parts, [NOTHING, *terms], complement=True).value
    return accumulated(parts, sum_tree(parts, terms, complement=True), complement=True)
