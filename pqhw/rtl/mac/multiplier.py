"""Multipliers of the MAC lanes: two registers deep, in a DSP block or in logic."""

from amaranth.hdl import Module, Shape, Signal, Value
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
    Two cycles. dsp: one DSP block where both operands fit its ports. lut: about
    bits(x) + 3 LUT4 per bit of w in portable form.
    """

    def __init__(self, x: Shape, w: Shape, product: Shape, style: str):
        self.style = style
        super().__init__({"x": In(x), "w": In(w), "enable": In(1), "product": Out(product)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.style == "lut":
            self._logic(m)
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

    def _logic(self, m: Module) -> None:
        """Rows of partial products in pairs, registered, then their sum, registered.

        The top bit of a signed w weighs negatively: its row is subtracted.
        """
        rows: list[Value] = []
        width = len(self.w)
        for bit in range(width):
            row = Signal(self.x.shape(), name=f"row{bit}")
            m.d.comb += row.eq(self.x & self.w[bit].replicate(len(self.x)))
            rows.append(row)
        pairs: list[Value] = []
        for low in range(0, width, 2):
            value = rows[low]
            if low + 1 < width:
                shifted = rows[low + 1] << 1
                top = self.w.shape().signed and low + 2 == width
                value = value - shifted if top else value + shifted
            elif self.w.shape().signed:
                value = -value
            pair = Signal(value.shape(), name=f"pair{low // 2}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += pair.eq(value)
            pairs.append(pair << low)
        while len(pairs) > 1:
            pairs = [pairs[i] + pairs[i + 1] if i + 1 < len(pairs) else pairs[i]
                     for i in range(0, len(pairs), 2)]
        product = Signal(self.product.shape(), name="product_q", reset_less=True)
        m.d.comb += self.product.eq(product)
        with m.If(self.enable):
            m.d.sync += product.eq(pairs[0])
