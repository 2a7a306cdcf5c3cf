"""Constant words on ECP5: LUT4 of sixteen words each, joined by the multiplexers of their slices.

Left to mapping, a table of 64 random words takes up to 6.4 LUT4 a bit in up to six levels (Yosys
0.70): the mapper trades levels that it believes to be free for area that it does not find.
"""

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LUT_WORDS", "MOST_WORDS", "Rom"]

LUT_WORDS = 16
"""Words that a LUT4 holds one bit of."""

MOST_WORDS = 128
"""Words that the multiplexers of slices join without LUT4 of their own."""


class Rom(wiring.Component):
    """Constant words, read at once.

    Parameters
    ----------
    width:
        Bits of a word.
    words:
        Contents, word 0 first; 17 to 128.

    Members
    -------
    address: which word; beyond the last, any
    value: the word

    Latency and cost
    ----------------
    Combinational, one LUT4 and the multiplexers of its slices. Per bit 2 LUT4 up to 32 words, 4 up
    to 64, 8 up to 128; half as many wherever the upper half of a bit's words repeats the lower.
    """

    def __init__(self, width: int, words: tuple[int, ...]):
        self.width = width
        self.words = words
        super().__init__({"address": In(range(len(words))), "value": Out(width)})

    def elaborate(self, platform) -> Module:
        m = Module()
        for bit in range(self.width):
            nodes = [self._lut(m, f"bit{bit}_words{place * LUT_WORDS}", init)
                     for place, init in enumerate(self._inits(bit))]
            level = 4
            while len(nodes) > 1:
                nodes = [self._join(m, f"bit{bit}_level{level}_{low}", level, *nodes[low:low + 2])
                         for low in range(0, len(nodes), 2)]
                level += 1
            m.d.comb += self.value[bit].eq(nodes[0])
        return m

    def _inits(self, bit: int) -> list[int]:
        """Contents of a bit's LUT4. Words that are not there repeat the lower half."""
        bits: list[int | None] = [word >> bit & 1 for word in self.words]
        bits += [None] * ((1 << len(self.address)) - len(bits))
        while len(bits) > LUT_WORDS:
            half = len(bits) // 2
            low, high = bits[:half], bits[half:]
            if any(a is not None and b is not None and a != b for a, b in zip(low, high)):
                break
            bits = [b if a is None else a for a, b in zip(low, high)]
        blocks = [bits[at:at + LUT_WORDS] for at in range(0, len(bits), LUT_WORDS)]
        return [sum(1 << place for place, one in enumerate(block) if one) for block in blocks]

    def _lut(self, m: Module, name: str, init: int) -> Signal:
        found = Signal(name=f"{name}_found")
        inputs = {f"i_{port}": self.address[place] for place, port in enumerate("ABCD")}
        m.submodules[name] = Instance("LUT4", p_INIT=Const(init, LUT_WORDS), **inputs, o_Z=found)
        return found

    def _join(self, m: Module, name: str, level: int, low: Signal, high: Signal) -> Signal:
        found = Signal(name=f"{name}_found")
        if level == 4:
            cell, ports = "PFUMX", {"i_BLUT": low, "i_ALUT": high, "i_C0": self.address[level]}
        else:
            cell, ports = "L6MUX21", {"i_D0": low, "i_D1": high, "i_SD": self.address[level]}
        m.submodules[name] = Instance(cell, **ports, o_Z=found)
        return found
