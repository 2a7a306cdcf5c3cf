"""Where parameter memories stand, and how long a read takes."""

from typing import Any

__all__ = ["read_stages", "storage"]


def storage(asked: str, words: int, *, lutram_words: int, copies: int = 1) -> str:
    """Where `copies` of a parameter memory of `words` words stand: register, pair, lutram, bram
    or rom.

    A single word stands in registers, two of one word in a pair of them; `auto` is lutram up to
    `lutram_words` in all, bram above.
    """
    if words == 1:
        return "register" if copies == 1 or asked == "rom" else "pair"
    if asked != "auto":
        return asked
    return "lutram" if copies * words <= lutram_words else "bram"


def read_stages(engine: Any, store: str) -> int:
    """Cycles from an address to its word, for the [engine] table's choice of registers."""
    return {"register": 0, "pair": 1, "lutram": 1, "rom": 1,
            "bram": 1 + engine.bram_register}[store]
