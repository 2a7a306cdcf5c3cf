"""An integer network that learns: its forward pass is the hardware's, number for number."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....network import GraphError
from ....network.lowering import Lowered
from ....spec import MACSpec, PQSpec, SpecError
from ....spec import network as integer
from ....spec.network import NetworkNode, NetworkSpec
from ....spec.parameters import (MACParameters, Parameters, PQParameters, TreeParameters,
                                 check_parameters)
from ...evaluate import evaluate_network
from ...network import IntegerNetwork, engine_for, layer_weights
from ...pq_layer import real_tables
from ...settings import MACSettings, PQSettings
from .forward import IntegerForward
from .layer import Scale
from .mac import MACLayer
from .pq import PQLayer

__all__ = ["IntegerModule"]


class IntegerModule(IntegerForward):
    """A float graph's layers in the integers of a converted network, ready to learn.

    `forward` takes images [R, H, W, C] or rows [R, D], integers in floating point, and gives the
    logits in real units; `sums` gives the integers themselves, which equal those of `golden`.

    Parameters
    ----------
    lowered: the float graph in steps
    network: what `convert_network` made of it with the same settings
    settings: per layer, by name

    Raises
    ------
    GraphError, SpecError
        If a layer cannot learn here: planes of bits, a network that does not end in a layer, or
        trees without the means of their leaves.
    """

    def __init__(self, lowered: Lowered, network: IntegerNetwork,
                 settings: Mapping[str, PQSettings | MACSettings]):
        super().__init__(network.spec, {
            step.name: _layer(lowered, network, step, settings[step.node.name])
            for step in lowered.layers})
        self.lowered, self.network = lowered, network
        last = network.spec.nodes[-1]
        if isinstance(last.op, integer.ArgMax):
            last = next(node for node in network.spec.nodes if node.name == last.inputs[0])
        if last.name in network.steps or not isinstance(last.op, integer.Engine):
            raise GraphError(f"{last.name}: a network that learns must end in the sums of a layer.")
        self.last = last.name

    # -- Forward ---------------------------------------------------------------------------

    def forward(self, inputs: Tensor) -> Tensor:
        sums = self.sums(inputs)
        return sums * self.real_step().to(sums.device)

    def real_step(self) -> Tensor:
        """Real value of 1 of the last layer's sums."""
        return torch.tensor(1 / self[self.last].units())

    def sums(self, inputs: Tensor) -> Tensor:
        """Results [R, classes] of the last layer, integers in floating point."""
        return self.activations(inputs, only_last=True)[self.last].flatten(1).float()

    # -- Back to integers ------------------------------------------------------------------

    @torch.no_grad()
    def to_network(self) -> IntegerNetwork:
        """The integer network as learned so far."""
        nodes: list[NetworkNode] = []
        parameters: dict[str, Parameters] = {}
        units: dict[str, float] = {}
        for node in self.network.spec.nodes:
            if isinstance(node.op, integer.Engine):
                made, values = self[node.name].values()
                units[node.name] = self[node.name].units()
                parameters[node.name] = check_parameters(made, values)
                node = dataclasses.replace(node, op=integer.Engine(made))
            nodes.append(node)
        spec = NetworkSpec(self.network.spec.name, self.network.spec.input, tuple(nodes))
        return IntegerNetwork(spec, parameters, self.network.steps, units, self._centres())

    def _centres(self) -> dict[str, np.ndarray]:
        """What the leaves of trees stand for as learned so far."""
        return {name: self[name].prototypes.double().cpu().numpy()
                for name in self.network.centres}

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Share, 0 to 1, of images that the integer network puts into the class of their label."""
        return evaluate_network(self.to_network(), images, labels).accuracy


def _layer(lowered: Lowered, network: IntegerNetwork, step: Any,
           settings: PQSettings | MACSettings) -> MACLayer | PQLayer:
    weights, bias = layer_weights(lowered, step), step.node.op.bias
    scale = Scale(network.steps[step.inputs[0]], network.steps.get(step.name, 1.0))
    spec = engine_for(lowered, step, settings)
    parameters = network.parameters[step.name]
    if isinstance(spec, MACSpec):
        if not isinstance(parameters, MACParameters):
            raise GraphError(f"{step.name}: planes of bits do not learn; "
                             'take scheme = "fixed" and the same bits.')
        return MACLayer(spec, scale, weights, bias)
    assert isinstance(spec, PQSpec) and isinstance(parameters, PQParameters | TreeParameters)
    entry, prototypes = network.units[step.name], _prototypes(network, step.name, parameters)
    correction = parameters.tables / entry - real_tables(spec, prototypes, weights * scale.ratio)
    return PQLayer(spec, scale, weights, parameters.bias / entry * scale.leaving,
                   parameters=parameters, prototypes=prototypes, entry=entry,
                   correction=correction if spec.sets == 1 else None)


def _prototypes(network: IntegerNetwork, name: str,
                parameters: PQParameters | TreeParameters) -> np.ndarray:
    """What the codes of a layer stand for, [S or 1, K, V]."""
    if isinstance(parameters, PQParameters):
        return parameters.prototypes.astype(np.float64)
    if name not in network.centres:
        raise SpecError(f"{name}: trees learn only with the means of their leaves, which "
                        "conversion finds but no file holds; convert the graph again.")
    return network.centres[name]
