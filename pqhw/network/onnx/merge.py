"""Scales and offsets from constants moved into the layers beside them; what leads nowhere left out.
"""

import dataclasses
from collections.abc import Mapping, Set

import numpy as np

from ..graph import Node
from ..ops import WEIGHTED, BatchNorm, Conv2d, Flatten, Linear, Shape
from .conversion import Conversion
from .layout import NO_PADS
from .state import Affine

__all__ = ["Merged", "merged", "reachable"]


@dataclasses.dataclass(frozen=True, eq=False)
class Merged:
    """Nodes after merging.

    Members
    -------
    nodes: in order, by name
    into: of those that are gone, the node that does their work
    output: name of the result
    """
    nodes: dict[str, Node]
    into: dict[str, str]
    output: str


def reachable(nodes: Mapping[str, Node], output: str) -> dict[str, Node]:
    """The nodes that lead to an output, in their order."""
    kept = {output}
    for node in reversed(list(nodes.values())):
        if node.name in kept:
            kept.update(node.inputs)
    return {name: node for name, node in nodes.items() if name in kept}


def merged(c: Conversion, output: str | None) -> Merged:
    """The conversion's nodes that lead to `output`, or all where that is not known, with what
    constants scale and shift moved into layers where that is exact.

    An offset becomes part of the bias of the layer in front of it. A scale and an offset without
    such a layer in front become part of the layer behind, if that is the only one to take them; so
    do normalisations of rows, for which there is no layer of their own. Where a convolution pads
    with zeros, which an offset would have to shift too, they stay. Integers of the layer behind are
    given up, for rows alone.
    """
    if output is None:
        used = {own for node in c.nodes.values() for own in node.inputs}
        nodes = {name: node for name, node in c.nodes.items()
                 if name not in c.replaced or name in used}
    else:
        nodes = reachable(c.nodes, output)
    state = _Merger(c, nodes, output or "")
    for name, node in list(state.nodes.items()):
        change = c.affines.get(name)
        if change is not None:
            if not state.into_bias(name, change):
                state.into_layer_behind(name, change)
        elif isinstance(node.op, BatchNorm) and len(c.shapes[name]) == 1:
            state.into_layer_behind(name, Affine(node.op.factor.astype(np.float64),
                                                 node.op.offset.astype(np.float64)))
    return Merged(state.nodes, state.into, state.output)


class _Merger:
    def __init__(self, c: Conversion, nodes: dict[str, Node], output: str):
        self.c, self.nodes, self.output = c, nodes, output
        self.into: dict[str, str] = {}

    def _users(self, name: str) -> list[Node]:
        return [node for node in self.nodes.values() if name in node.inputs]

    def into_bias(self, name: str, change: Affine) -> bool:
        """Move an offset into the layer in front that has no other use."""
        source = self.nodes[name].inputs[0]
        before = self.nodes[source] if self._is_layer_alone(source) else None
        if before is None or not isinstance(before.op, WEIGHTED) or (change.scale != 1).any():
            return False
        op = dataclasses.replace(before.op, bias=before.op.bias + change.offset)
        # Where the offset stood, so that all that it takes comes before it.
        self.nodes = {own: node for own, node in self.nodes.items() if own != source}
        self.nodes = {(source if own == name else own):
                      (Node(source, op, before.inputs) if own == name else self._renamed(
                          node, name, source))
                      for own, node in self.nodes.items()}
        self._moved(name, source)
        if name in self.c.tensors:
            self.c.tensors[source] = self.c.tensors.pop(name)
        else:
            self.c.tensors.pop(source, None)
        if source in self.c.layers:
            self.c.layers[source] = dataclasses.replace(self.c.layers[source], bias=None,
                                                        bias_scales=None)
        return True

    def into_layer_behind(self, name: str, change: Affine) -> bool:
        """Move a scale and an offset into the layer behind that is its only user."""
        source = self.nodes[name].inputs[0]
        flat, behind = None, self._only_user(name)
        if behind is not None and isinstance(behind.op, Flatten):
            flat, behind = behind, self._only_user(behind.name)
        is_row = len(self.c.shapes[name]) == 1
        if (behind is None or self._is_layer_alone(source)
                or behind.name in self.c.layers and not is_row):
            return False
        op: Linear | Conv2d
        if isinstance(behind.op, Linear):
            op = _scaled_linear(behind.op, change, self.c.shapes[name])
        elif isinstance(behind.op, Conv2d) and flat is None and (
                behind.op.padding == NO_PADS or not change.offset.any()):
            op = _scaled_convolution(behind.op, change)
        else:
            return False
        self.nodes = {own: self._renamed(node, name, source) for own, node in self.nodes.items()
                      if own != name}
        self.nodes[behind.name] = dataclasses.replace(self.nodes[behind.name], op=op)
        self.c.tensors.pop(name, None)
        if self.c.layers.pop(behind.name, None) is not None:
            self.c.notes.append(f"{behind.name}: its integers are not kept, as {name} scales what "
                                "enters it.")
        self._moved(name, behind.name)
        return True

    def _is_layer_alone(self, name: str) -> bool:
        """Whether a node is a layer with one user."""
        return (name in self.nodes and isinstance(self.nodes[name].op, WEIGHTED)
                and len(self._users(name)) == 1 and name != self.output)

    def _only_user(self, name: str) -> Node | None:
        users = self._users(name)
        alone = len(users) == 1 and name != self.output and users[0].inputs.count(name) == 1
        return users[0] if alone else None

    @staticmethod
    def _renamed(node: Node, old: str, new: str) -> Node:
        return dataclasses.replace(node, inputs=tuple(new if own == old else own
                                                      for own in node.inputs))

    def _moved(self, name: str, into: str) -> None:
        self.into[name] = into
        if self.output == name:
            self.output = into


def _scaled_linear(op: Linear, change: Affine, shape: Shape) -> Linear:
    """A dense layer of what is scaled and shifted before it."""
    pixels = int(np.prod(shape[:-1]))
    scale, offset = (np.repeat(own, pixels) for own in (change.scale, change.offset))
    weights = op.weights.astype(np.float64)
    return dataclasses.replace(op, weights=weights * scale, bias=op.bias + weights @ offset)


def _scaled_convolution(op: Conv2d, change: Affine) -> Conv2d:
    """A convolution, group by group, of what is scaled and shifted before it."""
    outputs, _, _, depth = op.weights.shape
    group = np.arange(outputs) // (outputs // op.groups)
    scale, offset = (own.reshape(op.groups, depth)[group][:, None, None] for own in (
        change.scale, change.offset))
    weights = op.weights.astype(np.float64)
    return dataclasses.replace(op, weights=weights * scale,
                               bias=op.bias + (weights * offset).sum(axis=(1, 2, 3)))


def final_name(name: str, *steps: Mapping[str, str], among: Set[str]) -> str | None:
    """Where a node's work is done at last, or None where it leads nowhere."""
    seen: set[str] = set()
    while name not in among and name not in seen:
        seen.add(name)
        name = next((step[name] for step in steps if name in step), name)
    return name if name in among else None
