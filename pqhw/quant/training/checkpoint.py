"""Training in files: what is needed to go on as if nothing had happened."""

import io
from pathlib import Path
from typing import Any

import torch

from ...flow.folders import write_whole
from ...network import LearningError

__all__ = ["CHECKPOINT", "load_checkpoint", "save_checkpoint"]

CHECKPOINT = "checkpoint.pt"
"""The file within a training's folder."""

FORMAT = "pqhw training 1"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; `torch.load` reads them with `weights_only`."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | content, buffer)
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU.

    Raises
    ------
    LearningError
        One sentence that begins with the file's name.
    """
    try:
        held = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise LearningError(f"{path}: cannot be read ({error.strerror or error}).") from None
    try:
        content = torch.load(held, map_location="cpu", weights_only=True)
    except Exception:  # What a broken pickle makes its reader raise is not to be foreseen.
        raise LearningError(f"{path}: is not a complete checkpoint of a training.") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LearningError(f"{path}: is a file of PyTorch, but no checkpoint of a training.")
    return content
