"""The product-quantized layer with gradients: codes by exact distances, entries by their codes."""

import torch
from torch import Tensor
from torch.nn import functional

from ....spec.ranges import ceil_log2
from .rounding import exact_type

__all__ = ["CodeStatistics", "codes_of", "distances", "looked_up", "one_hot", "rows_at_once",
           "soft_codes"]

IN_CACHE = 1 << 18
"""Values, of 4 bytes, that fit into a core's second-level cache with room for others."""

ON_GPU = 1 << 27


def distances(encoder: str, vectors: Tensor, prototypes: Tensor) -> Tensor:
    """Distances [R, S, K, P] of vectors [R, S, V, P] to prototypes [S, K, V]; those of `l2` and
    `dot` without the vector's own square, so that any but the least is off by a constant."""
    if encoder in ("l2", "dot"):
        squares = (prototypes * prototypes).sum(2)[:, :, None]
        return torch.matmul(-2 * prototypes, vectors) + squares
    total: Tensor | None = None
    for v in range(prototypes.shape[2]):
        part = (vectors[:, :, v, None] - prototypes[:, :, v, None]).abs()
        if total is None:
            total = part
        else:
            total = torch.maximum(total, part) if encoder == "chebyshev" else total + part
    assert total is not None
    return total


def code_type(count: int) -> torch.dtype:
    """A small type that holds codes below a count."""
    return torch.uint8 if count <= 256 else torch.int16


