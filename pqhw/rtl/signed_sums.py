"""Sums of terms that come as magnitude and sign: the signs ride on free inputs of the adders."""

import dataclasses

from amaranth.hdl import Cat, Const, Module, Signal, Value

from ..spec.ranges import Range
from .segments import CarryChains, Segment
from .streams import shape_of
from .target import Target

__all__ = ["SignedNode", "added", "signed_tree"]


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
