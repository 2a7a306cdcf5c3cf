"""Memories: parameter memories written over the load bus, and small buffers.

Every read is synchronous, so that any family's block RAM can serve it.
"""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..spec.image import Section
from .target import Target, place

__all__ = ["SectionPort", "ParameterMemory", "memory_attributes", "read_or_clear"]


class SectionPort(wiring.Signature):
    """Write access to one section's memory: one enable per chunk of a bank, or per banks that
    are written at once."""

    def __init__(self, section: Section):
        super().__init__({
            "enable": Out(section.lanes),
            "address": Out(section.address_bits),
            "data": Out(section.write_bits),
        })


def memory_attributes(storage: str) -> dict[str, str | int]:
    """Yosys attributes of a memory that is never read and written at one address at a time; `spram`
    is the large memory with a single port of iCE40 UP5K."""
    style = {"lutram": "distributed", "bram": "block", "spram": "huge"}[storage]
    return {"ram_style": style, "no_rw_check": 1}


def read_or_clear(m: Module, memory: Memory, address: Value, enable: Value, clear: Value,
                  name: str) -> Signal:
    """The word at an address an enabled cycle later, or 0: the reset of its flip-flops."""
    reader = memory.read_port(domain="comb")
    word = Signal(len(reader.data), name=name, reset_less=True)
    m.d.comb += reader.addr.eq(address)
    with m.If(enable):
        m.d.sync += word.eq(reader.data)
    with m.If(enable & clear):
        m.d.sync += word.eq(0)
    return word


