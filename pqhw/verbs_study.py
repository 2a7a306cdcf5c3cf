"""The verb that runs studies."""

from pathlib import Path
from typing import Annotated, Any

import rich.box
import typer
from rich.table import Table

from .console import Json, emit, out, parse_seeds, progress_bar, read_data, write_page
from .spec import SpecError

__all__ = ["study"]


def study(source: Annotated[str | None, typer.Argument(
              metavar="STUDY", help="a study's file (.toml), or digits or resnet20, which come "
                                    "along")] = None,
          folder: Annotated[Path | None, typer.Option(
              "-o", "--output", help="folder to work in; runs/study-STUDY where left out")] = None,
          seeds: Annotated[str | None, typer.Option(
              help="1..3, or 1,2,7; the study's own where left out")] = None,
          rows: Annotated[str | None, typer.Option(
              metavar="PATTERN", help="rows whose names match, such as 'table_bits=*'; several "
                                      "patterns with blanks between")] = None,
          jobs: Annotated[int, typer.Option("-j", "--jobs", min=1,
                                            help="networks trained side by side")] = 1,
          device: Annotated[str, typer.Option(
              help="auto (a GPU where there is one), cpu or cuda")] = "auto",
          retry: Annotated[bool, typer.Option("--retry", help="do again what failed")] = False,
          list_rows: Annotated[bool, typer.Option(
              "--list", help="show the rows, their state and what computes each; train nothing")
          ] = False,
          table: Annotated[Path | None, typer.Option(
              metavar="FILE", help="print a study.json as a table in Markdown; train nothing")
          ] = None,
          json_out: Json = None) -> None:
    """Train a network under many settings, and tabulate accuracy against cost (needs PyTorch).

    Writes study.json, study.html with plots, and every integer network. A study that was stopped,
    or killed, goes on where it was; what is done is never done again.
    Example: pqhw study digits --seeds 1..3 --jobs 2 -o digits-study
    """
    if (table is None) == (source is None):
        raise SpecError("STUDY or --table must be given, and not both.")
    if table is not None:
        from .report.study import study_markdown
        from .study.results import load_study_result
        print(study_markdown(load_study_result(table)), end="")
        return
    assert source is not None
    from .study.run import prepare_study
    from .study.study import load_study
    asked = load_study(source)
    folder = Path("runs") / f"study-{Path(source).stem}" if folder is None else folder
    read_data(asked.data)  # With a bar, where images have to be generated first.
    prepared = prepare_study(asked, folder, rows=rows, device=device,
                             seeds=None if seeds is None else parse_seeds(seeds))
    if list_rows:
        _list(prepared, json_out)
    else:
        _run(prepared, jobs, retry, json_out)


def _list(prepared: Any, json_out: str | None) -> None:
    entries = [{"row": piece.row.name, "seed": piece.seed, "state": piece.state,
                "folder": piece.folder.relative_to(prepared.folder).as_posix(),
                "command": prepared.study.command(piece.row, piece.seed)}
               for piece in prepared.row_pieces]
    if json_out:
        emit({"schema_version": 1, "document": "study-list", "rows": entries}, json_out)
    if json_out != "-":
        shown = Table("row", "seed", "state", "command", box=rich.box.SIMPLE_HEAD, pad_edge=False,
                      show_edge=False)
        for entry in entries:
            shown.add_row(entry["row"], str(entry["seed"]), entry["state"], entry["command"])
        out.print(shown)


def _run(prepared: Any, jobs: int, retry: bool, json_out: str | None) -> None:
    from .report.study import study_table
    from .report.study_page import write_study
    from .study.run import RESULT
    with progress_bar(remaining=True) as bar:
        task = bar.add_task("training", total=None)
        result = prepared.run(jobs=jobs, retry=retry,
                              progress=lambda done, total, text: bar.update(
                                  task, completed=done, total=total, description=text))
    if json_out:
        emit(result, json_out)
    if json_out != "-":
        out.print(study_table(result))
    write_page(write_study, result, prepared.folder / "study.html")
    if json_out != "-":
        out.print(f"result: {prepared.folder / RESULT}", soft_wrap=True)
    if not result.ok:
        raise typer.Exit(1)
