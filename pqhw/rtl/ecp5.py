"""ECP5 blocks: block RAM with output registers, registered DSP multipliers, carry chains.

Inference leaves the registers of block RAM and DSP blocks unused, which costs half the clock.
Simulation models of the cells stand in `pqhw/sim/models/ecp5.v`.
"""

from amaranth.hdl import (Cat, ClockSignal, Const, Instance, Module, Mux, Shape, Signal, Value,
                          signed)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ecp5_chains import Adder, Difference, GatedAdder, GatedSum, Less, RowPair, extended
from .ecp5_select import AtLeast, AtLeastChosen, Select, ShiftedOrZero

__all__ = ["Adder", "AtLeast", "AtLeastChosen", "BlockRam", "Difference", "GatedAdder", "GatedSum",
           "Less",
           "Multiplier", "RowPair", "Select", "ShiftedOrZero"]

BLOCK_WIDTHS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a DP16KD in its modes."""


def block_mode(words: int) -> tuple[int, int]:
    """Words and bits of the widest mode that holds so many words, or of the deepest."""
    return next((mode for mode in BLOCK_WIDTHS if mode[0] >= words), BLOCK_WIDTHS[-1])


def initial_values(words: list[int], lane: int) -> dict[str, object]:
    """Parameters of a DP16KD that holds `words` of `lane` bits, word 0 first.

    64 rows of 16 fields of 18 bits, each padded to 20. Words of 4 bits and fewer leave every
    ninth bit out.
    """
    whole = 0
    for place, word in enumerate(words):
        at = place * lane
        whole |= word << (at if lane >= 9 else at // 8 * 9 + at % 8)
    fields = [whole >> 18 * index & (1 << 18) - 1 for index in range(1024)]
    rows = [sum(field << 20 * index for index, field in enumerate(fields[start:start + 16]))
            for start in range(0, 1024, 16)]
    return {f"p_INITVAL_{row:02X}": Const(value, 320) for row, value in enumerate(rows)}


class BlockRam(wiring.Component):
    """One write port and one read port on DP16KD blocks, reads registered once or twice.

    Parameters
    ----------
    width, words:
        Size; deeper than 16,384 words is stacked.
    registered:
        Whether the blocks' own output registers are used.
    contents:
        Words that the blocks hold from the start, and for good.

    Members
    -------
    write_enable, write_address, write_data: a write per cycle; not there with `contents`
    read_enable, read_address, read_data: `read_data` follows by 1 + registered enabled cycles

    Latency and cost
    ----------------
    ceil(width / 36) blocks up to 512 words, ceil(width / 18) up to 1,024, and so on. A word must
    not be read in the cycle it is written.
    """

    def __init__(self, width: int, words: int, registered: bool,
                 contents: tuple[int, ...] | None = None):
        self.width = width
        self.words = words
        self.registered = registered
        self.contents = contents
        super().__init__({
            **({"write_enable": In(1), "write_address": In(range(words)), "write_data": In(width)}
               if contents is None else {}),
            "read_enable": In(1), "read_address": In(range(words)), "read_data": Out(width),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        depth, lane = block_mode(self.words)
        banks = -(-self.words // depth)
        address_bits = (depth - 1).bit_length()
        banked = []
        for bank in range(banks):
            parts = []
            for index, low in enumerate(range(0, self.width, lane)):
                read = Signal(min(lane, self.width - low), name=f"block{bank}_{index}_data")
                self._block(m, f"block{bank}_{index}", lane, address_bits,
                            self._write(bank, banks, low, read, lane, address_bits), read)
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

    def _write(self, bank: int, banks: int, low: int, read: Signal, lane: int,
               address_bits: int) -> dict[str, object]:
        """What comes to a block's port A: the data from bit `low` on, or the block's contents."""
        pins = 14 - address_bits
        if self.contents is not None:
            depth = 1 << address_bits
            own = self.contents[bank * depth:(bank + 1) * depth]
            mask = (1 << len(read)) - 1
            ports: dict[str, object] = {f"i_ADA{i}": Const(int(i < pins), 1) for i in range(14)}
            ports |= {"i_CEA": Const(0, 1), "i_WEA": Const(0, 1)}
            return ports | initial_values([word >> low & mask for word in own], lane)
        enable = self.write_enable
        if banks > 1:
            enable = enable & (self.write_address[address_bits:] == bank)
        ports = {"i_CEA": enable, "i_WEA": Const(1, 1)}
        for i in range(14):
            inside = pins <= i < pins + len(self.write_address)
            ports[f"i_ADA{i}"] = (self.write_address[i - pins] if inside
                                  else Const(int(i < pins), 1))
        data = self.write_data[low:low + lane]
        return ports | {f"i_DI{'A' if i < 18 else 'B'}{i % 18}": data[i] for i in range(len(data))}

    def _block(self, m: Module, name: str, lane: int, address_bits: int,
               ports: dict[str, object], read: Signal) -> None:
        """One DP16KD: port A writes, port B reads. Of 36 bits the lower half comes in at A and
        leaves at B, the upper half the other way round."""
        pins = 14 - address_bits
        for i in range(14):
            inside = pins <= i < pins + len(self.read_address)
            ports[f"i_ADB{i}"] = self.read_address[i - pins] if inside else Const(0, 1)
        for i in range(len(read)):
            ports[f"o_DO{'B' if i < 18 else 'A'}{i % 18}"] = read[i]
        mode = "OUTREG" if self.registered else "NOREG"
        m.submodules[name] = Instance(
            "DP16KD", p_DATA_WIDTH_A=lane, p_DATA_WIDTH_B=lane, p_REGMODE_A=mode,
            p_REGMODE_B=mode, p_RESETMODE="SYNC", p_CSDECODE_A="0b000", p_CSDECODE_B="0b000",
            p_WRITEMODE_A="NORMAL", p_WRITEMODE_B="NORMAL", p_GSR="AUTO",
            i_CLKA=ClockSignal(), i_OCEA=self.read_enable,
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
