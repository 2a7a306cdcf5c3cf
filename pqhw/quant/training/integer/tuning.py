"""Fine-tuning of integer networks, and the networks that come of it."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ....data import Dataset
from ....network import Graph
from ....network.lowering import lower
from ...network import IntegerNetwork, convert_network
from ...settings import MACSettings, PQSettings
from ..distil import Distillation
from ..history import History
from ..loop import Group, Step, fit
from ..module import GraphModule
from ..recipe import Recipe
from .pq import PQLayer
from .network import IntegerModule

__all__ = ["Tuning", "scheduled", "tune_network"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    """How an integer network learns from the float network that it came from.

    Parameters
    ----------
    recipe: epochs, rate and what else steers the steps
    train: `both`, `prototypes` or `weights`; weights stand for tables and biases too
    following: how far, 0 to 1, prototypes move per batch towards the mean of what they stood for,
        where both learn; 0, and prototypes alone, move them by gradients instead. Leaves of trees
        move by gradients where their entries have no correction of their own
    settled: share of the epochs after which prototypes stay
    gradient: `linear`, `straight` or `soft`, see `PQLayer`
    temperature: of the softmax over distances at the start; it falls to a tenth
    share: of the float network's scores in the loss, beside the labels, 0 to 1
    hints: weight of what encoded layers give in the float network, beside that loss; only where
        the network gets used to prototypes in floating point
    """
    recipe: Recipe
    train: str = "both"
    following: float = 0.02
    settled: float = 0.8
    gradient: str = "linear"
    temperature: float = 0.1
    share: float = 0.9
    hints: float = 1.0

    def __post_init__(self) -> None:
        for field, words in (("train", ("both", "prototypes", "weights")),
                             ("gradient", ("linear", "straight", "soft"))):
            if getattr(self, field) not in words:
                raise ValueError(f"{field} must be one of {', '.join(words)}, "
                                 f"but is {getattr(self, field)}.")
        for field in ("following", "settled", "share"):
            if not 0 <= getattr(self, field) <= 1:
                raise ValueError(f"{field} must be from 0 to 1, but is {getattr(self, field)}.")
        if not 0 <= self.hints < float("inf"):
            raise ValueError(f"hints must be from 0 on, but is {self.hints}.")


def tune_network(graph: Graph, data: Dataset, settings: Mapping[str, PQSettings | MACSettings],
                 tuning: Tuning, *, network: IntegerNetwork | None = None,
                 teacher: Graph | None = None, input_bits: int = 8, calibration: int = 512,
                 folder: str | os.PathLike[str] | None = None, resume: bool = False,
                 progress: Callable[[Step], None] | None = None, device: str = "auto"
                 ) -> tuple[IntegerNetwork, History]:
    """Fine-tune what `convert_network` gives; every forward pass is the hardware's arithmetic.

    The test accuracy in the history is that of the exported integer network.

    Parameters
    ----------
    graph: trained, takes the images' integers
    network: where to begin; converted here from `calibration` training images where left out
    teacher: whose scores are learned; `graph` where left out
    folder, resume, progress, device: as for `fit`
    """
    if network is None:
        network = convert_network(graph, data.train_images[:calibration], settings,
                                  input_bits=input_bits, seed=tuning.recipe.seed)
    bits = {name: own.activation_bits for name, own in settings.items()}
    module = IntegerModule(lower(graph, bits, input_bits=input_bits), network, settings)
    _prepare(module, tuning)
    history = fit(module, data, tuning.recipe, folder=folder, resume=resume,
                  loss=Distillation(teacher=GraphModule(teacher or graph), share=tuning.share),
                  groups=_groups(module), on_epoch=scheduled(module, tuning), progress=progress,
                  device=device, evaluate=lambda own: module.accuracy(
                      np.asarray(data.test_images), np.asarray(data.test_labels)))
    return module.to_network(), history


def scheduled(module: Any, tuning: Tuning) -> Callable[[int, nn.Module], None]:
    """Following and temperature of the first epoch for the layers of a module; what `fit` is to
    call for those of the others."""
    def on_epoch(epoch: int, own: nn.Module) -> None:
        module.epochs_done.fill_(epoch)
        _set_epoch(module, tuning, epoch)

    # Held by the checkpoint, so that a training that is taken up goes on at its own epoch.
    module.register_buffer("epochs_done", torch.zeros((), dtype=torch.int64))
    module.register_load_state_dict_post_hook(
        lambda own, keys: _set_epoch(module, tuning, int(module.epochs_done)))
    _set_epoch(module, tuning, 0)
    return on_epoch


def _pq_layers(module: Any) -> list[PQLayer]:
    return [layer for layer in module.layers.values() if isinstance(layer, PQLayer)]


def _prepare(module: IntegerModule, tuning: Tuning) -> None:
    """What learns by gradients."""
    weights = tuning.train in ("both", "weights")
    for layer in module.layers.values():
        layer.weights.requires_grad_(weights)
        layer.bias.requires_grad_(weights)
    for layer in _pq_layers(module):
        layer.gradient = tuning.gradient
        if layer.correction is not None:
            layer.correction.requires_grad_(weights)
        # Leaves of trees follow nothing; beside a correction, which says all that they could,
        # they rest (digits-cnn: 95.6 % instead of 94.6 %).
        still = _follows(tuning) and not (layer.is_tree and layer.correction is None)
        layer.prototypes.requires_grad_(tuning.train != "weights" and not still)


def _follows(tuning: Tuning) -> bool:
    return tuning.train == "both" and tuning.following > 0


def _set_epoch(module: Any, tuning: Tuning, done: int) -> None:
    """Following and temperature once so many epochs are done."""
    share = done / tuning.recipe.epochs
    follows = _follows(tuning) and share < tuning.settled
    for layer in _pq_layers(module):
        layer.following = tuning.following if follows else 0.0
        layer.temperature = tuning.temperature * 0.1 ** share


def _groups(module: IntegerModule) -> list[Group]:
    """Each layer's arrays in steps of their own size, without decay."""
    groups = []
    for layer in module.layers.values():
        for name, own in layer.named_parameters(recurse=False):
            if own.requires_grad:
                scale = float(own.detach().square().mean().sqrt())
                groups.append(Group([own], rate=max(scale, 1e-6) if name != "bias" else
                                    max(float(layer.weights.detach().square().mean().sqrt()),
                                        1e-6), decay=0.0))
    return groups
