"""From a trained graph and a data set to an integer network whose accuracy is known."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..data import Dataset
from ..network import Graph
from ..network.quantinfo import QuantInfo
from .evaluate import evaluate_network
from .network import IntegerNetwork, convert_network
from .settings import MACSettings, PQSettings

__all__ = ["ADAPTING", "CALIBRATION", "Conversion", "convert_graph", "input_bits"]

CALIBRATION = 512
"""Training images, at most, that steps, prototypes and tables are measured on."""

CALIBRATION_ELEMENTS = 1 << 28
"""Values of all results together that they may make."""

FEWEST_IMAGES = 16

ADAPTING = "adapting"
"""The folder of the training in floating point."""


@dataclasses.dataclass(frozen=True, eq=False)
class Conversion:
    """An integer network and the accuracies, 0 to 1, on the test images on its way.

    Members
    -------
    float_accuracy: of the graph
    converted_accuracy: without training
    tuned_accuracy: after fine-tuning; None without
    """
    network: IntegerNetwork
    float_accuracy: float
    converted_accuracy: float
    tuned_accuracy: float | None = None

    @property
    def accuracy(self) -> float:
        """Of the integer network as it is."""
        return self.converted_accuracy if self.tuned_accuracy is None else self.tuned_accuracy

    def to_mapping(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {"network": self.network.spec.name, "float_accuracy": self.float_accuracy,
                "converted_accuracy": self.converted_accuracy,
                "tuned_accuracy": self.tuned_accuracy,
                "lost_points": 100 * (self.float_accuracy - self.accuracy)}


def input_bits(data: Dataset) -> int:
    """Bits of a pixel: as many as the largest training value needs."""
    return max(1, int(data.train_images.max()).bit_length())


def _calibration_images(graph: Graph) -> int:
    """As many as memory holds the results of, within bounds."""
    values = sum(math.prod(shape) for shape in graph.shapes.values())
    return max(FEWEST_IMAGES, min(CALIBRATION, CALIBRATION_ELEMENTS // values))


def convert_graph(graph: Graph, data: Dataset,
                  settings: Mapping[str, PQSettings | MACSettings], *, adapting: Any = None,
                  tuning: Any = None, given: QuantInfo | None = None, seed: int = 0,
                  folder: str | os.PathLike[str] | None = None,
                  resume: bool = False, device: str = "auto",
                  progress: Callable[[int, int], None] | None = None,
                  step: Callable[[Any], None] | None = None) -> Conversion:
    """Convert a graph, fine-tune it where asked for, and tell what it costs in accuracy.

    Parameters
    ----------
    graph: takes the pixels of `data` as they are
    settings: per layer, by name
    adapting, tuning: each a `pqhw.quant.training.integer.Tuning`, which needs PyTorch: first in
        floating point with encoded inputs, then in integers
    given: integers that the graph came with, kept as far as they can be, until training moves them
    seed: chooses the calibration images and where clusters begin
    folder, resume, device: of training; adapting takes a folder of its own within
    progress: called with layers converted and layers in all
    step: told of the steps of fine-tuning
    """
    bits = input_bits(data)
    order = np.random.default_rng(seed).permutation(len(data.train_images))
    order = order[:_calibration_images(graph)]
    images = data.train_images[np.sort(order)]
    network = convert_network(graph, images, settings, input_bits=bits, seed=seed, given=given,
                              progress=progress)
    found = evaluate_network(network, data.test_images, data.test_labels, graph)
    assert found.float_accuracy is not None
    made = Conversion(network, found.float_accuracy, found.accuracy)
    if adapting is None and tuning is None:
        return made
    from .training.integer import adapt_network, tune_network
    learner = graph
    training: dict[str, Any] = {"resume": resume, "progress": step, "device": device,
                                "input_bits": bits}
    if adapting is not None:
        inner = None if folder is None else os.path.join(folder, ADAPTING)
        adapted, _ = adapt_network(graph, data, settings, adapting, network, folder=inner,
                                   **training)
        learner = adapted.graph
        network = convert_network(learner, images, settings, input_bits=bits, seed=seed,
                                  adapted=adapted, progress=progress)
    tuned = network
    if tuning is not None:
        tuned, _ = tune_network(learner, data, settings, tuning, network=network, teacher=graph,
                                folder=folder, **training)
    after = evaluate_network(tuned, data.test_images, data.test_labels)
    return dataclasses.replace(made, network=tuned, tuned_accuracy=after.accuracy)
