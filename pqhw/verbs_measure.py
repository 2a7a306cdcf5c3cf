"""Verbs that measure: synthesis and routing, comparison, the report, the demo."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import (
    JOBS,
    DeviceName,
    Jobs,
    Json,
    Placer,
    Seeds,
    SpecPath,
    Timeout,
    Toolchain,
    out,
    parse_seeds,
    progress_bar,
    read_design,
    read_spec,
    show,
)
from .flow.cache import default_cache
from .flow.results import Measurement
from .spec import SpecError
from .spec.dataflow import load_design_parameters
from .spec.design import Design
from .spec.devices import Device, device, resolve
from .spec.files import load_array, load_rows
from .spec.overlay.files import is_overlay, load_overlay

__all__ = ["compare", "demo", "measuring_options", "report", "succeed_if_verified", "synth"]


def synth(spec: SpecPath, device_name: DeviceName, seeds: Seeds = "1..5", jobs: Jobs = JOBS,
          params: Annotated[Path | None, typer.Option(
              help="parameters to verify with; by default random ones")] = None,
          rows_path: Annotated[Path | None, typer.Option(
              "--input", help="rows to verify with (.npy)")] = None,
          toolchain: Toolchain = "yowasp", timeout: Timeout = 3600, placer: Placer = "auto",
          json_out: Json = None) -> None:
    """Verify, synthesize and route a design; report area, Fmax over seeds and throughput.

    The design sits in a register harness whose own area is subtracted; Fmax is routed.
    Example: pqhw synth layer.toml --device lfe5u-25f --seeds 1..5
    """
    from .flow.measure import measure
    from .report import measurement_table
    part = device(device_name)
    if is_overlay(spec):
        _synth_overlay(spec, part, params, rows_path, measuring_options(
            seeds, jobs, toolchain, timeout, placer), json_out)
        return
    chain = read_design(spec)
    options = measuring_options(seeds, jobs, toolchain, timeout, placer)
    work = _work(chain, part, params, rows_path)
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=len(options.seeds) + 2)
        result = measure(default_cache(), chain, part, name=spec.stem, options=options, work=work,
                         progress=lambda step: bar.update(task, advance=1, description=step))
    show(result, json_out, measurement_table(result))
    succeed_if_verified([result])


def _synth_overlay(spec: Path, part: Device, params: Path | None, images_path: Path | None,
                   options: Any, json_out: str | None) -> None:
    """The same for an overlay, verified with the network that it runs."""
    from .explore.overlay import compile_program
    from .flow.overlay import measure_overlay
    from .golden import network_results
    from .report import measurement_table
    from .spec.network import load_network_parameters
    if params is None or images_path is None:
        raise SpecError("--params and --input must be given for an overlay, as its network says "
                        "what is computed, but are not.")
    hardware, network = load_overlay(spec)
    parameters = load_network_parameters(network, params)
    program = compile_program(network, parameters, hardware)
    images = load_array(images_path)
    expected = network_results(network, parameters, images)
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=len(options.seeds) + 2)
        result = measure_overlay(default_cache(), program, images, expected, part, name=spec.stem,
                                 options=options, progress=lambda step: bar.update(
                                     task, advance=1, description=step))
    show(result, json_out, measurement_table(result))
    succeed_if_verified([result])


def succeed_if_verified(measurements: Sequence[Measurement]) -> None:
    """The exit status: a design that was not routed or not verified is a failure."""
    if any(one.status != "ok" or one.verified is None for one in measurements):
        raise typer.Exit(1)


def measuring_options(seeds: str, jobs: int, toolchain: str, timeout: float,
                      placer: str = "auto") -> Any:
    """How to measure, from the options that every measuring verb has."""
    from .flow.measure import Options
    from .flow.routing import PLACERS
    from .flow.tools import TOOLCHAINS
    if toolchain not in TOOLCHAINS:
        raise SpecError(f"--toolchain must be one of {', '.join(TOOLCHAINS)}, "
                        f"but is {toolchain}.")
    if placer not in PLACERS:
        raise SpecError(f"--placer must be one of {', '.join(PLACERS)}, but is {placer}.")
    return Options(seeds=parse_seeds(seeds), jobs=jobs, toolchain=toolchain, timeout=timeout,
                   placer=placer)


def _work(chain: Design, part: Device, params: Path | None, rows_path: Path | None) -> Any:
    from .flow.measure import Work, random_row_count
    from .sim.stimulus import random_rows
    if params is None:
        if rows_path is not None:
            raise SpecError("--input must come with --params, but --params is missing.")
        return None
    with contextlib.suppress(SpecError):  # What the device lacks is said in the measurement.
        chain = resolve(chain, part)
    parameters = load_design_parameters(chain, params)
    rows = (load_rows(chain, rows_path) if rows_path
            else random_rows(chain, parameters, random_row_count(chain), 1))
    return Work(parameters=parameters, rows=rows, levels=("cxxrtl",))


def compare(specs: Annotated[list[Path], typer.Argument(metavar="SPEC...",
                                                        help="two or more spec files")],
            device_name: DeviceName = "lfe5u-25f",
            like_for_like: Annotated[bool, typer.Option(
                "--like-for-like", help="give every design the folding with the best rate within "
                                        "one budget first")] = False,
            budget: Annotated[str | None, typer.Option(
                "--budget", help="with --like-for-like: lut=5000,dsp=10,bram=20,ff=8000")] = None,
            seeds: Seeds = "1..5", jobs: Jobs = JOBS,
            toolchain: Toolchain = "yowasp", timeout: Timeout = 3600, placer: Placer = "auto",
            json_out: Json = None) -> None:
    """Measure several designs on one device and print one table of ratios.

    What was measured before comes from the cache.
    Example: pqhw compare pq.toml mac.toml --device lfe5u-25f
    """
    from .explore.size import parse_budget, resized
    from .flow.compare import compare as run
    from .flow.compare import names_of
    from .report import comparison_table
    if len(specs) < 2:
        raise SpecError(f"SPEC must be given at least twice, but is given {len(specs)} times.")
    part = device(device_name)
    if budget is not None and not like_for_like:
        raise SpecError("--budget must come with --like-for-like, which is missing.")
    chains: list[tuple[str, Design]]
    if like_for_like:
        most = parse_budget(budget, part)
        chains = [(name, resized(read_spec(path), part, most))
                  for name, path in zip(names_of(specs), specs)]
    else:
        chains = list(zip(names_of(specs), map(read_design, specs)))
    options = measuring_options(seeds, jobs, toolchain, timeout, placer)
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=len(specs) * (len(options.seeds) + 2))
        comparison = run(default_cache(), chains, part, options=options,
                         progress=lambda step: bar.update(task, advance=1, description=step))
    show(comparison, json_out, comparison_table(comparison))
    succeed_if_verified(comparison.measurements)


def report(runs: Annotated[list[Path], typer.Argument(
               metavar="RUN...", help="JSON of synth, compare, demo, map, explore, search or "
                                      "sweep, or folders of it")],
           output: Annotated[Path, typer.Option("-o", "--output", help="HTML file")],
           ) -> None:
    """Write one self-contained HTML page from results, measured or searched.

    Single measurements on one device are put side by side. Mappings, searches and sweeps, complete
    or not, have a section each, with plots, tables and loop nests.
    Example: pqhw report runs/demo -o report.html
    """
    from .report import write_report
    from .report.documents import gather
    comparisons, explored = gather(runs)
    path = write_report(comparisons, output, explored)
    out.print(f"wrote {path}", soft_wrap=True)


def demo(folder: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")
                           ] = Path("runs/demo"),
         full: Annotated[bool, typer.Option("--full", help="measure a MAC design with 8-bit "
                                            "activations as well")] = False,
         seeds: Seeds = "1..5", jobs: Jobs = JOBS, json_out: Json = None) -> None:
    """Digits classifier: train, convert to PQ and int8, prove bit-exact, route, compare.

    Writes comparison.json, the specs and parameters, and report.html. A few minutes at first,
    seconds when repeated.
    """
    from .demo import DESIGNS, MORE_DESIGNS, run_demo
    from .report import comparison_table
    options = measuring_options(seeds, jobs, "yowasp", 3600)
    with progress_bar() as bar:
        task = bar.add_task("training", total=None)
        comparison = run_demo(default_cache(), folder, options=options,
                              designs=DESIGNS + MORE_DESIGNS if full else DESIGNS,
                              progress=lambda step, done, total: bar.update(
                                  task, description=step, completed=done, total=total))
    show(comparison, json_out, comparison_table(comparison))
    if json_out != "-":
        out.print(f"report: {folder / 'report.html'}", soft_wrap=True)
    succeed_if_verified(comparison.measurements)
