"""Where parameter memories stand, and how long a read takes."""

from typing import Any

__all__ = ["read_stages", "storage"]


def storage(engine: Any, asked: str, words: int, *, lutram_words: int) -> str:
    """Where a parameter memory of `words` words stands, in the copies that the [engine] table
    asks for: register, pair, lutram, bram or rom.

    A single word stands in registers, two of one word in a pair of them; `auto` is lutram up to
    `lutram_words` in all, bram above. What is resident needs no LUT RAM: it stands in logic.
    """
    copies = engine.copies
    if words == 1:
        return "register" if copies == 1 or asked == "rom" else "pair"
    if asked == "auto":
        asked = "lutram" if copies * words <= lutram_words else "bram"
    return "rom" if engine.resident and asked == "lutram" else asked


def read_stages(engine: Any, store: str) -> int:
    """Cycles from an address to its word, for the [engine] table's choice of registers."""
    return {"register": 0, "pair": 1, "lutram": 1, "rom": 1,
            "bram": 1 + engine.bram_register}[store]
