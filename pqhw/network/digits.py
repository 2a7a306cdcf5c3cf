"""Handwritten digits: the bundled data set of scikit-learn and a small network trained on it."""

import dataclasses
from typing import Any

import numpy as np

from .dense import DenseNetwork

__all__ = ["Digits", "LearningError", "load_digits", "train_digits", "variations"]

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


def variations(rows: np.ndarray, *, copies: int = 5, seed: int = 1) -> np.ndarray:
    """The rows [R, 64] and `copies` times as many turned, slanted, sized and moved a little.

    Learning sees more hands than the data set has. Moves are up to 0.6 pixels, turns and
    slants up to 0.15, sizes within 8 %, grain one step of ink where there is any.
    """
    random = np.random.default_rng(seed)
    count = len(rows) * copies
    images = np.pad(np.tile(rows.reshape(-1, 8, 8), (copies, 1, 1)).astype(np.float64),
                    ((0, 0), (2, 2), (2, 2)))
    turn, slant = random.uniform(-0.15, 0.15, (2, count, 1, 1))
    size = np.exp(random.uniform(-0.08, 0.08, (count, 1, 1)))
    down, right = random.uniform(-0.6, 0.6, (2, count, 1, 1))
    y, x = np.mgrid[0:8, 0:8] - 3.5
    across = x + slant * y
    column = np.clip((np.cos(turn) * across - np.sin(turn) * y) * size + right + 5.5, 0, 10.999)
    row = np.clip((np.sin(turn) * across + np.cos(turn) * y) * size + down + 5.5, 0, 10.999)
    left, top, image = column.astype(int), row.astype(int), np.arange(count)[:, None, None]
    x, y = column - left, row - top
    moved = ((images[image, top, left] * (1 - x) + images[image, top, left + 1] * x) * (1 - y)
             + (images[image, top + 1, left] * (1 - x) + images[image, top + 1, left + 1] * x) * y)
    moved += random.normal(0, 1, moved.shape) * (moved > 0)
    varied = np.clip(np.floor(moved + 0.5), 0, PIXEL_MAXIMUM).astype(np.int64)
    return np.concatenate([rows, varied.reshape(count, -1)])


def train_digits(digits: Digits, *, hidden: tuple[int, ...] = (64, 64),
                 seed: int = 0) -> DenseNetwork:
    """Train a dense ReLU classifier on the digits and variations of them.

    The same arguments give the same network.

    Parameters
    ----------
    hidden: outputs of each hidden layer
    seed: chooses the initial weights and the order of the rows

    Raises
    ------
    LearningError
        If scikit-learn is not installed.
    """
    rows = variations(digits.train_rows)
    labels = np.tile(digits.train_labels, len(rows) // len(digits.train_rows))
    classifier = _learning("sklearn.neural_network").MLPClassifier(
        hidden_layer_sizes=hidden, alpha=0.1, learning_rate_init=0.002, max_iter=1000,
        tol=3e-4, n_iter_no_change=5, random_state=seed)
    # One thread, as the order of a sum decides its rounding.
    with _learning("threadpoolctl").threadpool_limits(1):
        classifier.fit(rows / PIXEL_MAXIMUM, labels)
    weights = [weight.T for weight in classifier.coefs_]
    weights[0] = weights[0] / PIXEL_MAXIMUM
    return DenseNetwork(tuple(np.ascontiguousarray(weight) for weight in weights),
                        tuple(classifier.intercepts_))
