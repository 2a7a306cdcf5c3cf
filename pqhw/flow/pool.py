"""Tasks in processes that end with the program, however it ends."""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .tools import end_tools

__all__ = ["Ended", "completed", "follow_parent"]


class Ended(RuntimeError):
    """The process of a task was ended from outside, again where it ran alone."""

    def __init__(self) -> None:
        super().__init__("its process was ended from outside, perhaps for want of memory.")


def completed(function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int
              ) -> Iterator[tuple[int, Any]]:
    """Call a function for every task, `jobs` at a time, each in a process of its own making.

    Parameters
    ----------
    function: of a module, as it is called in other processes
    tasks: plain enough to be sent there

    Yields
    ------
    A task's place among the tasks and what came of it, as they are complete. Where processes
    are ended from outside, the tasks that were under way run once more, one after the other; one
    whose process is ended again comes with `Ended`. What the function raises is raised.
    """
    waiting = collections.deque(range(len(tasks)))
    while waiting:
        suspects: list[int] = []
        yield from _round(function, tasks, waiting, jobs, suspects)
        for index in suspects:
            again: list[int] = []
            yield from _round(function, tasks, collections.deque([index]), 1, again)
            if again:
                yield index, Ended()


def _round(function: Callable[[Any], Any], tasks: Sequence[Any], waiting: collections.deque[int],
           jobs: int, suspects: list[int]) -> Iterator[tuple[int, Any]]:
    """Do what waits, until nothing does or a process is ended; `suspects` are then those under
    way."""
    executor = concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(waiting)), mp_context=multiprocessing.get_context("spawn"),
        initializer=_enter)
    running: dict[concurrent.futures.Future[Any], int] = {}
    try:
        while running or (waiting and not suspects):
            while waiting and len(running) < jobs and not suspects:
                index = waiting.popleft()
                try:
                    running[executor.submit(function, tasks[index])] = index
                except BrokenProcessPool:
                    suspects.append(index)
            done, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                index = running.pop(future)
                try:
                    yield index, future.result()
                except BrokenProcessPool:
                    suspects.append(index)
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
    signal.signal(signal.SIGTERM, lambda number, frame: _leave())
    follow_parent()


_following = threading.Lock()


def follow_parent() -> None:
    """End this process, and the tools that it runs, when the one that made it ends.

    A process that was made by no other of Python's goes on.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and _following.acquire(blocking=False):
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    _leave()


def _leave() -> None:
    end_tools()
    os._exit(1)
