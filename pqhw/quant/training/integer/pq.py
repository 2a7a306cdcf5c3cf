"""The product-quantized layer, whose forward pass is that of the engine, number for number."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....spec import Conv2d, PQSpec
from ....spec.parameters import PQParameters, TreeParameters
from ...layers import fixed_shift
from .layer import Layer, Scale
from .product import CodeStatistics, codes_of, looked_up, rows_at_once, soft_codes
from .rounding import quantize, round_half_up

__all__ = ["PQLayer"]

SEEN = 1 << 14
"""Columns of a batch that statistics are taken from, of which the first are as good as any."""


class PQLayer(Layer):
    """Sums of table entries; tables are prototype times weight, rounded at each step.

    Members
    -------
    prototypes: [S, K, V] or [1, K, V], of all groups, on the grid of the inputs
    correction: [S, K, N], or [Fh, Fw, S, K, N] of pixels: what entries are beside the product,
        in steps of the output
    shift: r of the requantiser
    gradient: what inputs are told. `linear`: the sums as the linear function of the inputs that
        comes nearest to them in the batch. `straight`: as if inputs had been multiplied by the
        weights, which in a deep network makes gradients grow from layer to layer, as most of what
        they ask for is lost in the codes. `soft`: that, and the distances besides
    temperature: of the softmax over distances, where `soft`
    following: how far, 0 to 1, prototypes move per batch towards the mean of what they stood for
    leaves_follow: whether what leaves of trees stand for does, too
    """
    spec: PQSpec
    leaves_follow = False

    def __init__(self, spec: PQSpec, scale: Scale, weights: np.ndarray, bias: np.ndarray, *,
                 parameters: PQParameters | TreeParameters, prototypes: np.ndarray,
                 entry: float, correction: np.ndarray | None = None):
        super().__init__(spec, scale, weights, bias)
        self.prototypes = nn.Parameter(torch.tensor(prototypes, dtype=torch.float32))
        self.entry, self.parameters_at_start = entry, parameters
        self.gradient, self.temperature, self.following = "linear", 1.0, 0.0
        if correction is not None:
            self.correction = nn.Parameter(torch.tensor(correction, dtype=torch.float32))
        else:
            self.register_parameter("correction", None)

    # -- Integers --------------------------------------------------------------------------

    @property
    def is_tree(self) -> bool:
        """Whether codes are leaves of trees."""
        return isinstance(self.parameters_at_start, TreeParameters)

    def integer_prototypes(self) -> Tensor:
        """Prototypes rounded onto the grid; those of trees are not stored and stay real."""
        if self.is_tree:
            return self.prototypes
        return quantize(self.prototypes, self.spec.encoder.prototype_range)

    def tables(self) -> Tensor:
        """Integer entries [N, S * K], or [N, S * K, Fh, Fw] of pixels, S of a group."""
        spec, sets = self.spec, self.spec.sets
        length, subspaces = spec.engine.subvector_length, spec.encoder_subspaces
        own = self.integer_prototypes()
        own = own.expand(sets * subspaces, -1, -1).view(sets, subspaces, -1, length)
        weights = self.weights * self.scale.ratio
        outputs = len(weights)
        taps = weights.flatten(2) if spec.encodes_pixels else weights.reshape(outputs, -1, 1)
        taps = functional.pad(taps, (0, 0, 0, subspaces * length - taps.shape[1]))
        pieces = taps.view(sets, outputs // sets, subspaces, length, -1)
        real = torch.einsum("gskv,gnsvt->gnskt", own, pieces).reshape(outputs, -1, taps.shape[2])
        if self.correction is not None:
            moved = self.correction.reshape(-1, *self.correction.shape[-3:]).permute(3, 1, 2, 0)
            real = real + moved.reshape(outputs, -1, taps.shape[2])
        entries = self.rounded(real * self.entry)
        if spec.encodes_pixels:
            return entries.view(outputs, -1, *self.weights.shape[2:])
        return entries[:, :, 0]

    def rounded(self, entries: Tensor) -> Tensor:
        """Entries as the hardware holds them."""
        return quantize(entries, self.spec.term_range)

    def units(self) -> float:
        """Units of a sum in a step of the result."""
        return self.entry

    def integer_bias(self) -> Tensor:
        """Bias [N] in units of the sums."""
        return round_half_up(self.bias * (self.entry / self.scale.leaving))

    # -- Forward ---------------------------------------------------------------------------

    def vectors(self, inputs: Tensor) -> Tensor:
        """Sub-vectors [R, S, V, P] of inputs [R, C, H, W] or [R, D], S of all groups."""
        spec, sets = self.spec, self.spec.sets
        if not self.convolves:
            columns = inputs.unsqueeze(2)
        elif spec.encodes_pixels:
            columns = inputs.flatten(2)
        else:
            assert isinstance(spec.layer, Conv2d)
            columns = functional.unfold(inputs, spec.layer.kernel, 1, spec.layer.padding,
                                        spec.layer.stride)
        rows, depth, positions = columns.shape
        length, subspaces = spec.engine.subvector_length, spec.encoder_subspaces
        columns = columns.reshape(rows, sets, depth // sets, positions)
        columns = functional.pad(columns, (0, 0, 0, subspaces * length - depth // sets))
        return columns.reshape(rows, sets * subspaces, length, positions)

    def _codes(self, vectors: Tensor, own: Tensor) -> Tensor:
        """Codes [R, S, P] of integer vectors [R, S, V, P], by integer prototypes [S, K, V]."""
        if isinstance(self.parameters_at_start, TreeParameters):
            return _walk(self.parameters_at_start, vectors)
        ranges = (self.spec.encoder.activation_range, self.spec.encoder.prototype_range)
        widest = max(abs(bound) for allowed in ranges for bound in (allowed.low, allowed.high))
        return codes_of(self.spec.engine.encoder, vectors, own, widest)

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """Codes [R, S, P] of inputs, and slopes [S, K, V] of gradients where they are `linear`;
        prototypes move where they follow."""
        follows = (self.training and self.following > 0
                   and (self.leaves_follow or not self.is_tree))
        linear = self.training and self.gradient == "linear"
        seen, count = CodeStatistics(linear), self.spec.engine.prototypes
        own = self.integer_prototypes()
        own = own.expand(self.spec.sets * self.spec.encoder_subspaces, -1, -1)
        found = []
        for part in inputs.split(rows_at_once(self._values_per_row(inputs), inputs.device)):
            vectors = self.vectors(part)
            codes = self._codes(vectors, own)
            found.append(codes)
            if (follows or linear) and seen.columns < SEEN:
                seen.add(vectors, codes, count)
        if follows:
            self._follow(seen.counts, seen.totals)
        return torch.cat(found), seen.slopes() if linear else None

    def forward(self, inputs: Tensor) -> Tensor:
        spec = self.spec
        count = spec.engine.prototypes
        codes, slopes = self.encode(inputs.detach())
        tables = self.tables()
        geometry = self.geometry
        if spec.encodes_pixels:
            codes = codes.view(*codes.shape[:2], *inputs.shape[2:])
        # Of gradients: as if inputs had been multiplied by these, in units of the sums.
        weights = (self.weights * (self.scale.ratio * self.entry) if slopes is None
                   else self._linearised(tables, slopes)).detach()
        sums = looked_up(codes, tables, inputs, weights, count, geometry)
        if self.training and self.gradient == "soft" and not self.is_tree:
            sums = sums + self._soft(inputs, tables, geometry, sums)
        if isinstance(spec.layer, Conv2d):
            sums = sums.reshape(len(inputs), -1, spec.layer.out_height, spec.layer.out_width)
        else:
            sums = sums.squeeze(2)
        sums = sums + self.per_output(self.integer_bias())
        if spec.output is None:
            return sums
        return quantize(sums / self.entry, spec.output.range)

    def _linearised(self, tables: Tensor, slopes: Tensor) -> Tensor:
        """Entries times slopes, in the shape of the weights."""
        sets, subspaces = self.spec.sets, self.spec.encoder_subspaces
        entries = tables.reshape(sets, len(tables) // sets, subspaces,
                                 self.spec.engine.prototypes, -1)
        by_set = slopes.view(sets, subspaces, *slopes.shape[1:])
        found = torch.einsum("gnskt,gskv->gnsvt", entries, by_set).flatten(2, 3).flatten(0, 1)
        depth = self.weights[0].numel() // found.shape[2]
        return found[:, :depth].reshape(self.weights.shape)

    def _values_per_row(self, inputs: Tensor) -> int:
        """Distances that an image or a row makes."""
        layer = self.spec.layer
        columns = (1 if not isinstance(layer, Conv2d) else inputs[0, 0].numel()
                   if self.spec.encodes_pixels else layer.out_height * layer.out_width)
        return self.spec.sets * self.spec.encoder_subspaces * self.spec.engine.prototypes * columns

    def _follow(self, counts: Tensor, totals: Tensor) -> None:
        """Move prototypes towards the means of the vectors that chose them, of which there are
        `counts` [S, K] with the sums `totals` [S, K, V]."""
        if len(self.prototypes) == 1:
            counts, totals = counts.sum(0, keepdim=True), totals.sum(0, keepdim=True)
        means = totals / counts.clamp(min=1)[:, :, None]
        # A prototype that stood for little moves little.
        share = self.following * (counts / (counts + 1))[:, :, None]
        self.prototypes += share * (means - self.prototypes)

    def _soft(self, inputs: Tensor, tables: Tensor, geometry: tuple, sums: Tensor) -> Tensor:
        """Zero, with the gradients of a soft choice of prototypes."""
        vectors = self.vectors(inputs)
        own = self.prototypes.expand(vectors.shape[1], -1, -1)
        shares = soft_codes(self.spec.engine.encoder, vectors, own, self.temperature)
        stride, padding, groups, pixels = geometry
        entries = tables.detach()
        if pixels:
            shares = shares.view(*shares.shape[:2], *inputs.shape[2:])
            soft = functional.conv2d(shares, entries, None, stride, padding, 1, groups)
        else:
            soft = torch.matmul(entries.view(groups, -1, entries.shape[1]),
                                shares.view(len(shares), groups, -1, shares.shape[2]))
            soft = soft.reshape(sums.shape)
        return soft - soft.detach()

    @torch.no_grad()
    def values(self) -> tuple[PQSpec, dict[str, Any]]:
        """The finished spec and the parameters."""
        spec = self.spec
        entries = self.tables().cpu().numpy().astype(np.int64)
        count, subspaces = spec.engine.prototypes, spec.encoder_subspaces
        if spec.encodes_pixels:
            n, _, height, width = entries.shape
            tables = entries.reshape(n, subspaces, count, height, width).transpose(3, 4, 1, 2, 0)
        else:
            tables = entries.reshape(-1, subspaces, count).transpose(1, 2, 0)
        shift = 0 if spec.output is None else int(np.log2(self.entry))
        made, fixed = fixed_shift(spec, shift, self.integer_bias().cpu().numpy().astype(np.int64))
        values: dict[str, Any] = {"tables": np.ascontiguousarray(tables), **fixed}
        if isinstance(self.parameters_at_start, TreeParameters):
            values |= {"split_dims": self.parameters_at_start.split_dims,
                       "thresholds": self.parameters_at_start.thresholds}
        else:
            values["prototypes"] = self.integer_prototypes().cpu().numpy().astype(np.int64)
        return made, values


def _walk(trees: TreeParameters, vectors: Tensor) -> Tensor:
    """Leaves [R, S, P] that vectors [R, S, V, P] reach."""
    subspaces = vectors.shape[1]
    depth = trees.split_dims.shape[1]
    dims = torch.as_tensor(np.broadcast_to(trees.split_dims, (subspaces, depth)).copy(),
                           device=vectors.device)
    thresholds = torch.as_tensor(np.broadcast_to(
        trees.thresholds, (subspaces, (1 << depth) - 1)).copy(), device=vectors.device)
    nodes = torch.zeros_like(vectors[:, :, 0], dtype=torch.int64)
    index = torch.arange(subspaces, device=vectors.device)
    for level in range(depth):
        elements = vectors[:, index, dims[:, level]]
        own = thresholds[:, (1 << level) - 1:(2 << level) - 1]
        limits = torch.gather(own[None].expand(len(nodes), -1, -1), 2, nodes)
        nodes = 2 * nodes + (elements >= limits)
    return nodes
