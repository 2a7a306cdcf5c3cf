"""Arithmetic in segments of carry chains: many small sums share one chain.

A carry chain must begin with a half that makes its first carry, and its last carry leaves through
the sum of one more half. One half does both for two neighbours: it shows the carry that comes in
and sends out a new one. So a segment of n bits costs n + 1 halves, and a chain of any number of
segments one more. `CarryChains` collects segments and sets them on chains; targets without chains
get plain expressions.
"""

import dataclasses
import re
from typing import TYPE_CHECKING, Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

if TYPE_CHECKING:
    from .target import Target

__all__ = ["CarryChains", "Segment", "parse_segments"]

LONGEST = 48
"""Halves of a chain: timing analysis follows the carry through all of them."""

LONGEST_CHOOSING = 32
"""The same where results of comparisons choose what a register takes, which a wire to as many
multiplexers and their delay come after."""

Kind = Literal["difference", "sum", "squares", "choice", "greater", "less", "products"]

LETTERS: dict[Kind, str] = {"difference": "d", "sum": "a", "squares": "q", "choice": "o",
                            "greater": "g", "less": "l", "products": "p"}


@dataclasses.dataclass(frozen=True)
class Segment:
    """One operation on a chain.

    * difference: a - b, and above it whether that is not negative
    * sum: a + b + carry; a is inverted where x, b where y, b is all filling where g
    * squares: a + b of squares coded by `coded_square`
    * choice: a + (g ? c : b) + k modulo 2**bits
    * products: how many of two or three products of bits a[i] and b[i] are one
    * greater: whether |p| > |q| for differences p = (a, x) and q = (b, y) of equal widths
    * less: a < b

    Members
    -------
    kind: the operation
    a, b: widths of its operands
    options: s operands are signed; x, y, g there is such a port; f the narrower operand of a sum
        is filled with ones; c there is a carry; k the carry is a product of c and k, or of a choice
        k itself; e a product is an exclusive or, else an and
    """
    kind: Kind
    a: int
    b: int
    options: str = ""

    @property
    def token(self) -> str:
        """The segment in the name of a module."""
        return f"{LETTERS[self.kind]}{self.a}x{self.b}{self.options}"

    @property
    def bits(self) -> int:
        """Bits that are added: those of the wider operand."""
        return 1 if self.kind == "products" else max(self.a, self.b)

    @property
    def halves(self) -> int:
        """Halves of a chain that the segment takes; the chain ends with one more."""
        return self.bits + (self.kind != "less")

    @property
    def multiplies(self) -> bool:
        """Whether products are formed in the chain, which no logic in front of it would do."""
        return self.kind == "products" or "k" in self.options and self.kind == "sum"

    @property
    def chooses(self) -> bool:
        """Whether the result tells which of two values goes on."""
        return self.kind in ("greater", "less")

    @property
    def inputs(self) -> dict[str, int]:
        """Ports by name and width."""
        ports = {"a": self.a, "b": self.b} | {port: 1 for port in "xygck" if port in self.options}
        if self.kind == "choice":
            ports |= {"c": self.bits}
        return ports

    @property
    def width(self) -> int:
        """Bits of the result."""
        if self.chooses:
            return 1
        return self.bits + (self.kind != "choice")

    def value(self, **ports: Value) -> Value:
        """The operation as a plain expression of its ports."""
        a, b, fill = ports["a"], ports["b"], "f" in self.options
        if self.kind in ("difference", "less") and "s" in self.options:
            a, b = a.as_signed(), b.as_signed()
        match self.kind:
            case "difference":
                total = a - b
                return Cat(total[:self.bits], ~total[self.bits])
            case "less":
                return a < b
            case "greater":
                x, y = ports["x"], ports["y"]
                first, second = a ^ x.replicate(self.a), b ^ y.replicate(self.b)
                return (first < second) | ((first == second) & ~x & y)
            case "choice":
                carry = ports.get("k", Const(0, 1))
                return (a + Mux(ports["g"], ports["c"], b) + carry)[:self.bits]
            case "products":
                ones = a ^ b if "e" in self.options else a & b
                return sum(ones[1:], ones[0])[:self.width]
            case "squares":
                return square_of(a) + square_of(b)
        if "x" in self.options:
            a = a ^ ports["x"].replicate(self.a)
        if "y" in self.options:
            b = b ^ ports["y"].replicate(self.b)
        if "g" in self.options:
            gate = ports["g"].replicate(self.b)
            b = b | gate if fill else b & ~gate
        ones = (1 << self.bits) - 1 if fill else 0
        a, b = (Cat(value, Const(ones >> len(value), self.bits - len(value)))
                for value in (a, b))
        carry = ports.get("c", Const(0, 1))
        if "k" in self.options:
            carry = carry ^ ports["k"] if "e" in self.options else carry & ports["k"]
        return (a + b + carry)[:self.width]


