"""Selection on ECP5: wide multiplexers of LUT4 pairs, and comparisons with a choice built in.

What inference leaves on the table (Yosys 0.70): a slice joins two LUT4 by a PFUMX, and two of those
by an L6MUX21, which makes an eight-fold multiplexer of four LUT4; inferred, it takes seven. And a
comparison leaves two inputs of each LUT4 of its carry chain unused, enough to choose between two
values of one operand.
"""

from amaranth.hdl import Const, Instance, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ecp5_chains import CARRY, MINUS, ONE, ZERO, Half, carry_chain, carry_out

__all__ = ["AtLeast", "AtLeastChosen", "Select"]

PICK = 0xCACA
"""C ? B : A."""

SAME_AS_CHOSEN = 0xA965
"""~(A ^ (B ? D : C)); its G is ~A."""


class Select(wiring.Component):
    """One of up to eight values.

    Parameters
    ----------
    width:
        Bits of a value.
    count:
        Values to choose from, 3 to 8.

    Members
    -------
    choices: the values, the first in the lowest bits
    index: which one; beyond the last, any
    value: the one chosen

    Latency and cost
    ----------------
    Combinational. Per bit a LUT4 for each pair of values: two up to four values, four above.
    """

    def __init__(self, width: int, count: int):
        self.width = width
        self.count = count
        super().__init__({"choices": In(width * count), "index": In(range(count)),
                          "value": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        for bit in range(self.width):
            bits = [self.choices[index * self.width + bit] for index in range(self.count)]
            while len(bits) & (len(bits) - 1):
                bits.append(bits[-1])
            pairs = [self._pick(m, f"bit{bit}_{low}", bits[low], bits[low + 1])
                     for low in range(0, len(bits), 2)]
            fours = [self._join(m, f"bit{bit}_four{low}", "PFUMX", pairs[low], pairs[low + 1])
                     for low in range(0, len(pairs), 2)]
            value = fours[0]
            if len(fours) == 2:
                value = self._join(m, f"bit{bit}_eight", "L6MUX21", *fours)
            m.d.comb += self.value[bit].eq(value)
        return m

    def _pick(self, m: Module, name: str, low: Value, high: Value) -> Signal:
        chosen = Signal(name=f"{name}_pair")
        m.submodules[name] = Instance("LUT4", p_INIT=Const(PICK, 16), i_A=low, i_B=high,
                                      i_C=self.index[0], i_D=ZERO, o_Z=chosen)
        return chosen

    def _join(self, m: Module, name: str, cell: str, low: Value, high: Value) -> Signal:
        chosen = Signal(name=f"{name}_chosen")
        if cell == "PFUMX":
            ports = {"i_BLUT": low, "i_ALUT": high, "i_C0": self.index[1]}
        else:
            ports = {"i_D0": low, "i_D1": high, "i_SD": self.index[2]}
        m.submodules[name] = Instance(cell, **ports, o_Z=chosen)
        return chosen


class AtLeast(wiring.Component):
    """a >= b on one carry chain.

    Parameters
    ----------
    shape:
        Of both operands.

    Latency and cost
    ----------------
    Combinational. One LUT4 per bit, one for the start of the chain and one for the result,
    rounded up to a pair.
    """

    def __init__(self, shape: Shape):
        self.shape = shape
        super().__init__({"a": In(shape.width), "b": In(shape.width), "total": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        halves = [CARRY]
        halves += [(MINUS, (self.a[i], self.b[i], ZERO, ONE), None)
                   for i in range(self.shape.width)]
        if self.shape.signed:
            halves[-1] = (MINUS, (self.b[-1], self.a[-1], ZERO, ONE), None)
        carry_chain(m, [*halves, carry_out(self.total)])
        return m


class AtLeastChosen(wiring.Component):
    """(high if index else low) >= b on one carry chain.

    A bit where both sides differ decides by the threshold alone, which is what the chain's G sees;
    the choice takes the two inputs that are left. A sign decides the other way round, and is
    chosen in front of the chain.

    Parameters
    ----------
    shape:
        Of all operands.

    Latency and cost
    ----------------
    Combinational. As `AtLeast`, and one LUT4 more where the operands are signed.
    """

    def __init__(self, shape: Shape):
        self.shape = shape
        super().__init__({"low": In(shape.width), "high": In(shape.width), "index": In(1),
                          "b": In(shape.width), "total": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        plain = self.shape.width - self.shape.signed
        halves: list[Half] = [CARRY]
        halves += [(SAME_AS_CHOSEN, (self.b[i], self.index, self.low[i], self.high[i]), None)
                   for i in range(plain)]
        if self.shape.signed:
            sign = Signal(name="sign")
            m.d.comb += sign.eq(Mux(self.index, self.high[-1], self.low[-1]))
            halves.append((MINUS, (self.b[-1], sign, ZERO, ONE), None))
        carry_chain(m, [*halves, carry_out(self.total)])
        return m
