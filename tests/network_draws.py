"""Random small networks as dataflow accelerators, with parameters and images."""

import dataclasses

import numpy as np
from builders import mac, pq

from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.dataflow import DataflowSpec
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum)

__all__ = ["drawn_network"]

BITS = 3
SLOWEST = 1500
"""Cycles of an image above which another network is drawn."""


class _Net:
    """A network as it grows: nodes, and the name and shape of the last."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.nodes: list[NetworkNode] = []
        height, width, channels = (int(rng.integers(1, most)) for most in (8, 7, 5))
        self.given = NetworkInput(height=height, width=width, channels=channels, bits=BITS,
                                  signed=False)
        self.name, self.shape = INPUT, (height, width, channels)

    def add(self, op, *inputs: str) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(NetworkNode(name, op, inputs or (self.name,)))
        shapes = NetworkSpec("part", self.given, tuple(self.nodes)).shapes
        self.name, self.shape = name, shapes[name]
        return name

    def few(self, most: int) -> int:
        """From 1 to `most`."""
        return int(self.rng.integers(1, most + 1))

    def convolution(self, outputs: int, kernel: int, padding: int, stride: int = 1) -> str:
        """Of either kind, in any way of either kind, folded somehow."""
        height, width, channels = self.shape
        layer = {"C": channels, "N": outputs, "F": kernel, "H": height, "W": width,
                 "padding": padding, "stride": stride, "activation_bits": BITS,
                 "activation_signed": False, "outputs_per_cycle": self.few(outputs)}
        inputs = channels * kernel * kernel
        if self.rng.random() < 0.4:
            return self.add(Engine(mac(**layer, weight_bits=3, inputs_per_cycle=self.few(inputs),
                                       output=Requantize(bits=BITS, mode="scale"))))
        length = self.few(min(4, channels))
        convolution = "pixel" if self.rng.random() < 0.5 else "im2col"
        encoder = str(self.rng.choice(["l1", "tree", "l2"]))
        own = {} if encoder == "tree" else {"prototypes_per_cycle": self.few(4),
                                            "elements_per_cycle": self.few(length)}
        return self.add(Engine(pq(**layer, V=length, K=4, prototype_bits=3, table_bits=4,
                                  convolution=convolution, encoder=encoder, **own,
                                  subspaces_per_cycle=self.few(min(9, -(-inputs // length))),
                                  output=Requantize(bits=BITS))))

    def residual(self) -> None:
        """One or two convolutions beside nothing, or fewer pixels and more channels."""
        before, (_, _, channels) = self.name, self.shape
        stride, more = self.few(2), int(self.rng.integers(0, 3))
        kernel = int(self.rng.choice([1, 3]))
        self.convolution(channels + 2 * more, kernel, kernel // 2, stride)
        if self.rng.random() < 0.6:
            self.convolution(channels + 2 * more, 3, 1)
        body, self.name = self.name, before
        self.shape = self.shape[:2] + (channels,)
        if stride > 1:
            self.add(Subsample(stride=stride))
        if more:
            self.add(PadChannels(before=more, after=more))
        self.add(Sum(bits=BITS), body, self.name)

    def concatenation(self) -> None:
        """Branches of unequal latency side by side."""
        before, shape = self.name, self.shape
        first = self.convolution(self.few(3), 3, 1)
        self.name, self.shape = before, shape
        second = self.convolution(self.few(3), 1, 0) if self.rng.random() < 0.5 else before
        self.add(Concat(), first, second)

    def pooling(self) -> None:
        """A pool that fits, or none."""
        if min(self.shape[:2]) > 1:
            self.add(MaxPool(kernel=2, stride=self.few(2), padding=self.few(2) - 1))

    def plain(self) -> None:
        """A convolution, stride and border as they come."""
        kernel = self.few(min(3, *self.shape[:2]))
        self.convolution(self.few(5), kernel, int(self.rng.integers(0, kernel)), self.few(2))

    def head(self) -> None:
        """A dense layer and the class, or neither, or the layer alone."""
        kind = self.rng.random()
        if kind < 0.3:
            return
        if kind < 0.6:
            height, width, _ = self.shape
            self.add(Mean(whole=True, bits=BITS, signed=False,
                          multiplier=round((1 << 12) / (height * width)), shift=12))
        else:
            self.add(Flatten())
        inputs = self.shape[0]
        self.add(Engine(mac(D=inputs, N=self.few(5), activation_bits=BITS, weight_bits=3,
                            activation_signed=False, inputs_per_cycle=self.few(inputs))))
        if self.rng.random() < 0.5:
            self.add(ArgMax())


def _attempt(rng: np.random.Generator) -> DataflowSpec:
    net = _Net(rng)
    for _ in range(net.few(3)):
        getattr(net, str(rng.choice(["residual", "concatenation", "pooling", "plain"],
                                    p=[0.4, 0.2, 0.2, 0.2])))()
    net.head()
    return DataflowSpec(NetworkSpec("drawn", net.given, tuple(net.nodes))).with_buffers()


def drawn_network(seed: int, count: int) -> tuple[DataflowSpec, tuple, np.ndarray]:
    """A network that can be built, its parameters, and so many images."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            spec = _attempt(rng)
        except SpecError:
            continue
        if spec.cycles_per_row <= SLOWEST and len(spec.parts) > 1:
            break
    parameters = []
    for index, own in enumerate(spec.stages):
        drawn = random_parameters(ChainSpec((own,)), 100 * seed + index)[0]
        parameters.append(dataclasses.replace(drawn, bias=drawn.bias // 8))
    images = rng.integers(0, 1 << BITS, (count, *spec.input.shape))
    return spec, tuple(parameters), images
