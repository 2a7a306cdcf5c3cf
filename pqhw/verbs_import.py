"""The verb that reads networks of other tools."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from .console import Json, emit, err, out
from .network import GraphError, save_graph
from .spec import SpecError

__all__ = ["import_"]

COLOURS = {"supported": "green", "falls back to MAC": "yellow", "folded": "dim",
           "unsupported": "red"}


def import_(model: Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX file")],
            check: Annotated[bool, typer.Option(
                "--check", help="tell what becomes of every node, and write nothing")] = False,
            output: Annotated[Path | None, typer.Option(
                "-o", "--output", help="file for the network (.npz)")] = None,
            result: Annotated[str | None, typer.Option(
                "--result", metavar="TENSOR", help="tensor to take as the result")
            ] = None,
            equal_padding: Annotated[bool, typer.Option(
                "--equal-padding", help="widen kernels by taps of zero where padding differs "
                                        "between opposite sides, as engines do not have it")
            ] = False,
            json_out: Json = None) -> None:
    """Read a network from an ONNX file, in floating point or quantised to QDQ int8.

    A table tells of every node what becomes of it and why. Where one is unsupported it tells what
    to do, nothing is written, and the exit status is 1.
    Example: pqhw import network.onnx -o network.npz
    """
    from .network.onnx import check_model, import_onnx
    if check and output is not None:
        raise GraphError("--check writes nothing, so -o must be left out, but is given.")
    rows = check_model(model, output=result, equal_padding=equal_padding)
    bad = [row for row in rows if row.verdict == "unsupported"]
    found = None
    if not bad:
        found = import_onnx(model, output=result, equal_padding=equal_padding)
    notes = found.notes if found else ()
    lines = [] if found is None or found.quantisation is None else _kept(found)
    document: dict[str, Any] = {
        "schema_version": 1, "document": "import", "model": str(model),
        "nodes": [dataclasses.asdict(row) for row in rows], "notes": list(notes),
        "totals": _totals(rows)}
    if json_out:
        emit(document, json_out)
    if json_out != "-":
        out.print(_table(model, rows))
        out.print(_sums(document["totals"]))
        for line in lines:
            out.print(line, soft_wrap=True, highlight=False, markup=False)
    for note in notes:
        err.print(f"note: {model}: {note}", soft_wrap=True, highlight=False, markup=False)
    if bad:
        are = "node is" if len(bad) == 1 else "nodes are"
        raise GraphError(f"{model}: {len(bad)} of {len(rows)} {are} unsupported, the first of them "
                         f"{bad[0].node} ({bad[0].op}): {bad[0].reason}.")
    if output is not None and found is not None:
        save_graph(output, found.graph, found.quantisation)


def _kept(found: Any) -> list[str]:
    """What a conversion to 8 bits would keep of a quantised file."""
    from .quant.given import kept_integers
    from .quant.plan import Plan, plan_settings
    from .report.conversion import kept_lines
    plan = Plan(kind="fixed", weight_bits=8, activation_bits=8)
    try:
        settings = plan_settings(found.graph, plan)
        lines = kept_lines(kept_integers(found.graph, settings, found.quantisation))
    except (GraphError, SpecError):
        # What no engine takes has a row of its own.
        return []
    return [f"{lines[0]} by pqhw convert --kind fixed --weight-bits 8 --bits 8", *lines[1:]]


def _totals(rows: tuple) -> dict[str, dict[str, int]]:
    """Layers, products per row and weights, by where they go."""
    totals = {}
    for verdict in ("supported", "falls back to MAC", "unsupported"):
        layers = [row for row in rows if row.verdict == verdict and row.weights]
        totals[verdict] = {"nodes": sum(row.verdict == verdict for row in rows),
                           "layers": len(layers),
                           "multiply_accumulates": sum(row.multiply_accumulates for row in layers),
                           "weights": sum(row.weights for row in layers)}
    return totals


def _table(model: Path, rows: tuple) -> Table:
    table = Table(Column("node", overflow="fold"), "operator", "shapes", "verdict",
                  Column("why, and what to do", overflow="fold"), title=escape(str(model)))
    for row in rows:
        shapes = ", ".join(_shape(own) for own in row.inputs[:1])
        after = "" if row.output is None else _shape(row.output)
        colour = COLOURS[row.verdict]
        table.add_row(escape(row.node), escape(row.op), f"{shapes} → {after}".strip(" →"),
                      f"[{colour}]{row.verdict}[/]",
                      escape("; ".join(filter(None, (row.reason, row.remedy)))))
    return table


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"


def _sums(totals: dict[str, dict[str, int]]) -> Table:
    table = Table("layers", Column("", justify="right"), Column("products", justify="right"),
                  Column("weights", justify="right"))
    for verdict, own in totals.items():
        if own["layers"] or verdict == "supported":
            table.add_row(verdict, f"{own['layers']:,}", f"{own['multiply_accumulates']:,}",
                          f"{own['weights']:,}")
    return table
