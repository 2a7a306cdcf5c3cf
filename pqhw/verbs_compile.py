"""The verb that turns an integer network into an accelerator."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .console import DeviceName, Json, out, progress_bar, show
from .spec import SpecError
from .spec.devices import device

__all__ = ["compile_"]

ACCELERATORS = ("dataflow",)
"""What `--target` may be."""


def compile_(network: Annotated[Path, typer.Argument(
                 metavar="NETWORK", help="integer network (.toml), as pqhw convert writes it; its "
                                         "parameters lie beside it, in the .npz file of the same "
                                         "name")],
             target: Annotated[str, typer.Option(
                 help="dataflow: an engine for every layer")] = "dataflow",
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
             json_out: Json = None) -> None:
    """Build a whole network as an accelerator: an engine for every layer, joined by streams.

    Folds every layer so that none is slower, or larger, than it need be, makes room where pixels
    wait for others, and writes Verilog, a manifest and spec.toml, which pqhw sim, synth and
    verilog take like the spec of a single engine.
    Example: pqhw compile int8/digits-cnn.toml --device lfe5u-25f -o build
    """
    from .emit.product import write_product
    from .explore.balance import balance
    from .explore.size import parse_budget
    from .report.dataflow import dataflow_json, dataflow_table
    from .spec.network import load_network, load_network_parameters
    if network.suffix != ".toml":
        raise SpecError(f"NETWORK must be the .toml file of an integer network, but is {network}.")
    if target not in ACCELERATORS:
        raise SpecError(f"--target must be {' or '.join(ACCELERATORS)}, but is {target}.")
    part = device(device_name)
    spec = load_network(network)
    own = load_network_parameters(spec, network.with_suffix(".npz") if params is None else params)
    folder = Path(f"{network.stem}-{part.name}") if output is None else output
    most = parse_budget(budget, part)
    with progress_bar() as bar:
        task = bar.add_task("folding layers", total=len(spec.engines) + 1)
        found = balance(spec, part, most, interval=interval, constant=not loaded,
                        progress=lambda name: bar.update(task, advance=1, description=name))
        bar.update(task, description="writing Verilog")
        folder.mkdir(parents=True, exist_ok=True)
        about = write_product(found.design, folder, target=part.family,
                              parameters=tuple(own.values()))
    document: dict[str, Any] = dataflow_json(found, part) | {"image_bytes": about["image"]["bytes"]}
    show(document, json_out, dataflow_table(found, part))
    if json_out != "-":
        out.print(f"design: {escape(str(folder / 'spec.toml'))}", soft_wrap=True,
                  highlight=False)
