"""A float network that gets used to codes: what layers take is encoded, all else stays real."""

import dataclasses
import os
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ....data import Dataset
from ....network import Graph, Node
from ....network.lowering import Lowered, lower
from ....network.ops import WEIGHTED, BatchNorm
from ....spec import PQSpec
from ....spec.parameters import PQParameters, TreeParameters
from ...network import Adapted, IntegerNetwork, engine_for
from ...pq_layer import LearnedEncoder, real_tables
from ...settings import MACSettings, PQSettings
from ..distil import Distillation
from ..hints import HintedLoss
from ..history import History
from ..loop import Step, fit
from ..module import GraphModule
from ..operations import Normalisation, array
from ..recipe import Recipe
from ..scaling import InputScaling
from ..scores import BATCH, tensor_of
from .layer import Scale
from .pq import PQLayer
from .rounding import quantize
from .tuning import Tuning, scheduled

__all__ = ["AdaptingModule", "adapt_network", "adapting_recipe"]

MEASURED = 4096
"""Images that normalisations are measured on in the end."""

SMALLEST = 1e-12
"""Factor of entries in the place of 0."""

DEAD = 1e-6
"""Factor up to which normalisation leaves nothing of a result."""


def adapting_recipe(recipe: Recipe) -> Recipe:
    """A recipe with what suits weights that were trained before: momentum, a little decay, and a
    rate that rises over a tenth of the epochs."""
    return dataclasses.replace(recipe, optimiser="sgd", decay=1e-4, warmup=recipe.epochs / 10)


def adapt_network(graph: Graph, data: Dataset, settings: Mapping[str, PQSettings | MACSettings],
                  tuning: Tuning, network: IntegerNetwork, *,
                  input_bits: int = 8, folder: str | os.PathLike[str] | None = None,
                  resume: bool = False, progress: Callable[[Step], None] | None = None,
                  device: str = "auto") -> tuple[Adapted, History]:
    """Train weights and prototypes in floating point, with encoded inputs and live normalisations.

    Afterwards the statistics of normalisations are measured anew, over many images.

    Parameters
    ----------
    graph: trained, takes the images' integers; the teacher as well
    network: what `convert_network` made of it: steps, and prototypes to begin with
    folder, resume, progress, device: as for `fit`
    """
    bits = {name: own.activation_bits for name, own in settings.items()}
    scaling = InputScaling.largest(np.asarray(data.train_images))
    module = AdaptingModule(graph, lower(graph, bits, input_bits=input_bits), network, settings,
                            scaling)
    for layer in module.layers.values():
        layer.gradient = tuning.gradient
    loss = HintedLoss(Distillation(teacher=GraphModule(graph), share=tuning.share), module,
                      module.hinted, tuning.hints)
    history = fit(module, data, tuning.recipe, folder=folder, resume=resume, loss=loss,
                  on_epoch=scheduled(module, tuning), progress=progress, device=device)
    module.measure(data.train_images)
    return module.adapted(), history


class AdaptingModule(GraphModule):
    """A graph whose product-quantized layers see prototypes in the place of their inputs.

    Inputs of these layers are rounded to the layer's grid and encoded; what comes of the codes are
    real sums, and normalisations take the statistics of the batch, so that weights learn at the
    rates of float training. Prototypes, and what leaves of trees stand for, follow the means of
    what is encoded to them.

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
        self.sources = lowered, network, settings
        self.encoded = {step.node.name: step for step in lowered.layers
                        if isinstance(settings[step.node.name], PQSettings)}
        super().__init__(graph, scaling)
        for name, step in self.encoded.items():
            # In a list, so that it does not count as a part of the layer.
            self.layers[name].norm = [self[user.name] for user in _norms(graph, name)]
            self.layers[name].take_tables(network.parameters[step.name])

    def module_of(self, node: Node) -> nn.Module:
        plain, step = super().module_of(node), self.encoded.get(node.name)
        if step is None:
            return plain
        lowered, network, settings = self.sources
        spec, parameters = (engine_for(lowered, step, settings[node.name]),
                            network.parameters[step.name])
        assert isinstance(spec, PQSpec) and isinstance(parameters, PQParameters | TreeParameters)
        assert isinstance(node.op, WEIGHTED)
        spec = dataclasses.replace(spec, precision=dataclasses.replace(spec.precision, output=None))
        order = lowered.orders.get(step.inputs[0])
        weights = node.op.weights if order is None else node.op.weights[:, order]
        layer = _RealLayer(
            spec, Scale(network.steps[step.inputs[0]], 1.0), weights, node.op.bias,
            parameters=parameters, prototypes=parameters.prototypes
            if isinstance(parameters, PQParameters) else network.centres[step.name], entry=1.0)
        layer.unit = network.steps.get(step.name, 1.0) / network.units[step.name]
        layer.bias.requires_grad_(isinstance(plain.bias, nn.Parameter))
        layer.prototypes.requires_grad_(False)
        return _Encoded(layer, order)

    @property
    def layers(self) -> dict[str, "_RealLayer"]:
        """Encoded layers, by the name of their node."""
        return {name: self[name].layer for name in self.encoded}

    @property
    def hinted(self) -> list[str]:
        """What encoded layers give, normalised where that follows, by the names of nodes."""
        return [norms[-1].name if (norms := _norms(self.graph, name)) else name
                for name in self.encoded]

    @torch.no_grad()
    def measure(self, images: np.ndarray) -> None:
        """Take means and variances of normalisations anew, over images [R, ...] in batches.

        While that lasts the old ones stay, on which the grids of the tables stand.
        """
        norms = [own for own in self.modules() if isinstance(own, Normalisation)]
        found: dict[Normalisation, list[tuple[Tensor, Tensor]]] = {own: [] for own in norms}

        def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            axes = [axis for axis in range(inputs[0].ndim) if axis != 1]
            variance, mean = torch.var_mean(inputs[0], axes)
            found[norm].append((mean, variance))

        hooks = [own.register_forward_pre_hook(note) for own in norms]
        momenta = [own.momentum for own in norms]
        self.train()
        for own in norms:
            own.momentum = 0.0
        for layer in self.layers.values():
            layer.following = 0.0
        device = next(self.parameters()).device
        chosen = tensor_of(images[:MEASURED])
        for part in chosen.tensor_split(-(-len(chosen) // BATCH)):
            self(part.to(device, torch.float32))
        for own, hook, momentum in zip(norms, hooks, momenta):
            hook.remove()
            own.momentum = momentum
            own.running_mean.copy_(torch.stack([mean for mean, _ in found[own]]).mean(0))
            own.running_var.copy_(torch.stack([variance for _, variance in found[own]]).mean(0))
        self.eval()

    def adapted(self) -> Adapted:
        """What `convert_network` goes on from."""
        _, network, _ = self.sources
        return Adapted(self.to_graph(), network.steps, {
            name: layer.encoder(network.units[step.name], network.steps.get(step.name, 1.0))
            for (name, layer), step in zip(self.layers.items(), self.encoded.values())})


def _norms(graph: Graph, name: str) -> list[Node]:
    """The normalisation that takes a node's result, if one does."""
    return [user for user in graph.users[name] if isinstance(user.op, BatchNorm)]


