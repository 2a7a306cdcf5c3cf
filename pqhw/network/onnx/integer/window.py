"""Windows as attributes of nodes, and as the places that they read."""

import dataclasses
from typing import Any

import numpy as np

from ....spec import Conv2d

__all__ = ["Window"]


@dataclasses.dataclass(frozen=True)
class Window:
    """What an operator sees of images [R, C, H, W], or of rows [R, C].

    Members
    -------
    shape: [C, H, W] or [C]
    kernel, stride, padding: of the window; padding is that of opposite sides
    groups: of channels
    """
    shape: tuple[int, ...]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1

    @classmethod
    def of(cls, layer: Conv2d, channels: int) -> "Window":
        """The window of a convolution over as many channels as there are where it looks."""
        return cls((channels, layer.height, layer.width), layer.kernel, layer.stride,
                   layer.padding, layer.groups)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of a node, as those of `Conv`; none of a row's."""
        if len(self.shape) == 1:
            return {}
        return {"kernel_shape": list(self.kernel), "strides": list(self.stride),
                "pads": [*self.padding, *self.padding], "group": self.groups}

    @property
    def taps(self) -> int:
        """Places that a window reads."""
        return self.kernel[0] * self.kernel[1]

    @property
    def pixels(self) -> tuple[int, ...]:
        """Windows down and across, [OH, OW]; empty for rows."""
        return tuple((size + 2 * pad - taps) // step + 1 for size, pad, taps, step in zip(
            self.shape[1:], self.padding, self.kernel, self.stride))

    @property
    def places(self) -> np.ndarray:
        """Places [taps, OH * OW] in the padded image's pixels, row by row of the window."""
        if len(self.shape) == 1:
            return np.zeros((1, 1), np.int64)
        width = self.shape[2] + 2 * self.padding[1]
        (tall, wide), (down, across) = self.pixels, self.stride
        corners = np.arange(tall)[:, None] * down * width + np.arange(wide) * across
        taps = np.arange(self.kernel[0])[:, None] * width + np.arange(self.kernel[1])
        return taps.reshape(-1, 1) + corners.reshape(1, -1)
