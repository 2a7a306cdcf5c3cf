"""A node of a network as a part of an accelerator: its ports, its window, its cycles."""

import dataclasses
import functools
import math

from ..conv import Conv2d
from ..engine import EngineSpec
from ..fields import SpecError
from ..network.network import NetworkNode
from ..network.nodes import (ArgMax, Concat, Engine, MaxPool, Mean, NodeOp, PadChannels, Shape,
                             Subsample)
from ..ports import RowPort
from ..ranges import Range
from ..window import WindowSpec

__all__ = ["Part", "least_lanes"]


def least_lanes(op: NodeOp, shapes: list[Shape]) -> int:
    """What the lanes of a node must divide, as its channels are cut there; 0 for anything."""
    match op:
        case PadChannels():
            return math.gcd(op.before, shapes[0][-1])
        case Concat():
            return math.gcd(*(shape[-1] for shape in shapes))
    return 0


@dataclasses.dataclass(frozen=True)
class Part:
    """A node that has hardware of its own.

    Parameters
    ----------
    node:
        Of the network.
    shapes, ranges:
        Of what enters, input by input.
    results_range:
        Of what leaves.
    lanes:
        Integers side by side in all its ports; of an engine its spec decides.

    Raises
    ------
    SpecError
        If the lanes do not fit the node.
    """
    node: NetworkNode
    shapes: tuple[Shape, ...]
    ranges: tuple[Range, ...]
    results_range: Range
    lanes: int

    def __post_init__(self) -> None:
        if self.engine is not None:
            return
        most = max(shape[-1] for shape in (*self.shapes, self.results.shape))
        if not 1 <= self.lanes <= most:
            raise SpecError(f"{self.node.name}: lanes must be from 1 to {most}, "
                            f"but are {self.lanes}.")
        divided = least_lanes(self.node.op, list(self.shapes))
        if divided % self.lanes:
            raise SpecError(f"{self.node.name}: lanes must divide {divided} channels, "
                            f"but are {self.lanes}.")

    @property
    def engine(self) -> EngineSpec | None:
        """The engine that the node is, if it is one."""
        return self.node.op.spec if isinstance(self.node.op, Engine) else None

    @functools.cached_property
    def inputs(self) -> tuple[RowPort, ...]:
        """What enters, in the order of the node's inputs."""
        if self.engine is not None:
            return (self.engine.input,)
        return tuple(RowPort(range_, shape, shape[-1], self.lanes)
                     for shape, range_ in zip(self.shapes, self.ranges))

    @functools.cached_property
    def results(self) -> RowPort:
        """What leaves."""
        if self.engine is not None:
            return self.engine.results
        op = self.node.op
        shape, range_, lanes = op.shape(list(self.shapes)), self.results_range, self.lanes
        if isinstance(op, ArgMax):
            range_, lanes = Range(0, max(1, self.shapes[0][0] - 1)), 1
        return RowPort(range_, shape, shape[-1], lanes)

    @functools.cached_property
    def window(self) -> WindowSpec | None:
        """The window that a node without weights looks through; None without."""
        op = self.node.op
        if not isinstance(op, MaxPool | Mean) or isinstance(op, Mean) and op.whole:
            return None
        height, width, channels = self.shapes[0]
        layer = Conv2d(in_channels=channels, out_channels=channels, kernel=op.kernel,
                       stride=op.stride, padding=op.padding, height=height, width=width)
        return WindowSpec(layer=layer, elements=channels, lanes=self.lanes,
                          bits=self.ranges[0].bits)

    @property
    def transfer_cycles(self) -> int:
        """Cycles that the node keeps a transfer that it takes."""
        return 1 if self.engine is None else self.engine.transfer_cycles

    @property
    def cycles(self) -> int:
        """Cycles of an image, or of a row, when nothing stalls."""
        if self.engine is not None:
            return self.engine.cycles_per_row
        if self.window is not None:
            return self.window.layer.period * self.window.transfers
        if isinstance(self.node.op, Subsample | Mean | ArgMax):
            return self.inputs[0].transfers
        return self.results.transfers

    @property
    def exact(self) -> bool:
        """Whether `cycles` are met where nothing stalls."""
        return self.engine is None or self.engine.cycles_exact
