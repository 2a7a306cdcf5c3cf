"""Layers whose forward pass is that of the integer engines, number for number."""

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....spec import Conv2d, MACSpec, PQSpec
from ....spec.parameters import PQParameters, TreeParameters
from ...fixed import multipliers
from ...layers import fixed_shift, layer_levels
from .product import codes_of, looked_up, one_hot, soft_codes
from .rounding import exact_type, quantize, round_half_up, shifted

__all__ = ["MACLayer", "PQLayer", "Scale"]


@dataclasses.dataclass(frozen=True)
class Scale:
    """Steps around a layer.

    Members
    -------
    entering, leaving: real value of 1 of its inputs and of its results; 1 where results are sums
    """
    entering: float
    leaving: float

    @property
    def ratio(self) -> float:
        """What a real weight is multiplied by to act on integers."""
        return self.entering / self.leaving


class _Layer(nn.Module):
    """A layer with real weights and bias, in the orders of the integer network.

    Parameters
    ----------
    spec: of the engine
    weights: [N, Fh, Fw, C / groups] or [N, D], real
    bias: [N], real
    """

    def __init__(self, spec: Any, scale: Scale, weights: np.ndarray, bias: np.ndarray):
        super().__init__()
        self.spec, self.scale = spec, scale
        own = torch.tensor(weights, dtype=torch.float32)
        self.weights = nn.Parameter(own.permute(0, 3, 1, 2).contiguous() if own.ndim == 4 else own)
        self.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float32))

    @property
    def convolves(self) -> bool:
        """Whether it takes images."""
        return isinstance(self.spec.layer, Conv2d)

    @property
    def geometry(self) -> tuple:
        """Stride, padding, groups, whether pixels are encoded."""
        layer = self.spec.layer
        if not isinstance(layer, Conv2d):
            return (1, 1), (0, 0), 1, False
        return layer.stride, layer.padding, layer.groups, self.spec.encodes_pixels

    def per_output(self, values: Tensor) -> Tensor:
        """Values [N] against results [R, N, ...]."""
        return values.view(-1, 1, 1) if self.convolves else values

    def plain_weights(self) -> np.ndarray:
        """Real weights in the order of parameters, [N, Fh, Fw, C / groups] or [N, D]."""
        own = self.weights.detach().cpu().double().numpy()
        return own.transpose(0, 2, 3, 1) if own.ndim == 4 else own


class MACLayer(_Layer):
    """Products of levels, with weights rounded onto them at each step."""
    spec: MACSpec

    def forward(self, inputs: Tensor) -> Tensor:
        levels, scale, _ = self._levels()
        sums = self._product(inputs, levels)
        bias = round_half_up(self.bias / (scale * self.scale.leaving))
        sums = sums + self.per_output(bias).to(sums.dtype)
        if self.spec.output is None:
            return sums
        multiplier, shift = multipliers(scale.detach().cpu().double().numpy(),
                                        self.spec.max_shift)
        factor = self.per_output(torch.as_tensor(multiplier, device=sums.device))
        return quantize(shifted(sums, factor, shift), self.spec.output.range).float()

    def _levels(self) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Levels with straight-through gradients, scales [N] and what else follows."""
        ratio = self.scale.ratio
        flat = (self.plain_weights() * ratio).reshape(len(self.weights), -1)
        values, scale = layer_levels(self.spec, flat)
        levels = torch.as_tensor(values["weights"], dtype=torch.float32,
                                 device=self.weights.device)
        if self.weights.ndim == 4:
            n, c, h, w = self.weights.shape
            levels = levels.view(n, h, w, c).permute(0, 3, 1, 2)
        own = torch.as_tensor(np.array(scale), dtype=torch.float64,
                              device=self.weights.device)
        shape = (-1,) + (1,) * (self.weights.ndim - 1)
        smooth = self.weights * (ratio / own).float().view(shape)
        return smooth + (levels - smooth).detach(), own, values

    @torch.no_grad()
    def units(self) -> float:
        """Units of a sum in a step of the first output's result."""
        return 1 / float(self._levels()[1][0])

    def _product(self, inputs: Tensor, levels: Tensor) -> Tensor:
        spec = self.spec
        bound = spec.sum_range.magnitude().high
        dtype = exact_type(bound)
        inputs, levels = inputs.to(dtype), levels.to(dtype)
        if not self.convolves:
            return inputs @ levels.T
        stride, padding, groups, _ = self.geometry
        return functional.conv2d(inputs, levels, None, stride, padding, 1, groups)

    @torch.no_grad()
    def values(self) -> tuple[MACSpec, dict[str, Any]]:
        """The finished spec and the parameters."""
        weights = self.plain_weights()
        _, _, values = self._levels()
        flat = (weights * self.scale.ratio).reshape(len(weights), -1)
        _, scale = layer_levels(self.spec, flat)
        values = dict(values, weights=values["weights"].reshape(weights.shape))
        bias = torch.floor(self.bias / (torch.as_tensor(np.array(scale),
                                                        device=self.bias.device)
                                        * self.scale.leaving) + 0.5)
        shift = 0
        if self.spec.output is not None:
            values["multiplier"], shift = multipliers(scale, self.spec.max_shift)
        made, fixed = fixed_shift(self.spec, shift, bias.cpu().numpy().astype(np.int64))
        return made, values | fixed


