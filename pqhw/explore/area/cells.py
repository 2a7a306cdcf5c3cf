"""Cells of a mapped netlist, and what the RTL's building blocks cost on each family."""

import dataclasses
from collections.abc import Iterable

from ...spec.devices import Device
from ...spec.many import choose, largest, pointwise
from ...spec.ranges import ceil_div, ceil_log2

__all__ = ["LUTRAM_CELL", "Cells", "Fabric", "either", "even", "fabric_of", "total"]

SMALLEST_CHAIN = 5
"""Sums narrower than this are plain LUT4, here as in the RTL."""

SMALL_SUM = (0, 1, 2, 5, 9.5)
SMALL_LESS = (0, 1, 1, 4, 7)
"""LUT4 of sums and comparisons without a chain, by their width."""

LUTRAM_CELL = 8
"""LUT4 of a TRELLIS_DPR16X4 as routed designs are counted: four that hold bits, two that its write
port blocks, which nextpnr has among the TRELLIS_COMB, and two more for its TRELLIS_RAMW
(`pqhw.flow.area.routed_area`)."""

BLOCK_MODES = {"ecp5": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
               "ice40": ((256, 16), (512, 8), (1024, 4), (2048, 2))}
"""Words and bits of a block RAM in its modes."""


@dataclasses.dataclass(frozen=True)
class Cells:
    """Cells by type; products and sums of them describe a part.

    Members
    -------
    lut: LUT4 of plain logic (a formula, hence not always whole)
    carry: halves of CCU2C; on iCE40 a carry shares its LUT4's cell and counts as `lut`
    ff: flip-flops
    alone: flip-flops that no LUT4 of their own feeds; on iCE40 each takes a logic cell
    lutram: TRELLIS_DPR16X4
    bram, dsp: block RAMs and DSP blocks
    """
    lut: float = 0
    carry: int = 0
    ff: float = 0
    alone: float = 0
    lutram: int = 0
    bram: int = 0
    dsp: int = 0

    def __add__(self, other: "Cells") -> "Cells":
        return Cells(self.lut + other.lut, self.carry + other.carry, self.ff + other.ff,
                     self.alone + other.alone, self.lutram + other.lutram,
                     self.bram + other.bram, self.dsp + other.dsp)

    def __mul__(self, times: int) -> "Cells":
        return Cells(times * self.lut, times * self.carry, times * self.ff, times * self.alone,
                     times * self.lutram, times * self.bram, times * self.dsp)

    @property
    def lut4(self) -> float:
        """LUT4 as a router counts them: logic, carries, LUT RAM, and cells held by flip-flops."""
        return self.lut + self.carry + LUTRAM_CELL * self.lutram + self.alone


def total(parts: Iterable[Cells]) -> Cells:
    """The sum of all."""
    return sum(parts, Cells())


def either(condition: bool, one: Cells, other: Cells) -> Cells:
    """One or the other, design by design."""
    return Cells(**{field.name: choose(condition, getattr(one, field.name),
                                       getattr(other, field.name))
                    for field in dataclasses.fields(Cells)})


def even(halves: int) -> int:
    """Halves of whole CCU2C."""
    return halves + halves % 2


JOINED_WORDS = 17, 128
"""Constant words that ECP5's slices join; see `pqhw.rtl.ecp5_rom`."""


