"""A sweep from its points to its table; what is complete in the folder is not computed again."""

import dataclasses
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...flow.folders import alone, write_whole
from ...flow.pool import Ended
from .cluster import check_scheduler, finished
from .plan import Point, Sweep
from .point import Done, Task, code_digest, do_task, expected_seconds, failure
from .results import (LOG, PLAN, RESULT, RUNS, SCHEMA, Row, SweepResult, figures_of,
                      load_document, load_sweep_result)

__all__ = ["Step", "SweepRun"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """How far a sweep is.

    Members
    -------
    done, total: points that had to be measured
    row: the one that was finished last; None at the start
    seconds: that are left, about
    """
    done: int
    total: int
    row: Row | None
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A sweep in a folder.

    Parameters
    ----------
    toolchain: yowasp or native
    timeout: seconds after which a tool is ended
    work: what does a point; another function in tests
    """
    sweep: Sweep
    folder: Path
    toolchain: str = "yowasp"
    timeout: float = 3600
    work: Callable[[Task], Done] = do_task

    @functools.cached_property
    def tasks(self) -> list[Task | None]:
        """The work of every point; None for one whose spec breaks a rule.

        Raises `ToolMissing` where the tools that measure are not installed.
        """
        return [None if point.design is None else self._task(point)
                for point in self.sweep.points]

    def _task(self, point: Point) -> Task:
        assert point.design is not None
        return Task(name=point.name, method=self.sweep.method, design=point.design,
                    device=point.device, seeds=point.seeds, toolchain=self.toolchain,
                    timeout=self.timeout, code=code_digest(self.sweep.method))

    def path(self, task: Task) -> Path:
        """Where a point's result lies or would lie."""
        return self.folder / RUNS / f"{task.key}.json"

    @property
    def missing(self) -> list[Task]:
        """The work that is not done yet; points that are alike are one."""
        distinct = {task.key: task for task in self.tasks if task is not None}
        return [task for task in distinct.values() if load_document(self.path(task)) is None]

    def expected(self) -> tuple[list[tuple[str, str, float | None]], float]:
        """Every point's name, state and expected seconds, and those of all that is to do."""
        left = {task.key for task in self.missing}
        points: list[tuple[str, str, float | None]] = []
        seconds: dict[str, float] = {}
        for point, task in zip(self.sweep.points, self.tasks):
            if task is None:
                points.append((point.name, "failed", None))
            elif task.key in left:
                own = seconds[task.key] = expected_seconds(task)
                points.append((point.name, "to do", own))
            else:
                found = load_document(self.path(task))
                points.append((point.name, figures_of(found)["status"] if found else "to do", None))
        return points, sum(seconds.values())

    def run(self, *, scheduler: str = "local", jobs: int = 1, retry: bool = False,
            progress: Callable[[Step], None] = lambda step: None) -> SweepResult:
        """Do what is not done yet, and write sweep.json.

        Parameters
        ----------
        scheduler: `local`, `dask` or `dask:ADDRESS`
        jobs: points side by side, where processes are made here
        retry: do again what failed
        progress: told when a point is finished, and at the start

        Raises
        ------
        SpecError
            If another program is at work in the folder, or the scheduler is none.
        """
        check_scheduler(scheduler)
        points = [{"name": point.name, "settings": point.settings,
                   "key": None if task is None else task.key, "reason": point.reason}
                  for point, task in zip(self.sweep.points, self.tasks)]
        plan = {"schema_version": SCHEMA, "document": "sweep-points", "title": self.sweep.title,
                "method": self.sweep.method, "columns": self.sweep.columns, "points": points}
        (self.folder / RUNS).mkdir(parents=True, exist_ok=True)
        with alone(self.folder, "pqhw sweep"):
            write_whole(self.folder / PLAN, json.dumps(plan, indent=1) + "\n")
            if retry:
                self._forget_failures()
            try:
                self._do(self.missing, scheduler, jobs, progress)
            finally:  # Where it is stopped, what is complete so far is a result too.
                result = load_sweep_result(self.folder)
                write_whole(self.folder / RESULT, result.text())
        return result

    def _forget_failures(self) -> None:
        for task in self.tasks:
            found = None if task is None else load_document(self.path(task))
            if task is not None and found and figures_of(found)["status"] == "failed":
                self.path(task).unlink()

    def _do(self, tasks: Sequence[Task], scheduler: str, jobs: int,
            progress: Callable[[Step], None]) -> None:
        clock = _Clock([expected_seconds(task) for task in tasks], jobs)
        progress(Step(done=0, total=len(tasks), row=None, seconds=clock.left))
        for done, (index, document, seconds) in enumerate(
                self._results(tasks, scheduler, jobs), start=1):
            task = tasks[index]
            write_whole(self.path(task), json.dumps(document, indent=1) + "\n")
            row = Row(name=task.name, settings={}, key=task.key, **figures_of(document))
            with open(self.folder / LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps({"name": task.name, "key": task.key, "status": row.status,
                                       "seconds": round(seconds, 2)}) + "\n")
            clock.finish(index)
            progress(Step(done=done, total=len(tasks), row=row, seconds=clock.left))

    def _results(self, tasks: Sequence[Task], scheduler: str, jobs: int
                 ) -> Iterator[tuple[int, dict[str, Any], float]]:
        for index, done in finished(scheduler, self.work, tasks, jobs):
            if isinstance(done, Ended):
                yield index, failure(tasks[index], str(done)), 0.0
            else:
                yield index, *done


class _Clock:
    """What is left of a time, from what was expected of every part and what the first ones took."""

    def __init__(self, expected: Sequence[float], jobs: int):
        self.expected = expected
        self.jobs = jobs
        self.open = set(range(len(expected)))
        self.begun = time.monotonic()

    def finish(self, index: int) -> None:
        """A part is done."""
        self.open.discard(index)

    @property
    def left(self) -> float:
        """Seconds that are left, about."""
        rest = sum(self.expected[index] for index in self.open)
        done = sum(self.expected) - rest
        if not done:
            return rest / self.jobs
        return rest * (time.monotonic() - self.begun) / done
