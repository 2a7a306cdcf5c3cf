"""Handwritten digits: the bundled data set of scikit-learn and a small network trained on it."""

import dataclasses
from typing import Any

import numpy as np

from .dense import DenseNetwork

__all__ = ["Digits", "LearningError", "load_digits", "train_digits"]

PIXEL_MAXIMUM = 16
"""Pixels are integers from 0 to 16: unsigned 5-bit activations."""


class LearningError(RuntimeError):
    """Learning is not possible here; the message is one sentence that says what to do."""


def _learning(name: str) -> Any:
    """A module that only learning needs."""
    import importlib
    try:
        return importlib.import_module(name)
    except ImportError:
        raise LearningError("learning needs scikit-learn; run: pip install 'pqhw[learn]'"
                            ) from None


@dataclasses.dataclass(frozen=True, eq=False)
class Digits:
    """8x8 images as rows of 64 integers from 0 to 16, row by row from the top left.

    Members
    -------
    train_rows, test_rows: [R, 64]
    train_labels, test_labels: [R], 0 to 9
    """
    train_rows: np.ndarray
    train_labels: np.ndarray
    test_rows: np.ndarray
    test_labels: np.ndarray


def load_digits(*, test_share: float = 0.25, seed: int = 0) -> Digits:
    """The 1,797 digits, split so that every class has the same share of both parts.

    Parameters
    ----------
    test_share: share of images, 0 to 1, held back for testing
    seed: chooses the split

    Raises
    ------
    LearningError
        If scikit-learn is not installed.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
    """
    data = _learning("sklearn.datasets").load_digits()
    split = _learning("sklearn.model_selection").train_test_split
    train_rows, test_rows, train_labels, test_labels = split(
        data.data.astype(np.int64), data.target.astype(np.int64), test_size=test_share,
        stratify=data.target, random_state=seed)
    return Digits(train_rows, train_labels, test_rows, test_labels)


def train_digits(digits: Digits, *, hidden: tuple[int, ...] = (64, 64),
                 seed: int = 0) -> DenseNetwork:
    """Train a dense ReLU classifier; the same arguments give the same network.

    Parameters
    ----------
    hidden: outputs of each hidden layer
    seed: chooses the initial weights and the order of the rows

    Raises
    ------
    LearningError
        If scikit-learn is not installed.
    """
    classifier = _learning("sklearn.neural_network").MLPClassifier(
        hidden_layer_sizes=hidden, alpha=0.01, learning_rate_init=0.002, max_iter=1000,
        random_state=seed)
    # One thread, as the order of a sum decides its rounding.
    with _learning("threadpoolctl").threadpool_limits(1):
        classifier.fit(digits.train_rows / PIXEL_MAXIMUM, digits.train_labels)
    weights = [weight.T for weight in classifier.coefs_]
    weights[0] = weights[0] / PIXEL_MAXIMUM
    return DenseNetwork(tuple(np.ascontiguousarray(weight) for weight in weights),
                        tuple(classifier.intercepts_))
