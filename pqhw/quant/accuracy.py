"""What a chain of engines makes of rows, by its exact integers."""

from collections.abc import Sequence

import numpy as np

from ..golden import chain_results
from ..spec import ChainSpec
from ..spec.parameters import Parameters

__all__ = ["classify", "accuracy"]


def classify(chain: ChainSpec, parameters: Sequence[Parameters], rows: np.ndarray) -> np.ndarray:
    """Classes [R] of rows [R, D]: the largest result, the lowest index on ties."""
    return chain_results(chain, parameters, rows).argmax(axis=1)


def accuracy(chain: ChainSpec, parameters: Sequence[Parameters], rows: np.ndarray,
             labels: np.ndarray) -> float:
    """Share of rows, 0 to 1, whose class is the label."""
    return float((classify(chain, parameters, rows) == labels).mean())
