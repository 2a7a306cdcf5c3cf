"""The product-quantized layer with gradients: codes by exact distances, entries by their codes."""

import torch
from torch import Tensor
from torch.nn import functional

from ....spec.ranges import ceil_log2
from .rounding import exact_type

__all__ = ["codes_of", "distances", "looked_up", "one_hot", "soft_codes"]


def distances(encoder: str, vectors: Tensor, prototypes: Tensor) -> Tensor:
    """Distances [R, S, K, P] of vectors [R, S, V, P] to prototypes [S, K, V]; those of `l2` and
    `dot` without the vector's own square, so that any but the least is off by a constant."""
    if encoder in ("l2", "dot"):
        squares = (prototypes * prototypes).sum(2)[None, :, :, None]
        return squares - 2 * torch.matmul(prototypes, vectors)
    total: Tensor | None = None
    for v in range(prototypes.shape[2]):
        part = (vectors[:, :, v, None] - prototypes[:, :, v, None]).abs()
        if total is None:
            total = part
        else:
            total = torch.maximum(total, part) if encoder == "chebyshev" else total + part
    assert total is not None
    return total


@torch.no_grad()
def codes_of(encoder: str, vectors: Tensor, prototypes: Tensor) -> Tensor:
    """Codes [R, S, P], int64, of integers in floating point; the lowest index on ties."""
    bits = ceil_log2(prototypes.shape[1])
    widest = max(float(vectors.abs().max()), float(prototypes.abs().max()), 1.0)
    bound = (3 * vectors.shape[2] * widest * widest + 1) * (1 << bits)
    dtype = exact_type(bound)
    found = distances(encoder, vectors.to(dtype), prototypes.to(dtype))
    index = torch.arange(prototypes.shape[1], device=vectors.device, dtype=dtype)
    # The index as the lowest bits: the least key has the lowest index among equal distances.
    keys = found * (1 << bits) + index[:, None]
    return keys.amin(2).to(torch.int64) & ((1 << bits) - 1)


def one_hot(codes: Tensor, count: int) -> Tensor:
    """[R, S * K, P] of zeros and S ones per column, for codes [R, S, P]."""
    rows, subspaces, columns = codes.shape
    marks = torch.zeros(rows, subspaces, count, columns, device=codes.device)
    marks.scatter_(2, codes[:, :, None], 1.0)
    return marks.view(rows, subspaces * count, columns)


def soft_codes(encoder: str, vectors: Tensor, prototypes: Tensor, temperature: float) -> Tensor:
    """[R, S * K, P]: shares of the prototypes, softmax of minus the distances.

    Distances count relative to their mean, so that the temperature has no unit.
    """
    found = distances(encoder, vectors, prototypes)
    spread = (found.amax(2, keepdim=True) - found.amin(2, keepdim=True)).mean().detach()
    shares = torch.softmax(-found / (temperature * spread.clamp(min=1e-6)), 2)
    return shares.flatten(1, 2)


class _LookedUp(torch.autograd.Function):
    """Forward: entries summed by codes. Backward: entries get the gradients of the results they
    took part in; the inputs get what products with the weights would give them."""

    @staticmethod
    def forward(ctx, marks: Tensor, tables: Tensor, inputs: Tensor, weights: Tensor,
                geometry: tuple) -> Tensor:
        stride, padding, groups, pixels = geometry
        ctx.geometry, ctx.shape = geometry, inputs.shape
        ctx.save_for_backward(marks, tables, weights)
        if pixels:
            return functional.conv2d(marks, tables, None, stride, padding, 1, groups)
        return _grouped_product(tables, marks, groups)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        marks, tables, weights = ctx.saved_tensors
        stride, padding, groups, pixels = ctx.geometry
        if pixels:
            entries = torch.nn.grad.conv2d_weight(marks, tables.shape, gradient, stride, padding,
                                                  1, groups)
            spatial = gradient
        else:
            entries = _grouped_gradient(gradient, marks, groups)
            spatial = gradient
        if len(ctx.shape) == 4:
            height = (ctx.shape[2] + 2 * padding[0] - weights.shape[2]) // stride[0] + 1
            spatial = spatial.reshape(*gradient.shape[:2], height, -1)
            given = torch.nn.grad.conv2d_input(ctx.shape, weights, spatial, stride, padding, 1,
                                               groups)
        else:
            given = spatial[:, :, 0] @ weights
        return None, entries, given, None, None


def _grouped_product(tables: Tensor, marks: Tensor, groups: int) -> Tensor:
    """Results [R, N, P] of tables [N, S * K] of a group and marks [R, groups * S * K, P]."""
    if groups == 1:
        return torch.matmul(tables, marks)
    rows, _, columns = marks.shape
    per_group = torch.matmul(tables.view(groups, -1, tables.shape[1]),
                             marks.view(rows, groups, -1, columns))
    return per_group.reshape(rows, -1, columns)


def _grouped_gradient(gradient: Tensor, marks: Tensor, groups: int) -> Tensor:
    """Gradients [N, S * K] of the entries."""
    rows, outputs, columns = gradient.shape
    own = gradient.view(rows, groups, outputs // groups, columns)
    seen = marks.view(rows, groups, -1, columns)
    return torch.einsum("rgnp,rgsp->gns", own, seen).reshape(outputs, -1)


def looked_up(marks: Tensor, tables: Tensor, inputs: Tensor, weights: Tensor,
              geometry: tuple) -> Tensor:
    """Sums of entries, with straight-through gradients to the inputs.

    Parameters
    ----------
    marks: one-hot codes [R, groups * S * K, P], or [R, groups * S * K, H, W] of pixels
    tables: [N, S * K], or [N, S * K, Fh, Fw] of pixels
    inputs: [R, C, H, W] or [R, D]: what was encoded
    weights: [N, C / groups, Fh, Fw] or [N, D]: what the tables stand for
    geometry: (stride, padding, groups, whether pixels are encoded)
    """
    return _LookedUp.apply(marks, tables, inputs, weights, geometry)
