"""Networks for photographs: ResNets and VGG at 32x32, MobileNets at 224x224."""

from ..graph import Graph
from ..ops import Add, Flatten, GlobalAvgPool, MaxPool, PadChannels, Relu, Subsample
from .blocks import Layers

__all__ = ["mobilenet_v1", "mobilenet_v2", "resnet8", "resnet20", "vgg_small"]


def resnet20(seed: int = 0, classes: int = 10) -> Graph:
    """Three stages of three blocks of two 3x3 convolutions; shortcuts take every other pixel and
    add channels of zero, which multiplies nothing.

    Source: K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2.
    """
    net = Layers("resnet20", (32, 32, 3), seed)
    shortcut = net.conv("stem", 16, 3)
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in range(1, 4):
            name, before = f"stage{stage}.{block}", net.channels
            stride = channels // before
            net.conv(f"{name}.a", channels, 3, shortcut, stride=stride)
            branch = net.conv(f"{name}.b", channels, 3, relu=None)
            if stride > 1:
                net.add(Subsample(stride=stride), shortcut, name=f"{name}.subsample")
                shortcut = net.add(PadChannels(before=before // 2, after=before // 2),
                                   name=f"{name}.pad")
            net.add(Add(), branch, shortcut, name=f"{name}.add")
            shortcut = net.add(Relu(), name=f"{name}.relu")
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", 64, classes)
    return net.finish()


def resnet8(seed: int = 0, classes: int = 10) -> Graph:
    """Three blocks of two 3x3 convolutions; shortcuts of the last two are 1x1 convolutions.

    Source: C. Banbury et al., MLPerf Tiny Benchmark, NeurIPS Datasets and Benchmarks 2021.
    """
    net = Layers("resnet8", (32, 32, 3), seed)
    shortcut = net.conv("stem", 16, 3)
    for block, channels in enumerate((16, 32, 64), start=1):
        name, before = f"block{block}", net.channels
        stride = channels // before
        net.conv(f"{name}.a", channels, 3, shortcut, stride=stride)
        branch = net.conv(f"{name}.b", channels, 3, relu=None)
        if stride > 1:
            shortcut = net.conv(f"{name}.shortcut", channels, 1, shortcut, stride=stride,
                                relu=None, norm=False, depth=before)
        net.add(Add(), branch, shortcut, name=f"{name}.add")
        shortcut = net.add(Relu(), name=f"{name}.relu")
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", 64, classes)
    return net.finish()


def vgg_small(seed: int = 0, classes: int = 10) -> Graph:
    """Six 3x3 convolutions of 128, 256 and 512 channels, pooled by twos, and a dense layer.

    Source: D. Zhang et al., LQ-Nets, ECCV 2018, section 4.1.
    """
    net = Layers("vgg-small", (32, 32, 3), seed)
    for stage, channels in enumerate((128, 256, 512), start=1):
        net.conv(f"conv{stage}.a", channels, 3)
        net.conv(f"conv{stage}.b", channels, 3)
        net.add(MaxPool(kernel=2, stride=2), name=f"pool{stage}")
    net.add(Flatten(), name="flatten")
    net.linear("classifier", 512 * 4 * 4, classes)
    return net.finish()


def mobilenet_v1(seed: int = 0, classes: int = 1000) -> Graph:
    """Thirteen depthwise and pointwise pairs behind a 3x3 stem.

    Source: A. Howard et al., MobileNets, 2017, table 1.
    """
    net = Layers("mobilenet-v1", (224, 224, 3), seed)
    net.conv("stem", 32, 3, stride=2)
    channels = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    for index, own in enumerate(channels, start=1):
        net.depthwise(f"depthwise{index}", stride=2 if index in (2, 4, 6, 12) else 1)
        net.conv(f"pointwise{index}", own, 1)
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", 1024, classes)
    return net.finish()


def mobilenet_v2(seed: int = 0, classes: int = 1000) -> Graph:
    """Seventeen inverted residuals: widened pointwise, depthwise, narrowed without ReLU.

    Source: M. Sandler et al., MobileNetV2, CVPR 2018, table 2.
    """
    net = Layers("mobilenet-v2", (224, 224, 3), seed)
    last = net.conv("stem", 32, 3, stride=2, relu=6)
    index = 0
    for widening, channels, repeats, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)):
        for repeat in range(repeats):
            index += 1
            name, before = f"block{index}", net.channels
            if widening > 1:
                net.conv(f"{name}.expand", before * widening, 1, last, relu=6)
            net.depthwise(f"{name}.depthwise", stride=1 if repeat else stride, relu=6)
            narrow = net.conv(f"{name}.project", channels, 1, relu=None)
            last = net.add(Add(), narrow, last, name=f"{name}.add") if repeat else narrow
    net.conv("head", 1280, 1, last, relu=6)
    net.add(GlobalAvgPool(), name="pool")
    net.linear("classifier", 1280, classes)
    return net.finish()
