"""Who does the points of a sweep: processes here, or workers of a Dask scheduler."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...flow.pool import Ended, completed
from ...flow.tools import ToolMissing
from ...spec import SpecError

__all__ = ["check_scheduler", "finished"]

CONNECTING = 20
"""Seconds until a scheduler that does not answer is given up."""


def check_scheduler(scheduler: str) -> None:
    """Raise `SpecError` where a scheduler is none."""
    kind, colon, address = scheduler.partition(":")
    if kind not in ("local", "dask") or (colon and (kind == "local" or not address)):
        raise SpecError("--scheduler must be local, dask or dask:ADDRESS, "
                        f"but is {scheduler}.")


def finished(scheduler: str, function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int
             ) -> Iterator[tuple[int, Any]]:
    """Every task's place and what came of it, as `pqhw.flow.pool.completed` gives them.

    Parameters
    ----------
    scheduler: `local`; `dask` for a cluster of processes on this machine; `dask:ADDRESS` for a
        scheduler that is there, by its address or its scheduler file
    jobs: processes, where they are made here

    Raises
    ------
    SpecError
        If the scheduler does not answer.
    ToolMissing
        Without Dask.
    """
    if not tasks:
        return
    kind, _, address = scheduler.partition(":")
    if kind == "local":
        yield from completed(function, tasks, jobs)
    else:
        yield from _by_dask(address, function, tasks, jobs)


def _by_dask(address: str, function: Callable[[Any], Any], tasks: Sequence[Any], jobs: int
             ) -> Iterator[tuple[int, Any]]:
    try:
        import distributed
    except ImportError:
        raise ToolMissing("dask is not installed; run: pip install 'pqhw[cluster]'") from None
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(_client(distributed, stack, address, min(jobs, len(tasks))))
        # Not pure: whether a point is done is known from the folder, not from Dask's memory.
        futures = {client.submit(function, task, pure=False): index
                   for index, task in enumerate(tasks)}
        stack.callback(client.cancel, list(futures))
        for future in distributed.as_completed(list(futures)):
            try:
                done = future.result()
            except distributed.KilledWorker:
                done = Ended()
            yield futures.pop(future), done


def _client(distributed: Any, stack: contextlib.ExitStack, address: str, jobs: int) -> Any:
    """A client of the scheduler that is named, or of one that is made."""
    if not address:
        cluster = stack.enter_context(distributed.LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None,
            memory_limit=None, silence_logs=logging.CRITICAL))
        return distributed.Client(cluster)
    try:
        if address.endswith(".json"):
            return distributed.Client(scheduler_file=address, timeout=CONNECTING)
        return distributed.Client(address, timeout=CONNECTING)
    except (OSError, ValueError) as error:
        raise SpecError(f"--scheduler dask:{address} must name a scheduler that answers, but "
                        f"there is none ({error}).") from None
