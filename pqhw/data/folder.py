"""Image folders: a folder per part, in it a folder per class, in it image files."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import DataError, Dataset, reason

__all__ = ["IMAGE_ENDINGS", "load_folder"]

IMAGE_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp")

PARTS = ("train", "test")

GREY = ("1", "L")
COLOUR = ("P", "RGB", "RGBA")
"""Pillow's modes of 8 bits or less that are read; what is transparent is ignored."""


def load_folder(path: str | os.PathLike[str], *,
                progress: Callable[[int, int], None] = lambda done, total: None) -> Dataset:
    """Images from `train/<class>/*` and `test/<class>/*`; needs Pillow.

    Classes are the folders of `train`, by name; images come in the order of class and file name.
    They are grey, C = 1, if every file is, and RGB otherwise. Files with other endings than
    `IMAGE_ENDINGS`, and those whose name begins with a dot, are not looked at.

    Parameters
    ----------
    progress: told how many images are read, and of how many

    Raises
    ------
    DataError
        If Pillow is not installed, a folder is missing or without images, a class of `test` is not
        in `train`, or an image is damaged, of another size, or of more than 8 bits per channel.
    """
    pillow = _pillow()
    path = Path(path)
    classes = _subfolders(path / "train")
    files = {part: _files(path / part, classes) for part in PARTS}
    total = sum(len(own) for own in files.values())
    arrays: dict[str, list[np.ndarray]] = {part: [] for part in PARTS}
    first: tuple[Path, tuple[int, int]] | None = None
    for part in PARTS:
        for file, _ in files[part]:
            array = _read(pillow, file, first)
            first = first or (file, array.shape[:2])
            arrays[part].append(array)
            progress(sum(len(own) for own in arrays.values()), total)
    channels = max(array.shape[2] for own in arrays.values() for array in own)
    images = {part: np.stack([np.broadcast_to(array, (*array.shape[:2], channels))
                              for array in arrays[part]]) for part in PARTS}
    labels = {part: np.array([label for _, label in files[part]], np.int64) for part in PARTS}
    return Dataset(images["train"], labels["train"], images["test"], labels["test"],
                   name=path.resolve().name, classes=tuple(classes))


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise DataError("image folders need pillow; run pip install 'pqhw[data]'.") from None


def _subfolders(folder: Path) -> list[str]:
    try:
        names = sorted(entry.name for entry in folder.iterdir()
                       if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: must be a folder of a folder per class, but cannot be read "
                        f"({error.strerror}).") from None
    if not names:
        raise DataError(f"{folder}: must hold a folder per class, but holds none.")
    return names


def _files(folder: Path, classes: list[str]) -> list[tuple[Path, int]]:
    """Image files of a part, each with its class."""
    found = []
    for name in _subfolders(folder):
        if name not in classes:
            raise DataError(f"{folder / name}: must be a class of train, one of "
                            f"{', '.join(classes[:10])}{', …' * (len(classes) > 10)}.")
        own = sorted(file for file in (folder / name).iterdir()
                     if file.suffix.lower() in IMAGE_ENDINGS and not file.name.startswith("."))
        if not own:
            raise DataError(f"{folder / name}: must hold images ({', '.join(IMAGE_ENDINGS)}), "
                            "but holds none.")
        found += [(file, classes.index(name)) for file in own]
    return found


def _read(pillow: Any, file: Path, first: tuple[Path, tuple[int, int]] | None) -> np.ndarray:
    """One image [H, W, 1 or 3]; `first` is the file whose size it must have."""
    try:
        with pillow.open(file) as image:
            if image.mode not in GREY + COLOUR:
                raise DataError(f"{file}: must be grey or RGB with at most 8 bits per channel, "
                                f"but is of mode {image.mode}.")
            if first is not None and image.size != first[1][::-1]:
                raise DataError(f"{file}: must be of {first[1][1]} x {first[1][0]} pixels as "
                                f"{first[0]} is, but is of {image.size[0]} x {image.size[1]}.")
            array = np.asarray(image.convert("L" if image.mode in GREY else "RGB"))
    except DataError:
        raise
    except Exception as error:  # Damage raises almost anything, SyntaxError included.
        raise DataError(f"{file}: cannot be read as an image ({reason(error)}).") from None
    return array[..., None] if array.ndim == 2 else array
