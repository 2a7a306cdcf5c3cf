"""What an overlay does for a network, step by step, and where its tensors stand meanwhile."""

import dataclasses

from ...spec.fields import SpecError
from ...spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkNode,
                             NetworkSpec, NodeOp, PadChannels, Subsample, Sum)
from ...spec.overlay.overlay import ACTIVATION_BITS, OverlaySpec
from ...spec.ranges import ceil_div
from .place import place_tensors
from .steps import Step, Tensor, View

__all__ = ["Plan", "plan_network"]


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order, and the words of a bank that they need."""
    input: Tensor
    steps: tuple[Step, ...]
    depth: int


COPY = Subsample(stride=1)
"""What a step computes that only moves words."""


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A row as an image of one pixel."""
    return (1, 1, shape[0]) if len(shape) == 1 else (shape[0], shape[1], shape[2])


class _Planner:
    def __init__(self, network: NetworkSpec, spec: OverlaySpec):
        self.network, self.spec = network, spec
        self.takers: dict[str, list[NetworkNode]] = {name: [] for name in network.shapes}
        for node in network.nodes:
            for name in node.inputs:
                self.takers[name].append(node)
        self.nodes = {node.name: node for node in network.nodes}
        for node in network.nodes[:-1]:
            if not self.takers[node.name]:
                raise SpecError(f"{node.name}: results must be taken by another node, but are "
                                "not, and it is not the last.")
        self.final, self.argmax = self._final()
        self.summed = self._summed()
        self.steps: list[Step] = []
        self.views: dict[str, View] = {}

    def _final(self) -> tuple[str, bool]:
        """The node whose results leave, and whether only the index of the largest does."""
        node, largest = self.network.nodes[-1], False
        while isinstance(node.op, ArgMax | Flatten):
            largest |= isinstance(node.op, ArgMax)
            name = node.inputs[0]
            if name == INPUT or len(self.takers[name]) > 1:
                raise SpecError(f"{node.name}: what it takes must come from a layer and go nowhere "
                                f"else in an overlay, but {name} does not.")
            node = self.nodes[name]
        if self.takers[node.name] and not isinstance(self.takers[node.name][0].op,
                                                     ArgMax | Flatten):
            raise SpecError(f"{node.name}: results that leave must be taken by no other node in "
                            f"an overlay, but {self.takers[node.name][0].name} takes them.")
        return node.name, largest

    def _summed(self) -> dict[str, str]:
        """Engines whose results are added to others as they are computed, by the sum."""
        found: dict[str, str] = {}
        for node in self.network.nodes:
            if not isinstance(node.op, Sum) or len(node.inputs) != 2:
                continue
            for name in reversed(node.inputs):
                own = self.nodes.get(name)
                if (own is not None and isinstance(own.op, Engine) and own.op.spec.output
                        and self.takers[name] == [node]):
                    found[node.name] = name
                    break
        return found

    def tensor(self, name: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """A tensor for a node's results."""
        own = image_shape(self.network.shapes[name] if shape is None else shape)
        range_ = self.network.ranges[name]
        if range_.bits > ACTIVATION_BITS:
            raise SpecError(f"{name}: results must fit {ACTIVATION_BITS} bits in an overlay, "
                            f"but reach from {range_.low} to {range_.high}.")
        return Tensor(name, own, range_.signed, self.spec.lanes)

    def plain(self, name: str, node: NetworkNode) -> Tensor:
        """What a node gave, as it stands in memory."""
        view = self.views[name]
        if view.before or view.tensor.shape[2] != self.network.shapes[name][-1]:
            raise SpecError(f"{node.name}: inputs must not be padded with channels that an "
                            f"addition takes too, but {name} is.")
        return view.tensor

    def add_step(self, name: str, op: NodeOp, source: Tensor | None, **rest: object) -> None:
        """Append a step that gives a node's results."""
        target = None if name == self.final else self.tensor(name)
        self.steps.append(Step(name, op, source, target, **rest,  # type: ignore[arg-type]
                               argmax=self.argmax and target is None))
        if target is not None:
            self.views[name] = View(target)

    def run(self) -> Tensor:
        """All steps; returns what comes in."""
        flat = self.flat_input = all(isinstance(node.op, Flatten) for node in self.takers[INPUT])
        shape = self.network.input.shape
        size = 1
        for one in shape:
            size *= one
        first = self.tensor(INPUT, (size,) if flat else shape)
        self.views[INPUT] = View(first)
        fused = set(self.summed.values())
        for node in self.network.nodes:
            if node.name not in fused:
                self.node(node)
        return first

    def node(self, node: NetworkNode) -> None:
        """The steps of one node."""
        match node.op:
            case ArgMax():
                return
            case Flatten():
                self.flatten(node)
            case PadChannels():
                self.pad(node)
            case Concat():
                self.concat(node)
            case Sum():
                self.sum(node)
            case Engine() | MaxPool() | Mean() | Subsample():
                self.add_step(node.name, node.op, self.plain(node.inputs[0], node))
            case _:
                raise SpecError(f"{node.name}: op must be one that an overlay knows, "
                                f'but is "{node.op.KIND}".')

    def flatten(self, node: NetworkNode) -> None:
        name = node.inputs[0]
        if name == self.final:
            return
        if name == INPUT and self.flat_input:
            self.views[node.name] = self.views[INPUT]
            return
        source = self.plain(name, node)
        height, width, channels = source.shape
        if height == width == 1:
            self.views[node.name] = View(source)
            return
        if channels % self.spec.lanes:
            raise SpecError(f"{node.name}: channels of what is flattened must be a multiple of "
                            f"overlay.lanes = {self.spec.lanes}, but are {channels}.")
        self.add_step(node.name, COPY, source)

    def pad(self, node: NetworkNode) -> None:
        """Zeros that only an addition takes are not stored."""
        op, name = node.op, node.inputs[0]
        assert isinstance(op, PadChannels)
        takers = self.takers[node.name]
        view = self.views[name]
        if (takers and all(taker.name in self.summed for taker in takers) and not view.before
                and op.before % self.spec.lanes == 0 and node.name != self.final):
            self.views[node.name] = View(view.tensor, op.before // self.spec.lanes)
            return
        self.add_parts(node, [(None, op.before), (self.plain(name, node), 0), (None, op.after)])

    def concat(self, node: NetworkNode) -> None:
        self.add_parts(node, [(self.plain(name, node), 0) for name in node.inputs])

    def add_parts(self, node: NetworkNode, parts: list[tuple[Tensor | None, int]]) -> None:
        """Steps that store tensors, or zeros, side by side in the channels of one."""
        if node.name == self.final:
            raise SpecError(f"{node.name}: results that leave an overlay must be a layer's, a "
                            f'sum\'s or a pooling\'s, but op is "{node.op.KIND}".')
        target = self.tensor(node.name)
        word = 0
        for index, (source, zeros) in enumerate(parts):
            channels = zeros if source is None else source.shape[2]
            if channels % self.spec.lanes and index < len(parts) - 1:
                raise SpecError(f"{node.name}: channels in front of others must be a multiple of "
                                f"overlay.lanes = {self.spec.lanes}, but are {channels}.")
            words = ceil_div(channels, self.spec.lanes)
            if words:
                self.steps.append(Step(node.name, COPY, source, target, first_word=word,
                                       zeros=words if source is None else 0))
            word += words
        self.views[node.name] = View(target)

    def sum(self, node: NetworkNode) -> None:
        op = node.op
        assert isinstance(op, Sum)
        if len(node.inputs) > 2:
            raise SpecError(f"{node.name}: inputs of a sum must be at most two in an overlay, "
                            f"but are {len(node.inputs)}.")
        bounds = op.range([])
        if node.name in self.summed:
            name = self.summed[node.name]
            engine = self.nodes[name]
            other = next((own for own in node.inputs if own != name), name)
            self.add_step(node.name, engine.op, self.plain(engine.inputs[0], engine),
                          add=self.views[other], clamp=bounds)
            return
        first = self.plain(node.inputs[0], node)
        second = View(self.plain(node.inputs[1], node)) if len(node.inputs) == 2 else None
        self.add_step(node.name, COPY, first, add=second, clamp=bounds)


def plan_network(network: NetworkSpec, spec: OverlaySpec) -> Plan:
    """The steps of a network, its tensors placed.

    Raises
    ------
    SpecError
        If a node cannot be done, or the tensors that must stand at once do not fit.
    """
    planner = _Planner(network, spec)
    first = planner.run()
    depth = place_tensors(first, planner.steps, spec.activation_words)
    return Plan(first, tuple(planner.steps), depth)