@dataclasses.dataclass(frozen=True)
class Fabric:
    """What a family makes of the RTL's building blocks.

    Every method gives the cells of one block, registers left out unless named. ECP5 figures are
    those of `pqhw.rtl.ecp5_chains`; iCE40's follow from Yosys's mapping onto SB_CARRY.
    """
    family: str

    @property
    def ecp5(self) -> bool:
        """Whether carry chains, DSP blocks and block RAMs are instantiated."""
        return self.family == "ecp5"

    def registers(self, bits: float, *, alone: bool = False) -> Cells:
        """`bits` flip-flops; `alone` where no LUT4 stands in front of them."""
        return Cells(ff=bits, alone=bits if alone and not self.ecp5 else 0)

    @pointwise
    def add(self, width: int) -> Cells:
        """a + b: a LUT4 per bit and one for the start of the chain."""
        if not self.ecp5:
            return Cells(lut=width)
        if width < SMALLEST_CHAIN:
            return Cells(lut=SMALL_SUM[width])
        return Cells(lut=1 - width % 2, carry=width + width % 2)

    @pointwise
    def add_gated(self, width: int) -> Cells:
        """a + (b & gate): as `add`; iCE40 gates with a LUT4 per bit in front of the chain."""
        return Cells(carry=even(width + 1)) if self.ecp5 else Cells(lut=1.9 * width)

    @pointwise
    def subtract(self, width: int) -> Cells:
        """a - b of `width` bits: a LUT4 per bit, one for the start and one for the sign."""
        return Cells(carry=even(width + 2)) if self.ecp5 else Cells(lut=0.9 * width + 1)

    @pointwise
    def less(self, width: int) -> Cells:
        """a < b: width + 1 LUT4; iCE40 inverts, and carries without a sum take cells too."""
        if width < SMALLEST_CHAIN and self.ecp5:
            return Cells(lut=SMALL_LESS[width])
        return Cells(carry=even(width + 1)) if self.ecp5 else Cells(lut=1.8 * width + 2)

    @pointwise
    def row_pair(self, width: int, *, square: bool = False) -> Cells:
        """Two rows of partial products: width + 3 LUT4; iCE40 gates in front of the chain, fewer
        times where a number is multiplied with itself."""
        if self.ecp5:
            return Cells(lut=1 - width % 2, carry=width + 2 + width % 2)
        return Cells(lut=(1.6 if square else 2.7) * width + 2)

    @pointwise
    def counter(self, size: int) -> Cells:
        """Counts to `size`: inferred, so that a chain pays for constants at its ends too."""
        bits = ceil_log2(size)
        if bits < SMALLEST_CHAIN or not self.ecp5:
            return Cells(lut=bits + (bits > 0), ff=bits)
        ends = 2 if size & (size - 1) == 0 else 2 + 0.55 * bits
        return Cells(lut=ends, carry=even(bits), ff=bits)

    def mux(self, inputs: int, bits: int) -> Cells:
        """One of `inputs` words of `bits` bits: a LUT4 per bit and further input."""
        return Cells(lut=bits * largest(0, inputs - 1))

    def memory(self, storage: str, width: int, words: int, *, registered: bool = False) -> Cells:
        """A memory of one write and one registered read port.

        ``register``: a flip-flop per bit. ``pair``: three and a LUT4. ``lutram``:
        ceil(width / 4) cells per 16 words, a multiplexer per bit where there are several 16s and a
        LUT4 to decode each. ``bram``: blocks in the widest mode that holds the words; on iCE40 an
        output register takes cells. ``rom``: a LUT4 per bit and 16 words, and half as many again
        to choose among several; on ECP5 17 to 128 words are joined by what slices have for it, and
        take 2, 4 or 8 LUT4 per bit.
        """
        if storage == "rom":
            sixteens = words / 16
            joined = (words >= JOINED_WORDS[0]) & (words <= JOINED_WORDS[1])
            luts = choose(joined & self.ecp5, width << ceil_log2(ceil_div(words, 16)),
                          width * largest(1.0, 1.5 * sixteens - 1))
            return Cells(lut=luts) + self.registers(width)
        if storage == "register":
            return self.registers(width, alone=True)
        if storage == "pair":
            return self.registers(2 * width, alone=True) + self.registers(width) + Cells(lut=width)
        if storage == "lutram":
            deep = ceil_div(words, 16)
            read = Cells(ff=width, lutram=ceil_div(width, 4) * deep)
            return read + self.mux(deep, width) + Cells(lut=deep * (deep > 1))
        return self.blocks(width, words, registered)

    def blocks(self, width: int, words: int, registered: bool) -> Cells:
        """Block RAMs of a memory; deeper than one block, banks and a multiplexer.

        ECP5: the widest mode that holds the words, as the RTL instantiates it. iCE40: the mode
        that Yosys finds cheapest, which packs the bits of all banks side by side; its output
        register and the bank's address bits take cells.
        """
        if self.ecp5:
            mode = _widest_mode(words)
            banks = ceil_div(words, mode.depth)
            bank_bits = (1 + registered) * (ceil_log2(words) - ceil_log2(mode.depth)) * (banks > 1)
            return (Cells(bram=banks * ceil_div(width, mode.lane), ff=bank_bits)
                    + self.mux(banks, width))
        return self._ice40_blocks(width, words, registered)

    @pointwise
    def _ice40_blocks(self, width: int, words: int, registered: bool) -> Cells:
        _, blocks, banks = min((_block_cost(width, words, *mode)
                                for mode in BLOCK_MODES[self.family]),
                               key=lambda option: option[0])
        cells = Cells(bram=blocks, lut=1) + self.mux(banks, width)
        cells += self.registers(ceil_log2(banks), alone=True)
        if registered:
            fed = banks > 1
            cells += self.registers(width, alone=not fed)
        return cells


@dataclasses.dataclass(frozen=True)
class _Mode:
    """Words and bits of a block RAM in one of its modes."""
    depth: int
    lane: int


@pointwise
def _widest_mode(words: int) -> _Mode:
    """The widest mode of ECP5's block RAM that holds so many words, or the deepest."""
    modes = BLOCK_MODES["ecp5"]
    return _Mode(*next((mode for mode in modes if mode[0] >= words), modes[-1]))


def _block_cost(width: int, words: int, depth: int, lane: int) -> tuple[float, int, int]:
    """What Yosys counts a mode of iCE40's block RAM for, its blocks and its banks: 64 a block,
    half a point per bit of multiplexer and per bank to decode."""
    banks = ceil_div(words, depth)
    blocks = ceil_div(banks * width, lane)
    return 64 * blocks + 0.5 * (banks - 1) * width + 0.5 * banks * (banks > 1), blocks, banks


def fabric_of(part: Device) -> Fabric:
    """The fabric of a device."""
    return Fabric(part.family)
