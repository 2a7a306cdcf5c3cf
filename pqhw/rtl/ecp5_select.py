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

__all__ = ["AtLeast", "AtLeastChosen", "Select", "ShiftedOrZero"]

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


class ShiftedOrZero(wiring.Component):
    """A value shifted left by one of a few places, or 0.

    Parameters
    ----------
    shape:
        Of the value.
    places:
        Per index of two bits the places, or None for 0.
    width:
        Bits of the result.

    Members
    -------
    x: the value
    index: which places
    value: x << places[index], or 0

    Latency and cost
    ----------------
    Combinational. A LUT4 for every bit that sees at most two bits of the value, else two.
    """

    def __init__(self, shape: Shape, places: tuple[int | None, ...], width: int):
        self.places = places
        self.width = width
        super().__init__({"x": In(shape), "index": In(2), "value": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        for bit in range(self.width):
            seen = [self._seen(bit, place) for place in self.places]
            sources = sorted({source for source in seen if source is not None})
            value: Value
            if len(sources) <= 2:
                value = self._lut(m, f"bit{bit}", sources, seen, list(self.index))
            else:
                halves = [self._lut(m, f"bit{bit}_{high}", sorted(
                    {one for one in seen[2 * high:2 * high + 2] if one is not None}),
                    seen[2 * high:2 * high + 2] * 2, [self.index[0], ZERO]) for high in range(2)]
                value = Signal(name=f"bit{bit}_chosen")
                m.submodules[f"bit{bit}"] = Instance("PFUMX", i_BLUT=halves[0], i_ALUT=halves[1],
                                                     i_C0=self.index[1], o_Z=value)
            m.d.comb += self.value[bit].eq(value)
        return m

    def _seen(self, bit: int, place: int | None) -> int | None:
        """Which bit of the value stands at `bit` when it is shifted."""
        last = len(self.x) - 1
        if place is None or bit < place:
            return None
        if bit - place > last:
            return last if self.x.shape().signed else None
        return bit - place

    def _lut(self, m: Module, name: str, sources: list[int], seen: list[int | None],
             index: list[Value]) -> Value:
        """A LUT4 of up to two bits of the value and the index."""
        if not sources:
            return ZERO
        init = 0
        for row in range(16):
            source = seen[row >> 2]
            if source is not None and row >> sources.index(source) & 1:
                init |= 1 << row
        inputs = [*(self.x[source] for source in sources), ZERO][:2]
        chosen = Signal(name=f"{name}_lut")
        m.submodules[f"{name}_lut"] = Instance(
            "LUT4", p_INIT=Const(init, 16), i_A=inputs[0], i_B=inputs[1], i_C=index[0],
            i_D=index[1], o_Z=chosen)
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
