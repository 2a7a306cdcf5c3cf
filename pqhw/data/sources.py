"""Data sets by name or path."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .cifar import holds_cifar10, load_cifar10
from .dataset import DataError, Dataset
from .digits import digits_images
from .files import load_npz
from .folder import load_folder
from .glyph_set import GlyphsSpec, Progress, glyphs

if TYPE_CHECKING:
    from ..flow.cache import Cache

__all__ = ["KNOWN", "load"]

KNOWN = ("digits", "glyphs", "glyphs:classes=26,train=5000,seed=3", "cifar10:FOLDER", "FILE.npz",
         "a folder of CIFAR-10", "a folder of train/CLASS/*.png and test/CLASS/*.png")
"""What `load` takes."""


def load(what: str | os.PathLike[str], *, cache: "Cache | None" = None,
         progress: Progress = lambda done, total: None) -> Dataset:
    """The data set of a name or path, one of `KNOWN`.

    Parameters
    ----------
    cache: keeps generated images
    progress: told how many images are there, and of how many, where that takes time

    Raises
    ------
    DataError
        If there is no such data set, with all that is possible; or as the data set's own function.
    LearningError
        If `digits` are asked for without scikit-learn.
    """
    text = os.fspath(what)
    name, colon, rest = text.partition(":")
    path = Path(text)
    if text == "digits":
        return digits_images()
    if name == "glyphs" and not (colon and path.exists()):
        return _glyphs(rest, cache, progress)
    if name == "cifar10" and colon:
        return load_cifar10(rest)
    if path.suffix == ".npz":
        return load_npz(path)
    if path.is_dir():
        if holds_cifar10(path):
            return load_cifar10(path)
        if (path / "train").is_dir():
            return load_folder(path, progress=progress)
        raise DataError(f"{text}: must hold CIFAR-10, or train and test with a folder per class, "
                        "but holds neither.")
    problem = "is no data set" if path.exists() else "is no data set and no file"
    raise DataError(f"{text}: {problem}; possible are {', '.join(KNOWN)}.")


def _glyphs(text: str, cache: "Cache | None", progress: Progress) -> Dataset:
    """Glyphs of settings like ``classes=26,train=5000``."""
    settings: dict[str, int] = {}
    known = [field.name for field in dataclasses.fields(GlyphsSpec)]
    for item in text.split(",") if text else []:
        name, _, value = item.strip().partition("=")
        if name not in known or name in settings or not (value.isascii() and value.isdigit()):
            raise DataError(f"glyphs must be followed by settings like classes=26,seed=3 out of "
                            f"{', '.join(known)}, each once, but is by {item or 'an empty one'}.")
        settings[name] = int(value)
    try:
        return glyphs(cache=cache, progress=progress, **settings)
    except DataError as error:
        raise type(error)(f"glyphs: {error}") from None
