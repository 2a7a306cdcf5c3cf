"""What the input of a file may be: a row, an image with its channels first or last, or a row that
the file cuts into an image."""

import dataclasses
from collections.abc import Iterator, Sequence

from ..graph import INPUT
from ..ops import GraphError
from .layout import BATCH, View, image_view, regroup
from .state import row_view

__all__ = ["cut_readings", "readings"]


def readings(dims: Sequence[int | None]) -> Iterator[View]:
    """Views of an input of such sizes, the likeliest first; the first size is None where open."""
    batch, *sizes = (BATCH if size is None else size for size in dims)
    yield from _readings(batch, sizes)


def _readings(batch: int, sizes: list[int]) -> Iterator[View]:
    """An input of such sizes as a row, or as an image with the channels first or last."""
    if len(sizes) == 1:
        yield row_view(INPUT, batch, sizes[0])
    elif len(sizes) == 2:
        first, second = sizes
        yield _ordered(batch, (first, second, 1), "HW")
        yield image_view(INPUT, batch, (1, second, first), "W")
        yield _ordered(batch, (1, first, second), "WC")
    else:
        first, second, third = sizes
        found = [image_view(INPUT, batch, (second, third, first)),
                 _ordered(batch, (first, second, third), "HWC")]
        # Colours come last where there are one, three or four of something and more of the first.
        yield from found[::-1] if third in (1, 3, 4) and first > 4 else found


def _ordered(batch: int, shape: tuple[int, int, int], order: str) -> View:
    """An image [H, W, C] whose axes stand in the file as `order`."""
    view = image_view(INPUT, batch, shape)
    return dataclasses.replace(view, dims=tuple(view.axes(axis) for axis in "N" + order))


def cut_readings(dims: Sequence[int | None], target: Sequence[int]) -> Iterator[View]:
    """Views of an input as a reshape of the file to `target` would have it."""
    batch, *given = (BATCH if size is None else size for size in dims)
    rows, *sizes = target
    if rows != batch or not 2 <= len(sizes) <= 3:
        return
    for view in _readings(batch, sizes):
        try:
            yield dataclasses.replace(view, dims=regroup(view, [batch, *given]))
        except GraphError:
            continue
