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

STARTING = 120
"""Seconds until processes of our own that do not become workers are given up."""

QUEUEING = 600
"""The same of a scheduler that is there, whose workers may be jobs that wait for their turn."""

OWN = {"distributed.deploy.lost-worker-timeout": "1 hour",
       "distributed.scheduler.allowed-failures": 0,
       "distributed.scheduler.no-workers-timeout": f"{STARTING} s"}
"""A cluster of our own waits for a worker that was ended to come back, however slow the machine is;
and a task whose worker was ended is none of the cluster's to repeat. It gives tasks up where no
worker is left and none comes back."""


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
        If the scheduler does not answer, or has no worker within `STARTING` or `QUEUEING`.
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
        patience = QUEUEING if address else STARTING
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError:
            raise _without_workers(address, f"none came within {patience} seconds") from None
        # Not pure: whether a point is done is known from the folder, not from Dask's memory.
        futures = {client.submit(function, task, pure=False): index
                   for index, task in enumerate(tasks)}
        stack.callback(lambda: client.cancel(list(futures)))
        suspects = []
        for future in distributed.as_completed(list(futures)):
            try:
                done = _result(distributed, address, future)
            except distributed.KilledWorker:  # Perhaps by another task of the same worker.
                suspects.append(futures.pop(future))
                continue
            yield futures.pop(future), done
        for index in suspects:
            again = client.submit(function, tasks[index], pure=False)
            futures[again] = index
            try:
                done = _result(distributed, address, again)
            except distributed.KilledWorker:
                done = Ended()
            yield futures.pop(again), done


def _result(distributed: Any, address: str, future: Any) -> Any:
    """What came of a task; one sentence where the scheduler is gone."""
    try:
        return future.result()
    except (distributed.CancelledError, distributed.comm.CommClosedError):
        raise SpecError(f"--scheduler dask{f':{address}' * bool(address)} must stay there until "
                        "the sweep is done, but is gone; the same command goes on.") from None
    except distributed.scheduler.NoWorkerError:
        raise _without_workers(address, f"none was left for {STARTING} seconds") from None


def _without_workers(address: str, reason: str) -> SpecError:
    """What is said where nobody does the points."""
    return SpecError(f"--scheduler dask{f':{address}' * bool(address)} must have workers that "
                     f"start, but {reason}; the same command goes on.")


def _client(distributed: Any, stack: contextlib.ExitStack, address: str, jobs: int) -> Any:
    """A client of the scheduler that is named, or of one that is made."""
    if not address:
        import dask
        stack.enter_context(dask.config.set(OWN))
        try:
            cluster = stack.enter_context(distributed.LocalCluster(
                n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None,
                memory_limit=None, silence_logs=logging.CRITICAL, death_timeout=STARTING))
        except (TimeoutError, AssertionError):  # Dask asserts that what it ends had started.
            raise _without_workers(address, f"none came within {STARTING} seconds") from None
        except RuntimeError as error:
            raise _without_workers(address, f"they end ({error.__cause__ or error})") from None
        return distributed.Client(cluster)
    try:
        if address.endswith(".json"):
            return distributed.Client(scheduler_file=address, timeout=CONNECTING)
        return distributed.Client(address, timeout=CONNECTING)
    except (OSError, ValueError) as error:
        raise SpecError(f"--scheduler dask:{address} must name a scheduler that answers, but "
                        f"there is none ({error}).") from None