class ParameterMemory(wiring.Component):
    """One section's parameters, read a word of all banks at a time.

    Parameters
    ----------
    section:
        Depth, banks and width.
    storage:
        ``register`` (one word), ``pair`` (two copies of one), ``lutram``, ``bram`` or ``rom``.
    registered:
        Whether block RAM outputs pass a register.
    shared_address:
        Whether all banks read one address; otherwise each has its own.
    constants:
        Fields [words, banks, fields] that the memory holds for good: as logic, or from the start
        of block RAM.
    clears:
        Whether a lutram's output registers can be cleared.

    Members
    -------
    write: SectionPort
        Writes come only while nothing is read of the copy written. Not there with `constants`.
    address: read address, or one per bank, in either the copy above the word
    enable: advances the read pipeline
    clear: per bank, its word is 0 instead of what is read; only where it `clears`
    data: banks' words side by side, bank 0 least significant

    Latency and cost
    ----------------
    `data` follows `address` by 0 (register), 1 (pair, lutram, rom) or 1 + registered (bram)
    enabled cycles. Per bit a register is a flip-flop, a pair three and a LUT4. A constant word
    costs nothing, a rom of up to 16 words a LUT4 per bit.
    lutram on ECP5: 6 LUT4 per 4 bits and 16 words; bram: ceil(width / 36) blocks up to 512 words.
    """

    def __init__(self, section: Section, storage: str, *, registered: bool = False,
                 shared_address: bool = True, constants: np.ndarray | None = None,
                 clears: bool = False):
        self.section = section
        self.constants = constants
        self.clears = clears
        self.storage = storage
        self.registered = registered and storage == "bram"
        self.addresses = 1 if shared_address else section.banks
        self.address_bits = section.word_bits if constants is not None else section.address_bits
        super().__init__({
            **({} if constants is not None else {"write": In(SectionPort(section))}),
            "address": In(self.addresses * self.address_bits),
            "enable": In(1),
            **({"clear": In(section.banks)} if clears else {}),
            "data": Out(section.banks * section.width),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        section = self.section
        if self.constants is not None:
            m.d.comb += self.data.eq(self._constants(m, platform, self.constants))
            return m
        words = []
        for bank in range(section.banks):
            address = self.address
            if self.addresses > 1:
                address = address[bank * self.address_bits:][:self.address_bits]
            for chunk in range(section.chunks):
                width = min(section.chunk_bits, section.width - chunk * section.chunk_bits)
                lane, place = divmod(bank, section.banks_at_once)
                write = self.write.enable[lane * section.chunks + chunk]
                data = self.write.data[place * section.chunk_bits:][:width]
                clear = self.clear[bank] if self.clears else None
                words.append(self._chunk(m, platform, f"bank{bank}_{chunk}", write, data, address,
                                         clear))
        m.d.comb += self.data.eq(Cat(words))
        return m

    def _constants(self, m: Module, platform: Target, constants: np.ndarray) -> Value:
        """What stands in place of a memory that is never written: one for all banks that share
        an address."""
        constants = constants.reshape(self.section.words, self.section.banks, -1)
        if self.storage == "register" or self.addresses == 1:
            return self._constant(m, platform, "rom", constants, self.address)
        return Cat(self._constant(m, platform, f"rom{bank}", constants[:, bank],
                                  self.address[bank * self.address_bits:][:self.address_bits])
                   for bank in range(self.section.banks))

    def _constant(self, m: Module, platform: Target, name: str, constants: np.ndarray,
                  address: Value) -> Value:
        """Constant words, read at an address."""
        mask, bits = (1 << self.section.field_bits) - 1, self.section.field_bits
        constants = constants.reshape(self.section.words, -1)
        width = constants.shape[1] * bits
        words = tuple(sum((value & mask) << place * bits for place, value in enumerate(word))
                      for word in constants.tolist())
        if self.storage == "register":
            return Const(words[0], width)
        if self.storage == "bram" and platform.block_ram is not None:
            ram = place(m, platform, name, "block_rom", platform.block_ram, width, len(words),
                        self.registered, words)
            m.d.comb += [ram.read_enable.eq(self.enable), ram.read_address.eq(address)]
            return ram.read_data
        if self.storage != "bram":
            word = Signal(width, name=f"{name}_word", reset_less=True)
            with m.If(self.enable):
                m.d.sync += word.eq(platform.constant_word(m, words, width, address, name))
            return word
        m.submodules[name] = memory = Memory(shape=unsigned(width), depth=len(words), init=words,
                                             attrs={"rom_style": "block"})
        reader = memory.read_port()
        m.d.comb += [reader.addr.eq(address), reader.en.eq(self.enable)]
        return self._registered(m, reader.data, name)

    def _registered(self, m: Module, data: Value, name: str) -> Value:
        """What was read, behind the register that block RAM may have."""
        if not self.registered:
            return data
        word = Signal(len(data), name=f"{name}_q", reset_less=True)
        with m.If(self.enable):
            m.d.sync += word.eq(data)
        return word

    def _chunk(self, m: Module, platform: Target, name: str, write, data, address, clear):
        width = len(data)
        if self.storage == "pair":
            return self._pair(m, name, write, data, address)
        if self.storage == "register":
            word = Signal(width, name=name, reset_less=True)
            with m.If(write):
                m.d.sync += word.eq(data)
            return word
        if self.storage == "bram" and platform.block_ram is not None:
            ram = place(m, platform, name, "block_ram", platform.block_ram, width,
                        self.section.depth, self.registered)
            m.d.comb += [ram.write_enable.eq(write), ram.write_address.eq(self.write.address),
                         ram.write_data.eq(data), ram.read_enable.eq(self.enable),
                         ram.read_address.eq(address)]
            return ram.read_data
        m.submodules[name] = memory = Memory(shape=unsigned(width), depth=self.section.depth,
                                             init=[], attrs=memory_attributes(self.storage))
        writer = memory.write_port()
        m.d.comb += [writer.en.eq(write), writer.addr.eq(self.write.address), writer.data.eq(data)]
        if clear is not None:
            return read_or_clear(m, memory, address, self.enable, clear, f"{name}_q")
        reader = memory.read_port()
        m.d.comb += [reader.en.eq(self.enable), reader.addr.eq(address)]
        return self._registered(m, reader.data, name)

    def _pair(self, m: Module, name: str, write, data, address) -> Value:
        """Two words, one of them chosen into a register."""
        words = [Signal(len(data), name=f"{name}_{copy}", reset_less=True) for copy in (0, 1)]
        chosen = Signal(len(data), name=f"{name}_q", reset_less=True)
        for copy, word in enumerate(words):
            with m.If(write & (self.write.address == copy)):
                m.d.sync += word.eq(data)
        with m.If(self.enable):
            m.d.sync += chosen.eq(Mux(address, words[1], words[0]))
        return chosen
