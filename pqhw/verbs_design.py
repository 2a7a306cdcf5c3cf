"""Verbs about one design: its Verilog, its simulation, its schema, and what the machine offers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from . import __version__
from .console import Json, SpecPath, check_bus, emit, progress_bar, read_design, show
from .flow.cache import default_cache
from .spec import SpecError
from .spec.dataflow import load_design_parameters
from .spec.design import Design
from .spec.devices import DEVICES, FAMILIES, device, resolve
from .spec.files import load_array, load_rows_with_precisions, spec_schema
from .spec.overlay.files import is_overlay

__all__ = ["doctor", "schema", "sim", "verilog"]

Target = Annotated[str | None, typer.Option(
    help="RTL: generic (portable, the default), ecp5 or ice40 (with the family's primitives)")]
BuildDevice = Annotated[str | None, typer.Option(
    "--device", "-d", help="RTL for this device, as pqhw synth builds it: " + ", ".join(DEVICES))]


def verilog(spec: SpecPath,
            folder: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")],
            target: Target = None, device_name: BuildDevice = None,
            params: Annotated[Path | None, typer.Option(
                help="parameters (.npz); writes the image for the load port")] = None,
            bus: Annotated[str, typer.Option(
                help="ports: stream (valid, ready, payload) or axi (AXI4-Stream for rows, "
                     "AXI4-Lite for the rest; with a header and a driver in C)")] = "stream",
            json_out: Json = None) -> None:
    """Generate Verilog, manifest.json and a FuseSoC core.

    Example: pqhw verilog layer.toml -o build --bus axi
    """
    from .emit.product import write_product
    check_bus(bus)
    design, family = _built_for(read_design(spec), target, device_name)
    parameters = load_design_parameters(design, params) if params else None
    about = write_product(design, folder, target=family, bus=bus, parameters=parameters)
    table = Table(title=f"{design.kind} accelerator in {escape(str(folder))}", show_header=False)
    for name, value in (("cycles per row", about["cycles_per_row"]),
                        ("latency, cycles", about["latency_cycles"] or "measured by pqhw sim"),
                        ("memory bits", sum(about["memory_bits"].values())),
                        ("image, bytes", about["image"]["bytes"]),
                        ("RTL SHA-256", about["hashes"]["rtl_sha256"][:16])):
        table.add_row(name, str(value))
    show(about, json_out, table)


def _built_for(design: Design, target: str | None,
               device_name: str | None) -> tuple[Design, str]:
    """The design as it is built, and the family whose primitives it uses.

    A family alone decides as its first device does: iCE40 has no LUT RAM.
    """
    family = _family(target, device_name)
    if device_name is not None:
        return resolve(design, device(device_name)), family
    first = next((part for part in DEVICES.values() if part.family == target), None)
    return (design if first is None else resolve(design, first)), family


def sim(spec: SpecPath,
        params: Annotated[Path, typer.Option(help="parameters (.npz of integers)")],
        rows_path: Annotated[Path, typer.Option(
            "--input", help="rows [R, D] (.npy), or rows and precision [R] (.npz)")],
        level: Annotated[str, typer.Option(help="golden, amaranth, cxxrtl, cocotb or all")
                         ] = "all",
        output: Annotated[Path | None, typer.Option("-o", "--output",
                                                    help="results [R, N] (.npy)")] = None,
        target: Target = None, device_name: BuildDevice = None,
        rows_limit: Annotated[int | None, typer.Option(
            "--rows", min=1, help="simulate no more rows than this")] = None,
        json_out: Json = None) -> None:
    """Simulate rows and compare every level with the golden model, bit for bit.

    With --level all, the slow levels (amaranth, cocotb) take the first rows only.
    Example: pqhw sim layer.toml --params p.npz --input x.npy --level cxxrtl -o y.npy
    """
    if is_overlay(spec):
        _sim_overlay(spec, params, rows_path, level, output, target, device_name, rows_limit,
                     json_out)
        return
    from .sim.run import LEVEL_NAMES, simulate
    if level not in LEVEL_NAMES:
        raise SpecError(f"--level must be one of {', '.join(LEVEL_NAMES)}, but is {level}.")
    design, family = _built_for(read_design(spec), target, device_name)
    parameters = load_design_parameters(design, params)
    rows, precisions = load_rows_with_precisions(design, rows_path)
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=None)
        report = simulate(default_cache(), design, parameters, rows, level, precisions=precisions,
                          target=family, limit=rows_limit,
                          progress=lambda name, done, total: bar.update(
                              task, description=name, completed=done, total=total))
    if output is not None and report.ok:
        import numpy as np
        with output.open("wb") as file:
            np.save(file, report.results)
    show(report.to_json(), json_out, report.table())
    if not report.ok:
        raise typer.Exit(1)


def _sim_overlay(spec: Path, params: Path, rows_path: Path, level: str, output: Path | None,
                 target: str | None, device_name: str | None, limit: int | None,
                 json_out: str | None) -> None:
    """The same for an overlay and the network that it runs."""
    import numpy as np

    from .explore.overlay import compile_program
    from .golden import network_results
    from .sim.overlay_run import simulate_levels
    from .spec.network import load_network_parameters
    from .spec.overlay.files import load_overlay
    hardware, network = load_overlay(spec)
    parameters = load_network_parameters(network, params)
    program = compile_program(network, parameters, hardware)
    images = load_array(rows_path)[:limit]
    expected = network_results(network, parameters, images)
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=None)
        report = simulate_levels(default_cache(), program, images, expected, level,
                                 target=_family(target, device_name),
                                 progress=lambda name: bar.update(task, description=name))
    if output is not None and report.ok:
        with output.open("wb") as file:
            np.save(file, report.results)
    show(report.to_json(), json_out, report.table())
    if not report.ok:
        raise typer.Exit(1)


def _family(target: str | None, device_name: str | None) -> str:
    """The family whose primitives an overlay uses."""
    if target is not None and target not in FAMILIES:
        raise SpecError(f"--target must be one of {', '.join(FAMILIES)}, but is {target}.")
    if device_name is None:
        return target or "generic"
    part = device(device_name)
    if target not in (None, part.family):
        raise SpecError(f"--target must be {part.family} or left out with --device {part.name}, "
                        f"but is {target}.")
    return part.family


def doctor(json_out: Json = None) -> None:
    """Say what is installed, what it enables, and how to get what is missing."""
    import dataclasses

    from .flow.doctor import examine
    findings = examine()
    table = Table(Column("", no_wrap=True), "version", "enables", "how to get it",
                  title=f"pqhw {__version__}")
    for finding in findings:
        table.add_row(finding.name, finding.version or "[yellow]missing[/]", finding.enables,
                      "" if finding.version else finding.advice)
    show([dataclasses.asdict(finding) for finding in findings], json_out, table)
    if any(finding.required and finding.version is None for finding in findings):
        raise typer.Exit(1)


def schema(what: Annotated[str, typer.Argument(help="spec, or results")] = "spec") -> None:
    """Print the JSON Schema of spec files or of measured results."""
    from .flow.results import results_schema
    schemas = {"spec": spec_schema, "results": results_schema}
    if what not in schemas:
        raise SpecError(f"schema must be one of {', '.join(schemas)}, but is {what}.")
    emit(schemas[what](), "-")
