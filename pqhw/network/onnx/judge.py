"""Which engine a node's work goes to, and why."""

import dataclasses
from typing import Literal

from ..graph import INPUT, Graph, Node, layer_shape
from ..ops import WEIGHTED, AvgPool, BatchNorm, Conv2d, GraphError, MaxPool, Op, Shape
from ...spec import SpecError
from ...spec.conv import LayerShape
from ...spec.pq import PQSpec
from ...spec.tables import PQEngine, PQFolding, PQPrecision

__all__ = ["CheckRow", "FEWEST_CHANNELS", "FEWEST_OUTPUTS", "Judgement", "Verdict", "judge"]

Verdict = Literal["supported", "falls back to MAC", "folded", "unsupported"]

FEWEST_OUTPUTS = 4
"""Outputs that must share a code, so that finding it costs less than the products it replaces."""

FEWEST_CHANNELS = 4
"""Channels of a pixel that the first layer must have: those of pictures are too few to cut up, and
what is lost there is lost for all layers."""

PROTOTYPES = 16


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict, why, and what a user may do about it."""
    verdict: Verdict
    reason: str = ""
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class CheckRow:
    """What becomes of a node of a file.

    Members
    -------
    node, op: its name and operator
    inputs, output: shapes of tensors in the file, rows left out; None where not known
    verdict, reason, remedy: where its work is done, why, and what may be done about it
    multiply_accumulates, weights: of a layer, per row; 0 of other nodes
    """
    node: str
    op: str
    inputs: tuple[Shape, ...]
    output: Shape | None
    verdict: Verdict
    reason: str = ""
    remedy: str = ""
    multiply_accumulates: int = 0
    weights: int = 0


def judge(node: Node, inputs: tuple[Shape, ...], before: Op | None,
          is_layer_alone: bool) -> Judgement:
    """Where a node of a graph goes.

    Parameters
    ----------
    inputs: shapes of what it takes
    before: the operation whose result it takes, if any
    is_layer_alone: whether that one has no other user
    """
    if isinstance(node.op, WEIGHTED):
        return _layer(node, inputs[0])
    if isinstance(node.op, BatchNorm):
        if isinstance(before, WEIGHTED) and is_layer_alone:
            return Judgement("folded", "into the layer in front")
        if len(inputs[0]) == 3 and node.inputs[0] == INPUT:
            return Judgement("falls back to MAC", "it shifts the input in front of padding: a 1x1 "
                             "depthwise convolution", "do it before the network to leave it out")
        if len(inputs[0]) == 3:
            return Judgement("falls back to MAC", "a scale per channel without a layer in front "
                             "that only it uses: a 1x1 depthwise convolution",
                             "put it right behind a convolution")
        return Judgement("unsupported", "it scales rows, without a dense layer beside it",
                         "put it right behind or in front of a dense layer")
    if isinstance(node.op, MaxPool | AvgPool):
        return _pool(node.op)
    return Judgement("supported")


def _pool(op: MaxPool | AvgPool) -> Judgement:
    for side, (first, second) in zip(("top and bottom", "left and right"), op.padding):
        if first != second:
            return Judgement("unsupported", f"padding must be equal at {side} for hardware, but is "
                             f"{first} and {second}", "pool with equal padding, or none")
    if isinstance(op, AvgPool) and not op.count_padding and any(map(any, op.padding)):
        return Judgement("unsupported", "an average that leaves padding out has no integer form",
                         "count padding as zeros, or pool without it")
    return Judgement("supported")


def _layer(node: Node, shape: Shape) -> Judgement:
    alone = Graph("layer", shape, (Node(node.name, node.op, (INPUT,)),))
    try:
        layer = layer_shape(alone, node.name)
    except (GraphError, SpecError) as error:
        told = str(error).removeprefix(f"{node.name}: ").rstrip(".")
        is_uneven = isinstance(error, GraphError)
        return Judgement("unsupported", told, "widen the kernel by taps of zero with "
                         "--equal-padding, or train with equal padding" if is_uneven
                         else "keep to this bound")
    few = _reason_for_mac(node, layer)
    if few is not None:
        return Judgement("falls back to MAC", few)
    try:
        _engine(layer)
    except SpecError as error:
        return Judgement("falls back to MAC", str(error).rstrip("."))
    return Judgement("supported", "PQ or MAC")


def _reason_for_mac(node: Node, layer: LayerShape) -> str | None:
    """Why nothing is won by looking a layer's results up, if so."""
    depth, outputs = layer.unit_inputs, layer.row_outputs
    if isinstance(node.op, Conv2d) and node.op.groups > 1 and depth == 1:
        return (f"depthwise: there is nothing to look up, as a window of {layer.row_inputs} inputs "
                f"serves {_count(outputs, 'output')}")
    if outputs < FEWEST_OUTPUTS:
        per = " of a group" if isinstance(node.op, Conv2d) and node.op.groups > 1 else ""
        return f"{_count(outputs, 'output')}{per} would share a code, at least {FEWEST_OUTPUTS} pay"
    if layer.row_inputs < 2:
        return "one input per output leaves nothing to cut into sub-vectors"
    if isinstance(node.op, Conv2d) and node.inputs[0] == INPUT and depth < FEWEST_CHANNELS:
        return (f"the first layer, of {_count(depth, 'channel')}: too few for sub-vectors, and "
                "what is lost here is lost for all layers")
    return None


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _engine(layer: LayerShape) -> PQSpec:
    """A PQ engine for the layer, as small as it gets."""
    length = min(layer.taps if layer.taps > 1 else 4, layer.row_inputs, 64)
    return PQSpec(layer=layer, engine=PQEngine(subvector_length=length, prototypes=PROTOTYPES),
                  precision=PQPrecision(), folding=PQFolding())
