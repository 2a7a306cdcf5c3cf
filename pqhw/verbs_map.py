"""The verb that maps layers onto memory hierarchies."""

from pathlib import Path
from typing import Annotated

import typer

from .console import Json, progress_bar, show
from .spec import SpecError

__all__ = ["map_"]

SEARCH, MODEL = "The search", "The model"


def map_(what: Annotated[str, typer.Argument(
             metavar="WHAT", help="a network of the zoo or a graph (.npz), a layer such as "
                                  "C=3,M=96,R=11,S=11,P=55,Q=55,stride=4, or mappings that "
                                  "--json wrote (.json), to cost them again")],
         arch: Annotated[str, typer.Option(
             help="eyeriss-16, eyeriss-8, simba-16, or a .toml or .yaml file")] = "eyeriss-16",
         bits: Annotated[str, typer.Option(
             help="8, 8/4 (activations/weights) or 8/4/6 (inputs/weights/outputs)")] = "8",
         layers: Annotated[list[str] | None, typer.Option(
             "--layer", help="of the network only this; may be repeated")] = None,
         classes: Annotated[int | None, typer.Option(
             min=1, help="outputs of a network of the zoo; as published where left out")] = None,
         mapping: Annotated[str | None, typer.Option(
             help='cost this mapping: "DRAM C4 M2 | GLB P8 | GLB.x Q14 | psum M8"')] = None,
         nest: Annotated[bool, typer.Option(
             "--nest", help="print the mappings as loop nests too")] = False,
         method: Annotated[str, typer.Option(
             rich_help_panel=SEARCH, help="exhaustive, random, or auto by the size of the space")
         ] = "auto",
         objective: Annotated[str, typer.Option(
             rich_help_panel=SEARCH, help="edp, energy or cycles")] = "edp",
         samples: Annotated[int, typer.Option(
             rich_help_panel=SEARCH, min=1, help="random draws per layer")] = 200_000,
         seed: Annotated[int, typer.Option(rich_help_panel=SEARCH, min=0,
                                           help="of random draws")] = 0,
         compat: Annotated[str, typer.Option(
             rich_help_panel=MODEL, help="timeloop-q, with the published model's "
                                         "simplifications, or exact")] = "timeloop-q",
         output_rule: Annotated[str | None, typer.Option(
             rich_help_panel=MODEL, help="v0.3 counts outputs touched first as fills, v0.4 does "
                                         "not; v0.3 for timeloop-q and v0.4 for exact")] = None,
         straddle: Annotated[bool, typer.Option(
             "--straddle", rich_help_panel=MODEL,
             help="with exact: elements may cross the border of words")] = False,
         json_out: Json = None) -> None:
    """Find the best mapping of layers onto a memory hierarchy: energy, cycles, loop nest.

    Seconds for a network. Architectures are small files of levels, sizes, energies and rules.
    Example: pqhw map mobilenet-v1 --arch eyeriss-16 --bits 8/4
    """
    from .explore.mapping.cost import CostModel
    from .explore.mapping.files import load_architecture
    from .explore.mapping.mapping import Mapping
    from .explore.mapping.network import (MappedNetwork, SearchSettings, cost_layer, map_layers)
    from .explore.mapping.request import bits_of, load_mappings, workloads_of
    from .report.mapping import mapping_table
    architecture = load_architecture(arch)
    if Path(what).suffix == ".json":
        found = load_mappings(what, architecture)
    else:
        name, workloads = workloads_of(what, classes=classes)
        for layer in layers or ():
            if layer not in workloads:
                raise SpecError(f"--layer must be one of {', '.join(workloads)}, "
                                f"but is {layer}.")
        workloads = {layer: workloads[layer] for layer in layers or workloads}
        model = CostModel(compat=compat, output_rule=output_rule, straddle=straddle)
        width = bits_of(bits)
        settings = SearchSettings(method=method, objective=objective, samples=samples, seed=seed)
        if mapping is not None:
            if len(workloads) != 1:
                raise SpecError(f"--mapping must be of one layer, which --layer chooses, "
                                f"but {what} has {len(workloads)}.")
            (layer, workload), = workloads.items()
            given = cost_layer(layer, workload, architecture, width, model, Mapping.parse(mapping))
            found = MappedNetwork(name, architecture, model, (given,), 0, 0.0)
        else:
            with progress_bar() as bar:
                task = bar.add_task("layers", total=len(workloads))
                found = map_layers(
                    name, workloads, architecture, dict.fromkeys(workloads, width), model,
                    settings, progress=lambda step: bar.update(task, advance=1, description=step))
    show(found.to_json(), json_out, mapping_table(found, nests=nest))
