"""Skeletons of digits and letters: strokes of lines and arcs, cut into straight segments."""

import dataclasses
import functools
import math

import numpy as np

__all__ = ["GLYPHS", "SYMBOLS", "Skeletons", "skeletons"]

GLYPHS: dict[str, tuple[str, ...]] = {
    "0": ("3,5,3,5:0>360",),
    "1": ("0.8,2.4 3.4,0 3.4,10", "1,2 3,0 3,10; 0.8,10 5.2,10"),
    "2": ("3,3,3,3:195>395 0,10 6,10",),
    "3": ("3,2.6,2.7,2.6:200>450; 3,7.5,3,2.5:-90>160",
          "0.3,0 5.6,0 2.8,4.2; 2.8,7,3.1,3:-90>155"),
    "4": ("4.4,10 4.4,0 0,7 6,7", "1,0 0,5.6 6,5.6; 4.6,2.5 4.6,10"),
    "5": ("5.6,0 0.9,0 0.6,4.6; 2.9,6.8,3.1,3.2:220>505",),
    "6": ("3,7,3,3:0>360; 6,7,6,7:180>260",),
    "7": ("0,0 6,0 2,10", "0,0 6,0 2,10; 1.6,5.2 5.6,5.2"),
    "8": ("3,2.5,2.5,2.5:0>360; 3,7.5,3,2.5:0>360",),
    "9": ("3,3,3,3:0>360; 0,3,6,7:0>80",),
    "A": ("0,10 3,0 6,10; 1.1,6.6 4.9,6.6",),
    "C": ("3.2,5,3.2,5:-50>-310",),
    "E": ("6,0 0,0 0,10 6,10; 0,5 4.6,5",),
    "F": ("6,0 0,0 0,10; 0,5 4.6,5",),
    "G": ("3.2,5,3.2,5:-50>-350 3.6,5.8",),
    "H": ("0,0 0,10; 6,0 6,10; 0,5 6,5",),
    "J": ("5.4,0 5.4,7 2.7,7,2.7,3:0>170", "3,0 6,0; 5,0 5,7 2.5,7,2.5,3:0>170"),
    "K": ("0,0 0,10; 6,0 0,6; 1.8,4.3 6,10",),
    "L": ("0,0 0,10 5.6,10",),
    "M": ("0,10 0,0 3,6.5 6,0 6,10",),
    "N": ("0,10 0,0 6,10 6,0",),
    "P": ("0,10 0,0 3,0 3,2.8,3,2.8:-90>90 0,5.6",),
    "Q": ("3,5,3,5:0>360; 3.4,6.6 6.4,10.6",),
    "R": ("0,10 0,0 3,0 3,2.8,3,2.8:-90>90 0,5.6; 2.6,5.6 6,10",),
    "T": ("0,0 6,0; 3,0 3,10",),
    "U": ("0,0 0,7 3,7,3,3:180>0 6,0",),
    "V": ("0,0 3,10 6,0",),
    "W": ("0,0 1.4,10 3,3 4.6,10 6,0",),
    "X": ("0,0 6,10; 6,0 0,10",),
    "Y": ("0,0 3,5 6,0; 3,5 3,10",),
}
"""Each symbol's forms, on a grid 6 wide and 10 high with y downwards. Strokes stand between
semicolons; a stroke joins points ``x,y`` and arcs ``x,y,rx,ry:from>to`` around a centre, in degrees
clockwise from the right. Symbols that distortion makes alike, as O and 0, are left out."""

SYMBOLS = tuple(GLYPHS)

ARC_STEP = 30
"""Degrees of an arc per segment."""

FREE = 0.4
"""Distance from all other strokes at which an end is free and may carry a serif."""


@dataclasses.dataclass(frozen=True, eq=False)
class Skeletons:
    """All forms of all symbols as arrays of one size; short forms repeat their last segment.

    Members
    -------
    round, square: [G, S, 2, 2] float32 ends of segments as (x, y); arcs as they are, and pushed
        outwards to the box around them
    ends: [G, E] free ends of strokes, where serifs stand, as 2 * segment + end; 0 if none is free
    first, forms: [symbols] position of a symbol's first form, and how many it has
    """
    round: np.ndarray
    square: np.ndarray
    ends: np.ndarray
    first: np.ndarray
    forms: np.ndarray


@functools.cache
def skeletons() -> Skeletons:
    """The skeletons of `GLYPHS`, in its order."""
    forms = [_form(text) for texts in GLYPHS.values() for text in texts]
    ends = [_free_ends(segments) for segments, _ in forms]
    counts = np.array([len(texts) for texts in GLYPHS.values()])
    return Skeletons(
        round=_filled([segments for segments, _ in forms]),
        square=_filled([segments for _, segments in forms]),
        ends=_filled(ends).astype(np.int64), first=np.cumsum(counts) - counts, forms=counts)


def _filled(arrays: list[np.ndarray]) -> np.ndarray:
    """One array of all, each as long as the longest by repeating its last item."""
    most = max(len(array) for array in arrays)
    return np.stack([np.concatenate([array, np.repeat(array[-1:], most - len(array), axis=0)])
                     for array in arrays]).astype(np.float32)


def _form(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Segments [S, 2, 2] of a form, with arcs round and square."""
    strokes = [[point for item in stroke.split() for point in _points(item)]
               for stroke in text.split(";")]
    pairs = [pair for points in strokes for pair in zip(points, points[1:])]
    # Rounded, as sines differ in their last bit between machines.
    segments = np.round(np.array([pair for pair in pairs if pair[0] != pair[1]]), 3)
    return segments[:, :, 0], segments[:, :, 1]


def _points(item: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Points of an item, each round and square."""
    place, _, turn = item.partition(":")
    numbers = [float(number) for number in place.split(",")]
    if not turn:
        x, y = numbers
        return [((x, y), (x, y))]
    begin, end = (math.radians(float(angle)) for angle in turn.split(">"))
    steps = math.ceil(abs(end - begin) / math.radians(ARC_STEP) - 1e-9)
    points = []
    for index in range(steps + 1):
        angle = begin + (end - begin) * index / steps
        across, down = math.cos(angle), math.sin(angle)
        outwards = 1 / max(abs(across), abs(down))
        x, y, wide, high = numbers
        points.append(((x + wide * across, y + high * down),
                       (x + wide * across * outwards, y + high * down * outwards)))
    return points


def _free_ends(segments: np.ndarray) -> np.ndarray:
    """Positions [E] of the points that are near one segment only; the first point if none is."""
    free = [index for index, point in enumerate(segments.reshape(-1, 2))
            if sum(_distance(point, begin, end) < FREE for begin, end in segments) == 1]
    return np.array(free or [0])


def _distance(point: np.ndarray, begin: np.ndarray, end: np.ndarray) -> float:
    along = end - begin
    share = np.clip((point - begin) @ along / (along @ along), 0, 1)
    return float(np.hypot(*(begin + share * along - point)))
