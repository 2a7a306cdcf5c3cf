"""Small integer networks whose every figure can be worked out by hand."""

import numpy as np
from builders import mac, pq

from pqhw.network import GraphBuilder
from pqhw.network.ops import BatchNorm, Conv2d, Flatten, Linear, Relu
from pqhw.quant import MACSettings
from pqhw.quant.network import IntegerNetwork, convert_network
from pqhw.spec import Requantize
from pqhw.spec.network import INPUT, ArgMax, Engine, NetworkInput, NetworkNode, NetworkSpec
from pqhw.spec.parameters import check_parameters

__all__ = ["ROWS", "by_hand", "converted", "float_graph"]

ROWS = np.array([[0, 0, 5, 5], [7, 7, 5, 5], [0, 1, 4, 5], [6, 7, 5, 5]])
"""Two sub-vectors each; near (0, 0), (7, 7), (0, 0), (7, 7), then always near (5, 5)."""


def by_hand(*, shared=False):
    """A PQ layer of unsigned 3-bit results, a MAC layer of raw sums, and the class.

    Codes of ROWS are 0, 1, 0, 1 of the first sub-vector, and 2 of the second. Sums of the first
    layer, biases included, are [1, 12], [29, 0] and again; halved and rounded half up they are
    [1, 6], [15, 0], of which 15 becomes 7.
    """
    first = pq(D=4, N=2, V=2, K=3, encoder="l2", activation_bits=3, activation_signed=False,
               prototype_bits=3, table_bits=6, shared_prototypes=shared,
               output=Requantize(bits=3, shift=1))
    second = mac(D=2, N=3, activation_bits=3, activation_signed=False, weight_bits=4)
    prototypes = np.array([[[0, 0], [7, 7], [5, 5]]] * (1 if shared else 2))
    tables = np.zeros((2, 3, 2), int)
    tables[0, :2], tables[1, 2] = [[2, 10], [30, -2]], [-2, 1]
    parameters = {
        "first": check_parameters(first, {"prototypes": prototypes, "tables": tables,
                                          "bias": np.array([1, 1])}),
        "second": check_parameters(second, {"weights": np.array([[1, 0], [0, -3], [2, 2]])})}
    spec = NetworkSpec("byhand", NetworkInput(channels=4, bits=3), (
        NetworkNode("first", Engine(first), (INPUT,)),
        NetworkNode("second", Engine(second), ("first",)),
        NetworkNode("class", ArgMax(), ("second",))))
    return IntegerNetwork(spec, parameters, {INPUT: 1.0, "first": 0.5}, {"second": 4.0})


def float_graph(name="floats", inputs=4):
    """A float graph by the names of `by_hand`.

    Of the first two ROWS `first` gives [1, 3] and [4.5, 0], and `second` [0.5, -1.5, 2] and
    [2.25, 0, 2.25].
    """
    weights = np.zeros((2, inputs))
    weights[:, 0] = 0.5, -0.5
    builder = GraphBuilder(name, (inputs,))
    builder.add(Linear(weights=weights, bias=np.array([1, 3])), name="sums")
    builder.add(Relu(), name="first")
    builder.add(Linear(weights=np.array([[1, 0], [0, -1], [1, 1]]) / 2, bias=np.zeros(3)),
                name="second")
    return builder.build()


def norm(random, channels):
    """A normalisation that changes a lot."""
    mean, beta = random.normal(0, 1, (2, channels))
    gamma, variance = random.uniform(0.5, 2, (2, channels))
    return BatchNorm(gamma=gamma, beta=beta, mean=mean, variance=variance)


def converted(*, seed=0):
    """A float graph that normalises, convolves and flattens an image, its conversion to MAC layers
    of 8 bits, and images that fit both. The first normalisation becomes a layer of its own."""
    random = np.random.default_rng(seed)
    builder = GraphBuilder("small", (4, 3, 2))
    builder.add(norm(random, 2), name="norm")
    builder.add(Conv2d(weights=random.normal(0, 0.2, (3, 3, 3, 2)), bias=random.normal(0, 1, 3),
                       padding=1), name="conv")
    builder.add(norm(random, 3), name="conv.norm")
    builder.add(Relu(), name="relu")
    builder.add(Flatten(), name="flat")
    builder.add(Linear(weights=random.normal(0, 0.2, (8, 36)), bias=random.normal(0, 1, 8)),
                name="hidden")
    builder.add(Linear(weights=random.normal(0, 0.2, (5, 8)), bias=random.normal(0, 1, 5)),
                name="last")
    graph = builder.build()
    images = random.integers(0, 16, (40, 4, 3, 2))
    settings = {name: MACSettings() for name in ("norm", "conv", "hidden", "last")}
    return graph, convert_network(graph, images, settings, input_bits=4), images