def rows_at_once(row: int, device: torch.device) -> int:
    """Rows worked on together, where a row makes so many intermediate values: as many as stay in a
    core's cache, or fill a GPU."""
    return max(1, (IN_CACHE if device.type == "cpu" else ON_GPU) // max(row, 1))


@torch.no_grad()
def codes_of(encoder: str, vectors: Tensor, prototypes: Tensor, widest: int) -> Tensor:
    """Codes [R, S, P] of integers in floating point; the lowest index on ties.

    Parameters
    ----------
    vectors: [R, S, V, P]
    prototypes: [S, K, V]
    widest: no magnitude is above it
    """
    count = prototypes.shape[1]
    bits = ceil_log2(count)
    dtype = exact_type((3 * vectors.shape[2] * widest * widest + 1) * (1 << bits))
    # The index as the lowest bits: the least key has the lowest index among equal distances.
    index = torch.arange(count, device=vectors.device, dtype=dtype)[:, None]
    vectors, prototypes = vectors.to(dtype), prototypes.to(dtype) * (1 << bits)
    if encoder in ("l2", "dot"):
        squares = (prototypes * prototypes).sum(2)[:, :, None] / (1 << bits)
        keys = torch.matmul(-2 * prototypes, vectors).add_(squares + index)
    else:
        keys = distances(encoder, vectors * (1 << bits), prototypes).add_(index)
    return (keys.amin(2).to(torch.int64) & ((1 << bits) - 1)).to(code_type(count))


def one_hot(codes: Tensor, count: int) -> Tensor:
    """[..., K] of zeros and a one, for codes [...]."""
    rows = torch.eye(count, device=codes.device)
    return rows.index_select(0, codes.reshape(-1).to(torch.int32)).view(*codes.shape, count)


def _marks(codes: Tensor, count: int) -> Tensor:
    """[R, ..., S * K] of zeros and S ones, for codes [R, S, ...]."""
    return one_hot(codes.movedim(1, -1), count).flatten(-2)


class CodeStatistics:
    """What the sub-vectors of a batch were, and those of each code, summed over parts of it."""

    RIDGE = 1e-3
    """Share of the mean variance of a sub-vector's elements that is added to each of theirs."""

    def __init__(self, squared: bool):
        self.squared, self.columns = squared, 0
        self.counts: Tensor | float = 0.0
        self.totals: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, vectors: Tensor, codes: Tensor, count: int) -> None:
        """Take up vectors [R, S, V, P] and their codes [R, S, P], of which there are `count`."""
        self.columns += codes[:, 0].numel()
        marks, rows = one_hot(codes, count), vectors.transpose(2, 3)
        self.counts = self.counts + marks.sum((0, 2))
        self.totals = self.totals + torch.matmul(marks.transpose(2, 3), rows).sum(0)
        if self.squared:
            self.squares = self.squares + torch.matmul(vectors, rows).sum(0)

    def slopes(self) -> Tensor:
        """[S, K, V]: how the share of a code grows with each element of its sub-vector, by least
        squares; where sub-vectors are normally distributed, the mean of the share's gradient.

        Source: C. Stein, Estimation of the Mean of a Multivariate Normal Distribution, Annals of
        Statistics 9, 1981, lemma 2.
        """
        counts, totals, squares = (torch.as_tensor(own).double()
                                   for own in (self.counts, self.totals, self.squares))
        rows = counts.sum(1)[:, None, None]
        means = totals.sum(1, keepdim=True) / rows
        both = totals / rows - counts[:, :, None] / rows * means
        spread = squares / rows - means.transpose(1, 2) * means
        own = spread.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-6) * self.RIDGE
        eye = torch.eye(spread.shape[1], dtype=spread.dtype, device=spread.device)
        return torch.linalg.solve(spread + own[:, None, None] * eye, both, left=False).float()


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
    took part in; the inputs get what products with `weights` would give them."""

    @staticmethod
    def forward(ctx, codes: Tensor, tables: Tensor, inputs: Tensor, weights: Tensor,
                count: int, geometry: tuple) -> Tensor:
        ctx.count, ctx.geometry, ctx.shape = count, geometry, inputs.shape
        ctx.save_for_backward(codes, tables, weights)
        stride, padding, groups, pixels = geometry
        if not pixels:
            return _summed(codes, tables, count, groups)
        return torch.cat([functional.conv2d(_marks(part, count).movedim(-1, 1), tables, None,
                                            stride, padding, 1, groups)
                          for part in _parts(codes, count)])

    @staticmethod
    def backward(ctx, gradient: Tensor):
        codes, tables, weights = ctx.saved_tensors
        stride, padding, groups, pixels = ctx.geometry
        entries = torch.zeros_like(tables)
        for part, own in zip(_parts(codes, ctx.count), gradient.split(_rows(codes, ctx.count))):
            marks = _marks(part, ctx.count)
            if pixels:
                entries += torch.nn.grad.conv2d_weight(marks.movedim(-1, 1), list(tables.shape),
                                                       own, stride, padding, 1, groups)
            else:
                entries += _entries(own, marks, groups)
        if len(ctx.shape) == 4:
            height = (ctx.shape[2] + 2 * padding[0] - weights.shape[2]) // stride[0] + 1
            spatial = gradient.reshape(*gradient.shape[:2], height, -1)
            given = torch.nn.grad.conv2d_input(ctx.shape, weights, spatial, stride, padding, 1,
                                               groups)
        else:
            given = gradient[:, :, 0] @ weights
        return None, entries, given, None, None, None


def _rows(codes: Tensor, count: int) -> int:
    return rows_at_once(codes[0].numel() * count, codes.device)


def _parts(codes: Tensor, count: int) -> tuple[Tensor, ...]:
    return codes.split(_rows(codes, count))


def _summed(codes: Tensor, tables: Tensor, count: int, groups: int) -> Tensor:
    """Results [R, N, P] of codes [R, groups * S, P] and tables [N, S * K]."""
    rows, _, columns = codes.shape
    outputs, entries = tables.shape
    by_code = tables.view(groups, -1, entries).transpose(1, 2).reshape(groups * entries, -1)
    first = torch.arange(codes.shape[1], device=codes.device, dtype=torch.int32) * count
    chosen = (codes.transpose(1, 2) + first).reshape(rows * columns * groups, -1)
    sums = functional.embedding_bag(chosen, by_code, mode="sum")
    return sums.view(rows, columns, outputs).transpose(1, 2).contiguous()


def _entries(gradient: Tensor, marks: Tensor, groups: int) -> Tensor:
    """Gradients [N, S * K] of the entries, from marks [R, P, groups * S * K]."""
    rows, outputs, columns = gradient.shape
    own = gradient.reshape(rows, groups, outputs // groups, columns)
    seen = marks.view(rows, columns, groups, -1).transpose(1, 2)
    return torch.matmul(own, seen).sum(0).reshape(outputs, -1)


def looked_up(codes: Tensor, tables: Tensor, inputs: Tensor, weights: Tensor, count: int,
              geometry: tuple) -> Tensor:
    """Sums of entries [R, N, P], or [R, N, Ho, Wo] of pixels, with the gradients of products to
    the inputs.

    Parameters
    ----------
    codes: [R, groups * S, P], or [R, groups * S, H, W] of pixels
    tables: [N, S * K], or [N, S * K, Fh, Fw] of pixels
    inputs: [R, C, H, W] or [R, D]: what was encoded
    weights: [N, C / groups, Fh, Fw] or [N, D]: what sums are taken to be in the inputs
    count: K
    geometry: (stride, padding, groups, whether pixels are encoded)
    """
    return _LookedUp.apply(codes, tables, inputs, weights, count, geometry)
