"""What every verb of the command line shares: consoles, options, and how mistakes are told."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .flow.cache import default_cache
from .flow.tools import ToolError, end_tools
from .spec import ChainSpec, SpecError
from .spec.dataflow import load_design
from .spec.design import Design
from .spec.devices import DEVICES
from .spec.files import load_spec_with_notes

__all__ = ["JOBS", "DeviceName", "Jobs", "Json", "Placer", "Seeds", "SpecPath", "Timeout",
           "Toolchain", "check_bus", "emit", "err", "out", "parse_seeds", "progress_bar",
           "read_data", "read_design", "read_spec", "run", "show", "with_json_target",
           "write_page"]

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="spec file (TOML)")]
Json = Annotated[str | None, typer.Option(
    "--json", metavar="[OUT]", help="JSON: to a file, or to standard output instead of a table")]
Seeds = Annotated[str, typer.Option(help="placement seeds: 1..5, or 1,2,7")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, help="tools run side by side")]
Toolchain = Annotated[str, typer.Option(help="yowasp (from pip) or native (from PATH)")]
Placer = Annotated[str, typer.Option(
    help="heap, heap-router2 (nearly full devices), static (large LFE5U designs), or auto")]
Timeout = Annotated[float, typer.Option(min=1, help="seconds after which a tool is ended")]
DeviceName = Annotated[str, typer.Option("--device", "-d", help=", ".join(DEVICES))]
BUSES = ("stream", "axi")
JOBS = os.cpu_count() or 1
MOST_SEEDS = 1000


def check_bus(bus: str) -> None:
    """Raise `SpecError` unless a top can have such ports."""
    if bus not in BUSES:
        raise SpecError(f"--bus must be one of {', '.join(BUSES)}, but is {bus}.")


def emit(document: Any, where: str) -> None:
    """Write JSON to standard output (`-`) or a file."""
    if isinstance(document, pydantic.BaseModel):
        document = document.model_dump(mode="json")
    text = json.dumps(document, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        Path(where).write_text(text, encoding="utf-8")


def show(document: Any, json_out: str | None, table: RenderableType) -> None:
    """JSON where it is asked for, and the table unless JSON takes standard output."""
    if json_out:
        emit(document, json_out)
    if json_out != "-":
        out.print(table)


def write_page(write: Callable[[Any, Path], Any], content: Any, path: Path) -> None:
    """The plots, or a note where what draws them is missing."""
    from .report import ReportError
    try:
        write(content, path)
    except ReportError as error:
        err.print(f"note: no {path.name}, as {error}", soft_wrap=True, highlight=False,
                  markup=False)


def read_spec(path: Path) -> ChainSpec:
    """Read a spec file; what has no effect in it is said on standard error."""
    chain, notes = load_spec_with_notes(path)
    _tell(path, notes)
    return chain


def read_design(path: Path) -> Design:
    """The same, of engines in a row or of a network as an accelerator."""
    design, notes = load_design(path)
    _tell(path, notes)
    return design


def _tell(path: Path, notes: list[str]) -> None:
    for note in notes:
        err.print(f"note: {path}: {note}", soft_wrap=True, highlight=False, markup=False)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a range like `1..5` or a list like `1,2,7`."""
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


def progress_bar(*, remaining: bool = False) -> Progress:
    """A bar on standard error, which vanishes when done; nothing where that is no terminal.

    Time is what has passed, and before it, if asked for, what is left.
    """
    left = [TimeRemainingColumn(elapsed_when_finished=True)] if remaining else []
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    *left, TimeElapsedColumn(), console=err, transient=True,
                    disable=not err.is_terminal)


def read_data(what: str) -> Any:
    """The data set of a name or path, with a bar where that takes time."""
    from .data import load
    with progress_bar() as bar:
        task = bar.add_task("images", total=None)
        return load(what, cache=default_cache(), progress=lambda done, total: bar.update(
            task, completed=done, total=total))


INPUTS = (".toml", ".npz", ".npy", ".onnx")


def with_json_target(arguments: list[str]) -> list[str]:
    """The arguments, where `--json` without a file name means standard output."""
    result = []
    for index, argument in enumerate(arguments):
        result.append(argument)
        if argument == "--json":
            following = arguments[index + 1] if index + 1 < len(arguments) else "--"
            is_option = following.startswith("-") and following != "-"
            if is_option or following.endswith(INPUTS):
                result.append("-")
    return result


def run(app: Callable[..., Any], arguments: list[str] | None) -> None:
    """Run a program; user errors are one sentence on standard error and exit code 1.

    Where `arguments` are None, those of the process are taken, and so are its signals.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
    try:
        app(with_json_target(given), prog_name="pqhw")
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
    if isinstance(error, OSError) and error.filename:
        return escape(f"{error.filename}: {error.strerror}.")
    return escape(str(error) or type(error).__name__)
