"""Steps of an integer network's grids, measured on what the float graph computes."""

from collections.abc import Mapping

import numpy as np

from ..network.graph import INPUT
from ..network.lowering import Lowered, Tensor

__all__ = ["grid_steps"]

FRACTIONS = np.geomspace(1.0, 0.1, 47)
"""Shares of the largest value that are tried as the grid's top."""

SAMPLES = 1 << 16
"""Values of a result that are looked at."""


def grid_steps(lowered: Lowered, activations: Mapping[str, np.ndarray]) -> dict[int, float]:
    """The step of each grid that gives the least squared error over all results on it.

    Each result's error counts relative to its mean square. The input's grid has step 1: the float
    graph takes the integers as they are.

    Parameters
    ----------
    activations: the float graph's results [R, ...], by name
    """
    steps = {lowered.tensors[INPUT].grid: 1.0}
    grids: dict[int, list[str]] = {}
    for name, tensor in lowered.tensors.items():
        grids.setdefault(tensor.grid, []).append(name)
    for grid, names in grids.items():
        if grid not in steps:
            steps[grid] = _step([(lowered.tensors[name], _sampled(activations[name]))
                                 for name in names])
    return steps


def _sampled(values: np.ndarray) -> np.ndarray:
    flat = values.ravel()
    return flat[::max(1, flat.size // SAMPLES)].astype(np.float64)


def _step(results: list[tuple[Tensor, np.ndarray]]) -> float:
    largest = max(float(np.abs(values).max(initial=0)) / tensor.top for tensor, values in results)
    limits = [tensor.limit / tensor.top for tensor, _ in results if tensor.limit is not None]
    largest = min([largest or 1.0, *limits])
    best, least = largest, np.inf
    for fraction in FRACTIONS:
        step = largest * fraction
        error = sum(_error(tensor, values, step) for tensor, values in results)
        if error < least:
            best, least = step, error
    return best


def _error(tensor: Tensor, values: np.ndarray, step: float) -> float:
    low = -tensor.top - 1 if tensor.signed else 0
    near = step * np.clip(np.floor(values / step + 0.5), low, tensor.top)
    # What a ReLU takes away is no error.
    wanted = values if tensor.signed else np.maximum(values, 0)
    return float(((wanted - near) ** 2).mean() / max(float((wanted ** 2).mean()), 1e-30))
