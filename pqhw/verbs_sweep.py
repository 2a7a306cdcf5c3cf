"""The verb that measures many points."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import JOBS, Jobs, Json, Timeout, Toolchain, emit, err, out, progress_bar, show
from .spec import SpecError

__all__ = ["sweep"]

LINES_APART = 30.0
"""Seconds, at the least, between two lines on how far a sweep is, where there is no terminal."""


def sweep(source: Annotated[Path | None, typer.Argument(
              metavar="SWEEP", help="a sweep's file (.toml); left out, --query and --parquet "
                                    "read the folder")] = None,
          folder: Annotated[Path | None, typer.Option(
              "-o", "--output", help="folder to work in; runs/sweep-SWEEP where left out")] = None,
          jobs: Jobs = JOBS,
          scheduler: Annotated[str, typer.Option(
              help="local; dask, for a cluster of processes on this machine; or dask:ADDRESS, "
                   "for a scheduler or scheduler file that is there")] = "local",
          retry: Annotated[bool, typer.Option("--retry", help="do again what failed")] = False,
          dry_run: Annotated[bool, typer.Option(
              "--dry-run", help="show the points, their state and the expected time; measure "
                                "nothing")] = False,
          query: Annotated[str | None, typer.Option(
              "--query", metavar="SQL", help="ask DuckDB about the tables points and runs, "
                                             "complete or not; measure nothing")] = None,
          parquet: Annotated[Path | None, typer.Option(
              "--parquet", metavar="FILE", help="write the points as a Parquet file")] = None,
          toolchain: Toolchain = "yowasp", timeout: Timeout = 3600,
          json_out: Json = None) -> None:
    """Measure many points: specs, fields that change, devices, seeds.

    Every point is verified, synthesized and routed as `pqhw synth` does it, or estimated. A sweep
    that was stopped, or killed, goes on where it was; what fails is a row with its reason.
    Example: pqhw sweep lanes.toml --jobs 2 -o lanes
    """
    from .explore.sweep.plan import load_sweep
    from .explore.sweep.run import SweepRun
    if source is None:
        if folder is None or (query is None and parquet is None) or dry_run:
            raise SpecError("SWEEP must be given, or -o with --query or --parquet.")
    elif folder is None:
        folder = Path("runs") / f"sweep-{source.stem}"
    status = 0
    if source is not None and query is None:
        run = SweepRun(sweep=load_sweep(source), folder=folder, toolchain=toolchain,
                       timeout=timeout)
        if dry_run:
            _expect(run, jobs, json_out)
            return
        status = _run(run, scheduler, jobs, retry, json_out)
    if parquet is not None:
        from .explore.sweep.query import write_parquet
        write_parquet(folder, parquet)
    if query is not None:
        _ask(folder, query, json_out)
    if status:
        raise typer.Exit(status)


def _run(run: Any, scheduler: str, jobs: int, retry: bool, json_out: str | None) -> int:
    from .explore.sweep.results import RESULT
    from .report.numbers import duration
    from .report.sweeps import sweep_table
    last = time.monotonic()
    with progress_bar() as bar:
        task = bar.add_task("sweep", total=None)

        def tell(step: Any) -> None:
            nonlocal last
            left = f"about {duration(step.seconds)} left" if step.done < step.total else ""
            bar.update(task, completed=step.done, total=step.total,
                       description=left or "complete")
            silent = err.is_terminal or time.monotonic() - last < LINES_APART
            if step.row is not None and not silent:
                last = time.monotonic()
                words = [f"[{step.done}/{step.total}]", step.row.name, step.row.status, left]
                err.print(" ".join(filter(None, words)), soft_wrap=True, highlight=False,
                          markup=False)

        result = run.run(scheduler=scheduler, jobs=jobs, retry=retry, progress=tell)
    show(result, json_out, sweep_table(result))
    if json_out != "-":
        out.print(f"result: {run.folder / RESULT}", soft_wrap=True)
    return 0 if result.ok else 1


def _expect(run: Any, jobs: int, json_out: str | None) -> None:
    from .report.sweeps import expected_table
    points, seconds = run.expected()
    document = {"schema_version": 1, "document": "sweep-plan", "points": [
        {"name": name, "state": state, "expected_seconds": own and round(own, 2)}
        for name, state, own in points], "expected_seconds": round(seconds / jobs, 1)}
    show(document, json_out, expected_table(points, seconds / jobs, jobs))


def _ask(folder: Path, sql: str, json_out: str | None) -> None:
    from .explore.sweep.query import query
    from .report.sweeps import answer_table
    names, rows = query(folder, sql)
    if json_out:
        emit({"schema_version": 1, "document": "sweep-answer", "columns": names,
              "rows": [[value if isinstance(value, int | float | str | None) else str(value)
                        for value in row] for row in rows]}, json_out)
    if json_out != "-":
        out.print(answer_table(names, rows))
