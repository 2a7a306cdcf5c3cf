"""Learning from a teacher's scores instead of labels alone."""

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...network import LearningError
from .loss import Batch

__all__ = ["Distillation"]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Distillation:
    """A loss that mixes the labels with a teacher's softened scores.

    share * T^2 * KL(teacher / T, logits / T) + (1 - share) * cross entropy with the labels

    Parameters
    ----------
    teacher: a module, in evaluation, which sees the images as the learner does, changed at random;
        or its logits [R, classes] for the training images unchanged, which costs nothing per step
    temperature: T; above 1 it shows what the teacher holds possible beside its answer
    share: of the teacher, 0 to 1
    smoothing: of the labels

    Raises
    ------
    LearningError
        If a number is out of its range, or the teacher's logits do not fit those learned.

    Source: G. Hinton et al., Distilling the Knowledge in a Neural Network, 2015, section 2.
    """
    teacher: nn.Module | Tensor | np.ndarray
    temperature: float = 4.0
    share: float = 0.9
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise LearningError(f"Distillation.temperature must be positive and finite, "
                                f"but is {self.temperature}.")
        if not 0 <= self.share <= 1:
            raise LearningError(f"Distillation.share must be from 0 to 1, but is {self.share}.")
        if not isinstance(self.teacher, nn.Module):
            held = torch.as_tensor(self.teacher, dtype=torch.float32)
            object.__setattr__(self, "teacher", held)

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        wanted = self._scores(batch).to(logits.device, torch.float32)
        if wanted.shape != logits.shape:
            raise LearningError(f"Distillation.teacher must give logits {list(logits.shape)} for "
                                f"this batch, but gives {list(wanted.shape)}.")
        divergence = functional.kl_div(
            functional.log_softmax(logits / self.temperature, 1),
            functional.log_softmax(wanted / self.temperature, 1),
            reduction="batchmean", log_target=True)
        labels = functional.cross_entropy(logits, batch.labels, label_smoothing=self.smoothing)
        return self.share * self.temperature ** 2 * divergence + (1 - self.share) * labels

    def _scores(self, batch: Batch) -> Tensor:
        if isinstance(self.teacher, nn.Module):
            with torch.no_grad():
                return self.teacher.eval().to(batch.inputs.device)(batch.inputs)
        assert isinstance(self.teacher, Tensor)
        if int(batch.indices.max()) >= len(self.teacher):
            raise LearningError(f"Distillation.teacher must hold logits of all training images, "
                                f"but holds {len(self.teacher)}.")
        return self.teacher[batch.indices.cpu()]
