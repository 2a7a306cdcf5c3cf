"""A network from a name or file, trained on a data set, written to a folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...network import ZOO, Graph, GraphError, load_graph, save_graph, zoo_network
from .history import History
from .loop import Step, fit
from .module import GraphModule
from .recipe import Recipe
from .scaling import InputScaling, fold_scaling

__all__ = ["NETWORK", "network_for", "train_network"]

NETWORK = "network.npz"
"""The file within a training's folder."""


def network_for(name: str | os.PathLike[str], data: Any, *, seed: int = 0) -> Graph:
    """A graph that takes the raw pixels of a data set and tells its classes.

    Parameters
    ----------
    name: of the zoo, with weights from `seed`; or a file of `save_graph`, whose input are raw
        pixels already
    data: a `Dataset`

    Raises
    ------
    GraphError
        If there is no such network, or it takes other images or tells other classes.
    """
    text, classes = os.fspath(name), len(data.classes)
    if text in ZOO:
        graph = zoo_network(text, seed=seed, classes=classes)
        _check(graph, data)
        return fold_scaling(graph, InputScaling.largest(data.train_images))
    if Path(text).suffix != ".npz":
        raise GraphError(f"network must be one of {', '.join(ZOO)}, or a .npz file of a graph, "
                         f"but is {text}.")
    graph = load_graph(text)
    _check(graph, data)
    return graph


def _check(graph: Graph, data: Any) -> None:
    images = data.train_images.shape[1:]
    if graph.input_shape != images:
        raise GraphError(f"{graph.name} takes inputs {list(graph.input_shape)}, but images of "
                         f"{data.name} are {list(images)}.")
    classes = len(data.classes)
    if graph.output_shape not in ((classes,), ()):
        raise GraphError(f"{graph.name} gives results {list(graph.output_shape)}, but {data.name} "
                         f"has {classes} classes.")


def train_network(graph: Graph, data: Any, recipe: Recipe, *,
                  folder: str | os.PathLike[str] | None = None, resume: bool = False,
                  progress: Callable[[Step], None] | None = None,
                  device: str = "auto") -> tuple[Graph, History]:
    """Train a graph of raw pixels; gives the trained graph, which takes raw pixels too.

    Inside, pixels are divided by the largest one (`InputScaling.largest`). The folder, if given,
    holds the graph, the history and the checkpoint. Parameters and errors are as in `fit`.
    """
    module = GraphModule(graph, InputScaling.largest(np.asarray(data.train_images)))
    history = fit(module, data, recipe, folder=folder, resume=resume, progress=progress,
                  device=device)
    trained = module.to_graph()
    if folder is not None:
        save_graph(Path(folder) / NETWORK, trained)
    return trained, history