def square_of(coded: Value) -> Value:
    """A square from its code: bit 2 is made of bits 0 and 1 of what is squared."""
    return Cat(coded[0], Const(0, 1), coded[1] & ~coded[0], coded[3:])


def parse_segments(tokens: str) -> list[Segment]:
    """The segments that a module's name tells, from `token`s joined by underscores."""
    kinds = {letter: kind for kind, letter in LETTERS.items()}
    found = re.findall(r"([a-z])(\d+)x(\d+)([a-z]*)", tokens)
    return [Segment(kinds[letter], int(a), int(b), options) for letter, a, b, options in found]


class CarryChains:
    """Collects the sums of a module and places them on chains.

    Results are there at once as signals; `place` describes what computes them. Segments share a
    chain in the order in which they came.

    Parameters
    ----------
    m, platform: where the chains are placed, and for what
    name: prefix of the chains' names

    Latency and cost
    ----------------
    Combinational. On ECP5 the halves of all segments, and per chain of up to 48 halves, of up to
    32 where comparisons come in, one more, rounded up to a pair.
    """

    def __init__(self, m: Module, platform: "Target", name: str):
        self.m = m
        self.platform = platform
        self.name = name
        self._segments: list[tuple[Segment, dict[str, Value], Signal]] = []

    def add(self, name: str, segment: Segment, **ports: Value) -> Signal:
        """The result of a segment."""
        total = Signal(segment.width, name=name)
        self._segments.append((segment, ports, total))
        return total

    def difference(self, a: Value, b: Value, name: str) -> tuple[Value, Value]:
        """The low bits of a - b, as many as the wider operand has, and whether a >= b."""
        signed = a.shape().signed
        bits = max(len(a), len(b))
        a, b = (_extended(value, bits, signed) for value in (a, b))
        total = self.add(name, Segment("difference", bits, bits, "s" * signed), a=a, b=b)
        return total[:bits], total[bits]

    def less(self, a: Value, b: Value, name: str) -> Signal:
        """a < b, of equal shapes."""
        options = "s" * a.shape().signed
        return self.add(name, Segment("less", len(a), len(b), options), a=a, b=b)

    def place(self) -> None:
        """Describe all chains; called once."""
        pending: list[tuple[Segment, dict[str, Value], Signal]] = []
        chains = []
        for entry in self._segments:
            segment, ports, total = entry
            small = segment.bits <= 2 and not segment.multiplies
            if self.platform.segment_chain is None or small:
                self.m.d.comb += total.eq(segment.value(**ports))
                continue
            longest = LONGEST_CHOOSING if segment.chooses else LONGEST
            if pending and sum(own[0].halves for own in [*pending, entry]) >= longest:
                chains.append(pending)
                pending = []
            pending.append(entry)
        for index, chain in enumerate([*chains, pending] if pending else chains):
            self._chain(f"{self.name}_{index}", chain)

    def _chain(self, name: str, chain: list[tuple[Segment, dict[str, Value], Signal]]) -> None:
        from .target import place  # The target's module knows the chains of the families.
        segments = tuple(segment for segment, _, _ in chain)
        base = "carry_" + "_".join(segment.token for segment in segments)
        make = self.platform.segment_chain
        assert make is not None
        unit = place(self.m, self.platform, name, base, make, segments, clocked=False)
        for index, (_, ports, total) in enumerate(chain):
            self.m.d.comb += [getattr(unit, f"{port}{index}").eq(value)
                              for port, value in ports.items()]
            self.m.d.comb += total.eq(getattr(unit, f"total{index}"))


def _extended(value: Value, bits: int, signed: bool) -> Value:
    fill = value[-1] if signed else Const(0, 1)
    return Cat(value, fill.replicate(bits - len(value)))
