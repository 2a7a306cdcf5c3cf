"""Multipliers of the MAC lanes: two registers deep, in a DSP block or in logic."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..target import Target

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """x * w, two enabled cycles after its operands.

    Parameters
    ----------
    x, w, product:
        Shapes of the operands and of the product.
    style:
        ``dsp`` registers operands and product, as DSP blocks do; ``lut`` sums pairs of
        partial products first, then the sums.

    Latency and cost
    ----------------
    Two cycles. dsp: one DSP block where both operands fit its ports. lut, of n by w bits, w the
    narrower: on ECP5 about (n + 3) * (w - 1) LUT4 (8 by 8: 80, 8 by 4: 34), as every row is gated
    inside the carry chain that adds it.
    """

    def __init__(self, x: Shape, w: Shape, product: Shape, style: str):
        self.style = style
        super().__init__({"x": In(x), "w": In(w), "enable": In(1), "product": Out(product)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.style == "lut":
            self._logic(m, platform)
        elif platform.multiplier is not None:
            m.submodules.block = block = platform.multiplier(self.x.shape(), self.w.shape())
            m.d.comb += [block.a.eq(self.x), block.b.eq(self.w), block.enable.eq(self.enable),
                         self.product.eq(block.p)]
        else:
            x = Signal(self.x.shape(), name="x_q", reset_less=True)
            w = Signal(self.w.shape(), name="w_q", reset_less=True)
            product = Signal(self.product.shape(), name="product_q", reset_less=True)
            m.d.comb += self.product.eq(product)
            with m.If(self.enable):
                m.d.sync += [x.eq(self.x), w.eq(self.w), product.eq(x * w)]
        return m

    def _logic(self, m: Module, platform: Target) -> None:
        """Rows of partial products in pairs, registered, then their sum, registered.

        The narrower operand gives the rows; its top bit, where it is signed, weighs negatively.
        An odd last row is gated where it is added, after the register.
        """
        wide, narrow = sorted((self.w, self.x), key=len, reverse=True)
        rows = len(narrow)
        negative = narrow.shape().signed
        sums: list[tuple[int, Value]] = []
        for low in range(0, rows - 1, 2):
            pair = platform.row_pair(m, wide, narrow[low:low + 2], f"rows{low // 2}",
                                     subtract=negative and low + 2 == rows)
            sums.append((2, self._held(m, pair, f"pair{low // 2}")))
        gate: Value | None = None
        if rows == 1:
            sums.append((1, self._held(m, Mux(narrow, wide, 0), "row")))
        elif rows % 2:
            gate = self._held(m, narrow[-1], "last_bit")
            sums.append((1, self._held(m, wide, "last_row")))
        level = 0
        while len(sums) > 1:
            level += 1
            sums = [self._joined(m, platform, sums[i:i + 2], f"sum{level}_{i // 2}", gate, negative)
                    for i in range(0, len(sums), 2)]
        product = Signal(self.product.shape(), name="product_q", reset_less=True)
        m.d.comb += self.product.eq(product)
        with m.If(self.enable):
            m.d.sync += product.eq(sums[0][1])

    def _held(self, m: Module, value: Value, name: str) -> Signal:
        register = Signal(value.shape(), name=name, reset_less=True)
        with m.If(self.enable):
            m.d.sync += register.eq(value)
        return register

    def _joined(self, m: Module, platform: Target, sums: list[tuple[int, Value]], name: str,
                gate: Value | None, negative: bool) -> tuple[int, Value]:
        """Two neighbouring sums as one: the lower bits of the first pass by the adder."""
        if len(sums) == 1:
            return sums[0]
        (gap, first), (rows, second) = sums
        width = min(len(first) + rows, len(self.product))
        sign = first.shape().signed or second.shape().signed or (rows == 1 and negative)
        upper, shape = first >> gap, Shape(width - gap, sign)
        if rows == 1:
            total = platform.add_gated(m, upper, second, gate, shape, name, subtract=negative)
        else:
            total = platform.add(m, upper, second, shape, name)
        joined = Signal(Shape(width, sign), name=f"{name}_joined")
        m.d.comb += joined.eq(Cat(first[:gap], total))
        return gap + rows, joined
