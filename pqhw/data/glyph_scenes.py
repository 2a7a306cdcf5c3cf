"""Scenes: a glyph over a texture and stray strokes, beneath something that hides a part of it."""

import numpy as np

from .draws import Draws
from .glyph_fonts import UNIT, Strokes, place
from .paint import TEXTURE_NUMBERS, TEXTURES, cover, distance_to, pixel_grid, smooth, texture

__all__ = ["CHANNELS", "paint_scenes"]

CHANNELS = 3

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue look."""

STRAYS = 3
"""Stray strokes of a scene, at most."""


OCCLUDERS = (((0.9, 1.7), (60, 61), 0.5), ((2, 3.7), (0, 5), 0.45))
"""Half width and length of a bar and of a blob, and how often each is there."""


def paint_scenes(draws: Draws, symbols: np.ndarray, size: int) -> np.ndarray:
    """Images [B, size, size, 3] uint8 of the symbols [B], positions in `SYMBOLS`.

    Brightness and colours go from 0 to 1, lengths are 32nds of the image. Ink differs from what
    lies behind it by at least 0.14 in brightness, before tints, shades and noise.

    Parameters
    ----------
    draws: with size * size * 3 noise values per image
    """
    strokes = place(draws, symbols)
    x, y = _warped(draws, size)
    softness = draws.uniform(0.8, 1.7) * np.float32(max(UNIT / size, 0.5))
    bright = draws.uniform(0.14, 0.86)
    contrast = draws.uniform(0.24, 0.5) * np.where(draws.chance(0.5), 1, -1).astype(np.float32)
    ink = bright + contrast
    contrast = np.where((ink < 0.04) | (ink > 0.96), -contrast, contrast)

    image = _background(draws, bright, size)
    strays = draws.choice(STRAYS + 1)
    for index in range(STRAYS):
        stray = _capsule(draws, length=(5, 16), half=(0.5, 1.2), reach=15)
        colour = _colour(draws, bright + contrast * draws.uniform(-0.8, 0.7))
        _over(image, cover(distance_to(stray, x, y), softness), colour, strays > index)

    shade = draws.uniform(0, 0.1)[:, None] * smooth(draws.uniform(-1, 1, 3, 3), size)
    colour = _colour(draws, bright + contrast)[:, None] + shade[..., None]
    _over(image, cover(distance_to(strokes, x, y), softness), colour)

    for half, length, chance in OCCLUDERS:
        occluder = _capsule(draws, length=length, half=half, reach=10)
        _over(image, cover(distance_to(occluder, x, y), softness),
              _colour(draws, draws.uniform(0.05, 0.95)), draws.chance(chance))

    grain = draws.uniform(0.01, 0.09)[:, None] * draws.noise()
    values = (image.reshape(grain.shape) + grain) * 255
    return np.clip(np.floor(values + np.float32(0.5)), 0, 255).astype(np.uint8).reshape(
        len(symbols), size, size, CHANNELS)


def _background(draws: Draws, bright: np.ndarray, size: int) -> np.ndarray:
    """A texture [B, P, 3] between two colours about as bright as [B]."""
    spread = draws.uniform(0.03, 0.2) / 2
    low, high = _colour(draws, bright - spread), _colour(draws, bright + spread)
    field = texture(draws.choice(len(TEXTURES)), draws.uniform(0, 1, TEXTURE_NUMBERS), size)
    return low[:, None] + (high - low)[:, None] * field[..., None]


def _warped(draws: Draws, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [B, P] moved smoothly, as on elastic."""
    x, y = pixel_grid(size)
    strength = draws.uniform(0, 2.1)[:, None, None]
    return (x + smooth(strength * draws.uniform(-1, 1, 4, 4), size),
            y + smooth(strength * draws.uniform(-1, 1, 4, 4), size))


def _colour(draws: Draws, bright: np.ndarray) -> np.ndarray:
    """A random colour [B, 3] of the brightness [B], both from 0 to 1."""
    tint = draws.uniform(-0.25, 0.25, CHANNELS)
    own = sum(tint[:, index] * np.float32(weight) for index, weight in enumerate(LUMA))
    return np.clip(bright[:, None] + tint - np.asarray(own)[:, None], 0, 1)


def _capsule(draws: Draws, *, length: tuple[float, float], half: tuple[float, float],
             reach: float) -> Strokes:
    """One straight stroke per image, its middle within `reach` of the centre both ways."""
    middle = draws.uniform(-reach, reach, 1, 2)
    tangent = draws.uniform(-1, 1)
    square = tangent * tangent
    heading = np.stack([1 - square, 2 * tangent], axis=1) / (1 + square)[:, None]
    turned = np.where(draws.chance(0.5)[:, None], heading[:, ::-1], heading)[:, None]
    along = turned * (draws.uniform(*length) / 2)[:, None, None]
    return Strokes(middle - along, middle + along, draws.uniform(*half, 1))


def _over(image: np.ndarray, share: np.ndarray, colour: np.ndarray,
          present: np.ndarray | None = None) -> None:
    """Lay a colour [B, 3] or [B, P, 3] over the image [B, P, 3], where it is present [B]."""
    if present is not None:
        share = share * present[:, None].astype(np.float32)
    if colour.ndim == 2:
        colour = colour[:, None]
    image += share[..., None] * (colour - image)
