"""Layers as the zoo's networks put them together, with random weights to start from."""

import numpy as np

from ..graph import Graph, GraphBuilder
from ..ops import BatchNorm, Conv2d, Linear, Relu

__all__ = ["Layers"]


class Layers(GraphBuilder):
    """A graph under construction whose weights are drawn as training starts from them.

    Weights are normal with variance 2 / (inputs of an output); normalisation starts as identity.

    Parameters
    ----------
    name, input_shape: of the graph
    seed: chooses the weights; equal arguments give equal graphs

    Source: K. He et al., Delving Deep into Rectifiers, ICCV 2015, section 2.2.
    """

    def __init__(self, name: str, input_shape: tuple[int, ...], seed: int):
        super().__init__(name, input_shape)
        self.random = np.random.default_rng(seed)
        self.channels = input_shape[-1]

    def _weights(self, *shape: int) -> np.ndarray:
        spread = np.sqrt(2 / np.prod(shape[1:]))
        return self.random.normal(0, spread, shape).astype(np.float32)

    def conv(self, name: str, channels: int, kernel: int | tuple[int, int], *inputs: str,
             stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] | None = None,
             groups: int = 1, relu: float | None = 0, norm: bool = True,
             depth: int | None = None) -> str:
        """Convolution, normalisation, ReLU; the name of the last of them.

        Parameters
        ----------
        padding: half the kernel where left out
        relu: 0 for ReLU, 6 for ReLU6, None for none
        depth: channels of the input, where it is not the node before
        """
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        if padding is None:
            padding = (height // 2, width // 2)
        before = depth or self.channels
        self.add(Conv2d(weights=self._weights(channels, height, width, before // groups),
                        stride=stride, padding=padding, groups=groups), *inputs, name=name)
        if norm:
            self.norm(f"{name}.norm", channels)
        if relu is not None:
            self.add(Relu(maximum=relu or None), name=f"{name}.relu")
        self.channels = channels
        return self.last

    def norm(self, name: str, channels: int) -> str:
        """Normalisation that changes nothing yet."""
        ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        return self.add(BatchNorm(gamma=ones, beta=zeros, mean=zeros, variance=ones), name=name)

    def depthwise(self, name: str, *, stride: int | tuple[int, int] = 1, kernel: int = 3,
                  relu: float | None = 0) -> str:
        """One filter per channel, normalisation, ReLU."""
        return self.conv(name, self.channels, kernel, stride=stride, groups=self.channels,
                         relu=relu)

    def linear(self, name: str, inputs: int, outputs: int, *, relu: bool = False) -> str:
        """A dense layer, with ReLU where asked for."""
        self.add(Linear(weights=self._weights(outputs, inputs)), name=name)
        if relu:
            self.add(Relu(), name=f"{name}.relu")
        self.channels = outputs
        return self.last

    def finish(self) -> Graph:
        """The graph."""
        return self.build()
