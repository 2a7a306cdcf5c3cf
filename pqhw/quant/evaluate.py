"""How many images an integer network classifies correctly, beside the float graph."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..golden import network_results
from ..network.graph import Graph
from ..spec import SpecError
from ..spec.fields import show
from ..spec.network import ArgMax, NetworkSpec
from .network import IntegerNetwork

__all__ = ["Evaluation", "evaluate_network", "network_classes"]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Classes that integers and floats find, against labels and each other.

    Members
    -------
    images: number of images
    accuracy: share of images, 0 to 1, whose class is the label
    images_per_second: of the integer model in NumPy, not of hardware
    float_accuracy, agreement: accuracy of the float graph, and share of images that both give one
        class; None without a graph
    """
    images: int
    accuracy: float
    images_per_second: float
    float_accuracy: float | None = None
    agreement: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)


def network_classes(spec: NetworkSpec) -> int:
    """Number of classes that a network tells apart.

    Raises
    ------
    SpecError
        If the network ends in no row.
    """
    last = spec.nodes[-1]
    shape = spec.shapes[last.inputs[0] if isinstance(last.op, ArgMax) else last.name]
    if len(shape) != 1:
        raise SpecError(f"{last.name}: a network that classifies must end in a row of classes, "
                        f"but {spec.name} ends in {show(shape)}.")
    return shape[0]


def evaluate_network(network: IntegerNetwork, images: np.ndarray, labels: np.ndarray,
                     graph: Graph | None = None, *,
                     progress: Callable[[int, int], None] | None = None) -> Evaluation:
    """Classify images by their largest result, the lowest class on ties.

    Parameters
    ----------
    images: [R, H, W, C] or rows [R, D], integers
    labels: [R], classes from 0 on
    graph: the float graph that the network was made from; takes the same images
    progress: called with images done and images in all

    Raises
    ------
    GraphError, SpecError
        If images, labels or graph do not fit the network.
    """
    spec, classes = network.spec, network_classes(network.spec)
    labels = np.asarray(labels)
    if labels.shape != (len(images),):
        raise SpecError(f"labels must be {len(images)}, one per image, but have shape "
                        f"{list(labels.shape)}.")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise SpecError(f"labels must be from 0 to {classes - 1}, the classes of {spec.name}, "
                        f"but reach from {labels.min()} to {labels.max()}.")
    if graph is not None and graph.output_shape not in ((classes,), ()):
        raise SpecError(f"the float graph must give {show((classes,))}, as {spec.name} does, "
                        f"but {graph.name} gives {show(graph.output_shape)}.")
    start = time.perf_counter()
    results = network_results(spec, network.parameters, images, progress=progress)
    rate = len(images) / max(time.perf_counter() - start, 1e-9)
    found = results[:, 0] if isinstance(spec.nodes[-1].op, ArgMax) else results.argmax(axis=1)
    accuracy = float((found == labels).mean())
    if graph is None:
        return Evaluation(len(images), accuracy, rate)
    floats = graph.run(images)
    wanted = floats if graph.output_shape == () else floats.argmax(axis=1)
    return Evaluation(len(images), accuracy, rate, float((wanted == labels).mean()),
                      float((wanted == found).mean()))
