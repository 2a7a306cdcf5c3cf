"""Collects what stands in the file of an integer network."""

from typing import Any

import numpy as np

from ....spec.ranges import signed_range, unsigned_range
from ..writing import Writer
from .functions import Body
from .marks import DOMAIN
from .steps import Steps

__all__ = ["NetworkWriter", "byte_type"]


def byte_type(signed: bool) -> np.dtype:
    """The type of integers of up to 8 bits."""
    return np.dtype(np.int8 if signed else np.uint8)


class NetworkWriter(Writer, Steps):
    """Writes the nodes of a network one after another, each as several of the file.

    Those of a node are named NODE.NUMBER.OPERATOR, but for the last, which has the node's name.

    Members
    -------
    functions: by their content
    """

    def __init__(self, names: set[str], last: str):
        super().__init__(names, last)
        self.functions: dict[bytes, Any] = {}
        self.node, self.first = "", 0

    def begin(self, node: str) -> None:
        """What follows belongs to a node."""
        self.node, self.first = node, len(self.nodes)

    def end(self) -> tuple[str, ...]:
        """The node is complete; returns its operators."""
        self.nodes[-1].name = self.node
        self.nodes[-1].output[0] = self.result(self.node)
        return tuple(own.op_type for own in self.nodes[self.first:])

    def value(self, label: str, array: Any) -> str:
        """A constant of the node."""
        return self.constant(f"{self.node}.{label}", np.asarray(array))

    def op(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        own = f"{self.node}.{len(self.nodes) - self.first}.{kind.lower()}"
        names = []
        for place, given in enumerate(inputs):
            if not isinstance(given, str):
                array = given if isinstance(given, np.ndarray) else np.array(given, np.int64)
                given = self.constant(f"{own}.{place}", array)
            names.append(given)
        name = self.fresh(own)
        self.add(kind, name, names, name, **attributes)
        return name

    def call(self, body: Body, *inputs: str, **attributes: Any) -> str:
        """Append one of our operators, which the body defines; equal ones share a function, and
        where there are several of a name, all but the first have an overload."""
        function = body.function()
        content = function.SerializeToString(deterministic=True)
        if content not in self.functions:
            number = sum(own.name == body.name for own in self.functions.values())
            function.overload = str(number or "")
            self.functions[content] = function
        overload = self.functions[content].overload
        told = {"overload": overload} if overload else {}
        return self.op(body.name, *inputs, domain=DOMAIN, **told, **attributes)

    def requantise(self, sums: str, shift: int, bits: int, signed: bool) -> str:
        """Append clamp((sum + 2**(shift - 1)) >> shift)."""
        if shift:
            sums = self.shifted(sums, 1 << shift, 1 << shift - 1)
        bounds = signed_range(bits) if signed else unsigned_range(bits)
        return self.cast(self.op("Clip", sums, bounds.low, bounds.high), byte_type(signed))
