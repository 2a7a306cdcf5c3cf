"""A trained dense network in floating point."""

import dataclasses

import numpy as np

__all__ = ["DenseNetwork"]


@dataclasses.dataclass(frozen=True, eq=False)
class DenseNetwork:
    """Dense layers with ReLU between them; the last layer's sums are the scores of the classes.

    Parameters
    ----------
    weights: per layer [N, D], as float64; a layer's D is the N of the layer before
    biases: per layer [N]

    Raises
    ------
    ValueError
        If shapes do not fit together or a value is not finite.
    """
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(np.asarray(w, np.float64) for w in self.weights))
        object.__setattr__(self, "biases", tuple(np.asarray(b, np.float64) for b in self.biases))
        if not self.weights or len(self.weights) != len(self.biases):
            raise ValueError(f"biases must be given once per layer, for at least one layer, but "
                             f"there are {len(self.weights)} weights and {len(self.biases)} "
                             "biases.")
        width = None
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            if weight.ndim != 2 or not weight.size:
                raise ValueError(f"weights[{layer}] must have shape [N, D], "
                                 f"but has {list(weight.shape)}.")
            if width is not None and weight.shape[1] != width:
                raise ValueError(f"weights[{layer}] must take the {width} outputs of the layer "
                                 f"before, but takes {weight.shape[1]}.")
            width = len(weight)
            if bias.shape != (width,):
                raise ValueError(f"biases[{layer}] must have shape [{width}], "
                                 f"but has {list(bias.shape)}.")
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise ValueError(f"weights[{layer}] and biases[{layer}] must be finite, "
                                 "but hold NaN or infinity.")

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.weights)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs of the first layer, then outputs of every layer."""
        return (self.weights[0].shape[1], *(len(weight) for weight in self.weights))

    def layer(self, index: int, activations: np.ndarray) -> np.ndarray:
        """Sums [R, N] of one layer before its ReLU."""
        return activations @ self.weights[index].T + self.biases[index]

    def activations(self, rows: np.ndarray) -> list[np.ndarray]:
        """What enters each layer: the rows [R, D], then the hidden activations [R, N]."""
        entering = [np.asarray(rows, np.float64)]
        for index in range(self.layers - 1):
            entering.append(np.maximum(self.layer(index, entering[-1]), 0))
        return entering

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Scores [R, N] of rows [R, D]."""
        return self.layer(self.layers - 1, self.activations(rows)[-1])

    def classify(self, rows: np.ndarray) -> np.ndarray:
        """Classes [R]: the largest score, the lowest index on ties."""
        return self.forward(rows).argmax(axis=1)

    def accuracy(self, rows: np.ndarray, labels: np.ndarray) -> float:
        """Share of rows, 0 to 1, whose class is the label."""
        return float((self.classify(rows) == labels).mean())
