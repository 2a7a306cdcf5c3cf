"""Verbs about one design: its Verilog, its simulation, its schema, and what the machine offers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from . import __version__
from .console import Json, SpecPath, emit, out, progress_bar, read_spec
from .flow.cache import default_cache
from .spec import ChainSpec, SpecError
from .spec.devices import DEVICES, FAMILIES, device, resolve
from .spec.files import load_parameters, load_rows, spec_schema

__all__ = ["doctor", "schema", "sim", "verilog"]


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
    chain = read_spec(spec)
    if device_name:
        part = device(device_name)
        chain, target = resolve(chain, part), part.family
    else:
        chain = _for_target(chain, target)
    parameters = load_parameters(chain, params) if params else None
    about = write_product(chain, folder, target=target, parameters=parameters)
    if json_out:
        emit(about, json_out)
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
    chain = _for_target(read_spec(spec), target)
    parameters = load_parameters(chain, params)
    rows = load_rows(chain, rows_path)
    with progress_bar() as bar:
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
        emit(report.to_json(), json_out)
    if json_out != "-":
        out.print(report.table())
    if not report.ok:
        raise typer.Exit(1)


def doctor(json_out: Json = None) -> None:
    """Say what is installed, what it enables, and how to get what is missing."""
    import dataclasses

    from .flow.doctor import examine
    findings = examine()
    if json_out:
        emit([dataclasses.asdict(finding) for finding in findings], json_out)
    else:
        table = Table(Column("", no_wrap=True), "version", "enables", "how to get it",
                      title=f"pqhw {__version__}")
        for finding in findings:
            table.add_row(finding.name, finding.version or "[yellow]missing[/]", finding.enables,
                          "" if finding.version else finding.advice)
        out.print(table)
    if any(finding.required and finding.version is None for finding in findings):
        raise typer.Exit(1)


def schema(what: Annotated[str, typer.Argument(help="spec, or results")] = "spec") -> None:
    """Print the JSON Schema of spec files or of measured results."""
    from .flow.results import results_schema
    schemas = {"spec": spec_schema, "results": results_schema}
    if what not in schemas:
        raise SpecError(f"schema must be one of {', '.join(schemas)}, but is {what}.")
    emit(schemas[what](), "-")
