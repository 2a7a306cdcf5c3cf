"""Data and networks of the tests of training, small enough to learn in a second."""

import dataclasses

import numpy as np

from pqhw.network import Graph, GraphBuilder
from pqhw.network.ops import BatchNorm, Conv2d, GlobalAvgPool, Linear, Relu


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """As `pqhw.data.Dataset`, unchecked."""
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    name: str = "corners"
    classes: tuple[str, ...] = ("top left", "top right", "bottom left")


def corners(train=90, test=30, size=8, channels=1, seed=0):
    """Noise with one bright corner, which is the class."""
    random = np.random.default_rng(seed)
    labels = np.arange(train + test) % 3
    images = random.integers(0, 100, (train + test, size, size, channels))
    half = size // 2
    for image, label in zip(images, labels):
        top, left = label // 2 * half, label % 2 * half
        image[top:top + half, left:left + half] += 155
    images = images.astype(np.uint8)
    return Data(images[:train], labels[:train], images[train:], labels[train:])


def small_graph(size=8, channels=1, classes=3, seed=0, padding=1):
    """Convolution, normalisation, ReLU, and a dense layer over the four quarters' means."""
    random = np.random.default_rng(seed)
    net = GraphBuilder("small", (size, size, channels))
    net.add(Conv2d(weights=random.normal(0, 0.5, (6, 3, 3, channels)), stride=2, padding=padding),
            name="conv")
    net.add(norm(6), name="conv.norm")
    net.add(Relu(), name="relu")
    net.add(Conv2d(weights=random.normal(0, 0.3, (8, size // 2, size // 2, 6)),
                   padding=1), name="wide")
    net.add(GlobalAvgPool(), name="pool")
    net.add(Linear(weights=random.normal(0, 0.5, (classes, 8))), name="classifier")
    return net.build()


def norm(channels):
    """Normalisation that changes nothing yet."""
    ones, zeros = np.ones(channels), np.zeros(channels)
    return BatchNorm(gamma=ones, beta=zeros, mean=zeros, variance=ones)


def stirred(graph, seed=3):
    """The graph with biases and normalisations that do something, as training leaves them."""
    random = np.random.default_rng(seed)
    nodes = []
    for node in graph.nodes:
        op = node.op
        if isinstance(op, BatchNorm):
            count = len(op.gamma)
            op = BatchNorm(gamma=random.uniform(0.5, 1.5, count), beta=random.normal(0, 0.2, count),
                           mean=random.normal(0, 0.2, count),
                           variance=random.uniform(0.5, 2, count), epsilon=1e-3)
        elif isinstance(op, Conv2d | Linear):
            op = dataclasses.replace(op, bias=random.normal(0, 0.2, len(op.weights)))
        nodes.append(dataclasses.replace(node, op=op))
    return Graph(graph.name, graph.input_shape, tuple(nodes))
