"""Operations of a graph as modules of PyTorch, channels first."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...network import ops
from ...network.ops.window import Pads

__all__ = ["Convolution", "Dense", "Function", "Normalisation", "learned_operation", "operation"]


class Function(nn.Module):
    """An operation without arrays: what `function` makes of its inputs."""

    def __init__(self, function: Callable[..., Tensor]):
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


class _Weighted(nn.Module):
    """Weights and a bias.

    Members
    -------
    weight: parameter, outputs first
    bias: parameter [N]; a buffer, which nothing changes, where `fixed_bias`
    """

    def __init__(self, weight: Tensor, bias: np.ndarray, fixed_bias: bool):
        super().__init__()
        self.weight = nn.Parameter(weight)
        held = torch.from_numpy(bias.copy())
        if fixed_bias:
            self.register_buffer("bias", held)
        else:
            self.bias = nn.Parameter(held)


class Convolution(_Weighted):
    """`ops.Conv2d`: weight [N, C / groups, Fh, Fw], images [R, C, H, W]."""

    def __init__(self, op: ops.Conv2d, *, fixed_bias: bool = False):
        # Channels last in memory, as the weights of the graph are.
        weight = torch.from_numpy(op.weights.copy()).permute(0, 3, 1, 2)
        super().__init__(weight, op.bias, fixed_bias)
        self.stride, self.padding, self.groups = op.stride, op.padding, op.groups

    def forward(self, images: Tensor) -> Tensor:
        return self.convolve(images, self.weight)

    def convolve(self, images: Tensor, weight: Tensor) -> Tensor:
        """The images with another weight, of the same shape."""
        (top, bottom), (left, right) = self.padding
        pads = (top, left)
        if (top, left) != (bottom, right):
            images, pads = pad(images, self.padding), (0, 0)
        return functional.conv2d(images, weight, self.bias, self.stride, pads, groups=self.groups)

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields of the operation, as they are now."""
        return {"weights": array(self.weight).transpose(0, 2, 3, 1), "bias": array(self.bias)}


class Dense(_Weighted):
    """`ops.Linear`: weight [N, D], rows [R, D]."""

    def __init__(self, op: ops.Linear, *, fixed_bias: bool = False):
        super().__init__(torch.from_numpy(op.weights.copy()), op.bias, fixed_bias)

    def forward(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.weight, self.bias)

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields of the operation, as they are now."""
        return {"weights": array(self.weight), "bias": array(self.bias)}


class Normalisation(nn.modules.batchnorm._BatchNorm):
    """`ops.BatchNorm` of images [R, C, H, W] or rows [R, C].

    In training, statistics of the batch; a tenth of them enters the running ones.
    """

    def __init__(self, op: ops.BatchNorm):
        super().__init__(len(op.gamma), eps=op.epsilon)
        with torch.no_grad():
            for held, given in ((self.weight, op.gamma), (self.bias, op.beta),
                                (self.running_mean, op.mean), (self.running_var, op.variance)):
                held.copy_(torch.from_numpy(given))

    def _check_input_dim(self, input: Tensor) -> None:
        """Shapes are the graph's, which has checked them."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Fields of the operation, as they are now."""
        return {"gamma": array(self.weight), "beta": array(self.bias),
                "mean": array(self.running_mean), "variance": array(self.running_var)}


def array(tensor: Tensor) -> np.ndarray:
    """A copy in NumPy."""
    return tensor.detach().cpu().to(torch.float32).numpy().copy()


def pad(images: Tensor, padding: Pads, value: float = 0) -> Tensor:
    """Pixels of `value` around images [R, C, H, W]."""
    (top, bottom), (left, right) = padding
    return functional.pad(images, (left, right, top, bottom), value=value)


def operation(op: ops.Op, *, fixed_bias: bool = False) -> nn.Module:
    """The module that computes what an operation does."""
    match op:
        case ops.Conv2d():
            return Convolution(op, fixed_bias=fixed_bias)
        case ops.Linear():
            return Dense(op, fixed_bias=fixed_bias)
        case ops.BatchNorm():
            return Normalisation(op)
    return Function(_function(op))


def learned_operation(op: ops.Op, module: nn.Module) -> ops.Op:
    """The operation with the arrays that its module has now."""
    arrays = getattr(module, "arrays", None)
    return op if arrays is None else dataclasses.replace(op, **arrays())


def _function(op: ops.Op) -> Callable[..., Tensor]:
    match op:
        case ops.Relu(maximum=None):
            return functional.relu
        case ops.Relu(maximum=top):
            return lambda inputs: inputs.clamp(0, top)
        case ops.Add():
            return lambda first, *others: sum(others, first)
        case ops.Concat():
            return lambda *inputs: torch.cat(inputs, 1)
        case ops.Flatten():
            return lambda inputs: inputs.flatten(1)
        case ops.PadChannels(before=before, after=after):
            return lambda inputs: functional.pad(
                inputs, (0, 0) * (inputs.ndim - 2) + (before, after))
        case ops.GlobalAvgPool():
            return lambda images: images.mean((2, 3))
        case ops.Subsample(stride=(down, right)):
            return lambda images: images[:, :, ::down, ::right]
        case ops.Softmax(log=log):
            return lambda inputs: inputs.log_softmax(1) if log else inputs.softmax(1)
        case ops.ArgMax():
            return lambda inputs: inputs.argmax(1)
        case ops.MaxPool(kernel=kernel, stride=stride, padding=padding):
            return lambda images: functional.max_pool2d(
                pad(images, padding, -torch.inf), kernel, stride)
        case ops.AvgPool():
            return lambda images: _average(op, images)
    raise ops.GraphError(f"{op.kind} cannot be trained.")


def _average(op: ops.AvgPool, images: Tensor) -> Tensor:
    means = functional.avg_pool2d(pad(images, op.padding), op.kernel, op.stride)
    if op.count_padding or not np.any(op.padding):
        return means
    inside = pad(torch.ones_like(images[:1, :1]), op.padding)
    return means / functional.avg_pool2d(inside, op.kernel, op.stride)
