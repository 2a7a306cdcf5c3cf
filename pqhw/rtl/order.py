"""Rows of results put back into their order, where they were computed in another."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec import MACSpec
from ..spec.order import LUTRAM_WORDS
from .memory import ParameterMemory, SectionPort, memory_attributes
from .streams import row_stream
from .sums import count_up
from .target import Target

__all__ = ["RowOrder"]


class RowOrder(wiring.Component):
    """Takes the transfers of a row, or of rows computed side by side, as they were computed and
    gives them out in their own order.

    They leave while the next are taken, so that neither side waits. A lane has a memory of its
    own, as results that leave together were computed in different lanes (`pqhw.spec.order`).

    Parameters
    ----------
    spec:
        Gives lanes, ranges, transfers before and after, and the section ``order``.

    Members
    -------
    i: `spec.computed_transfers` transfers for every `spec.pixels` rows
    o: row stream of `spec.row_transfers` transfers
    load_order: write port of the memory that tells where each row was computed

    Latency and cost
    ----------------
    A row comes out two cycles after its last transfer went in. 2 * 2**ceil(log2 transfers) words
    of memory as wide as a transfer, LUT RAM up to 256, the section's memory, and per result bit a
    choice among the lanes.
    """

    def __init__(self, spec: MACSpec):
        self.spec = spec
        self.banked = spec.engine.double_buffered
        self.section = spec.section("order")
        stream = row_stream(spec.result_range, spec.lanes_out, self.banked)
        self.constants = spec.constant_words("order")
        super().__init__({"i": In(stream), "o": Out(stream), **(
            {"load_order": In(SectionPort(self.section))} if self.constants is None else {})})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        bits, _ = spec.order_bits
        some, both = Signal(name="some_full"), Signal(name="both_full")
        write_index = Signal(range(spec.computed_transfers), name="write_index")
        read_index = Signal(range(spec.row_transfers), name="read_index")
        row = Signal(range(spec.pixels), name="row")
        row_ends = Signal(name="row_ends")
        write_half, read_half = Signal(name="write_half"), Signal(name="read_half")
        valid, last = Signal(name="valid"), Signal(name="last", reset_less=True)
        write, step = Signal(name="write"), Signal(name="step")
        write_ends, read_ends = Signal(name="write_ends"), Signal(name="read_ends")
        m.d.comb += [
            self.i.ready.eq(~both), write.eq(self.i.valid & ~both),
            write_ends.eq(write & (write_index == spec.computed_transfers - 1)),
            step.eq((~valid | self.o.ready) & some),
            row_ends.eq(read_index == spec.row_transfers - 1),
            read_ends.eq(step & row_ends & (row == spec.pixels - 1)),
            self.o.valid.eq(valid), self.o.payload.last.eq(last),
        ]
        count_up(m, write_index, spec.computed_transfers, write)
        count_up(m, read_index, spec.row_transfers, step)
        count_up(m, row, spec.pixels, step & row_ends)
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(step):
            m.d.sync += [valid.eq(1), last.eq(row_ends)]
        m.d.sync += [write_half.eq(write_half ^ write_ends), read_half.eq(read_half ^ read_ends)]
        with m.If(write_ends & ~read_ends):
            m.d.sync += [both.eq(some), some.eq(1)]
        with m.Elif(read_ends & ~write_ends):
            m.d.sync += [some.eq(both), both.eq(0)]
        fields = self._places(m, platform, step, self._bank(m, write, write_half, read_half, step,
                                                            read_ends))
        lanes = []
        for lane, field in enumerate(fields):
            memory = self._memory(m, platform, lane)
            writer = memory.write_port()
            reader = memory.read_port()
            m.d.comb += [
                writer.en.eq(write), writer.addr.eq(_address(write_index, write_half, bits)),
                writer.data.eq(self.i.payload.data[lane]),
                reader.en.eq(step), reader.addr.eq(_address(field[:bits], read_half, bits))]
            lanes.append(reader.data)
        for lane, field in enumerate(fields):
            chosen = Signal(len(field) - bits, name=f"chosen{lane}", reset_less=True)
            with m.If(step):
                m.d.sync += chosen.eq(field[bits:])
            m.d.comb += self.o.payload.data[lane].eq(
                platform.select(m, lanes, chosen, f"result{lane}") if len(lanes) <= 8
                else Cat(lanes).word_select(chosen, len(lanes[0])))
        return m

    def _memory(self, m: Module, platform: Target, lane: int) -> Memory:
        depth = 2 << self.spec.order_bits[0]
        small = depth <= LUTRAM_WORDS and platform.small_memory == "lutram"
        m.submodules[f"results{lane}"] = memory = Memory(
            shape=unsigned(self.spec.result_range.bits), depth=depth, init=[],
            attrs=memory_attributes("lutram" if small else "bram"))
        return memory

    def _bank(self, m: Module, write: Value, write_half: Value, read_half: Value, step: Value,
              read_ends: Value) -> Value | None:
        """The copy of the parameters that is used by the row whose places are read next."""
        if not self.banked:
            return None
        banks = Signal(2, name="banks", reset_less=True)
        with m.If(write):
            m.d.sync += banks.bit_select(write_half, 1).eq(self.i.payload.bank)
        own = banks.bit_select(read_half, 1)
        with m.If(step):
            m.d.sync += self.o.payload.bank.eq(own)
        return Mux(read_ends, banks.bit_select(~read_half, 1), own)

    def _places(self, m: Module, platform: Target, step: Value, bank: Value | None) -> list[Value]:
        """Fields of the transfer that leaves next, read while the one in front of it is."""
        spec, section = self.spec, self.section
        storage = "bram" if platform.small_memory == "bram" else "lutram"
        if self.constants is not None:
            storage = "rom"
        m.submodules.order = memory = ParameterMemory(section, storage, constants=self.constants)
        if self.constants is None:
            wiring.connect(m, wiring.flipped(self.load_order), memory.write)
        index = Signal(range(section.words), name="place_index")
        ahead = Signal(range(section.words), name="place_ahead", init=1 % section.words)
        count_up(m, index, section.words, step)
        count_up(m, ahead, section.words, step)
        following: Value = Mux(step, ahead, index)
        address = following if bank is None else Cat(following, bank)
        m.d.comb += [memory.address.eq(address), memory.enable.eq(1)]
        return [memory.data.word_select(lane, section.field_bits)
                for lane in range(spec.lanes_out)]


def _address(index: Value, half: Value, bits: int) -> Value:
    """A transfer's place in the half of a memory."""
    return Cat(index[:bits], half)
