"""A float network that gets used to codes: what layers take is encoded, all else stays real."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ....network import Graph, Node
from ....network.lowering import Lowered
from ....spec import PQSpec
from ....spec.parameters import PQParameters
from ...network import IntegerNetwork, engine_for, layer_weights
from ...settings import MACSettings, PQSettings
from ..module import GraphModule
from ..operations import array
from ..scaling import InputScaling
from .layer import Scale
from .pq import PQLayer
from .rounding import quantize

__all__ = ["AdaptingModule"]


class AdaptingModule(GraphModule):
    """A graph whose product-quantized layers see prototypes in the place of their inputs.

    Inputs of these layers are rounded to the layer's grid and encoded; what comes of the codes are
    real sums, and normalisations take the statistics of the batch, so that weights learn at the
    rates of float training. Gradients are those of products with the weights. Prototypes follow
    the means of what they stand for.

    Parameters
    ----------
    graph: with its normalisations
    lowered: the graph in steps
    network: what `convert_network` made of it: prototypes and steps
    settings: per layer, by name
    scaling: as of `GraphModule`
    """

    def __init__(self, graph: Graph, lowered: Lowered, network: IntegerNetwork,
                 settings: Mapping[str, PQSettings | MACSettings],
                 scaling: InputScaling | None = None):
        self.encoded = {step.node.name: step for step in lowered.layers
                        if isinstance(network.parameters[step.name], PQParameters)}
        self.sources = lowered, network, settings
        super().__init__(graph, scaling)

    def module_of(self, node: Node) -> nn.Module:
        step = self.encoded.get(node.name)
        plain = super().module_of(node)
        if step is None:
            return plain
        lowered, network, settings = self.sources
        spec = engine_for(lowered, step, settings[node.name])
        parameters = network.parameters[step.name]
        assert isinstance(spec, PQSpec) and isinstance(parameters, PQParameters)
        spec = dataclasses.replace(spec, precision=dataclasses.replace(
            spec.precision, output=None))
        entering = network.steps[step.inputs[0]]
        weights, bias = self._own(node, layer_weights(lowered, step))
        return _Encoded(spec, entering, weights, bias, parameters, isinstance(plain.bias, nn.Parameter),
                        lowered.orders.get(step.inputs[0]))

    def _own(self, node: Node, folded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights as the graph has them, before normalisation is folded in, and the bias."""
        op = self.graph[node.name].op
        order = self.sources[0].orders.get(self.encoded[node.name].inputs[0])
        weights = op.weights if order is None else op.weights[:, order]
        return weights.astype(np.float64), op.bias

    @property
    def layers(self) -> dict[str, PQLayer]:
        """Encoded layers, by the name of their node."""
        return {name: self[name].layer for name in self.encoded}

    def prototypes(self) -> dict[str, np.ndarray]:
        """Integer prototypes [S, K, V] or [1, K, V], by the name of the layer's node."""
        return {name: layer.integer_prototypes().detach().cpu().numpy().astype(np.int64)
                for name, layer in self.layers.items()}


class _RealLayer(PQLayer):
    """A layer that looks up real entries and adds a real bias."""

    def rounded(self, entries: Tensor) -> Tensor:
        return entries

    def integer_bias(self) -> Tensor:
        return self.bias


class _Encoded(nn.Module):
    """An operation with weights on inputs that are encoded.

    Members
    -------
    layer: takes integers and gives real sums
    """

    def __init__(self, spec: PQSpec, step: float, weights: np.ndarray, bias: np.ndarray,
                 parameters: PQParameters, learns_bias: bool, order: np.ndarray | None):
        super().__init__()
        self.layer = _RealLayer(spec, Scale(step, 1.0), weights, bias, parameters=parameters,
                                prototypes=parameters.prototypes, entry=1.0)
        self.layer.bias.requires_grad_(learns_bias)
        self.layer.prototypes.requires_grad_(False)
        self.step, self.order = step, order

    def forward(self, inputs: Tensor) -> Tensor:
        if self.order is not None:
            inputs = inputs[:, torch.from_numpy(self.order)]
        allowed = self.layer.spec.encoder.activation_range
        return self.layer(quantize(inputs.contiguous() / self.step, allowed))

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields of the operation, as they are now."""
        weights = self.layer.plain_weights().astype(np.float32)
        if self.order is not None:
            weights = weights[:, np.argsort(self.order)]
        return {"weights": weights, "bias": array(self.layer.bias)}
