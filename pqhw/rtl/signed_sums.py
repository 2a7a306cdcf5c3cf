"""Sums of terms that come as magnitude and sign: the signs ride on free inputs of the adders."""

import dataclasses

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.ranges import Range
from .segments import CarryChains, Segment
from .streams import shape_of
from .target import Target

__all__ = ["SignedColumn", "SignedNode", "added", "signed_tree"]


@dataclasses.dataclass
class SignedNode:
    """A number on its way through a tree: `value`, negated where `sign`, and `ones`.

    Members
    -------
    value: two's complement or unsigned
    range: of the number, sign included
    sign: whether it is still to be inverted; None where that is done
    ones: bits of weight 1 that are still to be added
    """
    value: Value
    range: Range
    sign: Value | None = None
    ones: list[Value] = dataclasses.field(default_factory=list)

    @property
    def pending(self) -> list[Value]:
        """All bits still to be added, as -p is ~p + 1."""
        return self.ones if self.sign is None else [self.sign, *self.ones]


class SignedColumn(wiring.Component):
    """The `signed_tree` over two or more terms, as a module that columns of equal terms share.

    Parameters
    ----------
    terms:
        Range of every term as it comes, its sign left out.
    range_:
        Range of a term with its sign.

    Members
    -------
    terms, signs: the terms side by side, the first lowest, and which are to be negated
    enable: advances the registers
    total, one: their sum less the bit `one`, ceil(log2 n) enabled cycles later
    """

    def __init__(self, terms: tuple[Range, ...], range_: Range):
        self.ranges = terms
        self.range = range_
        self.total_range = range_.times(len(terms))
        super().__init__({
            "terms": In(sum(term.bits for term in terms)), "signs": In(len(terms)),
            "enable": In(1), "total": Out(shape_of(self.total_range)), "one": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        nodes, low = [], 0
        for range_, sign in zip(self.ranges, self.signs):
            term = self.terms[low:low + range_.bits]
            nodes.append(SignedNode(term.as_signed() if range_.signed else term, self.range, sign))
            low += range_.bits
        root = signed_tree(m, platform, self.enable, nodes, "sum")
        m.d.comb += [self.total.eq(root.value), self.one.eq(root.pending[0])]
        return m


def signed_tree(m: Module, platform: Target, enable: Value, nodes: list[SignedNode],
                name: str) -> SignedNode:
    """The sum of `nodes`, a register per level.

    The half of a carry chain that adds a bit of two numbers has two inputs left, which invert
    both as their signs say. A one that is missing from a negative number is the first carry of
    its chain or of a later one: n terms have n - 1 of them, so that one is left, which an
    accumulator takes.

    Cost: on ECP5 a LUT4 per bit of every sum, one for its start, and one per chain.
    """
    level = 0
    while len(nodes) > 1:
        level += 1
        chains = CarryChains(m, platform, f"{name}_{level}")
        following = []
        for index in range(0, len(nodes), 2):
            node = f"{name}_{level}_{index // 2}"
            if index + 1 == len(nodes):
                following.append(_passed(m, enable, nodes[index], node))
                continue
            a, b = nodes[index:index + 2]
            ones = [_held(m, enable, one, f"{node}_one{place}")
                    for place, one in enumerate([*a.pending, *b.pending][1:])]
            total = added(chains, a, b, node, a.range + b.range)
            following.append(SignedNode(_held(m, enable, total, node), a.range + b.range, None,
                                        ones))
        chains.place()
        nodes = following
    return nodes[0]


def added(chains: CarryChains, a: SignedNode, b: SignedNode, name: str, range_: Range) -> Value:
    """a + b and the first of the bits that are still to be added, known to fit `range_`."""
    width = shape_of(range_).width
    options, ports = "", {"a": extended(a.value, width), "b": extended(b.value, width)}
    for option, node in (("x", a), ("y", b)):
        if node.sign is not None:
            options += option
            ports[option] = node.sign
    ones = [*a.pending, *b.pending]
    if ones:
        options += "c"
        ports["c"] = ones[0]
    total = chains.add(f"{name}_sum", Segment("sum", width, width, options), **ports)
    return total[:width].as_signed() if range_.signed else total[:width]


def extended(value: Value, width: int) -> Value:
    """`value` in `width` bits of two's complement."""
    if len(value) >= width:
        return value[:width]
    fill = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, fill.replicate(width - len(value)))


def _passed(m: Module, enable: Value, node: SignedNode, name: str) -> SignedNode:
    sign = None if node.sign is None else _held(m, enable, node.sign, f"{name}_sign")
    ones = [_held(m, enable, one, f"{name}_one{place}") for place, one in enumerate(node.ones)]
    return SignedNode(_held(m, enable, node.value, name), node.range, sign, ones)


def _held(m: Module, enable: Value, value: Value, name: str) -> Signal:
    register = Signal(value.shape(), name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register
