"""Which float results the results of an integer network stand for."""

from collections.abc import Mapping

import numpy as np

from ..network.fold import fold_batchnorm
from ..network.graph import Graph
from ..network.lowering import lower
from ..spec import SpecError
from ..spec.fields import show
from ..spec.network import Engine
from .network import IntegerNetwork

__all__ = ["FloatTwin", "real_steps"]

ANY_BITS = 8
"""Bits that the float graph is lowered with; its order of values does not depend on them."""


def real_steps(network: IntegerNetwork) -> dict[str, float]:
    """Real value of 1 by result, raw sums of a layer among them where its units are known."""
    steps = dict(network.steps)
    for name, spec in network.spec.engines.items():
        if spec.output is None and name in network.units:
            steps[name] = 1 / network.units[name]
    return steps


class FloatTwin:
    """The float graph of an integer network, its results in the integer network's order.

    Members
    -------
    steps: real value of 1 of every result that has a float one, by name

    Parameters
    ----------
    graph: takes the images of the integer network; a normalisation is folded into its layer, and
        rows that were images are put in the order pixel after pixel

    Raises
    ------
    GraphError
        If a node of the graph has no integer form.
    SpecError
        If the graph takes other images, or no result or one of another shape bears the name of a
        node.
    """

    def __init__(self, network: IntegerNetwork, graph: Graph):
        spec = network.spec
        folded = fold_batchnorm(graph)
        lowered = lower(folded, {layer.name: ANY_BITS for layer in folded.layers})
        self._graph, self._orders = lowered.graph, lowered.orders
        if graph.input_shape != spec.input.shape:
            raise SpecError(f"the float graph must take {show(spec.input.shape)}, what "
                            f"{spec.name} takes, but {graph.name} takes "
                            f"{show(graph.input_shape)}.")
        known = real_steps(network)
        names = [node.name for node in spec.nodes if node.name in self._graph.shapes]
        if not any(isinstance(node.op, Engine) for node in spec.nodes if node.name in names):
            raise SpecError(f"the float graph must have the names of {spec.name}, but "
                            f"{graph.name} has none of its layers.")
        self.steps: Mapping[str, float] = {name: known[name] for name in names if name in known}
        for name in self.steps:
            if self._graph.shapes[name] != spec.shapes[name]:
                raise SpecError(f"{name}: the float graph must give {show(spec.shapes[name])}, "
                                f"what the integer network gives, but gives "
                                f"{show(self._graph.shapes[name])}.")

    def results(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Float results [R, ...] in double precision, of all in `steps`, by name."""
        found = self._graph.activations(images, keep=tuple(self.steps))
        return {name: self._ordered(name, found[name]).astype(np.float64) for name in self.steps}

    def _ordered(self, name: str, values: np.ndarray) -> np.ndarray:
        order = self._orders.get(name)
        return values if order is None else values[:, order]
