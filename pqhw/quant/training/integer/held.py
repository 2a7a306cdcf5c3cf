"""A finished integer network in the forward pass of training, beside the one of `golden`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....golden import check_images, network_activations
from ....network import GraphError
from ....spec import Conv2d, EngineSpec, MACSpec, PQSpec
from ....spec.parameters import MACParameters, Parameters, PQParameters, TreeParameters
from ...network import IntegerNetwork
from .forward import IntegerForward
from .layer import Layer, Scale
from .mac import MACLayer
from .pq import PQLayer

__all__ = ["Differences", "compare_training", "held_network"]

BATCH_ELEMENTS = 1 << 20
"""Elements of the largest result that a batch holds."""


@dataclasses.dataclass(frozen=True)
class Differences:
    """Where the forward pass of training and `golden` differ: nowhere, if both are right.

    Members
    -------
    images, nodes, values: how many were compared
    differing: values that differ, by the name of the node, in the network's order
    first: a sentence about the first of them; None if there is none
    """
    images: int
    nodes: int
    values: int
    differing: dict[str, int]
    first: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)


def held_network(network: IntegerNetwork) -> IntegerForward:
    """The forward pass of training with the integers of a network as they are.

    Raises
    ------
    GraphError
        If training has no such layer: planes of bits, or sums modulo 2**16.
    """
    parameters = network.parameters
    return IntegerForward(network.spec, {name: _held_layer(name, spec, parameters[name])
                                         for name, spec in network.spec.engines.items()}).eval()


def compare_training(network: IntegerNetwork, images: np.ndarray, *,
                     progress: Callable[[int, int], None] | None = None) -> Differences:
    """Every result of every node on images, once by the forward pass of training and once by
    `golden`; classes of an ArgMax are left out.

    Parameters
    ----------
    images: [R, H, W, C] or rows [R, D], integers
    progress: called with images done and images in all

    Raises
    ------
    GraphError, SpecError
        If training has no such layer, or images do not fit.
    """
    spec = network.spec
    images, module = check_images(spec, images), held_network(network)
    step = max(1, BATCH_ELEMENTS // max(int(np.prod(shape)) for shape in spec.shapes.values()))
    values, differing = 0, dict.fromkeys(spec.shapes, 0)
    names: set[str] = set()
    first = None
    for start in range(0, len(images), step):
        own = images[start:start + step]
        with torch.no_grad():
            found = module.activations(torch.as_tensor(own))
        wanted = network_activations(spec, network.parameters, own)
        for name in (node.name for node in spec.nodes if node.name in found):
            got = found[name].movedim(1, -1).numpy()
            wrong = got != wanted[name]
            names.add(name)
            values += wrong.size
            differing[name] += int(wrong.sum())
            if wrong.any() and first is None:
                place = tuple(np.argwhere(wrong)[0].tolist())
                first = (f"{name}: training gives {got[place]:g} and golden {wanted[name][place]} "
                         f"at {[start + place[0], *place[1:]]}.")
        if progress is not None:
            progress(start + len(own), len(images))
    return Differences(len(images), len(names), values,
                       {name: count for name, count in differing.items() if count}, first)


def _held_layer(name: str, spec: EngineSpec, parameters: Parameters) -> Layer:
    if isinstance(spec, MACSpec) and isinstance(parameters, MACParameters):
        return _HeldMAC(spec, parameters)
    if (not isinstance(spec, PQSpec) or spec.wraps
            or not isinstance(parameters, PQParameters | TreeParameters)):
        raise GraphError(f"{name}: training knows neither planes of bits nor sums modulo 2**16.")
    layer, engine = spec.layer, spec.engine
    entry = 1.0 if spec.output is None else 2.0 ** parameters.shift
    prototypes = (parameters.prototypes if isinstance(parameters, PQParameters) else
                  np.zeros((1, engine.prototypes, engine.subvector_length)))
    shape = ((layer.out_channels, *layer.kernel, layer.in_channels // layer.groups)
             if isinstance(layer, Conv2d) else (layer.out_features, layer.in_features))
    # Weights of zero: all that entries are stands in the correction.
    return PQLayer(spec, Scale(1.0, 1.0), np.zeros(shape), parameters.bias / entry,
                   parameters=parameters, prototypes=prototypes, entry=entry,
                   correction=parameters.tables / entry)


class _HeldMAC(MACLayer):
    """Products with levels that stay."""

    def __init__(self, spec: MACSpec, parameters: MACParameters):
        super().__init__(spec, Scale(1.0, 1.0), parameters.weights, np.zeros(len(parameters.bias)))
        self.parameters_held = parameters

    def _levels(self) -> tuple[Tensor, Tensor, dict[str, Any]]:
        return self.weights, torch.ones(len(self.weights)), {}

    def integer_bias(self, scale: Tensor) -> Tensor:
        return torch.as_tensor(self.parameters_held.bias, dtype=torch.float64)

    def factors(self, scale: Tensor) -> tuple[np.ndarray, int]:
        own = self.parameters_held
        scaled = self.spec.output is not None and self.spec.output.mode == "scale"
        return own.multiplier if scaled else np.ones_like(own.bias), own.shift
