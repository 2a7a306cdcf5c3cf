"""Pieces of work in processes that end with the program, however it ends."""

import concurrent.futures
import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..data import Dataset
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
    else:
        yield from _side_by_side(pieces, jobs)


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


def _side_by_side(pieces: Sequence[Piece], jobs: int) -> Iterator[Done]:
    executor = concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(pieces)), mp_context=multiprocessing.get_context("spawn"),
        initializer=_enter)
    try:
        futures = [executor.submit(_elsewhere, piece) for piece in pieces]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()
    except concurrent.futures.process.BrokenProcessPool:
        raise RuntimeError("a process of the study was ended from outside, perhaps for want of "
                           "memory; the same command goes on where it was.") from None
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _enter() -> None:
    """Leave Ctrl-C to the program, and end when it does, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
