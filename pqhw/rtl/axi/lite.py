"""Registers behind an AXI4-Lite port."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from ...spec.registers import ADDRESS_BITS, OKAY, SLVERR, WORD_BITS, Register
from ..target import Target

__all__ = ["RegisterPort", "lite_members"]


def lite_members() -> dict[str, Member]:
    """The signals of a target's AXI4-Lite port, by their names in the standard."""
    byte_lanes = WORD_BITS // 8
    return {
        "awaddr": In(ADDRESS_BITS), "awprot": In(3), "awvalid": In(1), "awready": Out(1),
        "wdata": In(WORD_BITS), "wstrb": In(byte_lanes), "wvalid": In(1), "wready": Out(1),
        "bresp": Out(2), "bvalid": Out(1), "bready": In(1),
        "araddr": In(ADDRESS_BITS), "arprot": In(3), "arvalid": In(1), "arready": Out(1),
        "rdata": Out(WORD_BITS), "rresp": Out(2), "rvalid": Out(1), "rready": In(1)}


class RegisterPort(wiring.Component):
    """Answers reads and writes of a register map, one of each at a time.

    Addresses and data of writes may come in any order and any time apart. Whole words alone are
    written: a write with other strobes, of what is not there or cannot be written, and a read of
    what is not there or cannot be read are answered with SLVERR and change nothing. The two
    lowest bits of an address are not looked at. All outputs are flip-flops.

    Parameters
    ----------
    registers:
        The map.

    Members
    -------
    awaddr ... rready: see `lite_members`
    read_<name>: the word of a register that changes
    write_<name>: `data` is written to the register in this cycle
    refuse: answer the write of this cycle with SLVERR; it may depend on `write_<name>`

    Latency and cost
    ----------------
    A read or a write every other cycle. 2 * 10 + 3 * 32 + 12 flip-flops; about as many LUT4 for
    the word read as registers change, per bit, and 60 of control.
    """

    def __init__(self, registers: Sequence[Register]):
        self.registers = tuple(registers)
        super().__init__({
            **lite_members(), "data": Out(WORD_BITS), "refuse": In(1),
            **{f"read_{register.name.lower()}": In(WORD_BITS) for register in registers
               if register.readable and register.constant is None},
            **{f"write_{register.name.lower()}": Out(1) for register in registers
               if register.writable}})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        addressed, given = Signal(name="addressed"), Signal(name="given")
        address = Signal(ADDRESS_BITS - 2, name="write_address", reset_less=True)
        whole, known, failed = Signal(name="whole"), Signal(name="known"), Signal(name="failed")
        begins, acts = Signal(name="begins"), Signal(name="acts")
        m.d.comb += [
            self.awready.eq(~addressed), self.wready.eq(~given),
            begins.eq(addressed & given & ~self.bvalid), acts.eq(begins & whole),
            self.bresp.eq(Mux(failed, SLVERR, OKAY))]
        with m.If(self.awvalid & self.awready):
            m.d.sync += [addressed.eq(1), address.eq(self.awaddr[2:])]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [given.eq(1), self.data.eq(self.wdata), whole.eq(self.wstrb.all())]
        with m.If(begins):
            m.d.sync += [addressed.eq(0), given.eq(0), self.bvalid.eq(1),
                         failed.eq(~whole | ~known | self.refuse)]
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.Switch(address):
            for register in self.registers:
                if register.writable:
                    with m.Case(register.offset >> 2):
                        m.d.comb += [known.eq(1),
                                     getattr(self, f"write_{register.name.lower()}").eq(acts)]

    def _read(self, m: Module) -> None:
        asked = Signal(name="asked")
        address = Signal(ADDRESS_BITS - 2, name="read_address", reset_less=True)
        word, known = Signal(WORD_BITS, name="word"), Signal(name="read_known")
        failed = Signal(name="read_failed")
        m.d.comb += [self.arready.eq(~asked), self.rresp.eq(Mux(failed, SLVERR, OKAY))]
        with m.If(self.arvalid & self.arready):
            m.d.sync += [asked.eq(1), address.eq(self.araddr[2:])]
        with m.If(asked & ~self.rvalid):
            m.d.sync += [asked.eq(0), self.rvalid.eq(1), self.rdata.eq(word), failed.eq(~known)]
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)
        with m.Switch(address):
            for register in self.registers:
                if not register.readable:
                    continue
                with m.Case(register.offset >> 2):
                    m.d.comb += known.eq(1)
                    if register.constant is not None:
                        m.d.comb += word.eq(Const(register.constant, WORD_BITS))
                    else:
                        m.d.comb += word.eq(Cat(getattr(self, f"read_{register.name.lower()}")))
