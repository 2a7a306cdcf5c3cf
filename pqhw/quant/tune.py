"""Fine-tuning: weights and prototypes learned through the quantised chain, in NumPy."""

from collections.abc import Sequence

import numpy as np

from ..network.dense import DenseNetwork
from .codebook import Codebook
from .prototypes import subvectors
from .settings import Learning, PQSettings

__all__ = ["tune"]

BATCH = 128
SETTLED = 0.8
"""Share of the epochs in which prototypes move; the weights then settle on them."""


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities [R, N] of scores [R, N]."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def tune(network: DenseNetwork, books: Sequence[Codebook], rows: np.ndarray,
         settings: Sequence[PQSettings], learning: Learning
         ) -> tuple[DenseNetwork, list[Codebook]]:
    """Weights and prototypes with which the quantised chain imitates the network's scores.

    Forward, every layer sees prototypes instead of activations, and activations rounded and
    clamped; backward, both pass gradients unchanged within the clamp (straight-through). Loss:
    cross entropy with the network's own softened scores, so that no labels are needed. After an
    epoch each prototype moves to the rounded mean of what it stood for, and what leaves of trees
    stand for to the mean, while their splits stay. Adam, cosine decay.

    Parameters
    ----------
    network: hidden activations on the integer grid (`on_grid`)
    books: per layer; prototypes of the first layer stay
    rows: integers [R, D]

    Source: M. Nagel et al., A White Paper on Neural Network Quantization, 2021, section 4;
    A. van den Oord et al., Neural Discrete Representation Learning, 2017, section 3.2.
    """
    random = np.random.default_rng(learning.seed)
    wanted = softmax(network.forward(rows) / learning.temperature).astype(np.float32)
    chain = _Chain(network, books, settings)
    first = books[0].reconstruct(rows)[1].astype(np.float32)
    optimizer = _Adam(chain.weights + chain.biases, chain.steps())
    batches = -(-len(rows) // BATCH)
    for epoch in range(learning.epochs):
        order = random.permutation(len(rows))
        for index, chosen in enumerate(np.array_split(order, batches)):
            sums = chain.forward(first[chosen])
            error = softmax(sums / learning.temperature) - wanted[chosen]
            gradients = chain.backward(error * (learning.temperature / len(chosen)))
            done = (epoch * batches + index) / (learning.epochs * batches)
            optimizer.step(gradients, learning.rate * 0.5 * (1 + np.cos(np.pi * done)))
        chain.move_prototypes(epoch < learning.epochs * SETTLED)
    tuned = DenseNetwork(tuple(chain.weights), tuple(chain.biases))
    return tuned, chain.books


class _Chain:
    """The quantised chain in single precision, with what backward needs from forward."""

    def __init__(self, network: DenseNetwork, books: Sequence[Codebook],
                 settings: Sequence[PQSettings]):
        self.weights = [weight.astype(np.float32) for weight in network.weights]
        self.biases = [bias.astype(np.float32) for bias in network.biases]
        self.books = [own.moved(own.prototypes.astype(np.float32)) for own in books]
        self.tops = [(1 << own.activation_bits) - 1 for own in settings[1:]]
        self.entering: list[np.ndarray] = []
        self.open: list[np.ndarray] = []
        self.totals = [np.zeros(own.prototypes.shape) for own in books]
        self.counts = [np.zeros(own.prototypes.shape[:2]) for own in books]

    def steps(self) -> list[float]:
        """The typical weight of each layer, for its weights and its biases."""
        return [float(np.sqrt((weight ** 2).mean())) for weight in self.weights] * 2

    def forward(self, first: np.ndarray) -> np.ndarray:
        """Scores of the chain; `first` holds what the first layer's prototypes stand for."""
        self.entering, self.open = [first], []
        for layer, top in enumerate(self.tops, start=1):
            sums = self.entering[-1] @ self.weights[layer - 1].T + self.biases[layer - 1]
            self.open.append((sums > -0.5) & (sums < top + 0.5))
            hidden = np.clip(np.floor(sums + 0.5), 0, top)
            codes, near = self.books[layer].reconstruct(hidden)
            self._count(layer, codes, hidden)
            self.entering.append(near)
        return self.entering[-1] @ self.weights[-1].T + self.biases[-1]

    def backward(self, error: np.ndarray) -> list[np.ndarray]:
        """Gradients of all weights, then of all biases."""
        weights: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        for layer in reversed(range(len(self.weights))):
            weights.insert(0, error.T @ self.entering[layer])
            biases.insert(0, error.sum(axis=0))
            if layer:
                error = (error @ self.weights[layer]) * self.open[layer - 1]
        return weights + biases

    def _count(self, layer: int, codes: np.ndarray, hidden: np.ndarray) -> None:
        sets, count, length = self.books[layer].prototypes.shape
        flat = (codes + count * np.arange(codes.shape[1]) * (sets > 1)).ravel()
        vectors = subvectors(hidden, length).reshape(-1, length)
        self.counts[layer] += np.bincount(flat, minlength=sets * count).reshape(sets, count)
        for v in range(length):
            self.totals[layer][:, :, v] += np.bincount(
                flat, vectors[:, v], sets * count).reshape(sets, count)

    def move_prototypes(self, moving: bool) -> None:
        """Move each prototype to the mean of its members; start counting anew."""
        for layer in range(1, len(self.weights)):
            counts = self.counts[layer][:, :, None]
            if moving:
                own = self.books[layer].moved_to(self.totals[layer] / np.maximum(counts, 1), counts)
                self.books[layer] = own.moved(own.prototypes.astype(np.float32))
            self.totals[layer][:], self.counts[layer][:] = 0, 0


class _Adam:
    """Adam, each array's step relative to a size of its own."""

    def __init__(self, arrays: list[np.ndarray], sizes: list[float]):
        self.arrays, self.sizes, self.count = arrays, sizes, 0
        self.means = [np.zeros_like(array) for array in arrays]
        self.squares = [np.zeros_like(array) for array in arrays]

    def step(self, gradients: list[np.ndarray], rate: float) -> None:
        """Move all arrays in place."""
        self.count += 1
        for array, size, mean, square, gradient in zip(self.arrays, self.sizes, self.means,
                                                       self.squares, gradients):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            scale = np.sqrt(square / (1 - 0.999 ** self.count)) + 1e-8
            array -= rate * size / (1 - 0.9 ** self.count) * mean / scale
