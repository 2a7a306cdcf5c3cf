"""Glyphs: a generated data set of digits and letters in colour, hard enough to need convolutions.

Needs nothing but NumPy, no download and no licence. A linear classifier on the pixels does little
better than chance, as ink may be brighter or darker than what lies behind it; people and small
residual networks read nearly all of it.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .dataset import DataError, Dataset, DataTypeError
from .draws import Draws
from .glyph_scenes import CHANNELS, paint_scenes
from .glyph_shapes import SYMBOLS

if TYPE_CHECKING:  # A cache is handed in, so that this room needs NumPy alone.
    from ..flow.cache import Cache

__all__ = ["GlyphsSpec", "Progress", "glyph_images", "glyph_labels", "glyphs"]

Progress = Callable[[int, int], None]
"""Told how many images are done, and of how many."""

VERSION = 1
"""Of the generator: to be raised by every change that changes an image."""

BATCH = 128
"""Images painted at once; more take no less time."""

PARTS = {"train": 0, "test": 1}
LABEL_STREAMS = 2
"""What is added to a part for the streams that its labels come from."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GlyphsSpec:
    """Which glyphs to generate.

    Members
    -------
    train, test: number of images, 1 to 2,000,000
    classes: 2 to 30; the first so many of 0 to 9, A, C, E and on
    size: height and width in pixels, 16 to 128
    seed: 0 to 2**32 - 1; another one gives other images

    Raises
    ------
    DataTypeError, DataError
        If a field is no integer, or not in its range.
    """
    train: int = 20_000
    test: int = 4_000
    classes: int = 10
    size: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in {"train": (1, 2_000_000), "test": (1, 2_000_000),
                                  "classes": (2, len(SYMBOLS)), "size": (16, 128),
                                  "seed": (0, 2**32 - 1)}.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataTypeError(f"{name} must be an integer, but is {value}.")
            if not low <= value <= high:
                raise DataError(f"{name} must be from {low} to {high}, but is {value}.")

    def __str__(self) -> str:
        """As `load` takes it: glyphs, or glyphs:classes=26,seed=3."""
        changed = [f"{field.name}={getattr(self, field.name)}"
                   for field in dataclasses.fields(self)
                   if getattr(self, field.name) != field.default]
        return "glyphs" + (":" + ",".join(changed) if changed else "")


def glyphs(*, cache: "Cache | None" = None,
           progress: Progress = lambda done, total: None, **settings: int) -> Dataset:
    """Generated images of digits and letters, by default 20,000 and 4,000 [32, 32, 3] of digits.

    An image depends on part, index, seed, classes and size alone, so that more images begin with
    those of fewer. Every run of `classes` images has one of each class, in random order. Bytes are
    the same on every machine. 24,000 images take some 10 seconds of one core.

    Parameters
    ----------
    settings: fields of `GlyphsSpec`, as in ``glyphs(classes=26, train=5000)``
    cache: keeps what was generated, under the settings and the generator's version

    Raises
    ------
    DataTypeError, DataError
        If a setting is no integer, or not in its range.
    """
    spec = GlyphsSpec(**settings)
    total = spec.train + spec.test
    if cache is None:
        images = _generated(spec, progress)
    else:
        def make(folder: Path) -> None:
            for part, own in _generated(spec, progress).items():
                np.save(folder / f"{part}.npy", own)

        folder = cache.get("glyphs", {"version": VERSION} | dataclasses.asdict(spec), make)
        images = {part: np.load(folder / f"{part}.npy") for part in PARTS}
    progress(total, total)
    labels = {part: glyph_labels(spec, part, np.arange(len(own)))
              for part, own in images.items()}
    return Dataset(images["train"], labels["train"], images["test"], labels["test"],
                   name=str(spec), classes=SYMBOLS[:spec.classes])


def _generated(spec: GlyphsSpec, progress: Progress) -> dict[str, np.ndarray]:
    total, done, images = spec.train + spec.test, 0, {}
    for part in PARTS:
        count = getattr(spec, part)
        images[part] = np.empty((count, spec.size, spec.size, CHANNELS), np.uint8)
        for first in range(0, count, BATCH):
            indices = np.arange(first, min(first + BATCH, count))
            images[part][indices] = glyph_images(spec, part, indices)
            done += len(indices)
            progress(done, total)
    return images


def glyph_images(spec: GlyphsSpec, part: str, indices: np.ndarray) -> np.ndarray:
    """Images [B, size, size, 3] uint8 at the indices [B] of a part, `train` or `test`.

    Any batch gives the same images.
    """
    draws = Draws(spec.seed, PARTS[part], indices, noise=spec.size**2 * CHANNELS)
    return paint_scenes(draws, glyph_labels(spec, part, indices), spec.size)


def glyph_labels(spec: GlyphsSpec, part: str, indices: np.ndarray) -> np.ndarray:
    """Labels [B] int64 at the indices [B] of a part."""
    runs, place = np.divmod(indices, spec.classes)
    known, run = np.unique(runs, return_inverse=True)
    draws = Draws(spec.seed, PARTS[part] + LABEL_STREAMS, known)
    order = np.argsort(draws.uniform(0, 1, spec.classes), axis=1, kind="stable")
    return order[run, place].astype(np.int64)
