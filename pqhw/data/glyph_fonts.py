"""Fonts and hands: how the strokes of a skeleton come to lie on the image."""

import dataclasses

import numpy as np

from .draws import Draws
from .glyph_shapes import skeletons

__all__ = ["FONTS", "Font", "Strokes", "place"]


@dataclasses.dataclass(frozen=True)
class Font:
    """A way to draw skeletons; every image varies it a little.

    Members
    -------
    weight: half the width of a stroke, in heights of the glyph
    contrast: by which part level strokes are thinner than upright ones
    slant: to the right, per height
    serif: half the length of the bars on free ends, in heights of the glyph
    width: of the glyph, in widths of the grid
    roundness: 1 draws arcs as they are, 0 as the box around them
    """
    weight: float
    contrast: float = 0.0
    slant: float = 0.0
    serif: float = 0.0
    width: float = 1.0
    roundness: float = 1.0


FONTS = {
    "plain": Font(weight=0.060),
    "light": Font(weight=0.042, width=0.95),
    "bold": Font(weight=0.095, width=1.1),
    "roman": Font(weight=0.068, contrast=0.5, serif=0.12),
    "italic": Font(weight=0.060, contrast=0.4, serif=0.07, slant=0.25, width=0.9),
    "typewriter": Font(weight=0.048, serif=0.15),
    "narrow": Font(weight=0.065, width=0.72),
    "wide": Font(weight=0.055, width=1.3),
    "square": Font(weight=0.065, roundness=0.45),
    "poster": Font(weight=0.105, contrast=0.5, width=1.2, roundness=0.75),
    "backward": Font(weight=0.060, slant=-0.2, roundness=0.85),
}
"""Fonts by name; all are equally likely."""

UNIT = 32
"""Coordinates on the image go from -16 to 16 both ways, whatever its size in pixels."""

BORDER = np.float32(15)
"""Coordinate that no stroke's middle exceeds."""


@dataclasses.dataclass(frozen=True, eq=False)
class Strokes:
    """Straight segments with round ends, in units of a 32nd of the image around its centre.

    Members
    -------
    begin, end: [B, S, 2] as (x, y)
    half: [B, S] half the width
    """
    begin: np.ndarray
    end: np.ndarray
    half: np.ndarray


def place(draws: Draws, symbols: np.ndarray) -> Strokes:
    """Strokes of the symbols [B], positions in `SYMBOLS`, each in a font and a pose of its own."""
    table = np.array([dataclasses.astuple(font) for font in FONTS.values()], np.float32)
    weight, contrast, slant, serif, width, roundness = table[draws.choice(len(table))].T
    height = draws.uniform(15.5, 25)
    half = np.maximum(weight * draws.uniform(0.85, 1.2) * height, 0.8)
    slant = slant + draws.uniform(-0.1, 0.1)
    width = width * draws.uniform(0.88, 1.12)
    roundness = np.minimum(roundness + draws.uniform(-0.1, 0.1), 1)

    known = skeletons()
    form = known.first[symbols] + (draws.uniform(0, 1) * known.forms[symbols]).astype(np.int64)
    share = roundness[:, None, None, None]
    points = known.square[form] + share * (known.round[form] - known.square[form])
    points = (points.reshape(len(form), -1, 2) - np.array([3, 5], np.float32)) * np.float32(0.1)
    ends = np.take_along_axis(points, known.ends[form][:, :, None], axis=1)
    reach = serif[:, None, None] * np.array([1, 0], np.float32)
    points = np.concatenate(
        [points.reshape(len(form), -1, 2, 2), np.stack([ends - reach, ends + reach], axis=2)],
        axis=1)

    x, y = points[..., 0] * _wide(width), points[..., 1]
    x, y = _turned(x - _wide(slant) * y, y, _wide(draws.uniform(-0.19, 0.19)))
    x = _fitted(x * _wide(height), draws.uniform(-4, 4))
    y = _fitted(y * _wide(height), draws.uniform(-3.5, 3.5))
    halves = half[:, None] * (1 - contrast[:, None] * _levelness(x, y))
    halves[:, -ends.shape[1]:] = np.where(serif > 0, 0.55 * half, 0)[:, None]
    begin, end = np.stack([x, y], axis=-1).transpose(2, 0, 1, 3)
    return Strokes(begin, end, np.maximum(halves, 0.6))


def _wide(values: np.ndarray) -> np.ndarray:
    return values[:, None, None]


def _turned(x: np.ndarray, y: np.ndarray, half_tangent: np.ndarray
            ) -> tuple[np.ndarray, np.ndarray]:
    """The points turned by the angle of a half tangent, without the sines that machines differ in.
    """
    square = half_tangent * half_tangent
    cosine, sine = (1 - square) / (1 + square), 2 * half_tangent / (1 + square)
    return cosine * x - sine * y, sine * x + cosine * y


def _fitted(places: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The coordinates [B, S, 2] moved by [B]; less, and smaller, where they would leave the image.
    """
    extent = places.max(axis=(1, 2)) - places.min(axis=(1, 2))
    places = places * _wide(np.minimum(2 * BORDER / extent, 1))
    low, high = -BORDER - places.min(axis=(1, 2)), BORDER - places.max(axis=(1, 2))
    return places + _wide(np.clip(shift, low, high))


def _levelness(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared cosine [B, S] of the segments' angle with the horizontal; 0 for a point."""
    across, down = x[..., 1] - x[..., 0], y[..., 1] - y[..., 0]
    length = across * across + down * down
    return across * across / np.maximum(length, np.float32(1e-6))
