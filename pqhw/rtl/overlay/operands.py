"""Tables and weights of an overlay: two copies, one in use while the other is loaded."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, TAPS
from ..target import Target
from .store import Store

__all__ = ["Operands"]


class Operands(wiring.Component):
    """A memory per lane, read at a place that all share or at one that the lane's code decides.

    Parameters
    ----------
    spec:
        Lanes, outputs, taps and words.

    Members
    -------
    half, place: copy, and word of it, of all lanes
    looks_up, group, codes: instead, the word of every lane's code among those of a group
    words: of all lanes, `operand_stages(spec)` cycles later
    write, write_half, write_place, write_tables, fields: a word of all lanes as it is loaded;
        entries of tables, or else weights

    Latency and cost
    ----------------
    `operand_stages(spec)` cycles: the address, then the memory.
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        bits = (spec.table_words - 1).bit_length()
        super().__init__({
            "half": In(1), "place": In(bits), "looks_up": In(1), "group": In(bits - spec.depth),
            "codes": In(spec.lanes * spec.depth),
            "words": Out(spec.bank_bits).array(spec.lanes),
            "write": In(1), "write_half": In(1), "write_place": In(bits), "write_tables": In(1),
            "fields": In(spec.most_beats * spec.port_bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        fields = self.fields
        for lane in range(spec.lanes):
            m.submodules[f"lane{lane}"] = store = Store(spec.bank_bits, 2 * spec.table_words)
            entries = Cat(fields[(q * spec.lanes + lane) * spec.table_bits:][:spec.table_bits]
                          for q in range(spec.outputs_per_cycle))
            weights = Cat(fields[(tap * spec.lanes + lane) * ACTIVATION_BITS:][:ACTIVATION_BITS]
                          for tap in range(TAPS))
            code = self.codes.word_select(lane, spec.depth)
            address = Signal(store.read_address.shape(), name=f"address{lane}", reset_less=True)
            place = self.place
            if spec.looks_up:
                place = Mux(self.looks_up, Cat(code, self.group), place)
            m.d.sync += address.eq(Cat(place, self.half))
            written = weights
            if spec.looks_up:
                width = spec.bank_bits
                written = Mux(self.write_tables, Cat(entries, Const(0, width))[:width],
                              Cat(weights, Const(0, width))[:width])
            m.d.comb += [store.write_enable.eq(self.write), store.write_data.eq(written),
                         store.write_address.eq(Cat(self.write_place, self.write_half)),
                         store.read_address.eq(address), self.words[lane].eq(store.read_data)]
        return m
