"""Arithmetic on ECP5 carry chains, with the logic in front of an adder inside the chain.

What inference leaves on the table (Yosys 0.70, nextpnr 0.11): every inferred adder pays four LUT4
for getting constants into and out of its carry chain, and gates in front of it take LUT4 of their
own. A half of a CCU2C computes S = L ^ carry_in and carry_out = L ? carry_in : G, where L is a
LUT4 of A, B, C, D and G, the LUT2 in the low four bits of INIT, of A and B. So a gate on one
operand is free, and so is one on the other as long as G sees all of the first.
A chain has pairs of halves; it begins with a half that makes the first carry.
"""

from amaranth.hdl import Const, Instance, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Adder", "Difference", "GatedAdder", "GatedSum", "Less", "RowPair"]

ZERO, ONE = Const(0, 1), Const(1, 1)

START = 0x0000
"""L = 0, G = 0: a carry of zero for the next half, whatever comes in."""

START_AND = 0x0008
"""L = 0, G = A & B: the carry out of a lowest bit that is summed elsewhere, or any carry."""

START_BORROW = 0x0002
"""L = 0, G = A & ~B: the carry out of the lowest bit of A + ~B."""

SUM = 0x66AA
"""A + B, with C = 0 and D = 1."""

MINUS = 0x99AA
"""A + ~B, with C = 0 and D = 1."""

MINUS_TOP = 0x9955
"""The same for a signed top bit, which weighs the other way round."""

BORROW = 0xFF00
"""L = 1 with D = 1: S is the inverted carry."""

GATED = 0x7878
"""(A & B) + C."""

GATED_MINUS = 0x8787
"""~(A & B) + C."""

ROWS = 0x7888
"""(A & B) + (C & D)."""

ROWS_MINUS = 0x8777
"""~(A & B) + (C & D)."""

Half = tuple[int, tuple[Value, ...], Signal | None]
"""INIT, A to D, and where S goes."""

NO_CARRY: Half = (START, (ZERO, ZERO, ZERO, ONE), None)
CARRY: Half = (START_AND, (ONE, ONE, ZERO, ONE), None)


def carry_out(total: Signal | None) -> Half:
    """The end of a chain: S is its carry.

    It is a sum of two zeros, as ABC9 takes a CCU2C whose INIT is all zero for a constant and drops
    what hangs on it.
    """
    return SUM, (ZERO, ZERO, ZERO, ONE), total


