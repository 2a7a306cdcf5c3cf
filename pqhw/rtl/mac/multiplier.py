"""Multipliers of the MAC lanes: two registers deep, in a DSP block or in logic."""

from amaranth.hdl import Cat, Module, Shape, Signal, Value
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
    narrower: on ECP5 about (n + 3) * (w - 1) LUT4 (8 by 8: 79, 8 by 4: 33), as each row but the
    first is gated inside the carry chain that adds it.
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
        An odd last row joins the pair in front of it.
        """
        wide, narrow = sorted((self.w, self.x), key=len, reverse=True)
        width = len(narrow)
        sums: list[tuple[int, Signal]] = []
        for low in range(0, width - 1, 2):
            rows = narrow[low:low + (3 if low + 3 == width else 2)]
            value = self._rows(m, platform, wide, rows, f"rows{low // 2}",
                               narrow.shape().signed and low + len(rows) == width)
            register = Signal(value.shape(), name=f"pair{low // 2}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += register.eq(value)
            sums.append((len(rows), register))
        level = 0
        while len(sums) > 1:
            level += 1
            sums = [self._joined(m, platform, sums[i:i + 2], len(wide), f"sum{level}_{i // 2}")
                    for i in range(0, len(sums), 2)]
        product = Signal(self.product.shape(), name="product_q", reset_less=True)
        m.d.comb += self.product.eq(product)
        with m.If(self.enable):
            m.d.sync += product.eq(sums[0][1])

    @staticmethod
    def _rows(m: Module, platform: Target, wide: Value, bits: Value, name: str,
              negative: bool) -> Value:
        """wide * bits for two or three bits, of which the top one may weigh negatively."""
        triple = len(bits) == 3
        value = platform.row_pair(m, wide, bits[:2], name, subtract=negative and not triple)
        if not triple:
            return value
        shape = Shape(len(wide) + 1, wide.shape().signed or negative)
        upper = platform.add_gated(m, value >> 2, wide, bits[2], shape, f"{name}_third",
                                   subtract=negative)
        total = Signal(Shape(len(wide) + 3, shape.signed), name=f"{name}_three")
        m.d.comb += total.eq(Cat(value[:2], upper))
        return total

    def _joined(self, m: Module, platform: Target, sums: list[tuple[int, Value]], bits: int,
                name: str) -> tuple[int, Value]:
        """Two neighbouring sums as one: the lower bits of the first pass by the adder."""
        if len(sums) == 1:
            return sums[0]
        (gap, first), (rows, second) = sums
        width = min(gap + bits + rows, len(self.product))
        sign = first.shape().signed or second.shape().signed
        upper = platform.add(m, first >> gap, second, Shape(width - gap, sign), name)
        total = Signal(Shape(width, sign), name=f"{name}_joined")
        m.d.comb += total.eq(Cat(first[:gap], upper))
        return gap + rows, total
