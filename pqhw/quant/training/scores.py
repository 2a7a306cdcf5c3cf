"""What a module makes of inputs, batch by batch."""

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["accuracy", "logits_of"]

BATCH = 256


def logits_of(module: nn.Module, inputs: Tensor | np.ndarray) -> Tensor:
    """Logits [R, classes] of inputs [R, ...], without gradients, on the module's device.

    The module is in evaluation while this runs, and afterwards as before.
    """
    device = next(module.parameters()).device
    was_training = module.training
    module.eval()
    with torch.no_grad():
        parts = [module(part.to(device, torch.float32))
                 for part in torch.as_tensor(inputs).split(BATCH)]
    module.train(was_training)
    return torch.cat(parts)


def accuracy(module: nn.Module, inputs: Tensor | np.ndarray, labels: Tensor | np.ndarray) -> float:
    """Share, 0 to 1, of the inputs [R, ...] whose largest logit is that of the label [R]."""
    found = logits_of(module, inputs).argmax(1).cpu()
    return float((found == torch.as_tensor(labels).cpu()).double().mean())
