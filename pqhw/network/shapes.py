"""Layer shapes of published networks: what a layer computes, without its weights."""

import dataclasses

from ..spec.ranges import ceil_div

__all__ = ["ConvShape", "EMNIST", "KWS", "NETWORKS", "NetworkShape", "RESNET20", "dense_shape",
           "pointwise_shape"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvShape:
    """A two-dimensional convolution; a dense layer is one of kernel 1 on a map of 1x1.

    Parameters
    ----------
    name: unique in its network
    in_channels, out_channels: C and N
    height, width: of the input map, in pixels, padding not counted
    kernel, stride, padding: [y, x]
    groups: input and output channels are cut into so many groups, each convolved on its own

    Raises
    ------
    ValueError
        If a size is not positive, the groups do not divide the channels, or the kernel is larger
        than the padded map.
    """
    name: str
    in_channels: int
    out_channels: int
    height: int = 1
    width: int = 1
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    def __post_init__(self) -> None:
        for field in ("in_channels", "out_channels", "height", "width", "kernel", "stride",
                      "groups"):
            value = getattr(self, field)
            if min(value if isinstance(value, tuple) else (value,)) < 1:
                raise ValueError(f"{self.name}: {field} must be positive, but is {value}.")
        if min(self.padding) < 0:
            raise ValueError(f"{self.name}: padding must not be negative, but is {self.padding}.")
        for field in ("in_channels", "out_channels"):
            if getattr(self, field) % self.groups:
                raise ValueError(f"{self.name}: groups must divide {field} = "
                                 f"{getattr(self, field)}, but is {self.groups}.")
        if min(self.out_height, self.out_width) < 1:
            raise ValueError(f"{self.name}: kernel must fit into the padded map, "
                             f"but is {self.kernel}.")

    @property
    def out_height(self) -> int:
        """Rows of the output map."""
        return self._positions(self.height, 0)

    @property
    def out_width(self) -> int:
        """Columns of the output map."""
        return self._positions(self.width, 1)

    @property
    def pixels(self) -> int:
        """Output pixels: the rows of the layer as a matrix product."""
        return self.out_height * self.out_width

    @property
    def window(self) -> int:
        """Inputs of one output: D of the layer as a matrix product, C/groups * Fh * Fw."""
        return self.in_channels // self.groups * self.kernel[0] * self.kernel[1]

    @property
    def weights(self) -> int:
        """Weights, biases not counted."""
        return self.out_channels * self.window

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications per image, those with padding included."""
        return self.pixels * self.weights

    def _positions(self, size: int, axis: int) -> int:
        padded = size + 2 * self.padding[axis]
        return ceil_div(padded - self.kernel[axis] + 1, self.stride[axis])


def dense_shape(name: str, in_features: int, out_features: int) -> ConvShape:
    """A dense layer."""
    return ConvShape(name=name, in_channels=in_features, out_channels=out_features)


def pointwise_shape(name: str, in_channels: int, out_channels: int,
                    size: tuple[int, int]) -> ConvShape:
    """A convolution of kernel 1 on a map of `size` [height, width]."""
    return ConvShape(name=name, in_channels=in_channels, out_channels=out_channels,
                     height=size[0], width=size[1])


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """Layers that multiply by weights, in order; pooling, additions and scales are left out.

    Parameters
    ----------
    name, title: for the command line, and in full
    layers: the layers, their names all different
    source: who published these shapes

    Raises
    ------
    ValueError
        If two layers have one name.
    """
    name: str
    title: str
    layers: tuple[ConvShape, ...]
    source: str

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{self.name}: names of layers must differ, but {name} stands "
                                 f"{names.count(name)} times.")

    def layer(self, name: str) -> ConvShape:
        """Look a layer up by name."""
        found = next((layer for layer in self.layers if layer.name == name), None)
        if found is None:
            raise ValueError(f"layer must be one of {self.name}'s "
                             f"{', '.join(layer.name for layer in self.layers)}, but is {name}.")
        return found

    @property
    def weights(self) -> int:
        """Weights of all layers."""
        return sum(layer.weights for layer in self.layers)

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications per image."""
        return sum(layer.multiply_accumulates for layer in self.layers)


def _resnet(blocks: int) -> tuple[ConvShape, ...]:
    """Stem, three stages of `blocks` blocks of two 3x3 convolutions, classifier, on 32x32."""
    def conv(name: str, before: int, channels: int, size: int, stride: int) -> ConvShape:
        return ConvShape(name=name, in_channels=before, out_channels=channels, height=size,
                         width=size, kernel=(3, 3), stride=(stride, stride), padding=(1, 1))

    layers, before, size = [conv("stem", 3, 16, 32, 1)], 16, 32
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in range(1, blocks + 1):
            stride = channels // before
            layers.append(conv(f"stage{stage}.{block}.a", before, channels, size, stride))
            size //= stride
            layers.append(conv(f"stage{stage}.{block}.b", channels, channels, size, 1))
            before = channels
    return (*layers, dense_shape("classifier", 64, 10))


def _pointwise(*runs: tuple[tuple[int, int], tuple[int, ...]]) -> tuple[ConvShape, ...]:
    """Runs of (map, channels along the run), the layers numbered from 1."""
    pairs = [(size, before, after) for size, channels in runs
             for before, after in zip(channels, channels[1:])]
    return tuple(pointwise_shape(f"pointwise{index}", before, after, size)
                 for index, (size, before, after) in enumerate(pairs, start=1))


RESNET20 = NetworkShape(
    name="resnet20", title="ResNet-20 on CIFAR-10", layers=_resnet(3),
    source="K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016")
"""With shortcuts that pad with zero channels (option A), which multiply nothing."""

KWS = NetworkShape(
    name="kws", title="keyword spotting, pointwise layers",
    layers=_pointwise(((5, 25), (84, 120, 84, 84, 84, 196))),
    source="A. Abouelhamayed et al., PQA, ACM TRETS 2024")

EMNIST = NetworkShape(
    name="emnist", title="EMNIST characters, pointwise layers",
    layers=_pointwise(((14, 14), (64, 96, 120, 150)), ((7, 7), (150, 187, 234, 292)),
                      ((4, 4), (292, 366, 457, 572)), ((2, 2), (572, 512))),
    source="A. Abouelhamayed et al., PQA, ACM TRETS 2024")

NETWORKS = {network.name: network for network in (RESNET20, KWS, EMNIST)}
"""Networks by name."""
