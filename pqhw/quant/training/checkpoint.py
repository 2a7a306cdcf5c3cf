"""Training in files: what is needed to go on as if nothing had happened."""

import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from ...network import LearningError

__all__ = ["CHECKPOINT", "load_checkpoint", "save_checkpoint", "write_whole"]

CHECKPOINT = "checkpoint.pt"
"""The file within a training's folder."""

FORMAT = "pqhw training 1"


def write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file beside its place and move it there: it is the old or the new one, and whole."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; `torch.load` reads them with `weights_only`."""
    write_whole(path, lambda file: torch.save({"format": FORMAT} | content, file))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU.

    Raises
    ------
    LearningError
        One sentence that begins with the file's name.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise LearningError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except (EOFError, KeyError, RuntimeError, ValueError, pickle.UnpicklingError,
            zipfile.BadZipFile):
        raise LearningError(f"{path}: is not a complete checkpoint of a training.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LearningError(f"{path}: is a file of PyTorch, but no checkpoint of a training.")
    return content
