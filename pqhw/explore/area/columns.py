"""Cells of a column's sum on ECP5: a tree whose additions share carry chains."""

import dataclasses

from ...spec.many import pointwise
from ...spec.ranges import ceil_log2
from .cells import Cells, even

__all__ = ["column_tree"]

LONGEST = 36
"""Halves of a chain after which the next addition starts another."""


@dataclasses.dataclass(frozen=True)
class Node:
    """An integer on its way through the tree: weight of its lowest bit, bits, registers passed."""
    low: int
    bits: int
    level: int

    @property
    def top(self) -> int:
        """Weight above its sign."""
        return self.low + self.bits


@pointwise
def column_tree(terms: int, bits: int) -> Cells:
    """The sum of `terms` signed terms of `bits` bits, a register per level.

    An addition takes a LUT4 per bit and one; a chain one more, rounded up to a pair unless its
    first addition can leave its lowest bit to a LUT4 beside it. As many terms as a full tree one
    level shorter takes are added in it; the lowest bits of the others go in as its carries.
    """
    plan = _Plan()
    plan.sum([Node(0, bits, 0)] * terms)
    return plan.cells(ceil_log2(terms))


class _Plan:
    """The additions of a tree (width, whether a carry comes in, level) and its registers."""

    def __init__(self) -> None:
        self.additions: list[tuple[int, bool, int]] = []
        self.registers = 0

    def sum(self, terms: list[Node]) -> Node:
        """All terms as one node."""
        if len(terms) == 1:
            return terms[0]
        if len(terms) < 4:
            return self._plain(terms, [])
        taking = 1 << ceil_log2(len(terms)) - 1
        carries: list[int] = []
        rest = []
        for index, term in enumerate(terms[taking:], start=taking):
            if term.bits > 1 and index < len(terms) - 1:
                carries.append(1)
                term = Node(term.low + 1, term.bits - 1, term.level)
            rest.append(term)
        return self._add(self._plain(terms[:taking], carries), self.sum(rest), carries)

    def _plain(self, nodes: list[Node], carries: list[int]) -> Node:
        while len(nodes) > 1:
            paired = [self._add(a, b, carries) for a, b in zip(nodes[::2], nodes[1::2])]
            nodes = paired + nodes[len(nodes) - len(nodes) % 2:]
        return nodes[0]

    def _add(self, a: Node, b: Node, carries: list[int]) -> Node:
        level = max(a.level, b.level)
        self.registers += sum(node.bits * (level - node.level) for node in (a, b))
        if b.low < a.low:
            a, b = b, a
        carried = bool(carries)
        if carried:
            carries.pop()
            self.registers += level
        low, top = a.low if carried else b.low, max(a.top, b.top)
        self.additions.append((top - low, carried, level))
        bits = top - a.low + 1
        self.registers += bits
        return Node(a.low, bits, level + 1)

    def cells(self, depth: int) -> Cells:
        """What all chains take."""
        chains: list[list[tuple[int, bool, int]]] = []
        length = LONGEST
        for addition in sorted(self.additions, key=lambda one: one[2]):
            length += addition[0] + 1
            if length > LONGEST:
                chains.append([])
                length = addition[0] + 2
            chains[-1].append(addition)
        lut = carry = 0
        for chain in chains:
            width, carried, _ = min(chain, key=lambda one: (one[2] == depth - 1, one[1]))
            halves = 1 + sum(one[0] + 1 for one in chain)
            beside = halves % 2 and not carried and width > 1
            lut += int(beside)
            carry += halves - 1 if beside else even(halves)
        return Cells(lut=lut, carry=carry, ff=self.registers)
