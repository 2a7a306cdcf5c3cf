"""Segments on ECP5 carry chains: differences, sums and comparisons that share halves of CCU2C.

A half computes S = L ^ carry_in and carry_out = L ? carry_in : G; see `ecp5_chains`. Where L is 0,
S is the carry that comes in and G the one that goes out: such a half ends one segment and begins
the next.
"""

from collections.abc import Callable

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ecp5_chains import MINUS, MINUS_TOP, ONE, ZERO, Half, carry_chain, carry_out
from .segments import Segment

__all__ = ["SegmentChain"]


def init(function: Callable[[int, int, int, int], int]) -> int:
    """INIT of a half from L as a function of A, B, C, D; G is what L is with C = D = 0."""
    return sum(function(i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3) << i for i in range(16))


def first(function: Callable[[int, int], int]) -> int:
    """INIT of a half that begins a segment, with D = 1: L is 0, G a function of A and B."""
    return sum(function(i & 1, i >> 1) << i for i in range(4))


CARRY = first(lambda a, b: a)
ABOVE = first(lambda a, b: a & ~b & 1)
SUM = init(lambda a, b, c, d: a ^ b ^ c ^ d)
FILLED_ONES = init(lambda a, b, c, d: a ^ b ^ (c | d))
FILLED_ZEROS = init(lambda a, b, c, d: a ^ b ^ (c & ~d & 1))
CHOICE = init(lambda a, b, c, d: a ^ (c if b else d))
AND = first(lambda a, b: a & b)
XOR = first(lambda a, b: a ^ b)
PRODUCTS_AND = init(lambda a, b, c, d: (a & b) ^ (c & d))
PRODUCTS_XOR = init(lambda a, b, c, d: a ^ b ^ c ^ d)
SQUARES = init(lambda a, b, c, d: (a & ~b & 1) ^ (c & ~d & 1))
GREATER = init(lambda a, b, c, d: 1 ^ a ^ b ^ c ^ d)


class SegmentChain(wiring.Component):
    """Segments one after another on one carry chain.

    Parameters
    ----------
    segments:
        What is computed.

    Members
    -------
    <port><index>: the inputs of segment `index`
    total<index>: its result

    Latency and cost
    ----------------
    Combinational. The halves of all segments and one more, rounded up to a pair.
    """

    def __init__(self, segments: tuple[Segment, ...]):
        self.segments = segments
        ports: dict[str, wiring.Member] = {}
        for index, segment in enumerate(segments):
            ports |= {f"{name}{index}": In(width) for name, width in segment.inputs.items()}
            ports[f"total{index}"] = Out(segment.width)
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        m = Module()
        halves: list[Half] = []
        top = None
        for index, segment in enumerate(self.segments):
            total = getattr(self, f"total{index}")
            ports = {name: getattr(self, f"{name}{index}") for name in segment.inputs}
            (code, inputs, _), *bits = segment_halves(segment, ports, total)
            halves += [(code, inputs, top), *bits]
            top = None if segment.kind == "choice" else total[-1]
        carry_chain(m, halves if top is None else [*halves, carry_out(top)])
        return m


def segment_halves(segment: Segment, ports: dict[str, Value], total: Value) -> list[Half]:
    """The half that begins a segment, its S left open, and those of its bits."""
    a, b = ports["a"], ports["b"]
    match segment.kind:
        case "difference":
            return [(CARRY, (ONE, ZERO, ZERO, ONE), None), *_minus(segment, a, b, total)]
        case "less":
            begin = (ABOVE, (b[0], a[0], ZERO, ONE), None)
            return [begin, *_minus(segment, b, a, None)[1:]]
        case "greater":
            x, y = ports["x"], ports["y"]
            return [(ABOVE, (y, x, ZERO, ONE), None),
                    *((GREATER, (a[i], x, b[i], y), None) for i in range(segment.a))]
        case "choice":
            return [(CARRY, (ports.get("k", ZERO), ZERO, ZERO, ONE), None),
                    *((CHOICE, (a[i], ports["g"], ports["c"][i], b[i]), total[i])
                      for i in range(segment.bits))]
        case "products":
            xor = "e" in segment.options
            third = (a[2], b[2]) if segment.a > 2 else (ZERO, ZERO)
            return [(XOR if xor else AND, (*third, ZERO, ONE), None),
                    (PRODUCTS_XOR if xor else PRODUCTS_AND, (a[0], b[0], a[1], b[1]), total[0])]
        case "squares":
            begin = (CARRY, (ZERO, ZERO, ZERO, ONE), None)
            bits = [(SUM, (a[i], ZERO, b[i], ZERO), total[i]) for i in range(segment.bits)]
            bits[1] = (SUM, (ZERO, ZERO, ZERO, ZERO), total[1])
            bits[2] = (SQUARES, (a[1], a[0], b[1], b[0]), total[2])
            return [begin, *bits]
    product = XOR if "e" in segment.options else AND
    code = product if "k" in segment.options else CARRY
    carry = (ports.get("c", ZERO), ports.get("k", ZERO), ZERO, ONE)
    return [(code, carry, None), *_sum(segment, ports, total)]


def _minus(segment: Segment, a: Value, b: Value, total: Value | None) -> list[Half]:
    """a + ~b; signed top bits weigh the other way round."""
    top = MINUS_TOP if "s" in segment.options else MINUS
    return [(top if i == segment.bits - 1 else MINUS, (a[i], b[i], ZERO, ONE),
             None if total is None else total[i]) for i in range(segment.bits)]


def _sum(segment: Segment, ports: dict[str, Value], total: Value) -> list[Half]:
    fill = ONE if "f" in segment.options else ZERO
    gate = ports.get("g")
    halves: list[Half] = []
    for i in range(segment.bits):
        a, x = (ports["a"][i], ports.get("x", ZERO)) if i < segment.a else (fill, ZERO)
        b, y = (ports["b"][i], ports.get("y", ZERO)) if i < segment.b else (fill, ZERO)
        if gate is not None and i < segment.b:
            filled = FILLED_ONES if "f" in segment.options else FILLED_ZEROS
            halves.append((filled, (a, x, b, gate), total[i]))
        else:
            halves.append((SUM, (a, x, b, y), total[i]))
    return halves
