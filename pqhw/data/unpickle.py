"""Reads pickles of byte arrays without running what they ask for.

A pickle is a program: the ordinary reader calls any function that it names. Here the few names that
NumPy's byte arrays need stand for harmless classes of ours, and any other name ends the reading.
"""

import io
import pickle
from typing import Any

import numpy as np

from .dataset import DataError, reason

__all__ = ["unpickle"]


class _Type:
    """Stands for numpy.dtype; keeps the name of the type."""

    def __init__(self, name: Any, *flags: Any):
        self.name = _text(name)

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like, which bytes do not have."""


class _Array:
    """Stands for numpy.ndarray; keeps what the pickle says it holds."""

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The array, copied out of the pickle's bytes."""
        _version, shape, kind, by_columns, content = self.state
        if not isinstance(kind, _Type) or kind.name not in ("u1", "|u1"):
            raise ValueError("it holds an array of another type than uint8")
        if not isinstance(content, bytes):
            raise ValueError("it holds an array that is not of bytes")
        order: Any = "F" if by_columns else "C"
        return np.frombuffer(content, np.uint8).reshape(shape, order=order).copy()


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _rebuilt(*arguments: Any) -> _Array:
    """Stands for the function that makes an empty array, filled in afterwards."""
    return _Array()


def _encoded(text: Any, encoding: Any) -> bytes:
    """Stands for codecs.encode, by which Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise ValueError("it encodes text in an unknown way")
    return text.encode("latin1")


ADMITTED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _rebuilt,
    ("numpy._core.multiarray", "_reconstruct"): _rebuilt,
    ("_codecs", "encode"): _encoded,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise DataError(f"asks for {module}.{name}, which images do not need")
        return ADMITTED[module, name]


def unpickle(content: bytes) -> dict[str, Any]:
    """The dictionary that a pickle of Python 2 or 3 holds.

    Its values are arrays of uint8, bytes, text, numbers, and lists and dictionaries of them; names
    of Python 2 come as text.

    Raises
    ------
    DataError
        If it is damaged, asks for anything else, or holds no dictionary; the message is the end of
        a sentence that begins with the file.
    """
    try:
        value = _Reader(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(value, dict):
            raise ValueError("it holds no dictionary")
        return {_text(key): item.array() if isinstance(item, _Array) else item
                for key, item in value.items()}
    except DataError:
        raise
    except Exception as error:  # Damage raises almost anything, MemoryError and EOFError included.
        raise DataError(f"is damaged, or no pickle of byte arrays ({reason(error)})") from None
