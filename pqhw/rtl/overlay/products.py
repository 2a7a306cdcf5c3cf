"""Products of an overlay: all taps of a window's word, summed by lane or altogether."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS, TAPS
from ...spec.overlay.stages import product_stages
from ...spec.ranges import ceil_log2
from ..mac.multiplier import Multiplier
from ..sums import adder_tree, delayed
from ..target import Target, place

__all__ = ["Products"]

PRODUCT_BITS = ELEMENT_BITS + ACTIVATION_BITS
"""Bits of a product."""


class Products(wiring.Component):
    """Sums of products with weights, over the windows from one that is the first to the last.

    Parameters
    ----------
    spec:
        Lanes and bits.

    Members
    -------
    window, weights: words of a window, and of every lane the weights of all taps
    signed: activations are signed
    valid, last: a window to be summed; it is the last of its sums
    by_lane: every lane has a sum of its own; otherwise lane 0 has the sum of all
    sums, done: `product_stages(spec)` cycles after the last window

    Latency and cost
    ----------------
    lanes * 9 multipliers, `spec.dsp_products` of them in DSP blocks, and their sums.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        super().__init__({
            "window": In(spec.lanes * ACTIVATION_BITS).array(TAPS),
            "weights": In(TAPS * ACTIVATION_BITS).array(spec.lanes),
            "signed": In(1), "valid": In(1), "last": In(1), "by_lane": In(1),
            "sums": Out(signed(spec.accumulator_bits)).array(spec.lanes), "done": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        ones = Const(1, 1)
        sums = []
        for lane in range(spec.lanes):
            products = []
            for tap in range(TAPS):
                bits = self.window[tap].word_select(lane, ACTIVATION_BITS)
                x = Signal(signed(ELEMENT_BITS), name=f"x{lane}_{tap}")
                w = Signal(signed(ACTIVATION_BITS), name=f"w{lane}_{tap}")
                m.d.comb += [x.eq(bits), x[-1].eq(bits[-1] & self.signed),
                             w.eq(self.weights[lane].word_select(tap, ACTIVATION_BITS))]
                style = "dsp" if tap * spec.lanes + lane < spec.dsp_products else "lut"
                unit = place(m, platform, f"product{lane}_{tap}", f"product_{style}", Multiplier,
                             x.shape(), w.shape(), signed(PRODUCT_BITS), style)
                m.d.comb += [unit.x.eq(x), unit.w.eq(w), unit.enable.eq(1)]
                products.append(unit.product)
            sums.append(adder_tree(m, platform, ones, products, f"lane{lane}"))
        depth = ceil_log2(spec.lanes)
        total = adder_tree(m, platform, ones, sums, "total")
        stages = product_stages(spec)
        valid = delayed(m, ones, self.valid, stages - 1, "valid", control=True)
        last = delayed(m, ones, self.last, stages - 1, "last")
        m.d.sync += self.done.eq(valid[-1] & last[-1])
        fresh = Signal(name="fresh", init=1)
        with m.If(valid[-1]):
            m.d.sync += fresh.eq(last[-1])
        for lane, value in enumerate(sums):
            term = delayed(m, ones, value, depth, f"lane{lane}_waits")[-1]
            if lane == 0:
                term = Mux(self.by_lane, term, total)
            before = Signal.like(self.sums[lane], name=f"before{lane}")
            m.d.comb += before.eq(Mux(fresh, 0, self.sums[lane]))
            with m.If(valid[-1]):
                m.d.sync += self.sums[lane].eq(platform.add(
                    m, before, term, signed(spec.accumulator_bits), f"sum{lane}"))
        return m
