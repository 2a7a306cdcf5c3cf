"""The forward pass of an integer network in PyTorch, node after node."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....network import GraphError
from ....network.graph import INPUT
from ....spec import network as integer
from ....spec.network import NetworkSpec
from .layer import Layer
from .rounding import quantize, shifted

__all__ = ["IntegerForward"]


class IntegerForward(nn.Module):
    """The integers of a network, in floating point that holds them exactly.

    Parameters
    ----------
    spec: nodes
    layers: of every engine, by the node's name
    """

    def __init__(self, spec: NetworkSpec, layers: Mapping[str, Layer]):
        super().__init__()
        self.spec = spec
        self.layers = nn.ModuleDict({_key(name): layer for name, layer in layers.items()})

    def __getitem__(self, name: str) -> Any:
        """The layer that gives the result of this name."""
        return self.layers[_key(name)]

    def activations(self, inputs: Tensor, *, only_last: bool = False) -> dict[str, Tensor]:
        """Results by name, images channels first."""
        if inputs.ndim == 4:
            inputs = inputs.permute(0, 3, 1, 2)
        held = {INPUT: inputs.float()}
        spec = self.spec
        last = {name: index for index, node in enumerate(spec.nodes) for name in node.inputs}
        for index, node in enumerate(spec.nodes):
            if isinstance(node.op, integer.ArgMax):
                continue
            own = [held[name] for name in node.inputs]
            held[node.name] = (self[node.name](own[0]) if isinstance(node.op, integer.Engine)
                               else _plain(node.op, own, spec.ranges[node.inputs[0]].low))
            if only_last:
                for name in set(node.inputs):
                    if last[name] == index:
                        del held[name]
        return held


def _key(name: str) -> str:
    """A name as PyTorch admits it."""
    return name.replace(".", "/")


def _plain(op: integer.NodeOp, inputs: list[Tensor], lowest: int) -> Tensor:
    """A node without parameters, on images channels first."""
    values = inputs[0]
    match op:
        case integer.Sum():
            return quantize(sum(inputs[1:], values), op.range([]))
        case integer.MaxPool():
            (top, left), low = op.padding, float(lowest)
            return functional.max_pool2d(functional.pad(values, (left, left, top, top), value=low),
                                         op.kernel, op.stride)
        case integer.Mean():
            return _mean(op, values)
        case integer.Subsample():
            return values[:, :, ::op.stride[0], ::op.stride[1]]
        case integer.PadChannels():
            return functional.pad(values, (*(0, 0) * (values.ndim - 2), op.before, op.after))
        case integer.Concat():
            return torch.cat(inputs, 1)
        case integer.Flatten():
            return (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).flatten(1)
    raise GraphError(f"{type(op).__name__} cannot learn.")


def _mean(op: integer.Mean, values: Tensor) -> Tensor:
    if op.whole:
        total = values.sum((2, 3))
    else:
        top, left = op.padding
        total = functional.avg_pool2d(functional.pad(values, (left, left, top, top)), op.kernel,
                                      op.stride, divisor_override=1)
    factor = torch.tensor(float(op.multiplier), device=values.device)
    return quantize(shifted(total, factor, op.shift), op.range([]))
