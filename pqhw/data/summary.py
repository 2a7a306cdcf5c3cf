"""A data set in numbers: images per class, and the mean and deviation of every channel."""

import dataclasses
from typing import Any

import numpy as np

from .dataset import Dataset

__all__ = ["Summary", "summarize"]

CHUNK = 4096
"""Images whose squares are held at once."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is to be known of a data set before a network is trained.

    Members
    -------
    shape: height, width and channels
    train_counts, test_counts: images per class
    mean, std: per channel, over all pixels of the training images; values are from 0 to 255
    """
    name: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"schema_version": 1, "document": "data", **dataclasses.asdict(self)}


def summarize(dataset: Dataset) -> Summary:
    """Count and average; sums are exact integers."""
    counts = [np.bincount(labels, minlength=dataset.class_count).tolist()
              for labels in (dataset.train_labels, dataset.test_labels)]
    images = dataset.train_images
    values = images.size // images.shape[3]
    total = images.sum(axis=(0, 1, 2), dtype=np.int64).tolist()
    squares = [0] * len(total)
    for first in range(0, len(images), CHUNK):
        chunk = images[first:first + CHUNK].astype(np.int64)
        squares = [one + int(more)
                   for one, more in zip(squares, (chunk * chunk).sum(axis=(0, 1, 2)))]
    variances = [(values * square - one * one) / values**2 for one, square in zip(total, squares)]
    return Summary(dataset.name, dataset.shape, dataset.classes, tuple(counts[0]),
                   tuple(counts[1]), tuple(one / values for one in total),
                   tuple(variance**0.5 for variance in variances))
