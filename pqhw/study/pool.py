"""Pieces of a study's work, one after the other or side by side."""

import functools
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..data import Dataset
from ..flow.pool import Ended, completed
from .pieces import Piece, Progress, do_piece, study_data

__all__ = ["done_pieces"]

Done = tuple[Piece, dict[str, Any], float]
"""A piece, its result, and the seconds that it took."""


def done_pieces(pieces: Sequence[Piece], data: Dataset, jobs: int, progress: Progress
                ) -> Iterator[Done]:
    """Do pieces, `jobs` at a time, and give each when it is complete.

    Parameters
    ----------
    data: of the pieces' study; other processes read it once more
    progress: told the share of a piece that is done, where there is but one job

    Raises
    ------
    RuntimeError
        If a process ended before its piece, as for want of memory. What is complete is kept.
    """
    if jobs == 1 or len(pieces) < 2:
        for piece in pieces:
            yield _timed(piece, data, functools.partial(_named, progress, piece.name))
        return
    for _, done in completed(_elsewhere, pieces, jobs):
        if isinstance(done, Ended):
            raise RuntimeError("a process of the study was ended from outside, perhaps for want "
                               "of memory; the same command goes on where it was.")
        yield done


def _named(progress: Progress, name: str, share: float, text: str) -> None:
    progress(share, f"{name}: {text}")


def _timed(piece: Piece, data: Dataset, progress: Progress) -> Done:
    begun = time.monotonic()
    result = do_piece(piece, data, progress)
    return piece, result, time.monotonic() - begun


def _elsewhere(piece: Piece) -> Done:
    """In a process of its own."""
    data = _held(piece.study.data, piece.study.test_images)
    return _timed(piece, data, lambda share, text: None)


_held = functools.lru_cache(maxsize=1)(study_data)
"""The data set of the one study that a process works for."""
