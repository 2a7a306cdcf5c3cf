"""Parameters that become part of the logic."""

import hashlib
from collections.abc import Mapping

import numpy as np

__all__ = ["Constants"]


class Constants:
    """The words of one engine's constant memories, equal where every value is.

    Members
    -------
    words: by section kind, fields [words, banks, fields] in the order of the memory
    shift: right shift of the requantiser
    """

    def __init__(self, words: Mapping[str, np.ndarray], shift: int):
        self.words = dict(words)
        self.shift = shift
        state = hashlib.sha256(str(shift).encode())
        for kind, values in sorted(self.words.items()):
            state.update(f"{kind} {values.shape}".encode())
            state.update(np.ascontiguousarray(values, np.int64).tobytes())
        self.digest = state.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constants) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Constants({self.digest[:8]})"
