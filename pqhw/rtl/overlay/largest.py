"""The largest of a window, lane by lane."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS, TAPS
from ...spec.overlay.stages import largest_stages
from ..sums import delayed
from ..target import Target

__all__ = ["Largest"]


class Largest(wiring.Component):
    """A tree of comparisons per lane, a register per level.

    Members
    -------
    window, signed, valid: words of a window
    largest, done: of every lane, `largest_stages()` cycles later
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        super().__init__({
            "window": In(spec.lanes * ACTIVATION_BITS).array(TAPS), "signed": In(1),
            "valid": In(1), "largest": Out(signed(ELEMENT_BITS)).array(spec.lanes),
            "done": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        ones = Const(1, 1)
        m.d.comb += self.done.eq(delayed(m, ones, self.valid, largest_stages(), "valid",
                                         control=True)[-1])
        for lane in range(self.spec.lanes):
            # With the sign turned, values of either kind compare as they are.
            nodes = []
            for tap in range(TAPS):
                bits = self.window[tap].word_select(lane, ACTIVATION_BITS)
                nodes.append(Cat(bits[:-1], bits[-1] ^ self.signed))
            for level in range(largest_stages()):
                following = []
                for index in range(0, len(nodes), 2):
                    node = Signal(ACTIVATION_BITS, name=f"node{lane}_{level}_{index // 2}",
                                  reset_less=True)
                    pair = nodes[index:index + 2]
                    m.d.sync += node.eq(pair[0] if len(pair) == 1 else
                                        Mux(platform.less(m, pair[0], pair[1],
                                                          f"less{lane}_{level}_{index // 2}"),
                                            pair[1], pair[0]))
                    following.append(node)
                nodes = following
            top = nodes[0]
            sign = ~top[-1] & self.signed
            m.d.comb += self.largest[lane].eq(Cat(top[:-1], top[-1] ^ self.signed, sign))
        return m
