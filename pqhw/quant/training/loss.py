"""What training makes small: the loss of a batch from its logits."""

import dataclasses
from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

__all__ = ["Batch", "LabelLoss", "Loss"]


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Images of one step.

    Members
    -------
    inputs: [R, ...] float32, changed at random where the recipe says so
    labels: [R] int64
    indices: [R], positions in the training images
    """
    inputs: Tensor
    labels: Tensor
    indices: Tensor


Loss = Callable[[Tensor, Batch], Tensor]
"""The loss, one number, of logits [R, classes] in float32 and their batch."""


@dataclasses.dataclass(frozen=True)
class LabelLoss:
    """Cross entropy with the labels, of which a share `smoothing` is spread over all classes."""
    smoothing: float = 0.0

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        return functional.cross_entropy(logits, batch.labels, label_smoothing=self.smoothing)
