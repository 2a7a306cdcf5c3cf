"""The verb that evaluates an integer network."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .console import Json, err, out, progress_bar, read_data, show
from .spec import SpecError

__all__ = ["evaluate"]

PARTS = ("test", "train")


def evaluate(network: Annotated[Path, typer.Argument(
                 metavar="NETWORK", help="integer network (.toml); its parameters lie beside it, "
                                         "in the .npz file of the same name")],
             data: Annotated[str, typer.Option(
                 help="digits, glyphs, or what else pqhw data reads")],
             images: Annotated[int | None, typer.Option(
                 min=1, help="so many images, evenly spaced; all where left out")] = None,
             part: Annotated[str, typer.Option(help="test or train: which images")] = "test",
             params: Annotated[Path | None, typer.Option(
                 help="parameters (.npz) from elsewhere")] = None,
             float_graph: Annotated[Path | None, typer.Option(
                 "--float", metavar="GRAPH", help="the float graph (.npz) that the network was "
                                                  "made from, to compare with")] = None,
             layers: Annotated[bool, typer.Option(
                 "--layers", help="a row per node: values seen and how many saturate, bits that "
                                  "sums use, dead prototypes, information in codes; with --float, "
                                  "signal to noise and mean error")] = False,
             dump: Annotated[Path | None, typer.Option(
                 help="write the images and every node's results to an .npz file")] = None,
             training: Annotated[bool, typer.Option(
                 "--training", help="run the forward pass of training too (needs PyTorch), and "
                                    "end with 1 unless every result of every node is the same "
                                    "integer")] = False,
             json_out: Json = None) -> None:
    """Classify images with an integer network, in the exact arithmetic of the hardware.

    The integers are those that the generated engines compute, bit for bit, and so is the accuracy.
    What is lost against --float is lost by quantisation; --layers shows where: look for the first
    node whose signal to noise drops, then for saturated values and dead prototypes in it.
    Example: pqhw evaluate net.toml --data digits --float network.npz --layers
    """
    from .network import load_graph
    from .quant.evaluate import evaluate_network
    from .quant.files import load_integer_network
    from .quant.inspect import dump_activations, inspect_network
    from .report.layers import evaluation_table, layers_table
    if part not in PARTS:
        raise SpecError(f"--part must be one of {', '.join(PARTS)}, but is {part}.")
    if dump is not None and dump.suffix != ".npz":
        raise SpecError(f"--dump must end in .npz, but is {dump}.")
    own = load_integer_network(network, params)
    graph = None if float_graph is None else load_graph(float_graph)
    found = read_data(data)
    pixels, labels = _chosen(found, part, images)
    with progress_bar(remaining=True) as bar:
        def progress(text: str) -> Any:
            task = bar.add_task(text, total=len(pixels))
            return lambda done, total: bar.update(task, completed=done, total=total)
        result = evaluate_network(own, pixels, labels, graph, progress=progress("evaluating"))
        reports = (inspect_network(own, pixels, graph, progress=progress("inspecting"))
                   if layers else None)
        differences = None
        if training:
            from .quant.training.integer import compare_training
            differences = compare_training(own, pixels, progress=progress("comparing"))
        if dump is not None:
            dump_activations(own, pixels, dump, progress=progress("dumping"))
    document = {"schema_version": 1, "document": "evaluation", "network": own.spec.name,
                "data": found.name, "part": part, **result.to_json()}
    if reports is not None:
        document["layers"] = [report.to_json() for report in reports]
    if differences is not None:
        document["training"] = differences.to_json()
    title = f"{own.spec.name} on {found.name}, {len(pixels):,} {part} images"
    show(document, json_out, evaluation_table(title, result, differences))
    if reports is not None and json_out != "-":
        out.print()
        out.print(layers_table(reports))
    if differences is not None and differences.first is not None:
        err.print(f"error: {differences.first}", soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(1)


def _chosen(data: Any, part: str, images: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a part: all, or so many, evenly spaced."""
    pixels, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    if images is None:
        return pixels, labels
    if images > len(pixels):
        raise SpecError(f"--images must be at most {len(pixels)}, the {part} images of "
                        f"{data.name}, but is {images}.")
    chosen = np.arange(images) * len(pixels) // images
    return pixels[chosen], labels[chosen]
