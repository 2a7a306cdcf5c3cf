"""Trees of an overlay: a sub-vector a cycle in every lane, or one in all of them together."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, ELEMENT_BITS, TAPS
from ...spec.overlay.stages import tree_stages
from ..sums import delayed
from ..target import Target
from .store import Store

__all__ = ["TreeLanes"]


WIDE_LEVEL = 2
"""The first level whose thresholds are read from block RAM, all of a tree at once."""

CHOSEN_AT = 2
"""Cycles from a window to the elements that the levels compare: vector, choice."""


def compared_at(level: int) -> int:
    """Cycles from a window to a level's comparison: below the root thresholds are chosen first."""
    return CHOSEN_AT + 2 * level


class TreeLanes(wiring.Component):
    """Walks down a tree for every lane's sub-vector.

    A window gives every lane the taps of its own channel. With `by_channels` the lanes of one
    pixel's words, gathered, are a single sub-vector, which belongs to the lane `lane`.

    Parameters
    ----------
    spec:
        Lanes, leaves, and trees of a lane.

    Members
    -------
    window, valid: words of a window
    by_channels, signed: how it is read
    comes, part: the cycle before, with `by_channels`: there will be a word, and which one of a
        sub-vector
    complete: with `by_channels`, whether this word is a sub-vector's last
    lane, emit, last: where its code goes, whether the codes of all lanes are there then, and
        whether these are a pixel's last
    half: copy of the parameters
    codes, codes_valid, codes_last: codes of all lanes, `tree_stages(spec)` cycles after `emit`
    write, write_half, write_word, write_lane, write_data: a tree for a lane

    Latency and cost
    ----------------
    `tree_stages(spec)` cycles. From `WIDE_LEVEL` on a level stands in block RAM.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        lanes, words = spec.lanes, spec.tree_words
        super().__init__({
            "window": In(lanes * ACTIVATION_BITS).array(TAPS), "valid": In(1),
            "by_channels": In(1), "signed": In(1), "comes": In(1), "part": In(3),
            "complete": In(1),
            "lane": In(range(lanes)), "emit": In(1), "last": In(1), "half": In(1),
            "codes": Out(lanes * spec.depth), "codes_valid": Out(1), "codes_last": Out(1),
            "write": In(1), "write_half": In(1), "write_word": In(range(words)),
            "write_lane": In(range(lanes)), "write_data": In(spec.tree_bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        ones = Const(1, 1)
        word = Signal(range(spec.tree_words), name="tree")
        ends = self.valid & self.emit
        with m.If(ends):
            m.d.sync += word.eq(Mux(self.last, 0, word + 1))
        stages = tree_stages(spec)
        emits = delayed(m, ones, ends, stages, "emits", control=True)
        lasts = delayed(m, ones, self.last, stages, "lasts")
        keeps = delayed(m, ones, self.valid & self.complete, stages - 1, "keeps", control=True)
        lanes = delayed(m, ones, self.lane, stages - 1, "lanes")
        place = Cat(word, self.half)
        places = delayed(m, ones, place, stages - 2, "places")
        vectors = self._vectors(m)
        codes = []
        for lane in range(spec.lanes):
            node = self._walk(m, platform, lane, vectors[lane], places)
            kept = Signal(spec.depth, name=f"code{lane}", reset_less=True)
            with m.If(keeps[-1] & (~self.by_channels | (lanes[-1] == lane))):
                m.d.sync += kept.eq(node)
            codes.append(kept)
        m.d.comb += [self.codes.eq(Cat(codes)), self.codes_valid.eq(emits[-1]),
                     self.codes_last.eq(lasts[-1])]
        return m

    def _vectors(self, m: Module) -> list[list[Signal]]:
        """The sub-vector of every lane, a cycle after its window or its last word."""
        spec = self.spec
        given = [[self._element(self.window[tap].word_select(lane, ACTIVATION_BITS))
                  for lane in range(spec.lanes)] for tap in range(TAPS)]
        parts = range(-(-TAPS // spec.lanes))
        loads = Signal(len(parts), name="loads", reset_less=True)
        clears = Signal(name="clears", reset_less=True)
        m.d.sync += [clears.eq(self.comes & (self.part == 0)),
                     loads.eq(Cat(~self.by_channels | (self.comes & (self.part == part))
                                  for part in parts))]
        vectors = []
        for lane in range(spec.lanes):
            vectors.append([Signal(signed(ELEMENT_BITS), name=f"element{lane}_{tap}",
                                   reset_less=True) for tap in range(TAPS)])
            for tap, element in enumerate(vectors[lane]):
                part, own = divmod(tap, spec.lanes)
                with m.If(loads[part]):
                    m.d.sync += element.eq(Mux(self.by_channels, given[0][own],
                                               given[tap][lane]))
                with m.Elif(clears):
                    m.d.sync += element.eq(0)
        return vectors

    def _element(self, bits) -> Cat:
        return Cat(bits, bits[-1] & self.signed).as_signed()

    def _walk(self, m: Module, platform: Target, lane: int, vector: list[Signal],
              places: list) -> Signal:
        """The leaf of a lane's sub-vector; elements are chosen for all levels at once."""
        spec = self.spec
        ones = Const(1, 1)
        element_shape = signed(ELEMENT_BITS)
        mine = self.write & (self.write_lane == lane)
        written = Cat(self.write_word, self.write_half)

        def read(name: str, bits, small: bool, at: int):
            """What a memory holds of the tree, `at` cycles after its window."""
            m.submodules[f"{name}{lane}"] = store = Store(len(bits), 2 * spec.tree_words, small)
            m.d.comb += [store.write_enable.eq(mine), store.write_address.eq(written),
                         store.write_data.eq(bits),
                         store.read_address.eq(places[at - store.latency])]
            return store.read_data

        dims = read("dims", self.write_data[spec.prototypes * ELEMENT_BITS:], True, CHOSEN_AT - 1)
        node: Value = Const(0, 0)
        for level in range(spec.depth):
            at = compared_at(level)
            dim = dims.word_select(level, spec.dim_bits)
            element = Signal(element_shape, name=f"chosen{lane}_{level}", reset_less=True)
            m.d.sync += element.eq(Array(vector)[dim])
            element = delayed(m, ones, element, at - CHOSEN_AT, f"waits{lane}_{level}")[-1]
            first, size = ELEMENT_BITS << level, ELEMENT_BITS << level
            all_nodes = read(f"level{level}_", self.write_data[first:first + size],
                             level < WIDE_LEVEL, at - int(level > 0))
            threshold = Signal(element_shape, name=f"threshold{lane}_{level}", reset_less=True)
            if level:
                m.d.sync += threshold.eq(all_nodes.word_select(node, ELEMENT_BITS))
                node = delayed(m, ones, node, 1, f"above{lane}_{level}")[-1]
            else:
                m.d.comb += threshold.eq(all_nodes)
            goes_up = platform.at_least(m, element, threshold, element_shape,
                                        f"reached{lane}_{level}")
            following = Signal(level + 1, name=f"node{lane}_{level + 1}", reset_less=True)
            m.d.sync += following.eq(Cat(goes_up, node))
            node = following
        return node
