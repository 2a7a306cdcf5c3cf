"""Products by powers of two, and by sums of two of them: multiplexers and an adder."""

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.weights import second_shift, sp2_bits
from ..target import Target

__all__ = ["ShiftProduct"]

FINE_BITS = 2
"""Bits of an exponent that shift in the first cycle."""


class ShiftProduct(wiring.Component):
    """x times the magnitude that a code of ``pot`` or ``sp2`` stands for, two cycles later.

    Parameters
    ----------
    x, product:
        Shapes of activation and product.
    scheme, bits:
        Scheme and bits of a weight; see `pqhw.spec.weights`.

    Members
    -------
    w: sign and code of the weight; the sign is left to the sums
    enable: advances both registers
    product: x * |w|

    Latency and cost
    ----------------
    Two cycles. pot: a barrel shifter in two steps. sp2: the first summand out of 2**m1 choices,
    then an adder whose carry chain gates the second where it has one choice (3 and 4 bits).
    """

    def __init__(self, x: Shape, product: Shape, scheme: str, bits: int):
        self.scheme = scheme
        self.bits = bits
        super().__init__({"x": In(x), "w": In(bits), "enable": In(1), "product": Out(product)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        product = Signal(self.product.shape(), name="product_q", reset_less=True)
        m.d.comb += self.product.eq(product)
        total = (self._power if self.scheme == "pot" else self._sum_of_two)(m, platform)
        with m.If(self.enable):
            m.d.sync += product.eq(total)
        return m

    def _power(self, m: Module, platform: Target) -> Value:
        """x << (code - 1), or 0: by the low bits of the code, then by the others."""
        code = self.w[:-1]
        low, high = code[:FINE_BITS], code[FINE_BITS:]
        doubled = self._held(m, Mux(code == 0, 0, self.x << low), "fine")
        return (doubled << (self._held(m, high, "high") << FINE_BITS)) >> 1

    def _sum_of_two(self, m: Module, platform: Target) -> Value:
        """The first summand, chosen in the first cycle, and the second."""
        first_bits, second_bits = sp2_bits(self.bits)
        lower, upper = self.w[:first_bits], self.w[first_bits:-1]
        places = (*range((1 << first_bits) - 1), None)
        first = self._held(m, platform.shifted_or_zero(m, self.x, places, lower, "lower"), "first")
        least = second_shift(self.bits) + 1
        if second_bits == 1:
            second, gate = self._held(m, self.x, "second"), self._held(m, upper, "gate")
        else:
            places = (None, *range((1 << second_bits) - 1))
            second = self._held(m, platform.shifted_or_zero(m, self.x, places, upper, "upper"),
                                "second")
            gate = Const(1, 1)
        width = len(self.product) - least
        shape = Shape(width, self.product.shape().signed)
        total = (platform.add_gated(m, first >> least, second, gate, shape, "sum")
                 if second_bits == 1 else platform.add(m, first >> least, second, shape, "sum"))
        joined = Signal(self.product.shape(), name="joined")
        m.d.comb += [joined[:least].eq(first[:least]), joined[least:].eq(total)]
        return joined

    def _held(self, m: Module, value: Value, name: str) -> Signal:
        register = Signal(value.shape(), name=f"{name}_q", reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(value)
        return register
