"""ECP5 blocks: block RAM with output registers, registered DSP multipliers, carry chains.

Inference leaves the registers of block RAM and DSP blocks unused, which costs half the clock.
Simulation models of the cells stand in `pqhw/sim/models/ecp5.v`.
"""

from amaranth.hdl import (Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Signal, Value,
                          signed)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ecp5_chains import Adder, Difference, GatedAdder, Less, RowPair, extended
from .ecp5_select import AtLeast, AtLeastChosen, Select, ShiftedOrZero

__all__ = ["Adder", "AtLeast", "AtLeastChosen", "BlockRam", "Difference", "GatedAdder", "Less",
           "Multiplier", "RowPair", "Select", "ShiftedOrZero"]

BLOCK_WIDTHS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a DP16KD in its modes."""


class BlockRam(wiring.Component):
    """One write port and one read port on DP16KD blocks, reads registered once or twice.

    Parameters
    ----------
    width, words:
        Size; deeper than 16,384 words is stacked.
    registered:
        Whether the blocks' own output registers are used.

    Members
    -------
    write_enable, write_address, write_data: a write per cycle
    read_enable, read_address, read_data: `read_data` follows by 1 + registered enabled cycles

    Latency and cost
    ----------------
    ceil(width / 36) blocks up to 512 words, ceil(width / 18) up to 1,024, and so on. A word must
    not be read in the cycle it is written.
    """

    def __init__(self, width: int, words: int, registered: bool):
        self.width = width
        self.words = words
        self.registered = registered
        super().__init__({
            "write_enable": In(1), "write_address": In(range(words)), "write_data": In(width),
            "read_enable": In(1), "read_address": In(range(words)), "read_data": Out(width),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        depth, lane = next((mode for mode in BLOCK_WIDTHS if mode[0] >= self.words),
                           BLOCK_WIDTHS[-1])
        banks = -(-self.words // depth)
        address_bits = (depth - 1).bit_length()
        banked = []
        for bank in range(banks):
            writes = self.write_enable
            if banks > 1:
                writes = writes & (self.write_address[address_bits:] == bank)
            parts = []
            for index, low in enumerate(range(0, self.width, lane)):
                data = self.write_data[low:low + lane]
                read = Signal(len(data), name=f"block{bank}_{index}_data")
                self._block(m, f"block{bank}_{index}", lane, address_bits, writes, data, read)
                parts.append(read)
            banked.append(Cat(parts))
        m.d.comb += self.read_data.eq(self._chosen(m, banked, address_bits))
        return m

    def _chosen(self, m: Module, banked: list[Value], address_bits: int) -> Value:
        """The bank that was addressed when the word was read."""
        if len(banked) == 1:
            return banked[0]
        bank = self.read_address[address_bits:]
        for stage in range(1 + self.registered):
            follow = Signal.like(bank, name=f"bank_{stage}")
            with m.If(self.read_enable):
                m.d.sync += follow.eq(bank)
            bank = follow
        chosen = banked[0]
        for index, value in enumerate(banked[1:], start=1):
            chosen = Mux(bank == index, value, chosen)
        return chosen

    def _block(self, m: Module, name: str, lane: int, address_bits: int, writes: Value,
               data: Value, read: Signal) -> None:
        """One DP16KD: port A writes, port B reads; 36 bits wide they share all data pins."""
        low = 14 - address_bits
        ports: dict[str, object] = {}
        for i in range(14):
            inside = low <= i
            write_bit = self.write_address[i - low] if inside and i - low < len(
                self.write_address) else Const(int(not inside), 1)
            read_bit = self.read_address[i - low] if inside and i - low < len(
                self.read_address) else Const(0, 1)
            ports |= {f"i_ADA{i}": write_bit, f"i_ADB{i}": read_bit}
        for i in range(len(data)):
            half = "A" if i < 18 else "B"
            out = half if lane == 36 else "B"
            ports |= {f"i_DI{half}{i % 18}": data[i], f"o_DO{out}{i % 18}": read[i]}
        mode = "OUTREG" if self.registered else "NOREG"
        m.submodules[name] = Instance(
            "DP16KD", p_DATA_WIDTH_A=lane, p_DATA_WIDTH_B=lane, p_REGMODE_A=mode,
            p_REGMODE_B=mode, p_RESETMODE="SYNC", p_CSDECODE_A="0b000", p_CSDECODE_B="0b000",
            p_WRITEMODE_A="NORMAL", p_WRITEMODE_B="NORMAL", p_GSR="AUTO",
            i_CLKA=ClockSignal(), i_CEA=writes, i_WEA=Const(1, 1), i_OCEA=self.read_enable,
            i_RSTA=Const(0, 1), i_CSA0=Const(0, 1), i_CSA1=Const(0, 1), i_CSA2=Const(0, 1),
            i_CLKB=ClockSignal(), i_CEB=self.read_enable, i_WEB=Const(0, 1),
            i_OCEB=self.read_enable, i_RSTB=Const(0, 1), i_CSB0=Const(0, 1), i_CSB1=Const(0, 1),
            i_CSB2=Const(0, 1), **ports)


class Multiplier(wiring.Component):
    """a * b on one MULT18X18D with operand and product registers.

    Parameters
    ----------
    a, b:
        Shapes of the operands, at most 18 bits.

    Members
    -------
    a, b: operands
    enable: advances the registers
    p: a * b, two enabled cycles later

    Latency and cost
    ----------------
    Two cycles, one MULT18X18D, nothing else.
    """

    def __init__(self, a: Shape, b: Shape):
        super().__init__({"a": In(a), "b": In(b), "enable": In(1), "p": Out(signed(36))})

    def elaborate(self, platform) -> Module:
        m = Module()
        ports: dict[str, object] = {}
        for operand, value in (("A", self.a), ("B", self.b)):
            ports |= {f"i_{operand}{i}": bit for i, bit in enumerate(extended(value, 18))}
            sign = Const(int(value.shape().signed or len(value) < 18), 1)
            ports |= {f"i_SIGNED{operand}": sign, f"i_SOURCE{operand}": Const(0, 1)}
        ports |= {f"i_C{i}": Const(0, 1) for i in range(18)}
        ports |= {f"o_P{i}": self.p[i] for i in range(36)}
        for i in range(4):
            ports |= {f"i_CLK{i}": ClockSignal() if i == 0 else Const(0, 1),
                      f"i_CE{i}": self.enable if i == 0 else Const(0, 1),
                      f"i_RST{i}": Const(0, 1)}
        registers = {f"p_REG_{part}_{what}": f"{what}0" for part in ("INPUTA", "INPUTB", "OUTPUT")
                     for what in ("CLK", "CE", "RST")}
        m.submodules.block = Instance("MULT18X18D", **registers, **ports)
        return m
