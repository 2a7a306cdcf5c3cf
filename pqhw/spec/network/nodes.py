"""What the nodes of an integer network compute, besides those that are engines."""

import dataclasses
from typing import Any, ClassVar

from ..engine import EngineSpec
from ..fields import SpecError, boolean, integer, pair, show
from ..ranges import Range, covering, signed_range, unsigned_range
from ..tables import _Table
from ..widths import MULTIPLIER_BITS

__all__ = ["ArgMax", "Concat", "Engine", "Flatten", "MaxPool", "Mean", "NodeOp", "PLAIN_OPS",
           "PadChannels", "Shape", "Subsample", "Sum"]

Shape = tuple[int, ...]
"""[H, W, C] of an image or [D] of a row."""


class NodeOp:
    """A node's work.

    Members
    -------
    KIND: its name in files
    MANY: whether it takes any number of inputs instead of one
    """
    KIND: ClassVar[str]
    MANY: ClassVar[bool] = False

    def shape(self, inputs: list[Shape]) -> Shape:
        """Shape of the result."""
        return inputs[0]

    def range(self, inputs: list[Range]) -> Range:
        """Range of the result."""
        return inputs[0]


@dataclasses.dataclass(frozen=True)
class Engine(NodeOp):
    """A layer with parameters: a convolution of an image, or a dense layer of a row."""
    KIND: ClassVar[str] = "engine"
    spec: EngineSpec

    def shape(self, inputs: list[Shape]) -> Shape:
        if inputs[0] != self.spec.layer.input_shape:
            raise SpecError(f"layer must take {show(inputs[0])}, what the node before gives, "
                            f"but takes {show(self.spec.layer.input_shape)}.")
        return self.spec.layer.output_shape

    def range(self, inputs: list[Range]) -> Range:
        own, given = self.spec.activation_range, inputs[0]
        if not (given.low in own and given.high in own):
            raise SpecError(f"precision must take activations from {given.low} to {given.high}, "
                            "what the node before gives, "
                            f"but takes those from {own.low} to {own.high}.")
        return self.spec.result_range


