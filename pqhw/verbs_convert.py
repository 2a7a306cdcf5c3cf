"""The verb that turns a trained graph into an integer network."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Json, out, progress_bar, read_data, show

__all__ = ["convert"]

LAYERS, LEARNING = "What its layers become", "Fine-tuning (needs PyTorch)"


def convert(network: Annotated[Path, typer.Argument(
                metavar="GRAPH", help="a trained graph that takes raw pixels (.npz), as pqhw train "
                                      "and pqhw import write it")],
            data: Annotated[str, typer.Option(help="digits, glyphs, or what else pqhw data reads")],
            folder: Annotated[Path | None, typer.Option(
                "-o", "--output", help="folder to write to; runs/convert-NETWORK where left out")
            ] = None,
            kind: Annotated[str, typer.Option(
                rich_help_panel=LAYERS,
                help="pq, or a multiply-accumulate engine: fixed, pot, sp2, mixed, bitplane")
            ] = "pq",
            keep: Annotated[str | None, typer.Option(
                rich_help_panel=LAYERS, help="layers that stay at 8 bits, separated by commas; "
                                             "the first and the last where left out")] = None,
            bits: Annotated[int, typer.Option(
                rich_help_panel=LAYERS, help="bits of what enters the layers")] = 6,
            weight_bits: Annotated[int, typer.Option(
                rich_help_panel=LAYERS, help="bits of a weight, but with pq")] = 4,
            length: Annotated[int | None, typer.Option(
                "--length", "-V", rich_help_panel=LAYERS,
                help="V, elements of a sub-vector; a window's taps, or 8, where left out")] = None,
            prototypes: Annotated[int, typer.Option(
                "--prototypes", "-K", rich_help_panel=LAYERS, help="K, prototypes of a subspace")
            ] = 16,
            encoder: Annotated[str, typer.Option(
                rich_help_panel=LAYERS, help="l2, l1, chebyshev, dot, or tree: comparisons "
                                             "of single elements")] = "l2",
            convolution: Annotated[str, typer.Option(
                rich_help_panel=LAYERS, help="im2col, or pixel: every pixel encoded once")
            ] = "im2col",
            prototype_bits: Annotated[int | None, typer.Option(
                rich_help_panel=LAYERS, help="bits of a prototype element; as of what enters")
            ] = None,
            table_bits: Annotated[int, typer.Option(
                rich_help_panel=LAYERS, help="bits of a table entry")] = 5,
            initialisation: Annotated[str, typer.Option(
                rich_help_panel=LAYERS,
                help="how prototypes are found: kmeans, random or quantiles")] = "kmeans",
            adapt: Annotated[int, typer.Option(
                rich_help_panel=LEARNING, help="epochs in floating point before, in which the "
                                               "network gets used to prototypes; 0 for none")] = 0,
            adapt_rate: Annotated[float, typer.Option(
                rich_help_panel=LEARNING, help="largest step of these")] = 0.01,
            hints: Annotated[float, typer.Option(
                rich_help_panel=LEARNING, min=0.0,
                help="weight, in these, of what the float network's layers give, beside its "
                     "scores; 0 for the scores alone")] = 1.0,
            tune: Annotated[int, typer.Option(
                rich_help_panel=LEARNING, help="epochs; 0 for none")] = 0,
            rate: Annotated[float, typer.Option(
                rich_help_panel=LEARNING, help="largest step, as a share of a typical weight")
            ] = 0.02,
            batch: Annotated[int, typer.Option(rich_help_panel=LEARNING,
                                               help="images per step")] = 64,
            train: Annotated[str, typer.Option(
                rich_help_panel=LEARNING, help="both, prototypes or weights")] = "both",
            gradient: Annotated[str, typer.Option(
                rich_help_panel=LEARNING, help="linear: of the linear function nearest to what a "
                                               "layer does; straight: of its weights; soft: and "
                                               "through the distances too")] = "linear",
            seed: Annotated[int, typer.Option(help="of calibration, clusters and order")] = 0,
            device: Annotated[str, typer.Option(
                rich_help_panel=LEARNING, help="auto (a GPU where there is one), cpu or cuda")
            ] = "auto",
            resume: Annotated[bool, typer.Option(
                "--resume", rich_help_panel=LEARNING,
                help="go on after the last whole epoch in the folder")] = False,
            json_out: Json = None) -> None:
    """Turn a trained graph into integers, layer by layer on an engine, and tell what it costs.

    Writes NAME.toml and NAME.npz, the integer network. Without --tune nothing is trained: steps,
    prototypes and tables come from a few hundred training images. With it every forward pass is
    the hardware's arithmetic. Of a file that came quantised, it tells which scales and integers
    are kept and why others are not.
    Example: pqhw convert runs/digits/network.npz --data digits --kind fixed --weight-bits 8
    """
    from .network import load_graph, load_quantisation
    from .quant.conversion import convert_graph, input_bits
    from .quant.files import save_integer_network
    from .quant.given import kept_integers
    from .quant.plan import Plan, plan_settings
    from .report.conversion import conversion_table, kept_lines
    graph, given = load_graph(network), load_quantisation(network)
    plan = Plan(kind=kind, keep=None if keep is None else tuple(filter(None, keep.split(","))),
                activation_bits=bits, weight_bits=weight_bits, length=length,
                prototypes=prototypes, encoder=encoder, convolution=convolution,
                prototype_bits=prototype_bits, table_bits=table_bits,
                initialisation=initialisation)
    settings = plan_settings(graph, plan)
    adapting = _adapting(adapt, adapt_rate, batch, seed, gradient, hints) if adapt else None
    tuning = _tuning(tune, rate, batch, seed, train, gradient) if tune else None
    images = read_data(data)
    folder = Path("runs") / f"convert-{graph.name}" if folder is None else folder
    with progress_bar(remaining=True) as bar:
        task = bar.add_task("converting", total=None)
        made = convert_graph(
            graph, images, settings, adapting=adapting, tuning=tuning, given=given, seed=seed,
            folder=folder if adapt or tune else None, resume=resume, device=device,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            step=lambda own: bar.update(task, total=own.total, completed=own.done,
                                        description=own.text))
    text, binary = save_integer_network(folder, made.network)
    document = made.to_mapping() | {"spec": str(text), "parameters": str(binary)}
    kept = () if given is None or adapt or tune else kept_integers(
        graph, settings, given, input_bits=input_bits(images), steps=made.network.steps)
    if given is not None:
        document["quantisation"] = [dataclasses.asdict(own) for own in kept]
    show(document, json_out, conversion_table(made))
    if json_out != "-":
        for line in kept_lines(kept):
            out.print(line, soft_wrap=True, highlight=False, markup=False)
        out.print(f"network: {text}", soft_wrap=True)


def _adapting(epochs: int, rate: float, batch: int, seed: int, gradient: str,
              hints: float) -> Any:
    from .quant.training import Recipe
    from .quant.training.integer import Tuning, adapting_recipe
    recipe = adapting_recipe(Recipe(epochs=epochs, rate=rate, batch=batch, seed=seed))
    return Tuning(recipe=recipe, gradient=gradient, hints=hints)


def _tuning(epochs: int, rate: float, batch: int, seed: int, train: str, gradient: str) -> Any:
    from .quant.training import Recipe
    from .quant.training.integer import Tuning
    return Tuning(recipe=Recipe(epochs=epochs, rate=rate, batch=batch, seed=seed, decay=0.0,
                                optimiser="adam"), train=train, gradient=gradient)
