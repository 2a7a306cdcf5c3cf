"""Memories of an overlay: one write and one read a cycle, in block RAM or LUT RAM."""

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...spec.overlay.stages import SMALL_WORDS
from ..memory import memory_attributes
from ..target import Target, place

__all__ = ["Store"]

class Store(wiring.Component):
    """A memory that is never read and written at one address in the same cycle.

    Parameters
    ----------
    width, words:
        Size.
    small:
        Whether it stands in LUT RAM, where there is any; where left out, up to 128 words.

    Members
    -------
    write_enable, write_address, write_data: a write per cycle
    read_address, read_data: `read_data` follows by `latency` cycles

    Latency and cost
    ----------------
    One cycle if small; otherwise two, in block RAM whose output register is used.
    """

    def __init__(self, width: int, words: int, small: bool | None = None):
        self.width, self.words = width, words
        self.small = words <= SMALL_WORDS if small is None else small
        super().__init__({
            "write_enable": In(1), "write_address": In(range(words)), "write_data": In(width),
            "read_address": In(range(words)), "read_data": Out(width)})

    @property
    def latency(self) -> int:
        """Cycles from an address to its word."""
        return 1 if self.small else 2

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.latency == 2 and platform.block_ram is not None:
            ram = place(m, platform, "ram", "block_ram", platform.block_ram, self.width, self.words,
                        True)
            m.d.comb += [ram.write_enable.eq(self.write_enable),
                         ram.write_address.eq(self.write_address),
                         ram.write_data.eq(self.write_data), ram.read_enable.eq(1),
                         ram.read_address.eq(self.read_address),
                         self.read_data.eq(ram.read_data)]
            return m
        storage = platform.small_memory if self.latency == 1 else "bram"
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.words,
                                              init=[], attrs=memory_attributes(storage))
        writer, reader = memory.write_port(), memory.read_port()
        word = reader.data
        if self.latency == 2:
            word = Signal(self.width, name="word", reset_less=True)
            m.d.sync += word.eq(reader.data)
        m.d.comb += [writer.en.eq(self.write_enable), writer.addr.eq(self.write_address),
                     writer.data.eq(self.write_data), reader.addr.eq(self.read_address),
                     self.read_data.eq(word)]
        return m
