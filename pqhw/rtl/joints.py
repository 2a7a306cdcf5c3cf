"""Between the parts of a dataflow accelerator: streams that several take, and that wait."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .memory import memory_attributes
from .sums import count_up
from .target import Target, place

__all__ = ["Fork", "Queue"]

SMALL_WORDS = 64
"""Words up to which a queue stands in LUT RAM, where there is any."""


class Fork(wiring.Component):
    """Gives every transfer to several; each takes it when it can, the last ends it.

    Latency and cost
    ----------------
    None; a flip-flop and about 3 LUT4 per branch.
    """

    def __init__(self, shape, branches: int):
        self.branches = branches
        super().__init__({"i": In(stream.Signature(shape)),
                          **{f"o{index}": Out(stream.Signature(shape))
                             for index in range(branches)}})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        taken = Signal(self.branches, name="taken")
        outlets = [getattr(self, f"o{index}") for index in range(self.branches)]
        served = Cat(taken[index] | outlet.ready for index, outlet in enumerate(outlets))
        m.d.comb += self.i.ready.eq(served.all())
        for index, outlet in enumerate(outlets):
            m.d.comb += [outlet.valid.eq(self.i.valid & ~taken[index]),
                         outlet.payload.eq(self.i.payload)]
        with m.If(self.i.valid):
            m.d.sync += taken.eq(served)
            with m.If(self.i.ready):
                m.d.sync += taken.eq(0)
        return m


class Queue(wiring.Component):
    """Transfers that wait: `words` in a memory, and one at the output.

    Latency and cost
    ----------------
    Two cycles, a transfer per cycle. `words` words of memory: LUT RAM up to 64, from there on
    block RAM; three counters.
    """

    def __init__(self, shape, words: int):
        self.words = words
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        full, some, valid = (Signal(name=name) for name in ("full", "some", "valid"))
        stored = Signal(range(self.words + 1), name="stored")
        write, read = Signal(name="write"), Signal(name="read")
        m.d.comb += [
            self.i.ready.eq(~full), write.eq(self.i.valid & ~full),
            read.eq(some & (~valid | self.o.ready)), self.o.valid.eq(valid)]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(read):
            m.d.sync += valid.eq(1)
        with m.If(write ^ read):
            m.d.sync += stored.eq(Mux(write, stored + 1, stored - 1))
        # Without conditions: `read` comes last, from far behind, and stands in front of little.
        m.d.sync += [full.eq(~read & (full | (write & (stored == self.words - 1)))),
                     some.eq(write | (some & ~(read & (stored == 1))))]
        write_index, read_index = (Signal(range(self.words), name=name)
                                   for name in ("write_index", "read_index"))
        count_up(m, write_index, self.words, write)
        count_up(m, read_index, self.words, read)
        width = len(Cat(self.i.payload))
        payload = Cat(self.i.payload)
        if self.words > SMALL_WORDS and platform.block_ram is not None:
            ram = place(m, platform, "words", "block_ram", platform.block_ram, width, self.words,
                        False)
            m.d.comb += [ram.write_enable.eq(write), ram.write_address.eq(write_index),
                         ram.write_data.eq(payload), ram.read_enable.eq(read),
                         ram.read_address.eq(read_index), Cat(self.o.payload).eq(ram.read_data)]
            return m
        small = platform.small_memory if self.words <= SMALL_WORDS else "bram"
        m.submodules.words = memory = Memory(shape=unsigned(width), depth=self.words, init=[],
                                             attrs=memory_attributes(small))
        writer, reader = memory.write_port(), memory.read_port()
        m.d.comb += [writer.en.eq(write), writer.addr.eq(write_index), writer.data.eq(payload),
                     reader.en.eq(read), reader.addr.eq(read_index),
                     Cat(self.o.payload).eq(reader.data)]
        return m