def _image(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise SpecError(f"inputs must be images [H, W, C], but are {show(shape)}.")
    return shape


class _Op(_Table, NodeOp):
    TABLE = "node"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sum(_Op):
    """clamp(a + b + ...) of inputs on one scale; of a single input, the clamp alone."""
    KIND: ClassVar[str] = "sum"
    MANY: ClassVar[bool] = True
    bits: int = integer(2, 8, "bits of a result")
    signed: bool = boolean("results are signed; unsigned results are a ReLU", default=False)

    def shape(self, inputs: list[Shape]) -> Shape:
        if len(set(inputs)) > 1:
            raise SpecError("inputs must have one shape, but have "
                            + " and ".join(map(show, inputs)) + ".")
        return inputs[0]

    def range(self, inputs: list[Range]) -> Range:
        return signed_range(self.bits) if self.signed else unsigned_range(self.bits)


class _Window(_Op):
    kernel: Any
    stride: Any
    padding: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel", "stride", "padding"):
            value = getattr(self, name)
            if value is not None:
                both = (value, value) if isinstance(value, int) else tuple(value)
                object.__setattr__(self, name, both)
        if self.kernel is not None and any(p >= k for p, k in zip(self.padding, self.kernel)):
            raise SpecError(f"padding must be less than kernel = {show(self.kernel)}, "
                            f"but is {show(self.padding)}.")

    def shape(self, inputs: list[Shape]) -> Shape:
        *size, channels = _image(inputs[0])
        room = [one + 2 * pad for one, pad in zip(size, self.padding)]
        if any(k > one for k, one in zip(self.kernel, room)):
            raise SpecError(f"kernel must fit the padded image of {room[0]} by {room[1]} pixels, "
                            f"but is {show(self.kernel)}.")
        height, width = ((one - k) // step + 1
                         for one, k, step in zip(room, self.kernel, self.stride))
        return height, width, channels

    def to_mapping(self) -> dict[str, Any]:
        values = super().to_mapping()
        for name in ("kernel", "stride", "padding"):
            if isinstance(values.get(name), tuple | list):
                y, x = values[name]
                values[name] = y if y == x else [y, x]
        return values


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaxPool(_Window):
    """The largest of a window; padding never wins."""
    KIND: ClassVar[str] = "maxpool"
    kernel: Any = pair(1, 64, "height and width of the window")
    stride: Any = pair(1, 64, "pixels from a window to the next", default=1)
    padding: Any = pair(0, 63, "pixels around the image", default=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean(_Window):
    """clamp((sum * multiplier + 2**(shift-1)) >> shift) of a window whose padding is zeros.

    The multiplier brings sums onto a scale of the result's own. With `whole` the window is the
    image, and the result a row [C]; kernel, stride and padding then say nothing.
    """
    KIND: ClassVar[str] = "mean"
    bits: int = integer(2, 8, "bits of a result")
    signed: bool = boolean("results are signed", default=False)
    whole: bool = boolean("the window is the whole image, and the result a row", default=False)
    kernel: Any = pair(1, 64, "height and width of the window", default=1)
    stride: Any = pair(1, 64, "pixels from a window to the next", default=1)
    padding: Any = pair(0, 63, "pixels of zero around the image", default=0)
    multiplier: int = integer(1, (1 << MULTIPLIER_BITS) - 1, "what sums are multiplied by",
                              default=1)
    shift: int = integer(0, 47, "right shift of the product")

    def shape(self, inputs: list[Shape]) -> Shape:
        return _image(inputs[0])[2:] if self.whole else super().shape(inputs)

    def range(self, inputs: list[Range]) -> Range:
        return signed_range(self.bits) if self.signed else unsigned_range(self.bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subsample(_Window):
    """Every `stride`-th pixel, from the first on."""
    KIND: ClassVar[str] = "subsample"
    stride: Any = pair(1, 64, "pixels from one that is kept to the next")
    kernel = padding = None

    def shape(self, inputs: list[Shape]) -> Shape:
        height, width, channels = _image(inputs[0])
        return -(-height // self.stride[0]), -(-width // self.stride[1]), channels


@dataclasses.dataclass(frozen=True, kw_only=True)
class PadChannels(_Op):
    """Channels of zero before and after those of the input."""
    KIND: ClassVar[str] = "pad"
    before: int = integer(0, 4096, "channels of zero before those of the input", default=0)
    after: int = integer(0, 4096, "channels of zero after those of the input", default=0)

    def shape(self, inputs: list[Shape]) -> Shape:
        return (*inputs[0][:-1], self.before + inputs[0][-1] + self.after)

    def range(self, inputs: list[Range]) -> Range:
        return covering([inputs[0], Range(0, 0)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Concat(_Op):
    """Channels of all inputs, one after another, all on one scale."""
    KIND: ClassVar[str] = "concat"
    MANY: ClassVar[bool] = True

    def shape(self, inputs: list[Shape]) -> Shape:
        if len({own[:-1] for own in inputs}) > 1:
            raise SpecError("inputs must differ in channels alone, but are "
                            + " and ".join(map(show, inputs)) + ".")
        return (*inputs[0][:-1], sum(own[-1] for own in inputs))

    def range(self, inputs: list[Range]) -> Range:
        return covering(inputs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flatten(_Op):
    """An image as a row, pixel after pixel [H * W * C], as the hardware passes it."""
    KIND: ClassVar[str] = "flatten"

    def shape(self, inputs: list[Shape]) -> Shape:
        size = 1
        for own in inputs[0]:
            size *= own
        return (size,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArgMax(_Op):
    """Index of the largest value of a row, the lowest on ties."""
    KIND: ClassVar[str] = "argmax"

    def shape(self, inputs: list[Shape]) -> Shape:
        if len(inputs[0]) != 1:
            raise SpecError(f"inputs must be rows, but are {show(inputs[0])}.")
        return (1,)

    def range(self, inputs: list[Range]) -> Range:
        return Range(0, 65535)


PLAIN_OPS = {op.KIND: op for op in (Sum, MaxPool, Mean, Subsample, PadChannels, Concat, Flatten,
                                    ArgMax)}
"""Nodes without parameters, by their name in files."""
