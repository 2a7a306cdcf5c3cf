"""The check at the end of a parameter image, for every width of the load word.

Up to 64 bits it is the CRC-32 of all bytes before it. A wide word of w bits is folded first: cut
into lines of m = 36 - log2 w bits, its fold has in the lower m bits the exclusive-or of all
lines, and above them that of the numbers of all lines of odd parity. The *sum* is the
exclusive-or of all folds; the *signature* is stepped by x in GF(2**32) for every fold, which is
then added.

Folds of single bits are distinct, three never add up to zero, and all of them span 32 bits: the
folds are check bits of a code of distance 4. Sum and signature are the two check symbols of a
Reed-Solomon code over the folds. So no one, two or three wrong bits of an image of less than
2**32 words go unnoticed, nor does anything within two words that their folds show; other errors
do with a chance of 2**-32 within a word, and 2**-64 across words.
"""

import zlib

import numpy as np

from ..spec.image import CRC_BYTES, WIDE_BITS

__all__ = ["trailer", "fold_columns", "line_bits", "POLYNOMIAL"]

POLYNOMIAL = 0xEDB88320
"""The generator polynomial of CRC-32, bit-reflected; it is primitive."""


def trailer(body: bytes, load_bits: int) -> bytes:
    """What follows `body`, a whole number of load words: zeros and the check."""
    size = load_bits // 8
    if load_bits < WIDE_BITS:
        zeros = bytes(max(0, size - CRC_BYTES))
        return zeros + zlib.crc32(body + zeros).to_bytes(CRC_BYTES, "little")
    total = signature = 0
    for fold in _folds(body, load_bits).tolist():
        total ^= fold
        signature = signature >> 1 ^ (POLYNOMIAL if signature & 1 else 0) ^ fold
    check = total.to_bytes(4, "little") + signature.to_bytes(4, "little")
    return check.rjust(size, b"\0")


def line_bits(load_bits: int) -> int:
    """Bits of a line of a wide word."""
    return 37 - load_bits.bit_length()


def fold_columns(load_bits: int) -> list[int]:
    """The fold of every single bit of a wide word."""
    line = line_bits(load_bits)
    return [1 << bit % line | bit // line << line for bit in range(load_bits)]


def _folds(body: bytes, load_bits: int) -> np.ndarray:
    """The folds of all words."""
    words = np.frombuffer(body, np.uint8).reshape(-1, load_bits // 8)
    columns = np.array(fold_columns(load_bits), np.uint32).reshape(-1, 8)
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    folds = np.zeros(len(words), np.uint32)
    for position, own in enumerate(columns):
        table = np.bitwise_xor.reduce(np.where(bits, own, 0).astype(np.uint32), axis=1)
        folds ^= table[words[:, position]]
    return folds
