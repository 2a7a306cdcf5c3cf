"""What is mapped: the loop bounds of a layer."""

import dataclasses

from ...network.graph import Graph
from ...network.ops import WEIGHTED, Conv2d
from ...spec.fields import SpecError, check_fields, integer, pair

__all__ = ["DIMENSIONS", "REDUCED", "RELEVANT", "SLIDING", "TENSORS", "Workload",
           "network_workloads"]

DIMENSIONS = "NGCMRSPQ"
"""Batch, group, channels in and out of a group, rows and columns of kernel and of output."""

TENSORS = ("weights", "inputs", "outputs")

RELEVANT = {"weights": "GCMRS", "inputs": "NGCRSPQ", "outputs": "NGMPQ"}
"""The dimensions that choose an element of each tensor."""

REDUCED = "CRS"
"""The dimensions that are summed over."""

SLIDING = {"P": "y", "R": "y", "Q": "x", "S": "x"}
"""The dimensions that move the window over the inputs, and in which direction."""

MOST = 1 << 20
MOST_PRODUCTS = 1 << 60
"""Of all sizes and both strides: what counts of accesses stay below, in 64 bits."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """A convolution as eight loops; a dense layer has C, M and nothing else.

    One multiplication is done for every point (n, g, c, m, r, s, p, q); it reads weight
    [g, c, m, r, s] and input [n, g, c, p·stride + r, q·stride + s] and adds to output
    [n, g, m, p, q]. The padded border counts as inputs.

    Parameters
    ----------
    N, G, C, M, R, S, P, Q: sizes; C and M are channels per group
    stride: [y, x]

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    N: int = integer(1, MOST, "images", default=1)
    G: int = integer(1, MOST, "groups", default=1)
    C: int = integer(1, MOST, "input channels of a group", default=1)
    M: int = integer(1, MOST, "output channels of a group", default=1)
    R: int = integer(1, MOST, "rows of the kernel", default=1)
    S: int = integer(1, MOST, "columns of the kernel", default=1)
    P: int = integer(1, MOST, "rows of the output", default=1)
    Q: int = integer(1, MOST, "columns of the output", default=1)
    stride: tuple[int, int] = pair(1, MOST, "stride [y, x]", default=(1, 1))

    def __post_init__(self) -> None:
        check_fields("workload", self)
        stride = self.stride if isinstance(self.stride, tuple | list) else (self.stride,) * 2
        object.__setattr__(self, "stride", tuple(stride))
        products = self.multiply_accumulates * stride[0] * stride[1]
        if products > MOST_PRODUCTS:
            raise SpecError(f"workload must have at most 2^60 as the product of its sizes and "
                            f"strides, but has {products}.")

    @property
    def sizes(self) -> dict[str, int]:
        """Size by dimension."""
        return {dimension: getattr(self, dimension) for dimension in DIMENSIONS}

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications."""
        total = 1
        for size in self.sizes.values():
            total *= size
        return total

    @property
    def reduction(self) -> int:
        """Products that are summed into one output."""
        return self.C * self.R * self.S

    def dense(self) -> "Workload":
        """The same layer with its groups computed as if every output saw every channel."""
        return dataclasses.replace(self, G=1, C=self.G * self.C, M=self.G * self.M)

    def elements(self, tensor: str) -> int:
        """Elements of a tensor that are used at all."""
        if tensor != "inputs":
            total = 1
            for dimension in RELEVANT[tensor]:
                total *= getattr(self, dimension)
            return total
        rows = _touched(self.P, self.R, self.stride[0])
        columns = _touched(self.Q, self.S, self.stride[1])
        return self.N * self.G * self.C * rows * columns


def _touched(positions: int, taps: int, stride: int) -> int:
    return min(positions * taps, (positions - 1) * stride + taps)


def network_workloads(graph: Graph) -> dict[str, Workload]:
    """The layers with weights of a graph, by name, in order; groups are kept."""
    found = {}
    for node in graph.layers:
        shape = graph.shapes[node.name]
        op = node.op
        assert isinstance(op, WEIGHTED)
        if isinstance(op, Conv2d):
            found[node.name] = Workload(
                G=op.groups, C=op.in_channels // op.groups, M=len(op.weights) // op.groups,
                R=op.kernel[0], S=op.kernel[1], P=shape[0], Q=shape[1], stride=op.stride)
        else:
            outputs, inputs = op.weights.shape
            found[node.name] = Workload(C=inputs, M=outputs)
    return found
