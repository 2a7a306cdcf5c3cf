"""Scales and integers of a network that came quantised: what of them an integer network keeps."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ..network.graph import INPUT, Graph
from ..network.lowering import Lowered, Step, Tensor, lower
from ..network.quantinfo import LayerQuant, QuantInfo, TensorQuant
from ..spec import BitplaneSpec, MACSpec, PQSpec
from .fixed import SMALLEST_SCALE, multipliers
from .settings import MACSettings, PQSettings

__all__ = ["Given", "Kept", "kept_integers"]

CLOSE = 1e-6
"""Share by which products in single precision may differ."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """What becomes of a scale, or of a layer's integers, that a file has.

    Members
    -------
    name: of the result or the layer
    what: `scale` or `weights`
    exact: whether the integer network has it as it is
    reason: why it has not, or what is not exact about it all the same
    """
    name: str
    what: str
    exact: bool
    reason: str = ""

    def __str__(self) -> str:
        if self.exact:
            return f"{self.name}: {self.what} kept" + (f"; {self.reason}" if self.reason else "")
        return f"{self.name}: {self.what} approximated, as {self.reason}"


class Given:
    """The part of a file's quantisation that the integers of a lowered graph can have.

    A scale is kept where its zero point lets engines' integers, which have zero at 0, be those of
    the file, and where all results on one grid agree in it. Weights are kept where the engine has
    levels of a fixed point and the file's integers are among them.

    Parameters
    ----------
    lowered: the graph in steps
    info: of the file, by names of the graph

    Members
    -------
    steps: real value of 1, by grid
    scales: what becomes of the scales
    """

    def __init__(self, lowered: Lowered, info: QuantInfo):
        self.lowered, self.info = lowered, info
        self.steps: dict[int, float] = {}
        found = {name: _misfit(own, lowered.tensors.get(name))
                 for name, own in info.tensors.items()}
        grids: dict[int, list[str]] = {}
        for name in info.tensors:
            if name in lowered.tensors:
                grids.setdefault(lowered.tensors[name].grid, []).append(name)
        for grid, names in grids.items():
            scales = {info.tensors[name].scale for name in names}
            others = ""
            if grid == lowered.tensors[INPUT].grid and scales != {1.0}:
                others = "images enter as the integers that they are, whose step is 1"
            elif len(scales) > 1:
                others = f"{', '.join(sorted(names))} share one step, but differ in scale"
            elif any(found[name] for name in names):
                others = f"{', '.join(sorted(names))} share one step"
            else:
                self.steps[grid] = scales.pop()
            found |= {name: found[name] or others for name in names}
        self.scales = tuple(Kept(name, "scale", not reason, reason)
                            for name, reason in found.items())

    def levels(self, step: Step, spec: PQSpec | MACSpec) -> tuple[np.ndarray, np.ndarray] | str:
        """Integers of a layer in the shape of its weights, and their scales [N] in real weights;
        or why they are not kept."""
        own, op = self.info.layers[step.node.name], step.node.op
        if not isinstance(spec, MACSpec) or isinstance(spec, BitplaneSpec) or (
                spec.engine.scheme != "fixed"):
            kind = spec.KIND if isinstance(spec, PQSpec) else f"{spec.engine.scheme} weights"
            return f"its engine is of another kind ({kind})"
        if own.zero_points.any():
            return "its zero points are not 0"
        top = (1 << spec.engine.weight_bits - 1) - 1
        if np.abs(own.weights).max(initial=0) > top:
            return (f"its integers reach from {own.weights.min()} to {own.weights.max()}, but "
                    f"those of {spec.engine.weight_bits} bits from {-top} to {top}")
        scales = _scales(own, op.weights)                        # type: ignore[attr-defined]
        if scales is None:
            return "what follows it changes its weights otherwise than by a factor per output"
        if spec.output is None and not np.allclose(scales, scales[0], rtol=CLOSE, atol=0):
            return "raw sums are compared, which needs one scale for all outputs"
        if scales.min() < scales.max() * SMALLEST_SCALE:
            return f"its scales differ by more than a factor of {1 / SMALLEST_SCALE:g}"
        order = self.lowered.orders.get(step.inputs[0])
        return own.weights if order is None else own.weights[:, order], scales

    def weights(self, step: Step, spec: PQSpec | MACSpec) -> Kept:
        """What becomes of a layer's integers."""
        name, found = step.node.name, self.levels(step, spec)
        if isinstance(found, str):
            return Kept(name, "weights", False, found)
        if spec.output is None:
            return Kept(name, "weights", True)
        ends = [self.steps.get(self.lowered.tensors[own].grid)
                for own in (step.inputs[0], step.name)]
        if None in ends:
            return Kept(name, "weights", True, "scales around it are not those of the file")
        assert isinstance(spec, MACSpec)
        ratio = found[1] * ends[0] / ends[1]                     # type: ignore[operator]
        multiplier, shift = multipliers(ratio, spec.max_shift)
        off = np.abs(multiplier / 2.0 ** shift / ratio - 1).max()
        return Kept(name, "weights", True, "" if not off else
                    f"the scale of its sums is within {off:.1e} of that of the file")


def _misfit(own: TensorQuant, tensor: Tensor | None) -> str:
    """Why integers of the file are not those of a result; nothing where they are."""
    if tensor is None:
        return "the network has no such integers: they are raw sums, or merged with what follows"
    low, high = own.low - own.zero_point, own.high - own.zero_point
    least = -tensor.top - 1 if tensor.signed else 0
    if (low, high) == (least, tensor.top):
        return ""
    return (f"integers are from {low} to {high} times it in the file, with the zero point "
            f"{own.zero_point}, and from {least} to {tensor.top} here")


def _scales(own: LayerQuant, weights: np.ndarray) -> np.ndarray | None:
    """Scales [N] with which integers are the weights, those of a file times what normalisation
    behind the layer makes of them; None where there are none."""
    flat, file = (array.reshape(len(weights), -1).astype(np.float64)
                  for array in (weights, own.dequantised()))
    squares = (file * file).sum(axis=1)
    factor = np.where(squares > 0, (flat * file).sum(axis=1) / np.where(squares, squares, 1), 1)
    if factor.min() <= 0 or not np.allclose(flat, factor[:, None] * file, rtol=CLOSE, atol=0):
        return None
    # A factor of 1 within rounding is none.
    factor = np.where(np.abs(factor - 1) < CLOSE, 1, factor)
    return factor * own.scales.astype(np.float64)


def kept_integers(graph: Graph, settings: Mapping[str, PQSettings | MACSettings],
                  info: QuantInfo, *, input_bits: int = 8,
                  steps: Mapping[str, float] | None = None) -> tuple[Kept, ...]:
    """What becomes of all scales and integers of a file in a conversion with these settings.

    Parameters
    ----------
    steps: of the finished network, by result, where there is one: tables may have needed coarser
        ones
    """
    from .network import engine_for
    bits = {name: own.activation_bits for name, own in settings.items()}
    lowered = lower(graph, bits, input_bits=input_bits)
    given = Given(lowered, info)
    scales = [own if steps is None or not own.exact or steps[own.name] == info.tensors[
        own.name].scale else Kept(own.name, own.what, False, "tables need a coarser step")
        for own in given.scales]
    return (*scales, *(given.weights(step, engine_for(lowered, step, settings[step.node.name]))
                       for step in lowered.layers if step.node.name in info.layers))
