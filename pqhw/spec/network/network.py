"""A whole integer network: engines and what stands between them."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from ..chain import engine_spec
from ..engine import EngineSpec
from ..fields import SpecError, SpecTypeError, boolean, integer, show
from ..ranges import Range, signed_range, unsigned_range
from ..tables import _Table
from .nodes import PLAIN_OPS, Engine, NodeOp, Shape

__all__ = ["INPUT", "NetworkInput", "NetworkNode", "NetworkSpec", "input_of"]

INPUT = "input"
"""The name of what enters a network."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkInput(_Table):
    """What enters: images [height, width, channels], or rows of as many channels where height and
    width are left out."""
    TABLE = "input"
    channels: int = integer(1, 65536, "channels C of a pixel, or values D of a row")
    height: int | None = integer(1, 4096, "rows H of an image", default=None)
    width: int | None = integer(1, 4096, "pixels W of a row of an image", default=None)
    bits: int = integer(1, 8, "bits of a value", default=8)
    signed: bool = boolean("values are signed", default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.height is None) != (self.width is None):
            raise SpecError("input.height and input.width must be given together, "
                            "but one is left out.")

    @property
    def shape(self) -> Shape:
        """[H, W, C], or [D] of rows."""
        if self.height is None or self.width is None:
            return (self.channels,)
        return self.height, self.width, self.channels

    @property
    def range(self) -> Range:
        """Every value that may enter."""
        return signed_range(self.bits) if self.signed else unsigned_range(self.bits)


@dataclasses.dataclass(frozen=True)
class NetworkNode:
    """A node with a name; `inputs` are names of nodes before it, or `INPUT`."""
    name: str
    op: NodeOp
    inputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class NetworkSpec:
    """Nodes in an order in which each follows what it takes; the last one gives the results.

    Raises
    ------
    SpecError
        One sentence naming the node, the rule and the value.
    """
    name: str
    input: NetworkInput
    nodes: tuple[NetworkNode, ...]

    def __post_init__(self) -> None:
        if not self.nodes:
            raise SpecError("node must be given at least once, but is not.")
        self.shapes, self.ranges  # noqa: B018 (every rule is checked on the way)

    def _walk(self, start: Any, step: Any) -> dict[str, Any]:
        values = {INPUT: start}
        for node in self.nodes:
            try:
                if node.name in values:
                    raise SpecError("names must differ, but this one stands twice.")
                unknown = [name for name in node.inputs if name not in values]
                if unknown:
                    raise SpecError(f"inputs must be {INPUT} or nodes before, "
                                    f"but {unknown[0]} is not.")
                if not node.inputs or (len(node.inputs) > 1 and not node.op.MANY):
                    raise SpecError(f"inputs must be {'one or more' if node.op.MANY else 'one'}, "
                                    f"but are {len(node.inputs)}.")
                values[node.name] = step(node.op)([values[name] for name in node.inputs])
            except SpecError as error:
                raise type(error)(f"{node.name}: {error}") from None
        return values

    @functools.cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes of the input and of every result, by name."""
        return self._walk(self.input.shape, lambda op: op.shape)

    @functools.cached_property
    def ranges(self) -> dict[str, Range]:
        """Ranges of the input and of every result, by name."""
        return self._walk(self.input.range, lambda op: op.range)

    @property
    def output(self) -> str:
        """Name of the node that gives the results."""
        return self.nodes[-1].name

    @functools.cached_property
    def engines(self) -> dict[str, EngineSpec]:
        """Specs of the engines, by name, in order."""
        return {node.name: node.op.spec for node in self.nodes if isinstance(node.op, Engine)}

    # -- Files -----------------------------------------------------------------------------

    def to_mapping(self) -> dict[str, Any]:
        """The network as it would stand in a file."""
        nodes = []
        for node in self.nodes:
            head = {"name": node.name, "op": node.op.KIND, "inputs": list(node.inputs)}
            own = (node.op.spec.to_mapping() if isinstance(node.op, Engine)
                   else node.op.to_mapping())  # type: ignore[attr-defined]
            nodes.append(head | own)
        return {"name": self.name, "input": self.input.to_mapping(), "node": nodes}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "NetworkSpec":
        """Build from parsed TOML; raises `SpecError`."""
        for name in mapping:
            if name not in ("name", "input", "node"):
                raise SpecError(f"{name} is not part of a network; known are name, input, node.")
        if not isinstance(mapping.get("name"), str):
            raise SpecTypeError(f"name must be a text, but is {show(mapping.get('name'))}.")
        nodes = mapping.get("node", [])
        if not isinstance(nodes, list) or not all(isinstance(own, Mapping) for own in nodes):
            raise SpecTypeError("node must be an array of tables, [[node]].")
        return cls(mapping["name"], NetworkInput.from_mapping(mapping.get("input", {})),
                   tuple(_node(index, own) for index, own in enumerate(nodes)))


def _node(index: int, mapping: Mapping[str, Any]) -> NetworkNode:
    name, kind, inputs = (mapping.get(key) for key in ("name", "op", "inputs"))
    if not isinstance(name, str) or not name:
        raise SpecError(f"node[{index}].name must be a text, but is {show(name)}.")
    if (not isinstance(inputs, list) or not inputs
            or not all(isinstance(own, str) for own in inputs)):
        raise SpecError(f"{name}: inputs must be an array of names, but is {show(inputs)}.")
    rest = {key: value for key, value in mapping.items() if key not in ("name", "op", "inputs")}
    try:
        if kind == Engine.KIND:
            return NetworkNode(name, Engine(engine_spec(rest)), tuple(inputs))
        if kind not in PLAIN_OPS:
            known = ", ".join((Engine.KIND, *PLAIN_OPS))
            raise SpecError(f"op must be one of {known}, but is {show(kind)}.")
        return NetworkNode(name, PLAIN_OPS[kind].from_mapping(rest), tuple(inputs))
    except SpecError as error:
        raise type(error)(f"{name}: {error}") from None


def input_of(shape: Shape, *, bits: int, signed: bool) -> NetworkInput:
    """The input of a network for a shape [H, W, C] or [D]."""
    if len(shape) == 1:
        return NetworkInput(channels=shape[0], bits=bits, signed=signed)
    return NetworkInput(height=shape[0], width=shape[1], channels=shape[2], bits=bits,
                        signed=signed)

