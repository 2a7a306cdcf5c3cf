"""Networks by name: graphs with weights to start training from, and what was published of them."""

import dataclasses
from collections.abc import Callable

from ..graph import Graph
from ..ops import GraphError
from .large import mobilenet_v1, mobilenet_v2, resnet8, resnet20, vgg_small
from .small import digits_cnn, digits_mlp, emnist_pointwise, kws_pointwise

__all__ = ["ZOO", "ZooEntry", "zoo_network"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZooEntry:
    """A network of the zoo.

    Members
    -------
    build: makes the graph from a seed and a number of classes
    title: in full
    data: the data set that its size of images belongs to
    """
    build: Callable[..., Graph]
    title: str
    data: str


ZOO = {
    "digits-mlp": ZooEntry(build=digits_mlp, title="digits, dense", data="digits"),
    "digits-cnn": ZooEntry(build=digits_cnn, title="digits, convolutions", data="digits"),
    "resnet20": ZooEntry(build=resnet20, title="ResNet-20", data="32x32 RGB, CIFAR-10 or glyphs"),
    "resnet8": ZooEntry(build=resnet8, title="ResNet-8 of MLPerf Tiny",
                        data="32x32 RGB, CIFAR-10 or glyphs"),
    "kws": ZooEntry(build=kws_pointwise, title="keyword spotting, separable convolutions",
                    data="10x50 spectra"),
    "emnist": ZooEntry(build=emnist_pointwise, title="EMNIST characters, separable convolutions",
                       data="28x28 grey"),
    "vgg-small": ZooEntry(build=vgg_small, title="VGG-small",
                          data="32x32 RGB, CIFAR-10 or glyphs"),
    "mobilenet-v1": ZooEntry(build=mobilenet_v1, title="MobileNetV1", data="224x224 RGB, ImageNet"),
    "mobilenet-v2": ZooEntry(build=mobilenet_v2, title="MobileNetV2", data="224x224 RGB, ImageNet"),
}
"""Networks by name."""


def zoo_network(name: str, *, seed: int = 0, classes: int | None = None) -> Graph:
    """A network of the zoo with weights drawn from `seed`.

    Parameters
    ----------
    classes: outputs; as published where left out

    Raises
    ------
    GraphError
        If there is no such network.
    """
    if name not in ZOO:
        raise GraphError(f"network must be one of {', '.join(ZOO)}, but is {name}.")
    given = {} if classes is None else {"classes": classes}
    return ZOO[name].build(seed, **given)