def carry_chain(m: Module, halves: list[Half]) -> None:
    """CCU2C for a list of halves; an odd last one leaves half a cell unused."""
    if len(halves) % 2:
        halves = [*halves, carry_out(None)]
    carry: Signal | None = None
    for pair in range(len(halves) // 2):
        ports: dict[str, object] = {} if carry is None else {"i_CIN": carry}
        if 2 * pair + 2 < len(halves):
            carry = Signal(name=f"carry{pair}")
            ports["o_COUT"] = carry
        for half in range(2):
            init, inputs, total = halves[2 * pair + half]
            ports[f"p_INIT{half}"] = Const(init, 16)
            ports |= {f"i_{pin}{half}": value for pin, value in zip("ABCD", inputs)}
            if total is not None:
                ports[f"o_S{half}"] = total
        m.submodules[f"pair{pair}"] = Instance("CCU2C", p_INJECT1_0="NO", p_INJECT1_1="NO", **ports)


def extended(value: Value, width: int) -> list[Value]:
    """The bits of a value, extended by its sign to `width`."""
    shape = value.shape()
    fill = value[-1] if shape.signed and shape.width else ZERO
    return [value[i] if i < shape.width else fill for i in range(width)]


class Adder(wiring.Component):
    """a + b modulo 2**width on one carry chain.

    Parameters
    ----------
    width:
        Bits of both operands and of the sum.

    Members
    -------
    a, b: operands
    total: their sum

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit and one for the start of the chain; with an even width the
    lowest bit is summed beside the chain, and the starting half makes its carry.
    """

    def __init__(self, width: int):
        super().__init__({"a": In(width), "b": In(width), "total": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        width = len(self.total)
        beside = width % 2 == 0
        halves = [NO_CARRY]
        if beside:
            m.d.comb += self.total[0].eq(self.a[0] ^ self.b[0])
            halves = [(START_AND, (self.a[0], self.b[0], ZERO, ONE), None)]
        carry_chain(m, halves + [(SUM, (self.a[i], self.b[i], ZERO, ONE), self.total[i])
                                 for i in range(int(beside), width)])
        return m


class GatedAdder(wiring.Component):
    """a + (b & gate), or a - (b & gate), modulo 2**width on one carry chain.

    Parameters
    ----------
    width:
        Bits of both operands and of the sum.
    subtract:
        Whether b is subtracted.

    Members
    -------
    a, b, gate: operands
    total: result

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit and one for the start of the chain, rounded up to a pair.
    """

    def __init__(self, width: int, subtract: bool):
        self.subtract = subtract
        super().__init__({"a": In(width), "b": In(width), "gate": In(1), "total": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        init = GATED_MINUS if self.subtract else GATED
        carry_chain(m, [CARRY if self.subtract else NO_CARRY] + [
            (init, (self.b[i], self.gate, self.a[i], ONE), self.total[i])
            for i in range(len(self.total))])
        return m


class GatedSum(wiring.Component):
    """(a & a_gate) + (b & b_gate) modulo 2**width on one carry chain.

    Parameters
    ----------
    width:
        Bits of both operands and of the sum.

    Members
    -------
    a, b, a_gate, b_gate: operands
    total: result

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit and one for the start of the chain, rounded up to a pair.
    """

    def __init__(self, width: int):
        super().__init__({"a": In(width), "b": In(width), "a_gate": In(1), "b_gate": In(1),
                          "total": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        carry_chain(m, [NO_CARRY] + [
            (ROWS, (self.a[i], self.a_gate, self.b[i], self.b_gate), self.total[i])
            for i in range(len(self.total))])
        return m


class Difference(wiring.Component):
    """a - b on one carry chain.

    Parameters
    ----------
    shape:
        Of both operands.

    Members
    -------
    a, b: operands
    total: a - b, signed and one bit wider

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit of the operands, one for the start of the chain and one for
    the sign, rounded up to a pair.
    """

    def __init__(self, shape: Shape):
        self.shape = shape
        super().__init__({"a": In(shape.width), "b": In(shape.width),
                          "total": Out(shape.width + 1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        width = self.shape.width
        halves = [CARRY]
        for i in range(width):
            init = MINUS_TOP if self.shape.signed and i == width - 1 else MINUS
            halves.append((init, (self.a[i], self.b[i], ZERO, ONE), self.total[i]))
        halves.append((BORROW, (ZERO, ZERO, ZERO, ONE), self.total[width]))
        carry_chain(m, halves)
        return m


class Less(wiring.Component):
    """a < b, both unsigned, on one carry chain: the carry out of b + ~a.

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit and one for the result, rounded up to a pair.
    """

    def __init__(self, width: int):
        super().__init__({"a": In(width), "b": In(width), "total": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        halves = [(START_BORROW, (self.b[0], self.a[0], ZERO, ONE), None)]
        halves += [(MINUS, (self.b[i], self.a[i], ZERO, ONE), None)
                   for i in range(1, len(self.a))]
        carry_chain(m, [*halves, carry_out(self.total)])
        return m


class RowPair(wiring.Component):
    """Two rows of partial products: a * low + 2 * a * high, or a * low - 2 * a * high.

    Parameters
    ----------
    shape:
        Of the multiplicand a.
    subtract:
        Whether the upper row is subtracted.

    Members
    -------
    a, low, high: multiplicand and two bits of the multiplier
    total: the sum, two bits wider than a; signed where a is or the upper row is subtracted

    Latency and cost
    ----------------
    Combinational. bits(a) + 3 LUT4: both rows are gated inside the chain.
    """

    def __init__(self, shape: Shape, subtract: bool):
        self.shape = shape
        self.subtract = subtract
        super().__init__({"a": In(shape), "low": In(1), "high": In(1),
                          "total": Out(shape.width + 2)})

    def elaborate(self, platform) -> Module:
        m = Module()
        width = len(self.total)
        upper = [ZERO, *extended(self.a, width - 1)]
        lower = extended(self.a, width)
        beside = width % 2 == 0
        if beside:
            m.d.comb += self.total[0].eq(self.a[0] & self.low)
        halves = [CARRY if self.subtract else NO_CARRY]
        for i in range(int(beside), width):
            if self.subtract:
                inputs = (ROWS_MINUS, (upper[i], self.high, lower[i], self.low))
            else:
                inputs = (ROWS, (lower[i], self.low, upper[i], self.high))
            halves.append((*inputs, self.total[i]))
        carry_chain(m, halves)
        return m
