"""Kernel, stride and padding of a node, for images of one or two dimensions of space."""

import dataclasses
from collections.abc import Sequence

from ..layout import NO_PADS, Pads, View
from ..reader import SourceNode
from ..state import Unsupported

__all__ = ["Window", "window"]

Pair = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Window:
    """What slides over an image [H, W]; a missing dimension has kernel and stride 1.

    Members
    -------
    kernel, stride: [y, x]
    padding: those of the node, [[top, bottom], [left, right]]
    """
    kernel: Pair
    stride: Pair
    padding: Pads

    @property
    def is_pixel(self) -> bool:
        """Whether it is one pixel, without padding."""
        return self.kernel == (1, 1) and self.padding == NO_PADS


def window(node: SourceNode, image: View, spatial: str, kernel: Sequence[int]) -> Window:
    """The window of a convolution or pooling.

    Parameters
    ----------
    spatial: axes of the image, "HW" or one of them
    kernel: a size per axis
    """
    count = len(spatial)
    attributes = node.attributes
    if len(kernel) != count:
        raise Unsupported(f"its kernel has {len(kernel)} dimensions, its image {count}")
    dilations = list(attributes.get("dilations", [1] * count))
    if any(step != 1 and taps != 1 for step, taps in zip(dilations, kernel)):
        raise Unsupported(f"its kernel is dilated by {_text(dilations)}, and engines take windows "
                          "without gaps", "train with dilation 1")
    stride = list(attributes.get("strides", [1] * count))
    mode = attributes.get("auto_pad", "NOTSET")
    sizes = [image.sizes[axis] + sum(image.pads["HW".index(axis)]) for axis in spatial]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = [_same(size, taps, step, mode) for size, taps, step in zip(sizes, kernel, stride)]
    elif mode == "VALID":
        pads = [(0, 0)] * count
    elif mode == "NOTSET":
        listed = list(attributes.get("pads", [0] * (2 * count)))
        pads = list(zip(listed[:count], listed[count:]))
    else:
        raise Unsupported(f"its auto_pad is {mode}, which ONNX does not know")
    if any(min(side) < 0 for side in pads):
        raise Unsupported("its padding is negative and crops the image",
                          "crop images before they enter the network")
    both: dict[str, tuple[int, int, Pair]] = dict(zip(spatial, zip(kernel, stride, pads)))
    (fh, sh, ph), (fw, sw, pw) = (both.get(axis, (1, 1, (0, 0))) for axis in "HW")
    return Window((fh, fw), (sh, sw), (ph, pw))


def _same(size: int, taps: int, step: int, mode: str) -> Pair:
    """Padding that makes as many windows as strides."""
    total = max((-(-size // step) - 1) * step + taps - size, 0)
    return (total // 2, total - total // 2) if mode == "SAME_UPPER" else (
        total - total // 2, total // 2)


def _text(numbers: Sequence[int]) -> str:
    return " by ".join(map(str, numbers))