class _RealLayer(PQLayer):
    """A layer that looks up entries on the hardware's grid, in real units, and adds a real bias.

    Members
    -------
    unit: of an entry, real, once results are normalised
    norm: the normalisation behind it, if there is one
    """
    unit: float
    norm: list[Normalisation]
    leaves_follow = True

    @torch.no_grad()
    def take_tables(self, parameters: PQParameters | TreeParameters) -> None:
        """Begin with the tables of an integer network, whatever they are beside products."""
        if self.spec.sets > 1:
            return
        factor, before, after = self.factor(), torch.zeros_like(self.bias), 0.0
        for norm in self.norm:
            before, after = norm.running_mean, norm.bias
        live = factor.abs() > DEAD
        bias = (torch.as_tensor(parameters.bias) * self.unit - after) / factor + before
        self.bias.copy_(torch.where(live, bias, self.bias))
        entries = torch.as_tensor(parameters.tables) * self.unit / factor
        products = real_tables(self.spec, self.prototypes.double().numpy(),
                               self.plain_weights() * self.scale.ratio)
        beside = torch.where(live, entries - torch.from_numpy(products), 0)
        self.correction = nn.Parameter(beside.float())

    def factor(self) -> Tensor:
        """What normalisation makes of 1, [N]."""
        factor = torch.ones_like(self.bias)
        for norm in self.norm:
            factor = factor * norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        return torch.where(factor.abs() < SMALLEST, SMALLEST, factor)

    def rounded(self, entries: Tensor) -> Tensor:
        factor = (self.factor() / self.unit).view(-1, 1, 1)
        return quantize(entries * factor, self.spec.term_range) / factor

    def integer_bias(self) -> Tensor:
        return self.bias

    @torch.no_grad()
    def encoder(self, units: float, leaving: float) -> LearnedEncoder:
        """As learned; `units` and `leaving` are those of the layer's sums and results."""
        parameters, correction = self.parameters_at_start, None
        if self.correction is not None:
            correction = (self.correction * self.factor() / leaving).double().cpu().numpy()
        prototypes = self.integer_prototypes().double().cpu().numpy()
        values = ({"split_dims": parameters.split_dims, "thresholds": parameters.thresholds}
                  if isinstance(parameters, TreeParameters)
                  else {"prototypes": prototypes.astype(np.int64)})
        return LearnedEncoder(values, prototypes, units, correction)


class _Encoded(nn.Module):
    """An operation with weights on inputs that are encoded.

    Parameters
    ----------
    layer: takes integers and gives real sums
    order: of rows that were images, where the layer takes them otherwise than the graph
    """

    def __init__(self, layer: PQLayer, order: np.ndarray | None):
        super().__init__()
        self.layer, self.order = layer, order

    def forward(self, inputs: Tensor) -> Tensor:
        if self.order is not None:
            inputs = inputs[:, torch.from_numpy(self.order)]
        allowed = self.layer.spec.encoder.activation_range
        return self.layer(quantize(inputs.contiguous() / self.layer.scale.entering, allowed))

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields of the operation, as they are now."""
        weights = self.layer.plain_weights().astype(np.float32)
        if self.order is not None:
            weights = weights[:, np.argsort(self.order)]
        return {"weights": weights, "bias": array(self.layer.bias)}
