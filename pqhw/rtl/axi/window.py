"""Makes load words of an image's parts as registers take them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.registers import WORD_BITS
from ..loader import load_stream
from ..target import Target

__all__ = ["LoadWindow"]


class LoadWindow(wiring.Component):
    """Puts parts of an image together and offers them to the loader.

    A part is a load word, or 32 bits of a wider one, the lowest first. The last part ends its word
    wherever it stands in it. A part that comes while a word waits is dropped.

    Parameters
    ----------
    load_bits:
        Of a load word.

    Members
    -------
    data, write, last: a part, whether there is one in this cycle, and whether it ends the image
    free: no word waits
    begun: parts of a word are there, or all of it
    overrun: the part of this cycle is dropped
    o: load words

    Latency and cost
    ----------------
    One cycle. A flip-flop per bit of the load word, two, and a count of the parts.
    """

    def __init__(self, load_bits: int):
        self.load_bits = load_bits
        super().__init__({"data": In(WORD_BITS), "write": In(1), "last": In(1), "free": Out(1),
                          "begun": Out(1), "overrun": Out(1), "o": Out(load_stream(load_bits))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        bits = min(WORD_BITS, self.load_bits)
        parts = self.load_bits // bits
        word = Signal(self.load_bits, name="word", reset_less=True)
        last = Signal(name="is_last", reset_less=True)
        full = Signal(name="full")
        part = Signal(range(parts), name="part")
        m.d.comb += [self.free.eq(~full), self.begun.eq(full | (part != 0)),
                     self.overrun.eq(self.write & full), self.o.valid.eq(full),
                     self.o.payload.data.eq(word), self.o.payload.last.eq(last)]
        with m.If(self.write & ~full):
            m.d.sync += [word.word_select(part, bits).eq(self.data[:bits]), last.eq(self.last),
                         full.eq(self.last | (part == parts - 1)), part.eq(part + 1)]
            with m.If(self.last):
                m.d.sync += part.eq(0)
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        return m
