"""Networks for digits, keywords and handwritten characters."""

from ..graph import Graph
from ..ops import Flatten, GlobalAvgPool, MaxPool
from ..shapes import EMNIST, KWS, NetworkShape
from .blocks import Layers

__all__ = ["digits_cnn", "digits_mlp", "emnist_pointwise", "kws_pointwise"]


def digits_mlp(seed: int = 0, classes: int = 10) -> Graph:
    """Digits of 8x8 pixels: dense layers of 64 and 64."""
    net = Layers("digits-mlp", (8, 8, 1), seed)
    net.add(Flatten(), name="flatten")
    net.linear("dense1", 64, 64, relu=True)
    net.linear("dense2", 64, 64, relu=True)
    net.linear("classifier", 64, classes)
    return net.finish()


def digits_cnn(seed: int = 0, classes: int = 10) -> Graph:
    """Digits of 8x8 pixels: three 3x3 convolutions of 16, 32 and 32, and a pooling each."""
    net = Layers("digits-cnn", (8, 8, 1), seed)
    net.conv("conv1", 16, 3)
    net.add(MaxPool(kernel=2, stride=2), name="pool1")
    net.conv("conv2", 32, 3)
    net.add(MaxPool(kernel=2, stride=2), name="pool2")
    net.conv("conv3", 32, 3)
    net.add(GlobalAvgPool(), name="pool3")
    net.linear("classifier", 32, classes)
    return net.finish()


def _separable(net: Layers, network: NetworkShape) -> None:
    """The network's pointwise layers, each behind a 3x3 depthwise one that brings the map to its
    size."""
    height = network.layers[0].height
    for layer in network.layers:
        net.depthwise(layer.name.replace("pointwise", "depthwise"),
                      stride=-(-height // layer.height))
        net.conv(layer.name, layer.out_channels, 1)
        height = layer.height


def kws_pointwise(seed: int = 0, classes: int = 12) -> Graph:
    """Keywords in 10x50 spectra: a stem to 5x25, then PQA's five pointwise layers, each behind a
    depthwise one."""
    net = Layers("kws", (10, 50, 1), seed)
    net.conv("stem", 84, (3, 3), stride=2)
    _separable(net, KWS)
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", net.channels, classes)
    return net.finish()


def emnist_pointwise(seed: int = 0, classes: int = 47) -> Graph:
    """Characters of 28x28 pixels: a stem to 14x14, then PQA's ten pointwise layers, each behind a
    depthwise one."""
    net = Layers("emnist", (28, 28, 1), seed)
    net.conv("stem", 64, 3, stride=2)
    _separable(net, EMNIST)
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", net.channels, classes)
    return net.finish()
