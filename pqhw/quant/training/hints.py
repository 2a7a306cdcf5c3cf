"""Learning from what a teacher finds on the way, not only from its scores."""

import functools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from .distil import Distillation
from .loss import Batch
from .module import GraphModule

__all__ = ["HintedLoss"]

SMALLEST = 1e-6
"""Variance of a node that always gives the same."""


class HintedLoss:
    """A teacher's scores, and beside them the results of some of its nodes.

    weight * sum over nodes of |result - teacher's|^2 / |teacher's - its mean|^2, added to the loss
    of the scores. Each node so gets a gradient that has not passed those behind it.

    Parameters
    ----------
    scores: whose teacher is a `GraphModule`
    learner: has nodes of the same names
    nodes: names
    weight: 0 for the scores alone

    Source: A. Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015, section 2.2, of which
    every node here is one, all at once.
    """

    def __init__(self, scores: Distillation, learner: GraphModule, nodes: Sequence[str],
                 weight: float):
        assert isinstance(scores.teacher, GraphModule)
        self.scores, self.nodes, self.weight = scores, tuple(nodes) if weight else (), weight
        self.found: dict[str, Tensor] = {}
        self.wanted: dict[str, Tensor] = {}
        for name in self.nodes:
            learner[name].register_forward_hook(functools.partial(self._learned, name))
            scores.teacher[name].register_forward_hook(functools.partial(self._taught, name))

    def _learned(self, name: str, module: nn.Module, inputs: Any, result: Tensor) -> None:
        if result.requires_grad:  # Not where the learner is only looked at.
            self.found[name] = result

    def _taught(self, name: str, module: nn.Module, inputs: Any, result: Tensor) -> None:
        self.wanted[name] = result

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        loss = self.scores(logits, batch)
        for name in self.nodes:
            own, wanted = self.found.pop(name), self.wanted.pop(name)
            spread = wanted.var().clamp(min=SMALLEST)
            loss = loss + self.weight * ((own - wanted) ** 2).mean() / spread
        return loss
