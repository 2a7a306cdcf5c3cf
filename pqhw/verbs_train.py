"""The verb that trains a network."""

from pathlib import Path
from typing import Annotated

import typer

from .console import Json, out, progress_bar, read_data, show, write_page
from .network import ZOO

__all__ = ["train"]

LEARNING, IMAGES = "How it learns", "Random changes of the images"


def train(network: Annotated[str, typer.Argument(
              metavar="NETWORK", help="a graph that takes raw pixels (.npz), or a network of the "
                                      f"zoo with random weights: {', '.join(ZOO)}")],
          data: Annotated[str, typer.Option(help="digits, glyphs, or what else pqhw data reads")],
          folder: Annotated[Path | None, typer.Option(
              "-o", "--output", help="folder to write to; runs/train-NETWORK where left out")
          ] = None,
          resume: Annotated[bool, typer.Option(
              "--resume", help="go on after the last whole epoch in the folder")] = False,
          device: Annotated[str, typer.Option(
              help="auto (a GPU where there is one), cpu or cuda")] = "auto",
          epochs: Annotated[int, typer.Option(rich_help_panel=LEARNING,
                                              help="passes over the images")] = 20,
          batch: Annotated[int, typer.Option(rich_help_panel=LEARNING,
                                             help="images per step")] = 128,
          rate: Annotated[float, typer.Option(
              rich_help_panel=LEARNING, help="largest step; about 0.1 for sgd and 0.002 for adam, "
                                             "less where the loss does not fall")] = 0.1,
          schedule: Annotated[str, typer.Option(
              rich_help_panel=LEARNING, help="cosine, or step: a tenth after 1/2 and 3/4")
          ] = "cosine",
          warmup: Annotated[float, typer.Option(
              rich_help_panel=LEARNING, help="epochs in which the rate rises first")] = 1.0,
          optimiser: Annotated[str, typer.Option(rich_help_panel=LEARNING,
                                                 help="sgd (Nesterov, 0.9) or adam")] = "sgd",
          decay: Annotated[float, typer.Option(rich_help_panel=LEARNING,
                                               help="weight decay")] = 5e-4,
          smoothing: Annotated[float, typer.Option(
              rich_help_panel=LEARNING, help="share of a label spread over all classes")] = 0.0,
          seed: Annotated[int, typer.Option(
              rich_help_panel=LEARNING, help="of weights, order and changes")] = 0,
          precision: Annotated[str, typer.Option(
              rich_help_panel=LEARNING, help="float32, or bfloat16: faster where the processor has "
                                             "it")] = "float32",
          threads: Annotated[int, typer.Option(
              rich_help_panel=LEARNING, help="of the CPU, idle ones; another number rounds "
                                             "differently")] = 1,
          crop: Annotated[int | None, typer.Option(
              rich_help_panel=IMAGES, help="pixels to move by at most; an eighth of the size where "
                                           "left out, 0 for none")] = None,
          flip: Annotated[bool, typer.Option(
              "--flip", rich_help_panel=IMAGES, help="mirror every other one; not for characters")
          ] = False,
          jitter: Annotated[float, typer.Option(
              rich_help_panel=IMAGES, help="share by which brightness, contrast and colours change")
          ] = 0.0,
          erase: Annotated[float, typer.Option(
              rich_help_panel=IMAGES, help="share of images that lose a rectangle")] = 0.0,
          json_out: Json = None) -> None:
    """Train a network on images in PyTorch (pip install 'pqhw\\[train]').

    Writes network.npz, whose input are raw pixels, integers as hardware takes them, and
    history.json and .html. After each epoch it keeps a checkpoint, from which --resume goes on
    as if nothing had happened. On a CPU, equal options give equal weights.
    Example: pqhw train digits-cnn --data digits --epochs 10 -o digits-cnn
    """
    from .quant.training import Augmentation, Recipe, network_for, train_network
    from .quant.training.network import NETWORK
    from .report.training import history_table, write_history
    recipe = Recipe(epochs=epochs, batch=batch, rate=rate, schedule=schedule, warmup=warmup,
                    optimiser=optimiser, decay=decay, smoothing=smoothing, seed=seed,
                    precision=precision, threads=threads, augmentation=Augmentation(
                        crop=crop, flip=flip, jitter=jitter, erase=erase))
    images = read_data(data)
    graph = network_for(network, images, seed=seed)
    folder = Path("runs") / f"train-{graph.name}" if folder is None else folder
    with progress_bar(remaining=True) as bar:
        task = bar.add_task("training", total=None)
        _, history = train_network(
            graph, images, recipe, folder=folder, resume=resume, device=device,
            progress=lambda step: bar.update(
                task, total=step.total, completed=step.done, description=step.text))
    show(history.to_mapping(), json_out, history_table(history))
    write_page(write_history, history, folder / "history.html")
    if json_out != "-":
        out.print(f"network: {folder / NETWORK}", soft_wrap=True)
