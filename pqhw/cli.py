"""The command line: every verb calls one public function and prints what it returns."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from . import __version__
from .flow.cache import default_cache
from .flow.tools import ToolError, end_tools
from .spec import ChainSpec, SpecError
from .spec.devices import DEVICES, FAMILIES, device, resolve
from .spec.files import load_parameters, load_rows, load_spec_with_notes, spec_schema

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
                  pretty_exceptions_enable=False,
                  help="Neural-network layers as FPGA accelerators that look results up instead "
                       "of multiplying: generate Verilog, simulate it bit-exact, synthesize and "
                       "route it, compare.")
out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="spec file (TOML)")]
Json = Annotated[str | None, typer.Option(
    "--json", metavar="[OUT]", help="JSON instead of a table: to a file, or to standard output")]
Seeds = Annotated[str, typer.Option(help="placement seeds: 1..5, or 1,2,7")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, help="tools run side by side")]
Toolchain = Annotated[str, typer.Option(help="yowasp (from pip) or native (from PATH)")]
Timeout = Annotated[float, typer.Option(min=1, help="seconds after which a tool is ended")]
DeviceName = Annotated[str, typer.Option("--device", "-d", help=", ".join(DEVICES))]
JOBS = os.cpu_count() or 1
MOST_SEEDS = 1000


def _emit(document: Any, where: str) -> None:
    """Write JSON to standard output (`-`) or a file."""
    if isinstance(document, pydantic.BaseModel):
        document = document.model_dump(mode="json")
    text = json.dumps(document, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        Path(where).write_text(text, encoding="utf-8")


def _spec(path: Path) -> ChainSpec:
    """Read a spec file; what has no effect in it is said on standard error."""
    chain, notes = load_spec_with_notes(path)
    for note in notes:
        err.print(f"note: {path}: {note}", soft_wrap=True, highlight=False)
    return chain


def _seeds(text: str) -> tuple[int, ...]:
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            seeds = tuple(range(low, min(high, low + MOST_SEEDS) + 1))
        else:
            seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise SpecError(f"--seeds must be a range like 1..5 or a list like 1,2,7 of different "
                        f"seeds, but is {text}.")
    if len(seeds) > MOST_SEEDS:
        raise SpecError(f"--seeds must name at most {MOST_SEEDS} seeds, but is {text}.")
    return seeds


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    TimeElapsedColumn(), console=err, transient=True,
                    disable=not err.is_terminal)


@app.command()
def verilog(spec: SpecPath,
            folder: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")],
            target: Annotated[str, typer.Option(
                help="generic (portable), ecp5 or ice40 (with the family's primitives)")
            ] = "generic",
            device_name: Annotated[str | None, typer.Option(
                "--device", "-d", help="build for this device, as pqhw synth does: "
                + ", ".join(DEVICES))] = None,
            params: Annotated[Path | None, typer.Option(
                help="parameters (.npz); writes the image for the load port")] = None,
            json_out: Json = None) -> None:
    """Generate Verilog, manifest.json and a FuseSoC core.

    Example: pqhw verilog layer.toml -o build
    """
    from .emit.product import write_product
    if target not in FAMILIES:
        raise SpecError(f"--target must be one of {', '.join(FAMILIES)}, but is {target}.")
    chain = _spec(spec)
    if device_name:
        part = device(device_name)
        chain, target = resolve(chain, part), part.family
    else:
        chain = _for_target(chain, target)
    parameters = load_parameters(chain, params) if params else None
    about = write_product(chain, folder, target=target, parameters=parameters)
    if json_out:
        _emit(about, json_out)
    if json_out == "-":
        return
    table = Table(title=f"{chain.kind} accelerator in {folder}", show_header=False)
    for name, value in (("cycles per row", about["cycles_per_row"]),
                        ("latency, cycles", about["latency_cycles"] or "measured by pqhw sim"),
                        ("memory bits", sum(about["memory_bits"].values())),
                        ("image, bytes", about["image"]["bytes"]),
                        ("RTL SHA-256", about["hashes"]["rtl_sha256"][:16])):
        table.add_row(name, str(value))
    out.print(table)


def _for_target(chain: ChainSpec, target: str) -> ChainSpec:
    """Decide what a family cannot do in general: iCE40 has no LUT RAM."""
    part = next((part for part in DEVICES.values() if part.family == target), None)
    return chain if part is None else resolve(chain, part)


@app.command()
def sim(spec: SpecPath,
        params: Annotated[Path, typer.Option(help="parameters (.npz of integers)")],
        rows_path: Annotated[Path, typer.Option("--input", help="rows [R, D] (.npy)")],
        level: Annotated[str, typer.Option(help="golden, amaranth, cxxrtl, cocotb or all")
                         ] = "all",
        output: Annotated[Path | None, typer.Option("-o", "--output",
                                                    help="results [R, N] (.npy)")] = None,
        target: Annotated[str, typer.Option(help="RTL to simulate: generic, ecp5 or ice40")
                          ] = "generic",
        rows_limit: Annotated[int | None, typer.Option(
            "--rows", min=1, help="simulate no more rows than this")] = None,
        json_out: Json = None) -> None:
    """Simulate rows and compare every level with the golden model, bit for bit.

    With --level all, the slow levels (amaranth, cocotb) take the first rows only.
    Example: pqhw sim layer.toml --params p.npz --input x.npy --level cxxrtl -o y.npy
    """
    from .sim.run import LEVEL_NAMES, simulate
    if level not in LEVEL_NAMES:
        raise SpecError(f"--level must be one of {', '.join(LEVEL_NAMES)}, but is {level}.")
    if target not in FAMILIES:
        raise SpecError(f"--target must be one of {', '.join(FAMILIES)}, but is {target}.")
    chain = _for_target(_spec(spec), target)
    parameters = load_parameters(chain, params)
    rows = load_rows(chain, rows_path)
    with _progress() as bar:
        task = bar.add_task("simulating", total=None)
        report = simulate(default_cache(), chain, parameters, rows, level, target=target,
                          limit=rows_limit,
                          progress=lambda name, done, total: bar.update(
                              task, description=name, completed=done, total=total))
    if output is not None and report.ok:
        import numpy as np
        with output.open("wb") as file:
            np.save(file, report.results)
    if json_out:
        _emit(report.to_json(), json_out)
    if json_out != "-":
        out.print(report.table())
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def synth(spec: SpecPath, device_name: DeviceName, seeds: Seeds = "1..5", jobs: Jobs = JOBS,
          params: Annotated[Path | None, typer.Option(
              help="parameters to verify with; by default random ones")] = None,
          rows_path: Annotated[Path | None, typer.Option(
              "--input", help="rows to verify with (.npy)")] = None,
          toolchain: Toolchain = "yowasp", timeout: Timeout = 3600,
          json_out: Json = None) -> None:
    """Verify, synthesize and route a design; report area, Fmax over seeds and throughput.

    The design sits in a register harness whose own area is subtracted; Fmax is routed.
    Example: pqhw synth layer.toml --device lfe5u-25f --seeds 1..5
    """
    from .flow.measure import measure
    from .report import measurement_table
    part = device(device_name)
    chain = _spec(spec)
    options = _options(seeds, jobs, toolchain, timeout)
    work = _work(chain, params, rows_path)
    with _progress() as bar:
        task = bar.add_task("measuring", total=len(options.seeds) + 2)
        result = measure(default_cache(), chain, part, name=spec.stem, options=options, work=work,
                         progress=lambda step: bar.update(task, advance=1, description=step))
    if json_out:
        _emit(result, json_out)
    if json_out != "-":
        out.print(measurement_table(result))
    if result.status != "ok" or result.verified is None:
        raise typer.Exit(1)


def _options(seeds: str, jobs: int, toolchain: str, timeout: float) -> Any:
    from .flow.measure import Options
    from .flow.tools import TOOLCHAINS
    if toolchain not in TOOLCHAINS:
        raise SpecError(f"--toolchain must be one of {', '.join(TOOLCHAINS)}, "
                        f"but is {toolchain}.")
    return Options(seeds=_seeds(seeds), jobs=jobs, toolchain=toolchain, timeout=timeout)


def _work(chain: ChainSpec, params: Path | None, rows_path: Path | None) -> Any:
    from .flow.measure import RANDOM_ROWS, Work
    from .sim.stimulus import random_rows
    if params is None:
        if rows_path is not None:
            raise SpecError("--input must come with --params, but --params is missing.")
        return None
    parameters = load_parameters(chain, params)
    rows = (load_rows(chain, rows_path) if rows_path
            else random_rows(chain, parameters, RANDOM_ROWS, 1))
    return Work(parameters=parameters, rows=rows, levels=("cxxrtl",))


@app.command()
def compare(specs: Annotated[list[Path], typer.Argument(metavar="SPEC...",
                                                        help="two or more spec files")],
            device_name: DeviceName = "lfe5u-25f", seeds: Seeds = "1..5", jobs: Jobs = JOBS,
            toolchain: Toolchain = "yowasp", timeout: Timeout = 3600,
            json_out: Json = None) -> None:
    """Measure several designs on one device and print one table of ratios.

    What was measured before comes from the cache.
    Example: pqhw compare pq.toml mac.toml --device lfe5u-25f
    """
    from .flow.compare import compare as run
    from .flow.compare import names_of
    from .report import comparison_table
    if len(specs) < 2:
        raise SpecError(f"SPEC must be given at least twice, but is given {len(specs)} times.")
    part = device(device_name)
    chains = list(zip(names_of(specs), (_spec(path) for path in specs)))
    options = _options(seeds, jobs, toolchain, timeout)
    with _progress() as bar:
        task = bar.add_task("measuring", total=len(specs) * (len(options.seeds) + 2))
        comparison = run(default_cache(), chains, part, options=options,
                         progress=lambda step: bar.update(task, advance=1, description=step))
    if json_out:
        _emit(comparison, json_out)
    if json_out != "-":
        out.print(comparison_table(comparison))
    if any(one.status != "ok" or one.verified is None for one in comparison.measurements):
        raise typer.Exit(1)


@app.command()
def report(runs: Annotated[list[Path], typer.Argument(
               metavar="RUN...", help="JSON of synth, compare or demo, or folders of it")],
           output: Annotated[Path, typer.Option("-o", "--output", help="HTML file")],
           ) -> None:
    """Write one self-contained HTML page from measured results.

    Single measurements on one device are put side by side.
    Example: pqhw report runs/demo -o report.html
    """
    from .flow.results import gather_results
    from .report import write_report
    path = write_report(gather_results(runs), output)
    out.print(f"wrote {path}", soft_wrap=True)


@app.command()
def doctor(json_out: Json = None) -> None:
    """Say what is installed, what it enables, and how to get what is missing."""
    import dataclasses

    from .flow.doctor import examine
    findings = examine()
    if json_out:
        _emit([dataclasses.asdict(finding) for finding in findings], json_out)
    else:
        table = Table(Column("", no_wrap=True), "version", "enables", "how to get it",
                      title=f"pqhw {__version__}")
        for finding in findings:
            table.add_row(finding.name, finding.version or "[yellow]missing[/]", finding.enables,
                          "" if finding.version else finding.advice)
        out.print(table)
    if any(finding.required and finding.version is None for finding in findings):
        raise typer.Exit(1)


@app.command()
def schema(what: Annotated[str, typer.Argument(help="spec, or results")] = "spec") -> None:
    """Print the JSON Schema of spec files or of measured results."""
    from .flow.results import results_schema
    schemas = {"spec": spec_schema, "results": results_schema}
    if what not in schemas:
        raise SpecError(f"schema must be one of {', '.join(schemas)}, but is {what}.")
    _emit(schemas[what](), "-")


@app.command()
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
    options = _options(seeds, jobs, "yowasp", 3600)
    with _progress() as bar:
        task = bar.add_task("training", total=None)
        comparison = run_demo(default_cache(), folder, options=options,
                              designs=DESIGNS + MORE_DESIGNS if full else DESIGNS,
                              progress=lambda step, done, total: bar.update(
                                  task, description=step, completed=done, total=total))
    if json_out:
        _emit(comparison, json_out)
    if json_out != "-":
        out.print(comparison_table(comparison))
        out.print(f"report: {folder / 'report.html'}", soft_wrap=True)
    if any(one.status != "ok" or one.verified is None for one in comparison.measurements):
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
          ) -> None:
    if version:
        out.print(f"pqhw {__version__}")
        raise typer.Exit()


INPUTS = (".toml", ".npz", ".npy")


def _with_json_target(arguments: list[str]) -> list[str]:
    """`--json` without a file name means standard output."""
    result = []
    for index, argument in enumerate(arguments):
        result.append(argument)
        if argument == "--json":
            following = arguments[index + 1] if index + 1 < len(arguments) else "--"
            is_option = following.startswith("-") and following != "-"
            if is_option or following.endswith(INPUTS):
                result.append("-")
    return result


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; user errors are one sentence on standard error and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    try:
        app(_with_json_target(given), prog_name="pqhw")
    except (SpecError, ToolError, ValueError, RuntimeError, OSError) as error:
        if os.environ.get("PQHW_TRACEBACK"):
            raise
        err.print(f"[red]error:[/] {_plain(error)}", soft_wrap=True, highlight=False)
        sys.exit(1)


def _stop(number: int, frame: Any) -> None:
    """Ctrl-C, or a scheduler that gives up: end the tools too."""
    end_tools()
    raise KeyboardInterrupt


def _plain(error: Exception) -> str:
    from rich.markup import escape
    if isinstance(error, OSError) and error.filename:
        return escape(f"{error.filename}: {error.strerror}.")
    return escape(str(error) or type(error).__name__)


if __name__ == "__main__":
    main()
