"""CRC-32 (IEEE 802.3) as a next-state function over whole bytes."""

from amaranth.hdl import Cat, Const, Value

__all__ = ["CRC_INIT", "CRC_RESIDUE", "crc32_next"]

POLYNOMIAL = 0xEDB88320
"""The generator polynomial, bit-reflected."""

CRC_INIT = 0xFFFFFFFF
"""The register before the first byte."""

CRC_RESIDUE = 0xDEBB20E3
"""The register after a message and its CRC, least significant byte first."""


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
