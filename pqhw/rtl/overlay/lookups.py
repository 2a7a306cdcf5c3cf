"""Lookups of an overlay: an entry of every lane for all outputs, summed over a pixel's codes."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.ranges import ceil_log2
from ..sums import adder_tree, delayed
from ..target import Target

__all__ = ["LookupSums", "lookup_sum_bits"]


def lookup_sum_bits(spec: OverlaySpec) -> int:
    """Bits of a sum of as many entries as a job may have."""
    return spec.table_bits + ceil_log2(spec.lanes * spec.table_words // spec.prototypes)


class LookupSums(wiring.Component):
    """Sums of table entries; those of Q outputs leave as words of `lanes`, one a cycle.

    Parameters
    ----------
    spec:
        Lanes, outputs and bits.

    Members
    -------
    entries: of every lane, those of all outputs
    valid, last: entries to be summed; they are the last of their sums
    wanted: words of sums that are to leave then
    words, done: a word of sums, `lookup_stages(spec)` cycles after the last entries and in the
        cycles after

    Latency and cost
    ----------------
    An adder tree and an accumulator per output.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        self.bits = lookup_sum_bits(spec)
        super().__init__({
            "entries": In(spec.outputs_per_cycle * spec.table_bits).array(spec.lanes),
            "valid": In(1), "last": In(1), "wanted": In(range(spec.result_words + 1)),
            "words": Out(signed(self.bits)).array(spec.lanes), "done": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        ones = Const(1, 1)
        depth = ceil_log2(spec.lanes)
        valid = delayed(m, ones, self.valid, depth, "valid", control=True)[-1]
        last = delayed(m, ones, self.last, depth, "last")[-1]
        fresh = Signal(name="fresh", init=1)
        with m.If(valid):
            m.d.sync += fresh.eq(last)
        ends = Signal(name="ends")
        m.d.sync += ends.eq(valid & last)
        sums = []
        for output in range(spec.outputs_per_cycle):
            terms = [self.entries[lane].word_select(output, spec.table_bits).as_signed()
                     for lane in range(spec.lanes)]
            total = adder_tree(m, platform, ones, terms, f"column{output}")
            own = Signal(signed(self.bits), name=f"sum{output}", reset_less=True)
            before = Signal.like(own, name=f"before{output}")
            m.d.comb += before.eq(Mux(fresh, 0, own))
            with m.If(valid):
                m.d.sync += own.eq(platform.add(m, before, total, own.shape(), f"add{output}"))
            sums.append(own)
        wanted = delayed(m, ones, self.wanted, depth + 1, "wanted")[-1]
        self._serialise(m, sums, wanted, ends)
        return m

    def _serialise(self, m: Module, sums: list[Signal], wanted: Value,
                   ends: Signal) -> None:
        """All words are taken at once, and leave one after another."""
        spec = self.spec
        left = Signal(range(spec.result_words + 1), name="left")
        with m.If(ends):
            m.d.sync += left.eq(wanted)
        with m.Elif(left > 0):
            m.d.sync += left.eq(left - 1)
        held = [Signal(signed(self.bits), name=f"held{output}", reset_less=True)
                for output in range(spec.outputs_per_cycle)]
        for output, own in enumerate(held):
            following = held[output + spec.lanes] if output + spec.lanes < len(held) else own
            m.d.sync += own.eq(Mux(ends, sums[output], following))
        m.d.comb += [self.done.eq(left > 0),
                     *(word.eq(own) for word, own in zip(self.words, held))]
