"""Scikit-learn's handwritten digits as images."""

import numpy as np

from ..network.digits import load_digits
from .dataset import Dataset

__all__ = ["digits_images"]


def digits_images() -> Dataset:
    """The 1,797 digits as images [8, 8, 1] with values from 0 to 16, split as `load_digits` does.

    Raises
    ------
    LearningError
        If scikit-learn is not installed.
    """
    rows = load_digits()
    train, test = (own.reshape(-1, 8, 8, 1).astype(np.uint8)
                   for own in (rows.train_rows, rows.test_rows))
    return Dataset(train, rows.train_labels, test, rows.test_labels, name="digits",
                   classes=tuple("0123456789"))
