"""Adder trees on ECP5 with several additions on one carry chain.

An addition of two w-bit integers costs w halves of a CCU2C, one more that shows its carry, and one
that starts the chain. The half that shows one addition's carry (L = 0, so S is the carry that comes
in) starts the next (the carry that goes out is G, of A and B): additions that share a chain share
that half. The carry that starts an addition is free as well, and takes a bit of the same weight
from elsewhere: the lowest bits of half the terms, whose own adders become a bit narrower.

Eight terms of eight bits take 65 LUT4 instead of 74. As a full adder takes one bit away, 64 bits
become 11 in no fewer than 53 of them; seven carries have to be shown, so 60 is a lower bound.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.ranges import ceil_log2
from .ecp5_adders import Addition, AdderBank, bank_halves, bank_name, lowest_beside
from .ecp5_chains import ZERO

__all__ = ["ColumnTree", "LONGEST_CHAIN", "column_luts"]

LONGEST_CHAIN = 36
"""Halves of a chain after which the next addition starts another, so that the carry, which the
tools follow through the whole chain, does not set the clock."""

Place = Callable[..., Any]
"""How a chain's module is placed: (m, name, base, component, *arguments)."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A signed integer on its way through the tree.

    Members
    -------
    low: weight of its lowest bit
    bits: its bits, and whether each stands inverted
    level: registers it has passed
    """
    low: int
    bits: tuple[tuple[Value, int], ...]
    level: int

    @property
    def top(self) -> int:
        """Weight above its sign."""
        return self.low + len(self.bits)

    def operand(self, low: int, top: int) -> list[tuple[Value, int]]:
        """Bits `low` to `top` - 1, sign-extended, plus 2**(top - 1): never negative."""
        bits = [(ZERO, 0)] * (self.low - low) + list(self.bits)
        bits += [bits[-1]] * (top - self.top)
        value, inverted = bits[-1]
        return [*bits[:-1], (value, 1 - inverted)]


class ColumnTree(wiring.Component):
    """The sum of signed terms, a register per level.

    Parameters
    ----------
    widths:
        Bits of each term.

    Members
    -------
    terms: the terms side by side, the first lowest
    enable: advances the registers
    total: their sum, ceil(log2 n) enabled cycles later

    Latency and cost
    ----------------
    ceil(log2 n) cycles. See the module's text; a flip-flop per bit and level.
    """

    def __init__(self, *widths: int):
        self.widths = widths
        self.depth = ceil_log2(len(widths))
        super().__init__({"terms": In(sum(widths)), "enable": In(1),
                          "total": Out(signed(max(widths) + self.depth))})

    def elaborate(self, platform) -> Module:
        m = Module()
        builder = _Builder(m, platform.place_chain, self.enable, self.depth)
        node = builder.sum(_leaves(self.terms, self.widths))
        builder.write_chains()
        bits = [~bit if inverted else bit for bit, inverted in node.bits]
        m.d.comb += self.total.eq(Cat([ZERO] * node.low, *bits).as_signed())
        return m


def _leaves(terms: Value, widths: Sequence[int]) -> list[Node]:
    nodes, low = [], 0
    for width in widths:
        nodes.append(Node(0, tuple((bit, 0) for bit in terms[low:low + width]), 0))
        low += width
    return nodes


def column_luts(*widths: int) -> int:
    """LUT4 of a `ColumnTree`, half cells that stay unused included."""
    if len(widths) == 1:
        return 0
    builder = _Builder(None, None, Const(1, 1), ceil_log2(len(widths)))
    builder.sum(_leaves(Const(0, sum(widths)), widths))
    chains = [[one.addition for one in chain] for chain in builder.chains()]
    return sum(bank_halves(chain) + (bank_halves(chain) % 2 and not lowest_beside(chain))
               for chain in chains)


@dataclasses.dataclass(frozen=True, eq=False)
class _Planned:
    """An addition of the tree: operands with their inversions, carry, result, and its level."""
    a: list[tuple[Value, int]]
    b: list[tuple[Value, int]]
    carry: Value | None
    total: Signal
    level: int

    @property
    def addition(self) -> Addition:
        """What it adds, without the values."""
        masks = [sum(inverted << i for i, (_, inverted) in enumerate(bits))
                 for bits in (self.a, self.b)]
        return Addition(len(self.a), masks[0], masks[1], self.carry is not None)


class _Builder:
    """Builds the tree: which additions there are, and what stands in registers between them.

    Without a module it only plans.
    """

    def __init__(self, m: Module | None, place: Place | None, enable: Value, depth: int):
        self.m = m
        self.place = place
        self.enable = enable
        self.depth = depth
        self.additions: list[_Planned] = []
        self.placed = 0

    def sum(self, terms: list[Node]) -> Node:
        """All terms as one node.

        As many terms as a full tree one level shorter takes are added in it; the others in a tree
        of their own, all but the last without their lowest bits, which go in as carries. (The
        last one's lowest bit passes by its adders as it is.)
        """
        if len(terms) == 1:
            return terms[0]
        if len(terms) < 4:
            return self._plain(terms, [])
        taking = 1 << ceil_log2(len(terms)) - 1
        carries, rest = [], []
        for term in terms[taking:]:
            if len(term.bits) > 1 and term is not terms[-1]:
                carries.append(term.bits[0][0])
                term = Node(term.low + 1, term.bits[1:], term.level)
            rest.append(term)
        left = self._plain(terms[:taking], carries)
        return self._add(left, self.sum(rest), carries)

    def _plain(self, nodes: list[Node], carries: list[Value]) -> Node:
        while len(nodes) > 1:
            paired = [self._add(a, b, carries) for a, b in zip(nodes[::2], nodes[1::2])]
            nodes = paired + nodes[len(nodes) - len(nodes) % 2:]
        return nodes[0]

    def _add(self, a: Node, b: Node, carries: list[Value]) -> Node:
        """a + b and a carry, as wide as any sum of such needs, behind a register."""
        level = max(a.level, b.level)
        a, b = self._at(a, level), self._at(b, level)
        if b.low < a.low:
            a, b = b, a
        carry = self._held(carries.pop(0), level, "carry") if carries else None
        low = a.low if carry is not None else b.low
        passed = a.bits[:low - a.low]
        top = max(a.top, b.top)
        left, right = a.operand(a.low, top)[low - a.low:], b.operand(low, top)
        total = Signal(top - low + 1, name=f"sum{len(self.additions)}")
        self.additions.append(_Planned(left, right, carry, total, level))
        final = level == self.depth - 1
        sums = [(bit, 0) for bit in total[:-1]] + [(total[-1], int(not final))]
        return self._at(Node(a.low, (*((bit, inverted) for bit, inverted in passed), *sums), level),
                        level + 1)

    def _at(self, node: Node, level: int) -> Node:
        """The node at a later level."""
        held = self._held(Cat(bit for bit, _ in node.bits), level - node.level, "node")
        bits = tuple((held[i], inverted) for i, (_, inverted) in enumerate(node.bits))
        return Node(node.low, bits, level)

    def _held(self, value: Value, cycles: int, name: str) -> Value:
        """`value` after so many enabled cycles."""
        for cycle in range(cycles):
            register = Signal(len(value), name=f"{name}{len(self.additions)}_{cycle}",
                              reset_less=True)
            if self.m is not None:
                with self.m.If(self.enable):
                    self.m.d.sync += register.eq(value)
            value = register
        return value

    def write_chains(self) -> None:
        """Place a module for every chain."""
        for chain in self.chains():
            self._bank(chain)

    def chains(self) -> list[list[_Planned]]:
        """The additions level by level, as many to a chain as it may hold.

        In a chain an addition without a carry stands in front; the tree's last stays last.
        """
        chains: list[list[_Planned]] = []
        length = LONGEST_CHAIN
        for one in sorted(self.additions, key=lambda planned: planned.level):
            length += len(one.a) + 1
            if length > LONGEST_CHAIN:
                chains.append([])
                length = len(one.a) + 2
            chains[-1].append(one)
        return [sorted(chain, key=lambda planned: (planned.level == self.depth - 1,
                                                   planned.carry is not None))
                for chain in chains]

    def _bank(self, chain: list[_Planned]) -> None:
        final = chain[-1].level == self.depth - 1
        assert self.m is not None and self.place is not None
        additions = [one.addition for one in chain]
        bank = self.place(self.m, f"chain{self.placed}", bank_name(final, additions), AdderBank,
                          final, *additions)
        self.placed += 1
        for index, one in enumerate(chain):
            self.m.d.comb += [getattr(bank, f"a{index}").eq(Cat(bit for bit, _ in one.a)),
                              getattr(bank, f"b{index}").eq(Cat(bit for bit, _ in one.b)),
                              one.total.eq(getattr(bank, f"total{index}"))]
            if one.carry is not None:
                self.m.d.comb += getattr(bank, f"c{index}").eq(one.carry)
