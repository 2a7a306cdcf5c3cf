"""The verb that searches engines and foldings."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import JOBS, Jobs, Json, Timeout, emit, err, out, parse_seeds, progress_bar

__all__ = ["search"]


def search(source: Annotated[Path, typer.Argument(metavar="SEARCH",
                                                  help="a search's file (.toml)")],
           folder: Annotated[Path | None, typer.Option(
               "-o", "--output", help="folder for the front, the costs and what is routed; "
                                      "runs/search-SEARCH where left out")] = None,
           costs: Annotated[Path | None, typer.Option(
               "--costs", metavar="FILE", help="write the ways to build every layer as a table of "
                                               "costs (.json, .csv or .parquet)")] = None,
           route: Annotated[int, typer.Option(
               "--route", min=0, metavar="N", help="verify, synthesize and route so many engines "
                                                   "of the front, as a sweep, and tell the "
                                                   "estimate's error on them")] = 0,
           learned: Annotated[Path | None, typer.Option(
               "--learned", metavar="FILE", help="correct the estimates by what --learn wrote into "
                                                 "a file")] = None,
           learn: Annotated[Path | None, typer.Option(
               "--learn", metavar="FILE", help="add what --route routes to a file, for later "
                                               "searches")] = None,
           seeds: Annotated[str, typer.Option(help="placement seeds: 1..3, or 1,2,7")] = "1..3",
           jobs: Jobs = JOBS,
           scheduler: Annotated[str, typer.Option(
               help="who routes, as in pqhw sweep: local, dask or dask:ADDRESS")] = "local",
           timeout: Timeout = 3600, json_out: Json = None) -> None:
    """Find the engines and foldings that no others beat, layer by layer, within a device.

    Every folding of every choice is estimated; of a network's layers all combinations are looked
    at, or NSGA-II searches them where they are too many.
    Example: pqhw search layer-search.toml -o found --route 6
    """
    from .explore.search.costs import check_suffix, save_costs
    from .explore.search.learn import corrections, load_learned
    from .explore.search.plan import load_search
    from .explore.search.run import COSTS, FRONT, run_search, write_result
    from .explore.sweep.cluster import check_scheduler
    from .report.search import front_table
    from .spec import SpecError
    check_scheduler(scheduler)
    if costs is not None:
        check_suffix(costs)
    if learn is not None and not route:
        raise SpecError("--learn must stand beside --route, as it learns from what is routed.")
    asked, placed = load_search(source), parse_seeds(seeds)
    if learned is not None:
        asked = dataclasses.replace(asked, learned=corrections(load_learned(learned),
                                                               asked.part.name))
    folder = Path("runs") / f"search-{source.stem}" if folder is None else folder
    begun = time.monotonic()
    with progress_bar() as bar:
        task = bar.add_task("layers", total=len(asked.layers))
        result, ways = run_search(asked, lambda name: bar.update(task, advance=1,
                                                                description=name))
    seconds = time.monotonic() - begun
    write_result(folder, result)
    save_costs(folder / COSTS, ways, asked.part)
    if costs is not None:
        save_costs(costs, ways, asked.part)
    if json_out and not route:
        emit(result, json_out)
    if json_out != "-":
        out.print(front_table(result))
        out.print(f"result: {folder / FRONT}", soft_wrap=True)
        err.print(f"{result.points:,} points in {seconds:.1f} s", highlight=False)
    if route:
        _route(result, folder, route, placed, scheduler, jobs, timeout, json_out, learn)


def _route(result: Any, folder: Path, most: int, seeds: tuple[int, ...], scheduler: str,
           jobs: int, timeout: float, json_out: str | None, learn: Path | None) -> None:
    from .explore.search.run import ROUTED, learn_routed, route_front
    from .report.numbers import duration
    from .report.search import routed_table
    with progress_bar() as bar:
        task = bar.add_task("routing", total=None)
        routed = route_front(result, folder / "sweep", most=most, seeds=seeds,
                             scheduler=scheduler, jobs=jobs, timeout=timeout,
                             progress=lambda step: bar.update(
                                 task, completed=step.done, total=step.total,
                                 description=f"about {duration(step.seconds)} left"))
    emit(routed, str(folder / ROUTED))
    if learn is not None:
        learn_routed(learn, result.device, routed)
    if json_out:
        emit({**result.model_dump(mode="json"), "routed": routed.model_dump(mode="json")},
             json_out)
    if json_out != "-":
        out.print(routed_table(routed))
    if not routed.ok:
        raise typer.Exit(1)
