"""Fields over the pixels of a batch of images: distances to strokes, smooth fields, textures.

Every field is [B, P] float32 over P = size * size pixels, row by row, at coordinates from -16 to
16. All steps are single additions, products, square roots and comparisons, which every machine
rounds alike: equal numbers give equal bytes everywhere.
"""

from collections.abc import Callable

import numpy as np

from .glyph_fonts import UNIT, Strokes

__all__ = ["TEXTURES", "TEXTURE_NUMBERS", "cover", "distance_to", "pixel_grid", "smooth",
           "texture"]


def pixel_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x [P] and y [P] of the pixels' centres."""
    steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(UNIT / size)
    y, x = np.meshgrid(steps - UNIT // 2, steps - UNIT // 2, indexing="ij")
    return x.ravel(), y.ravel()


def distance_to(strokes: Strokes, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance [B, P] of points [B or 1, P] to the nearest edge of the strokes, inside negative."""
    nearest = np.full((len(strokes.half), x.shape[-1]), UNIT, np.float32)
    along = strokes.end - strokes.begin
    length = np.sqrt(along[..., 0] * along[..., 0] + along[..., 1] * along[..., 1])
    heading = along / np.maximum(length, np.float32(1e-6))[..., None]
    for index in range(strokes.half.shape[1]):
        begin, (across, down) = strokes.begin[:, index], heading[:, index].T[:, :, None]
        right, below = x - begin[:, :1], y - begin[:, 1:]
        reached = right * across
        reached += below * down
        np.clip(reached, 0, length[:, index, None], out=reached)
        right -= reached * across
        below -= reached * down
        right *= right
        below *= below
        right += below
        np.sqrt(right, out=right)
        right -= strokes.half[:, index, None]
        np.minimum(nearest, right, out=nearest)
    return nearest


def cover(distance: np.ndarray, softness: np.ndarray) -> np.ndarray:
    """Share [B, P] of each pixel that lies inside, for edges [B] units wide."""
    return np.clip(np.float32(0.5) - distance / softness[:, None], 0, 1)


def smooth(lattice: np.ndarray, size: int) -> np.ndarray:
    """A field that runs smoothly through the values [B, G, G] of a lattice laid over the image."""
    cells = lattice.shape[1] - 1
    place = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / size)
    left = place.astype(np.int64)
    share = place - np.floor(place)
    share = share * share * (3 - 2 * share)
    rows = lattice[:, left] * (1 - share)[:, None] + lattice[:, left + 1] * share[:, None]
    field = rows[:, :, left] * (1 - share) + rows[:, :, left + 1] * share
    return field.reshape(len(lattice), -1)


# -- Textures: values from 0 to 1, from numbers [B, TEXTURE_NUMBERS] between 0 and 1 ------------

TEXTURE_NUMBERS = 29


def _across(numbers: np.ndarray, size: int) -> np.ndarray:
    """Distance along a direction of its own in each image, in units."""
    x, y = pixel_grid(size)
    tangent = 2 * numbers[:, :1] - 1
    square = tangent * tangent
    return ((1 - square) * x + 2 * tangent * y) / (1 + square)


def _gradient(numbers: np.ndarray, size: int) -> np.ndarray:
    return np.clip(_across(numbers, size) / UNIT + np.float32(0.5), 0, 1)


def _stripes(numbers: np.ndarray, size: int) -> np.ndarray:
    period = 5 + 9 * numbers[:, 2:3]
    phase = _across(numbers, size) / period + numbers[:, 3:4]
    wave = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2
    return np.clip((wave - np.float32(0.5)) * (1 + 4 * numbers[:, 4:5]) + np.float32(0.5), 0, 1)


def _checks(numbers: np.ndarray, size: int) -> np.ndarray:
    period = 4 + 8 * numbers[:, 2:3]
    turned = np.concatenate([numbers[:, 1:2], numbers[:, :1]], axis=1)
    first = np.floor(_across(numbers, size) / period + numbers[:, 3:4])
    second = np.floor(_across(turned, size) / period + numbers[:, 4:5])
    both = (first + second) * np.float32(0.5)
    return (both - np.floor(both)) * 2


def _clouds(numbers: np.ndarray, size: int) -> np.ndarray:
    coarse = smooth(numbers[:, :4].reshape(-1, 2, 2), size)
    return (coarse + 2 * smooth(numbers[:, 4:29].reshape(-1, 5, 5), size)) / 3


def _spots(numbers: np.ndarray, size: int) -> np.ndarray:
    centres = (numbers[:, :12].reshape(-1, 6, 2) - np.float32(0.5)) * UNIT
    spots = Strokes(centres, centres, 2 + 5 * numbers[:, 12:18])
    x, y = pixel_grid(size)
    return cover(distance_to(spots, x[None], y[None]), 1 + 2 * numbers[:, 18])


TEXTURES: tuple[Callable[[np.ndarray, int], np.ndarray], ...] = (
    _gradient, _stripes, _checks, _clouds, _spots)


def texture(kinds: np.ndarray, numbers: np.ndarray, size: int) -> np.ndarray:
    """Values [B, P] from 0 to 1 of each image's own kind [B], a position in `TEXTURES`."""
    field = np.zeros((len(kinds), size * size), np.float32)
    for kind, paint in enumerate(TEXTURES):
        own = kinds == kind
        if own.any():
            field[own] = paint(numbers[own], size)
    return field
