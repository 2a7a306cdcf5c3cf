"""A network as a graph of operations: shapes inferred, checked, run in single precision."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import numpy as np

from ..spec import Conv2d as ConvLayer
from ..spec import Layer
from ..spec.conv import LayerShape
from .ops import WEIGHTED, BatchNorm, Conv2d, GraphError, Linear, Op, Shape

__all__ = ["Graph", "GraphBuilder", "INPUT", "Node", "layer_shape"]

INPUT = "input"
"""The name of what enters a graph."""

BATCH_ELEMENTS = 1 << 22
"""Elements of the largest activation that are kept in flight."""


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """An operation with a name; `inputs` are names of nodes before it, or `INPUT`."""
    name: str
    op: Op
    inputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in an order in which each follows what it takes; the last one is the result.

    Parameters
    ----------
    name: of the network
    input_shape: [H, W, C] or [D]
    nodes: their names all different

    Members
    -------
    shapes: of the input and of every node's result, by name

    Raises
    ------
    GraphError
        One sentence naming the node, the rule and the value.
    """
    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    shapes: dict[str, Shape] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        shape = tuple(int(size) for size in self.input_shape)
        object.__setattr__(self, "input_shape", shape)
        object.__setattr__(self, "nodes", tuple(self.nodes))
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise GraphError(f"input_shape must be [H, W, C] or [D], all positive, "
                             f"but is {list(shape)}.")
        if not self.nodes:
            raise GraphError("nodes must hold at least one operation, but are empty.")
        shapes = {INPUT: shape}
        for node in self.nodes:
            shapes[node.name] = self._shape(node, shapes)
        object.__setattr__(self, "shapes", shapes)

    @staticmethod
    def _shape(node: Node, shapes: dict[str, Shape]) -> Shape:
        if node.name in shapes:
            raise GraphError(f"{node.name}: names of nodes must differ, but this one stands twice.")
        for name in node.inputs:
            if name not in shapes:
                raise GraphError(f"{node.name}: inputs must be {INPUT} or nodes before, "
                                 f"but {name} is not.")
        arity = node.op.ARITY
        if len(node.inputs) != arity and not (arity == 0 and len(node.inputs) >= 2):
            raise GraphError(f"{node.name}: {node.op.kind} takes {arity or 'two or more'} inputs, "
                             f"but is given {len(node.inputs)}.")
        try:
            return node.op.shape(tuple(shapes[name] for name in node.inputs))
        except GraphError as error:
            raise GraphError(f"{node.name}: {error}") from None

    # -- Looking around --------------------------------------------------------------------

    @property
    def output(self) -> str:
        """Name of the node that gives the result."""
        return self.nodes[-1].name

    @property
    def output_shape(self) -> Shape:
        """Shape of the result: () where it is a class."""
        return self.shapes[self.output]

    def __getitem__(self, name: str) -> Node:
        try:
            return self._by_name[name]
        except KeyError:
            raise GraphError(f"{self.name} has no node {name}; it has "
                             f"{', '.join(self._by_name)}.") from None

    @functools.cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @functools.cached_property
    def users(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that take each result, by the name of the result."""
        return {name: tuple(node for node in self.nodes if name in node.inputs)
                for name in self.shapes}

    @property
    def layers(self) -> tuple[Node, ...]:
        """Nodes with weights, in order."""
        return tuple(node for node in self.nodes if isinstance(node.op, WEIGHTED))

    def multiply_accumulates(self, name: str) -> int:
        """Multiplications of a node with weights, those with padding included."""
        op = self[name].op
        assert isinstance(op, WEIGHTED), f"{name} has no weights"
        if isinstance(op, Linear):
            return op.weights.size
        return int(np.prod(self.shapes[name][:2])) * op.weights.size

    @property
    def parameter_count(self) -> int:
        """Values that are learned: no running means and variances, and no bias in front of a
        normalisation, which has its own."""
        return sum(array.size for node in self.nodes
                   for name, array in node.op.parameters().items()
                   if name not in ("mean", "variance")
                   and not (name == "bias" and self._is_normalised(node)))

    def _is_normalised(self, node: Node) -> bool:
        users = self.users[node.name]
        return bool(users) and all(isinstance(user.op, BatchNorm) for user in users)

    # -- Running ---------------------------------------------------------------------------

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Results [R, ...] of inputs [R, ...], batch by batch."""
        inputs = self.check_inputs(inputs)
        largest = max(int(np.prod(shape)) for shape in self.shapes.values())
        step = max(1, BATCH_ELEMENTS // largest)
        return np.concatenate([self.activations(inputs[start:start + step])[self.output]
                               for start in range(0, len(inputs), step)])

    def activations(self, inputs: np.ndarray, keep: Sequence[str] | None = None
                    ) -> dict[str, np.ndarray]:
        """Results by name, of `keep` and of the last node; of all where `keep` is left out."""
        inputs = self.check_inputs(inputs)
        held = {INPUT: inputs}
        waiting = {name: len(users) for name, users in self.users.items()}
        wanted = set(self.shapes if keep is None else keep) | {self.output}
        for node in self.nodes:
            held[node.name] = node.op.forward(*(held[name] for name in node.inputs))
            for name in set(node.inputs):
                waiting[name] -= 1
                if not waiting[name] and name not in wanted:
                    del held[name]
        return {name: array for name, array in held.items() if name in wanted}

    def check_inputs(self, inputs: np.ndarray) -> np.ndarray:
        """Inputs [R, ...] in single precision."""
        inputs = np.asarray(inputs)
        if inputs.shape[1:] != self.input_shape or not len(inputs):
            raise GraphError(f"inputs of {self.name} must be [R, "
                             f"{', '.join(map(str, self.input_shape))}] with at least one, "
                             f"but are {list(inputs.shape)}.")
        return inputs.astype(np.float32, copy=False)


def layer_shape(graph: Graph, name: str) -> LayerShape:
    """What a node with weights computes, as the spec of its engine has it.

    Raises
    ------
    GraphError
        If padding differs between opposite sides, which engines do not have.
    SpecError
        If a size is beyond what engines take.
    """
    op = graph[name].op
    if isinstance(op, Linear):
        return Layer(in_features=op.weights.shape[1], out_features=len(op.weights))
    assert isinstance(op, Conv2d), f"{name} has no weights"
    for side, (first, second) in zip(("top and bottom", "left and right"), op.padding):
        if first != second:
            raise GraphError(f"{name}: padding must be equal at {side} for an engine, "
                             f"but is {first} and {second}.")
    height, width, _ = graph.shapes[graph[name].inputs[0]]
    return ConvLayer(in_channels=op.in_channels, out_channels=len(op.weights), kernel=op.kernel,
                     stride=op.stride, padding=tuple(side[0] for side in op.padding),
                     height=height, width=width, groups=op.groups)


class GraphBuilder:
    """Collects nodes one after another.

    `add` gives the node's name, for the inputs of later ones; names not given are numbered by
    kind. Members are as in `Graph`.
    """

    def __init__(self, name: str, input_shape: Sequence[int]):
        self.name, self.input_shape = name, tuple(input_shape)
        self.nodes: list[Node] = []

    def add(self, op: Op, *inputs: str, name: str | None = None) -> str:
        """Append an operation; without `inputs` it takes the result of the one before."""
        own = name or next(self._free(type(op).__name__.lower()))
        self.nodes.append(Node(own, op, inputs or (self.last,)))
        return own

    @property
    def last(self) -> str:
        """Name of the newest node, or `INPUT`."""
        return self.nodes[-1].name if self.nodes else INPUT

    def _free(self, kind: str) -> Iterator[str]:
        taken = {node.name for node in self.nodes}
        return (f"{kind}{index}" for index in range(1, len(self.nodes) + 2)
                if f"{kind}{index}" not in taken)

    def build(self) -> Graph:
        """The graph of all nodes so far."""
        return Graph(self.name, self.input_shape, tuple(self.nodes))
