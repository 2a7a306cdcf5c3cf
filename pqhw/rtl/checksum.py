"""The check of a parameter image as it passes: CRC-32, or sum and signature of wide words."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..spec.image import SIGNED_BYTES, WIDE_BITS
from .target import Target

__all__ = ["CRC_INIT", "CRC_RESIDUE", "Checksum", "SerialChecksum", "crc32_next",
           "fold_parts", "folded"]

POLYNOMIAL = 0xEDB88320
"""The generator polynomial of CRC-32, bit-reflected; it is primitive."""

CRC_INIT = 0xFFFFFFFF
"""The register before the first byte."""

CRC_RESIDUE = 0xDEBB20E3
"""The register after a message and its CRC, least significant byte first."""


class Checksum(wiring.Component):
    """Follows the words of an image and tells whether they are good.

    Words of up to 64 bits are checked by CRC-32 (IEEE 802.3). Wider ones are folded to 32 bits,
    over which a sum and a signature are kept: `pqhw.emit.checksum` defines both.

    Parameters
    ----------
    load_bits:
        Width of a word.

    Members
    -------
    word: a word of the image
    step: it is one that is checked
    trailer: it is the last, with the check in it
    restart: the next word is an image's first
    good: the words since `restart` match their check

    Latency and cost
    ----------------
    `good` follows the trailer by `LATENCY` cycles. 8 bits: 66 LUT4, 64 bits: 362, and 33
    flip-flops. Wide: 0.75 LUT4 per bit and 95, 1/26 flip-flops per bit and 192.
    """
    LATENCY = 3

    def __init__(self, load_bits: int):
        self.load_bits = load_bits
        super().__init__({"word": In(load_bits), "step": In(1), "trailer": In(1), "restart": In(1),
                          "good": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        if self.load_bits >= WIDE_BITS:
            self._sign(m)
            return m
        crc = Signal(32, name="crc", init=CRC_INIT)
        with m.If(self.restart):
            m.d.sync += crc.eq(CRC_INIT)
        with m.Elif(self.step | self.trailer):
            m.d.sync += crc.eq(crc32_next(crc, self.word))
        m.d.sync += self.good.eq(crc == CRC_RESIDUE)
        return m

    def _sign(self, m: Module) -> None:
        """Fold, sum and signature, their comparison, a cycle each; the check waits in registers."""
        lines, columns = fold_parts(self.word)
        odd = Signal(len(lines), name="odd_lines", reset_less=True)
        column = Signal(len(columns), name="columns", reset_less=True)
        check = Signal(8 * SIGNED_BYTES, name="check", reset_less=True)
        total, signature = Signal(32, name="total"), Signal(32, name="signature")
        adds = Signal(name="adds")
        fold = Signal(32, name="fold")
        m.d.comb += fold.eq(folded(odd, column))
        m.d.sync += [odd.eq(lines), column.eq(columns), adds.eq(self.step)]
        found = Cat(total, signature)
        same = Signal(len(check) // 2, name="same")
        m.d.sync += [same.eq(Cat(found.word_select(pair, 2) == check.word_select(pair, 2)
                                 for pair in range(len(same)))),
                     self.good.eq(same.all())]
        with m.If(self.trailer):
            m.d.sync += check.eq(self.word[-len(check):])
        with m.If(self.restart):
            m.d.sync += [adds.eq(0), total.eq(0), signature.eq(0)]
        with m.Elif(adds):
            stepped = signature[1:] ^ (signature[0].replicate(32) & POLYNOMIAL)
            m.d.sync += [total.eq(total ^ fold), signature.eq(stepped ^ fold)]


class SerialChecksum(wiring.Component):
    """A CRC-32 (IEEE 802.3) of bytes that come slowly, a bit per cycle.

    Members
    -------
    byte, step: a byte passes, at least `CYCLES` after the one before
    gives: instead of following the byte, the register moves on to its own next byte
    restart: the next byte is the first; not while one is followed
    low: the lowest byte of the register; its complement is the next byte of the check
    good: the bytes since `restart` end with their check

    Latency and cost
    ----------------
    `low` and `good` follow a byte by `CYCLES`. 32 + 12 flip-flops and about 45 LUT4.
    """
    CYCLES = 10

    def __init__(self) -> None:
        super().__init__({"byte": In(8), "step": In(1), "gives": In(1), "restart": In(1),
                          "low": Out(8), "good": Out(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        crc = Signal(32, name="crc", init=CRC_INIT)
        bits, left = Signal(8, name="bits", reset_less=True), Signal(range(9), name="bits_left")
        taps, follows = Signal(name="taps"), Signal(name="follows", reset_less=True)
        m.d.comb += [taps.eq((crc[0] ^ bits[0]) & follows), self.low.eq(crc[:8])]
        m.d.sync += self.good.eq(crc == CRC_RESIDUE)
        with m.If(left != 0):
            # Bit by bit, as a vector of copies of `taps` looks like a loop to CXXRTL.
            shifted = Cat(crc[1:], Const(0, 1))
            m.d.sync += [crc.eq(Cat(shifted[bit] ^ taps if POLYNOMIAL >> bit & 1 else shifted[bit]
                                    for bit in range(32))),
                         bits.eq(bits >> 1), left.eq(left - 1)]
        with m.If(self.step):
            m.d.sync += [bits.eq(self.byte), left.eq(8), follows.eq(~self.gives)]
        with m.If(self.restart):
            m.d.sync += crc.eq(CRC_INIT)
        return m


def fold_parts(word: Value) -> tuple[Value, Value]:
    """The parities of a wide word's lines, and the exclusive-or of the lines."""
    size = 37 - len(word).bit_length()
    lines = [word[low:low + size] for low in range(0, len(word), size)]
    return (Cat(line.xor() for line in lines),
            Cat(_parity([line[bit] for line in lines if bit < len(line)]) for bit in range(size)))


def folded(odd: Value, column: Value) -> Value:
    """The fold: the exclusive-or of the lines, above it that of the numbers of the odd ones."""
    return Cat(column, (_parity([odd[line] for line in range(len(odd)) if line >> bit & 1])
                        for bit in range(32 - len(column))))


def crc32_next(state: Value, data: Value) -> Value:
    """The 32-bit register after `data`, least significant bit first.

    State and data enter as their exclusive-or, computed once; every next bit is then the parity
    of the inputs that reach it, found by running the shift register on sets of inputs.
    """
    shared = min(32, len(data))
    inputs = Cat(state[:shared] ^ data[:shared], state[shared:], data[shared:])
    register = [frozenset({i}) for i in range(32)]
    for bit in range(len(data)):
        out = register[0] if bit < 32 else register[0] ^ {bit}
        register = register[1:] + [frozenset()]
        register = [taps ^ out if POLYNOMIAL >> i & 1 else taps for i, taps in enumerate(register)]
    return Cat(_parity([inputs[i] for i in sorted(taps)]) for taps in register)


def _parity(bits: list[Value]) -> Value:
    """Exclusive-or as a balanced tree."""
    if not bits:
        return Const(0, 1)
    while len(bits) > 1:
        bits = [bits[i] ^ bits[i + 1] if i + 1 < len(bits) else bits[i]
                for i in range(0, len(bits), 2)]
    return bits[0]
