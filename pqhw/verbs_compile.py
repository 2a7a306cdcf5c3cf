"""The verb that turns an integer network into an accelerator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .console import DeviceName, Json, check_bus, out, progress_bar, show
from .spec import SpecError
from .spec.devices import Device, device
from .spec.network import NetworkSpec
from .spec.parameters import Parameters

__all__ = ["compile_"]

ACCELERATORS = ("dataflow", "overlay")
"""What `--target` may be."""


def compile_(network: Annotated[Path, typer.Argument(
                 metavar="NETWORK", help="integer network (.toml), as pqhw convert writes it; its "
                                         "parameters lie beside it, in the .npz file of the same "
                                         "name")],
             target: Annotated[str, typer.Option(
                 help="dataflow: an engine for every layer; overlay: one engine for all, which "
                      "runs a program from memory")] = "dataflow",
             device_name: DeviceName = "lfe5u-25f",
             output: Annotated[Path | None, typer.Option(
                 "-o", "--output", help="folder; NETWORK-DEVICE where left out")] = None,
             interval: Annotated[int | None, typer.Option(
                 min=1, help="cycles from an image to the next that are enough; as few as fit "
                             "where left out")] = None,
             budget: Annotated[str | None, typer.Option(
                 help="lut=5000,dsp=10,bram=20,ff=8000; what is left out is all of the device, or "
                      "80 % of its LUT4 and flip-flops")] = None,
             loaded: Annotated[bool, typer.Option(
                 "--loaded", help="load all parameters through the load port, build none into the "
                                  "logic")] = False,
             params: Annotated[Path | None, typer.Option(
                 help="parameters (.npz) from elsewhere")] = None,
             overlay: Annotated[Path | None, typer.Option(
                 help="hardware of the overlay (TOML with a table \\[overlay]); one for the device "
                      "where left out")] = None,
             bus: Annotated[str, typer.Option(
                 help="ports of the top: stream, valid and ready alone; axi, AXI4-Stream with "
                      "registers over AXI4-Lite, and for an overlay its program over AXI4")
             ] = "stream",
             json_out: Json = None) -> None:
    """Build a whole network as an accelerator.

    As dataflow: folds every layer so that none is slower, or larger, than it need be, makes room
    where pixels wait for others, and writes Verilog, a manifest and spec.toml, which pqhw sim,
    synth and verilog take like the spec of a single engine.
    As overlay: writes the Verilog of the overlay, the same for all networks, and the network's
    program; pqhw sim and synth take its spec.toml.
    With --bus axi both have a standard bus, and a driver in C.
    Example: pqhw compile int8/digits-cnn.toml --device lfe5u-25f -o build
    """
    from .emit.product import write_product
    from .explore.balance import balance
    from .explore.size import parse_budget
    from .report.dataflow import dataflow_json, dataflow_table
    from .spec.network import load_network, load_network_parameters, with_rows_as_given
    if network.suffix != ".toml":
        raise SpecError(f"NETWORK must be the .toml file of an integer network, but is {network}.")
    if target not in ACCELERATORS:
        raise SpecError(f"--target must be {' or '.join(ACCELERATORS)}, but is {target}.")
    check_bus(bus)
    part = device(device_name)
    spec = load_network(network)
    own = load_network_parameters(spec, network.with_suffix(".npz") if params is None else params)
    folder = Path(f"{network.stem}-{part.name}") if output is None else output
    if target == "overlay":
        for option, value in (("--interval", interval), ("--budget", budget),
                              ("--loaded", loaded or None)):
            if value is not None:
                raise SpecError(f"{option} must be left out with --target overlay, whose size "
                                "--overlay tells, but is given.")
        _compile_overlay(spec, own, part, overlay, folder, bus, json_out)
        return
    if overlay is not None:
        raise SpecError("--overlay must be left out unless --target is overlay, but is given.")
    most, spec = parse_budget(budget, part), with_rows_as_given(spec, own)
    with progress_bar() as bar:
        task = bar.add_task("folding layers", total=len(spec.engines) + 1)
        found = balance(spec, part, most, interval=interval, constant=not loaded,
                        progress=lambda name: bar.update(task, advance=1, description=name))
        bar.update(task, description="writing Verilog")
        about = write_product(found.design, folder, target=part.family, bus=bus,
                              parameters=tuple(own.values()))
    document: dict[str, Any] = dataflow_json(found, part) | {"image_bytes": about["image"]["bytes"]}
    show(document, json_out, dataflow_table(found, part))
    _tell_design(folder, json_out)


def _compile_overlay(network: NetworkSpec, parameters: Mapping[str, Parameters], part: Device,
                     hardware: Path | None, folder: Path, bus: str, json_out: str | None) -> None:
    """A program for the hardware of a file, or for that of the device."""
    from .emit.overlay import write_overlay
    from .explore.overlay import compile_program
    from .report.overlay import overlay_json, overlay_table
    from .spec.overlay.files import load_overlay_spec, overlay_for
    spec = overlay_for(part) if hardware is None else load_overlay_spec(hardware)
    program = compile_program(network, parameters, spec)
    about = write_overlay(program, network, folder, target=part.family, bus=bus)
    document = overlay_json(program) | {"device": part.name,
                                        "program_bytes": about["program"]["bytes"]}
    show(document, json_out, overlay_table(document))
    _tell_design(folder, json_out)


def _tell_design(folder: Path, json_out: str | None) -> None:
    if json_out != "-":
        out.print(f"design: {escape(str(folder / 'spec.toml'))}", soft_wrap=True,
                  highlight=False)
