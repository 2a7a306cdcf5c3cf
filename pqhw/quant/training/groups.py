"""Which parameters are trained, and by what optimiser."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from ...network import LearningError
from .recipe import Recipe

__all__ = ["Group", "optimiser_of", "parameter_groups", "set_rate"]

MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Parameters that are trained alike.

    Parameters
    ----------
    parameters: of the module; those in no group stay as they are
    rate: their step size, as a share of the recipe's
    decay: their weight decay; the recipe's where left out
    """
    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    decay: float | None = None


def parameter_groups(module: nn.Module) -> list[Group]:
    """Weights, which decay, and normalisations and biases, which do not."""
    own = [one for one in module.parameters() if one.requires_grad]
    return [Group([one for one in own if one.ndim > 1]),
            Group([one for one in own if one.ndim <= 1], decay=0.0)]


def optimiser_of(groups: Sequence[Group], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser of these groups.

    Raises
    ------
    LearningError
        If there is nothing to train.
    """
    listed = [{"params": list(group.parameters), "share": group.rate,
               "weight_decay": recipe.decay if group.decay is None else group.decay}
              for group in groups if len(group.parameters)]
    if not listed:
        raise LearningError("groups must hold parameters, but hold none.")
    if recipe.optimiser == "adam":
        return torch.optim.AdamW(listed, lr=recipe.rate)
    return torch.optim.SGD(listed, lr=recipe.rate, momentum=MOMENTUM, nesterov=True)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The recipe's step size, of which each group takes its share."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
