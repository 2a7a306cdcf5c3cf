"""What a module makes of inputs, batch by batch."""

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["accuracy", "logits_of", "tensor_of"]

BATCH = 256


def tensor_of(values: Tensor | np.ndarray) -> Tensor:
    """The array as a tensor; copied where it is read-only or not in order, which PyTorch lacks."""
    if isinstance(values, Tensor):
        return values
    return torch.from_numpy(np.require(values, requirements=("C", "W")))


def logits_of(module: nn.Module, inputs: Tensor | np.ndarray) -> Tensor:
    """Logits [R, classes] of inputs [R, ...], without gradients, on the module's device.

    The module is in evaluation while this runs, and afterwards as before.
    """
    device = next((own.device for own in module.parameters()), torch.device("cpu"))
    was_training = module.training
    module.eval()
    with torch.no_grad():
        parts = [module(part.to(device, torch.float32))
                 for part in tensor_of(inputs).split(BATCH)]
    module.train(was_training)
    return torch.cat(parts)


def accuracy(module: nn.Module, inputs: Tensor | np.ndarray, labels: Tensor | np.ndarray) -> float:
    """Share, 0 to 1, of the inputs [R, ...] whose largest logit is that of the label [R]."""
    found = logits_of(module, inputs).argmax(1).cpu()
    return float((found == tensor_of(labels).cpu()).double().mean())
