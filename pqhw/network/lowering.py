"""A float graph as the nodes of an integer network: ReLUs drawn in, grids told apart.

What an integer stands for is a step times it. Results that are added, pooled or joined share a
step; layers and means choose a new one.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from .fold import fold_batchnorm
from .graph import INPUT, Graph, Node
from .ops import (WEIGHTED, Add, ArgMax, Concat, Flatten, GraphError,
                  MaxPool, PadChannels, Relu, Softmax, Subsample)

__all__ = ["BRANCH_BITS", "Lowered", "Step", "Tensor", "lower"]

BRANCH_BITS = 8
"""Bits of results that only additions take."""

KEEPING = (MaxPool, Subsample, PadChannels, Flatten, Concat, Relu)
"""Operations whose result is on the grid of what they take."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A result of an integer network.

    Members
    -------
    bits, signed: of its integers
    grid: number of the grid; equal numbers share a step
    limit: the largest real value where a clamp says so, as ReLU6 does
    """
    bits: int
    signed: bool
    grid: int
    limit: float | None = None

    @property
    def top(self) -> int:
        """The largest integer."""
        return (1 << (self.bits - self.signed)) - 1


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """A node of the integer network and the float nodes that it stands for.

    Members
    -------
    name: of the float node whose result it gives, its ReLU included
    node: the float node that computes
    inputs: names of steps before, or `INPUT`
    relu: whether negative results become 0
    limit: the largest real result, where the ReLU has one
    """
    name: str
    node: Node
    inputs: tuple[str, ...]
    relu: bool
    limit: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """A graph in the steps of an integer network.

    Members
    -------
    graph: the float graph without normalisation
    steps: in order; the last gives raw sums where it is a layer
    tensors: what each step but a raw one gives, and the input, by name
    orders: of rows that were images, where each value stood in the float graph's row, by name
    """
    graph: Graph
    steps: tuple[Step, ...]
    tensors: dict[str, Tensor]
    orders: dict[str, np.ndarray]

    @property
    def layers(self) -> tuple[Step, ...]:
        """Steps with weights."""
        return tuple(step for step in self.steps if isinstance(step.node.op, WEIGHTED))


def lower(graph: Graph, activation_bits: Mapping[str, int], *, input_bits: int = 8,
          input_signed: bool = False) -> Lowered:
    """The steps of a graph.

    Parameters
    ----------
    activation_bits: bits that each layer wants of its input, by the layer's name; where several
        layers take one result, it has the most that is asked for
    input_bits, input_signed: integers that enter the network, as the graph takes them

    Raises
    ------
    GraphError
        If a layer has no bits, softmax is not at the end, or a node has no integer form.
    """
    graph = fold_batchnorm(graph)
    steps = _steps(graph)
    for step in steps:
        if isinstance(step.node.op, WEIGHTED) and step.node.name not in activation_bits:
            raise GraphError(f"{step.node.name}: activation_bits must be given for every layer, "
                             "but are not for this one.")
    wanted = _wanted_bits(steps, activation_bits)
    tensors = _tensors(steps, wanted, Tensor(input_bits, input_signed, 0))
    return Lowered(graph, tuple(steps), tensors, _orders(graph, steps))


def _orders(graph: Graph, steps: list[Step]) -> dict[str, np.ndarray]:
    """Integer networks flatten pixel after pixel, float graphs channel after channel."""
    orders: dict[str, np.ndarray] = {}
    for step in steps:
        op, before = step.node.op, step.inputs[0]
        shape = graph.shapes[step.node.inputs[0]]
        if isinstance(op, Flatten) and len(shape) == 3:
            height, width, channels = shape
            stood = np.arange(height * width * channels).reshape(channels, height, width)
            orders[step.name] = stood.transpose(1, 2, 0).ravel()
        elif isinstance(op, Relu | Flatten) and before in orders:
            orders[step.name] = orders[before]
        elif not isinstance(op, WEIGHTED) and any(name in orders for name in step.inputs):
            raise GraphError(f"{step.node.name}: a flattened image must go to a dense layer, "
                             f"but goes to {op.kind}.")
    return orders


def _steps(graph: Graph) -> list[Step]:
    drawn: dict[str, str] = {}
    steps: list[Step] = []
    for node in graph.nodes:
        if node.name in drawn:
            continue
        op = node.op
        if isinstance(op, Softmax):
            if any(not isinstance(user.op, ArgMax) for user in graph.users[node.name]):
                raise GraphError(f"{node.name}: Softmax must end the network or feed ArgMax, "
                                 "as integers keep the order of classes alone.")
            drawn[node.name] = drawn.get(node.inputs[0], node.inputs[0])
            continue
        inputs = tuple(drawn.get(name, name) for name in node.inputs)
        relu = op if isinstance(op, Relu) else None
        name, users = node.name, graph.users[node.name]
        takes_relu = isinstance(op, (*WEIGHTED, Add))
        if takes_relu and len(users) == 1 and isinstance(users[0].op, Relu):
            relu, name = users[0].op, users[0].name
            drawn[name] = name
        drawn[node.name] = name
        steps.append(Step(name, node, inputs, relu is not None,
                          None if relu is None else relu.maximum))
    return steps


def _wanted_bits(steps: list[Step], asked: Mapping[str, int]) -> dict[str, int]:
    """The most bits that anybody wants of each result; 0 where only additions take it."""
    wanted: dict[str, int] = {}
    for step in reversed(steps):
        op = step.node.op
        if isinstance(op, WEIGHTED):
            bits = asked[step.node.name]
        elif isinstance(op, KEEPING):
            bits = wanted.get(step.name, 0)
        else:
            bits = 0
        for name in step.inputs:
            wanted[name] = max(wanted.get(name, 0), bits)
    return wanted


def _tensors(steps: list[Step], wanted: Mapping[str, int], given: Tensor) -> dict[str, Tensor]:
    parents: list[int] = [0]

    def root(grid: int) -> int:
        while parents[grid] != grid:
            grid = parents[grid]
        return grid

    tensors = {INPUT: given}
    for step in steps:
        op = step.node.op
        inputs = [tensors[name] for name in step.inputs if name in tensors]
        if isinstance(op, ArgMax) or (isinstance(op, WEIGHTED) and step is steps[-1]) or (
                isinstance(op, WEIGHTED) and step.name not in wanted) or len(inputs) < len(
                step.inputs):
            continue
        if isinstance(op, WEIGHTED) and _only_argmax(steps, step.name):
            continue
        parents.append(len(parents))
        grid = len(parents) - 1
        bits = wanted.get(step.name, 0) or BRANCH_BITS
        signed = not step.relu and (isinstance(op, WEIGHTED)
                                    or any(own.signed for own in inputs))
        if isinstance(op, (*KEEPING, Add)):
            for own in inputs:
                parents[root(own.grid)] = root(grid)
        if isinstance(op, KEEPING) and not isinstance(op, Relu):
            bits = max(own.bits for own in inputs)
        tensors[step.name] = Tensor(bits, signed, grid, step.limit)
    return {name: dataclasses.replace(own, grid=root(own.grid)) for name, own in tensors.items()}


def _only_argmax(steps: list[Step], name: str) -> bool:
    users = [step for step in steps if name in step.inputs]
    return bool(users) and all(isinstance(step.node.op, ArgMax) for step in users)