class PQLayer(_Layer):
    """Sums of table entries; tables are prototype times weight, rounded at each step.

    Members
    -------
    prototypes: [S, K, V] or [1, K, V], of all groups, on the grid of the inputs
    correction: [S, K, N], or [Fh, Fw, S, K, N] of pixels: what entries are beside the product,
        in steps of the output
    shift: r of the requantiser
    gradient: `straight` hands gradients on as if inputs had been multiplied; `soft` also lets them
        through the distances
    temperature: of the softmax over distances, where `soft`
    following: how far, 0 to 1, prototypes move per batch towards the mean of what they stood for
    """
    spec: PQSpec

    def __init__(self, spec: PQSpec, scale: Scale, weights: np.ndarray, bias: np.ndarray, *,
                 parameters: PQParameters | TreeParameters, prototypes: np.ndarray,
                 entry: float, correction: np.ndarray | None = None):
        super().__init__(spec, scale, weights, bias)
        self.prototypes = nn.Parameter(torch.tensor(prototypes, dtype=torch.float32))
        self.entry, self.parameters_at_start = entry, parameters
        self.gradient, self.temperature, self.following = "straight", 1.0, 0.0
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
        entries = quantize(real * self.entry, spec.term_range)
        if spec.encodes_pixels:
            return entries.view(outputs, -1, *self.weights.shape[2:])
        return entries[:, :, 0]

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

    @torch.no_grad()
    def codes(self, vectors: Tensor) -> Tensor:
        """Codes [R, S, P] of integer vectors."""
        if isinstance(self.parameters_at_start, TreeParameters):
            return _walk(self.parameters_at_start, vectors)
        own = self.integer_prototypes()
        own = own.expand(vectors.shape[1], -1, -1)
        return codes_of(self.spec.engine.encoder, vectors, own)

    def forward(self, inputs: Tensor) -> Tensor:
        spec = self.spec
        count = spec.engine.prototypes
        vectors = self.vectors(inputs.detach())
        marks = one_hot(self.codes(vectors), count)
        if self.training and self.following and not self.is_tree:
            self._follow(marks, vectors)
        tables = self.tables()
        geometry = self.geometry
        if spec.encodes_pixels:
            marks = marks.view(*marks.shape[:2], *inputs.shape[2:])
        # Straight-through: as if inputs had been multiplied by weights, in units of the sums.
        weights = (self.weights * (self.scale.ratio * self.entry)).detach()
        sums = looked_up(marks, tables, inputs, weights, geometry)
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

    @torch.no_grad()
    def _follow(self, marks: Tensor, vectors: Tensor) -> None:
        """Move prototypes towards the means of the vectors [R, S, V, P] that chose them."""
        rows, subspaces, length, columns = vectors.shape
        seen = marks.view(rows, subspaces, -1, columns)
        counts = seen.sum((0, 3))
        totals = torch.einsum("rskp,rsvp->skv", seen, vectors)
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
