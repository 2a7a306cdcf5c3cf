"""A network's hidden activations on an integer grid, without a change of what it computes."""

import numpy as np

from ..network.dense import DenseNetwork
from .prototypes import round_half_up

__all__ = ["grid_step", "on_grid", "grouped"]

FRACTIONS = np.linspace(1.0, 0.3, 29)
"""Shares of the largest activation that are tried as the grid's top."""


def grid_step(activations: np.ndarray, bits: int) -> np.ndarray:
    """Steps [N] that put activations [R, N], none negative, on 0 … 2**bits - 1 with least error.

    A neuron that never fires gets step 1.
    """
    top = (1 << bits) - 1
    largest = activations.max(axis=0)
    largest = np.where(largest > 0, largest, top)
    best, least = largest / top, np.full(activations.shape[1], np.inf)
    for fraction in FRACTIONS:
        step = largest * fraction / top
        error = ((activations - step * np.clip(round_half_up(activations / step), 0, top)) ** 2
                 ).sum(axis=0)
        best = np.where(error < least, step, best)
        least = np.minimum(error, least)
    return best


def on_grid(network: DenseNetwork, rows: np.ndarray, bits: tuple[int, ...], *,
            per_output: bool = True) -> DenseNetwork:
    """The same function with hidden activations scaled so that the grid's step is 1.

    ReLU lets a positive factor pass, so a neuron's step divides its own weights and multiplies
    those of the layer after.

    Parameters
    ----------
    rows: inputs [R, D] that the steps are measured on
    bits: unsigned bits of each hidden layer's activations
    per_output: a step for each neuron rather than one for each layer
    """
    weights, biases = list(network.weights), list(network.biases)
    for layer, (width, hidden) in enumerate(zip(bits, network.activations(rows)[1:])):
        step = grid_step(hidden if per_output else hidden.reshape(-1, 1), width)
        weights[layer] = weights[layer] / step[:, None]
        biases[layer] = biases[layer] / step
        weights[layer + 1] = weights[layer + 1] * step
    return DenseNetwork(tuple(weights), tuple(biases))


def grouped(network: DenseNetwork, rows: np.ndarray, lengths: tuple[int, ...]) -> DenseNetwork:
    """The same function with hidden neurons reordered so that a sub-vector's are correlated.

    Correlated elements lie near few prototypes. Greedy: a group starts with the first neuron
    left and takes those of the largest summed correlation.

    Parameters
    ----------
    lengths: sub-vector length of each layer after the first
    """
    weights, biases = list(network.weights), list(network.biases)
    for layer, (length, hidden) in enumerate(zip(lengths, network.activations(rows)[1:])):
        order = _order(hidden, length)
        weights[layer], biases[layer] = weights[layer][order], biases[layer][order]
        weights[layer + 1] = weights[layer + 1][:, order]
    return DenseNetwork(tuple(weights), tuple(biases))


def _order(hidden: np.ndarray, length: int) -> list[int]:
    centred = hidden - hidden.mean(axis=0)
    size = np.sqrt((centred ** 2).sum(axis=0))
    centred = centred / np.where(size > 0, size, 1)
    alike = np.abs(centred.T @ centred)
    left, order = list(range(hidden.shape[1])), []
    while left:
        group = [left.pop(0)]
        while left and len(group) < length:
            group.append(left.pop(int(alike[np.ix_(group, left)].sum(axis=0).argmax())))
        order += group
    return order
