"""Convolution layers: their shapes, and the order in which pixels pass."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .fields import Choice, SpecError, integer, pair, show
from .ranges import ceil_div
from .tables import Layer, _Table

__all__ = ["Conv2d", "LayerShape", "layer_from_mapping"]

LAYER_KINDS = ("dense", "conv2d")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conv2d(_Table):
    """A convolution of images [H, W, C] to [OH, OW, N], as stream of pixels.

    An output pixel takes `sets` engine rows, one per group of channels.

    Raises
    ------
    SpecError
        One sentence naming the field, the rule and the value.
    """
    TABLE = "layer"
    in_channels: int = integer(1, 4096, "channels C of an input pixel")
    out_channels: int = integer(1, 4096, "channels N of an output pixel")
    kernel: Any = pair(1, 16, "height and width Fh, Fw of the window")
    stride: Any = pair(1, 16, "pixels from a window to the next", default=1)
    padding: Any = pair(0, 15, "pixels of zero around the image", default=0)
    height: int = integer(1, 4096, "rows H of the image")
    width: int = integer(1, 4096, "pixels W of a row of the image")
    groups: int = integer(1, 4096, "groups of channels that are convolved on their own",
                          default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel", "stride", "padding"):
            value = getattr(self, name)
            both = (value, value) if isinstance(value, int) else tuple(value)
            object.__setattr__(self, name, both)
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise SpecError(f"layer.groups must divide layer.{name} = {getattr(self, name)}, "
                                f"but is {self.groups}.")
        if any(p >= k for p, k in zip(self.padding, self.kernel)):
            raise SpecError(f"layer.padding must be less than layer.kernel = {show(self.kernel)}, "
                            f"but is {show(self.padding)}.")
        room = (self.height + 2 * self.padding[0], self.width + 2 * self.padding[1])
        if any(k > size for k, size in zip(self.kernel, room)):
            raise SpecError(f"layer.kernel must fit the padded image of {room[0]} by {room[1]} "
                            f"pixels, but is {show(self.kernel)}.")
        if self.row_inputs > 65536:
            raise SpecError(f"layer.in_channels must leave at most 65536 inputs of an output, "
                            f"but {self.in_channels} makes them {self.row_inputs}.")

    def to_mapping(self) -> dict[str, Any]:
        values = {"kind": "conv2d", **super().to_mapping()}
        for name in ("kernel", "stride", "padding"):
            y, x = values[name]
            values[name] = y if y == x else [y, x]
        return values

    # -- Shapes ----------------------------------------------------------------------------

    @property
    def taps(self) -> int:
        """Positions of the window: Fh * Fw."""
        return self.kernel[0] * self.kernel[1]

    @property
    def out_height(self) -> int:
        """Rows OH of the output."""
        return (self.height + 2 * self.padding[0] - self.kernel[0]) // self.stride[0] + 1

    @property
    def out_width(self) -> int:
        """Pixels OW of a row of the output."""
        return (self.width + 2 * self.padding[1] - self.kernel[1]) // self.stride[1] + 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What arrives as one row: [H, W, C]."""
        return (self.height, self.width, self.in_channels)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What leaves as one row: [OH, OW, N]."""
        return (self.out_height, self.out_width, self.out_channels)

    @property
    def in_features(self) -> int:
        """Activations of an image."""
        return self.height * self.width * self.in_channels

    @property
    def out_features(self) -> int:
        """Results of an image."""
        return self.out_height * self.out_width * self.out_channels

    @property
    def sets(self) -> int:
        """Sets of parameters that successive engine rows use in turn: one per group."""
        return self.groups

    @property
    def row_inputs(self) -> int:
        """Inputs of an engine row: a group's channels times the taps."""
        return self.in_channels // self.groups * self.taps

    @property
    def row_outputs(self) -> int:
        """Outputs of an engine row: those of a group."""
        return self.out_channels // self.groups

    @property
    def unit_inputs(self) -> int:
        """Inputs that follow each other without padding: a group's channels of one pixel."""
        return self.in_channels // self.groups

    @property
    def units_in(self) -> int:
        """Such units in an image."""
        return self.height * self.width * self.groups

    @property
    def units_out(self) -> int:
        """Engine rows whose results make an image."""
        return self.out_height * self.out_width * self.groups

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications of the original layer per image."""
        return self.out_features * self.row_inputs

    # -- The image as a line of positions --------------------------------------------------

    @property
    def pitch(self) -> int:
        """Positions from a pixel to the one below it.

        W; where a row of the output takes more than that, positions without a pixel follow each
        row of the image.
        """
        return max(self.width, ceil_div((self.out_width - 1) * self.stride[1] + 1,
                                        self.stride[0]))

    @property
    def first_position(self) -> int:
        """Position of the last tap of the first output."""
        return ((self.kernel[0] - 1 - self.padding[0]) * self.pitch
                + self.kernel[1] - 1 - self.padding[1])

    @property
    def reach(self) -> int:
        """Positions from the first output to the last."""
        return ((self.out_height - 1) * self.stride[0] * self.pitch
                + (self.out_width - 1) * self.stride[1])

    @property
    def period(self) -> int:
        """Positions from an image to the next.

        H * W; where the outputs take more than that, positions without a pixel follow.
        """
        return max((self.height - 1) * self.pitch + self.width, self.reach + 1,
                   self.first_position + 1)

    @property
    def gaps(self) -> tuple[int, int]:
        """Positions from an output to the next in its row, and from a row's last output to the
        first of the next row."""
        row = self.stride[0] * self.pitch - (self.out_width - 1) * self.stride[1]
        return self.stride[1], row

    @property
    def steady(self) -> bool:
        """Whether every position gives an output, from the first on."""
        return self.period == self.out_height * self.out_width

    def tap_range(self, axis: int, tap: int) -> tuple[int, int]:
        """The first and the last output row (axis 0) or column (axis 1) whose tap lies inside."""
        size = (self.height, self.width)[axis]
        outputs = (self.out_height, self.out_width)[axis]
        before, stride = self.padding[axis] - tap, self.stride[axis]
        return max(0, ceil_div(before, stride)), min(outputs - 1, (size - 1 + before) // stride)


    @property
    def inner_tap(self) -> tuple[int, int] | None:
        """A tap that lies inside the image for every output, if there is one."""
        inner = []
        for axis, outputs in enumerate((self.out_height, self.out_width)):
            taps = [tap for tap in range(self.kernel[axis])
                    if self.tap_range(axis, tap) == (0, outputs - 1)]
            if not taps:
                return None
            inner.append(taps[len(taps) // 2])
        return inner[0], inner[1]


LayerShape = Layer | Conv2d


def layer_from_mapping(mapping: Any) -> LayerShape:
    """The layer of a parsed spec file, its class chosen by `layer.kind`."""
    kind = mapping.get("kind", "dense") if isinstance(mapping, Mapping) else "dense"
    Choice(LAYER_KINDS).check("layer.kind", kind)
    table = Conv2d if kind == "conv2d" else Layer
    layer: LayerShape = table.from_mapping(mapping, ignore=frozenset({"kind"}))
    return layer
