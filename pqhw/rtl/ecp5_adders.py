"""Several additions on one ECP5 carry chain, for the adder trees of columns."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ecp5_chains import BORROW, ONE, START_AND, ZERO, Half, carry_chain, carry_out

__all__ = ["Addition", "AdderBank", "bank_halves", "bank_name", "lowest_beside"]

CARRY_IN = 0x000A
"""L = 0, G = A: S shows the carry that comes in, A goes out as the next."""

SUMS = {(0, 0): 0x66AA, (1, 0): 0x9955, (0, 1): 0x99AA, (1, 1): 0x6655}
"""A + B with either inverted, C = 0 and D = 1."""


@dataclasses.dataclass(frozen=True)
class Addition:
    """a + b, or a + b + c, of `width` bits; operands are inverted where the masks say so."""
    width: int
    invert_a: int
    invert_b: int
    carried: bool

    def __str__(self) -> str:
        return f"{self.width}{'c' if self.carried else 'n'}{self.invert_a:x}i{self.invert_b:x}"


def bank_name(final: bool, additions: Sequence[Addition]) -> str:
    """What a bank's module is called: the additions it makes."""
    return f"sums{'_final' * final}_" + "_".join(map(str, additions))


def bank_halves(additions: Sequence[Addition]) -> int:
    """LUT4 of a bank: all widths, one per addition, and one that starts the chain."""
    return 1 + sum(one.width + 1 for one in additions)


def lowest_beside(additions: Sequence[Addition]) -> bool:
    """Whether the lowest bit of the first addition stands beside the chain, to make it even."""
    first = additions[0]
    return not first.carried and first.width > 1 and bank_halves(additions) % 2 == 1


class AdderBank(wiring.Component):
    """Several additions on one carry chain.

    Parameters
    ----------
    additions:
        What each adds.
    final:
        Whether the last one gives a signed sum, as the tree's result is.

    Members
    -------
    a<i>, b<i>, c<i>: operands and, where it is carried, carry of an addition
    total<i>: (a ^ invert_a) + (b ^ invert_b) + c, unsigned and one bit wider; with `final` the last
        one's top bit is inverted

    Latency and cost
    ----------------
    Combinational. The sum of all widths, one LUT4 per addition and one for the chain; rounded up to
    a pair unless the first addition has no carry, and so can leave its lowest bit to a LUT4 beside
    the chain.
    """

    def __init__(self, final: bool, *additions: Addition):
        self.final = final
        self.additions = additions
        ports: dict[str, Any] = {}
        for index, one in enumerate(additions):
            ports |= {f"a{index}": In(one.width), f"b{index}": In(one.width),
                      f"total{index}": Out(one.width + 1)}
            if one.carried:
                ports[f"c{index}"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        m = Module()
        halves: list[Half] = []
        above: Signal | None = None
        beside = lowest_beside(self.additions)
        for index, one in enumerate(self.additions):
            a, b, total = (getattr(self, f"{name}{index}") for name in ("a", "b", "total"))
            carry = getattr(self, f"c{index}") if one.carried else ZERO
            first = 0
            if beside and not index:
                halves.append((START_AND, (a[0], b[0], ZERO, ONE), None))
                m.d.comb += total[0].eq(a[0] ^ b[0])
                first = 1
            else:
                halves.append((CARRY_IN, (carry, ZERO, ZERO, ONE), above))
            halves += [(SUMS[one.invert_a >> i & 1, one.invert_b >> i & 1],
                        (a[i], b[i], ZERO, ONE), total[i]) for i in range(first, one.width)]
            above = total[one.width]
        end = (BORROW, (ZERO, ZERO, ZERO, ONE), above) if self.final else carry_out(above)
        carry_chain(m, [*halves, end])
        return m
