"""Folders that programs work in: files written whole, and one program at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from ..spec import SpecError

__all__ = ["alone", "write_whole"]


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there: it is the old or the new one, and whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def alone(folder: Path, program: str) -> Iterator[None]:
    """Keep other programs out of a folder; the lock of one that was killed is free again.

    Raises `SpecError` if another `program` is at work there.
    """
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            yield
    except filelock.Timeout:
        raise SpecError(f"{folder}: another {program} is at work there.") from None
