"""A data set of images with classes, in two parts: one to train on, one to test with."""

import dataclasses
from typing import Any

import numpy as np

__all__ = ["DataError", "DataTypeError", "Dataset", "reason"]


class DataError(ValueError):
    """A data set cannot be had; one sentence names the file or field, the rule and the value."""


class DataTypeError(DataError, TypeError):
    """A data set holds values of the wrong kind."""


def reason(error: BaseException) -> str:
    """What a library says of a damaged file, in one line without a full stop."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Images with one class each; training and test images have one size.

    Members
    -------
    train_images, test_images: [R, H, W, C] uint8; C is 1 for grey and 3 for RGB images
    train_labels, test_labels: [R] int64, positions in `classes`
    name: what the data set is called in tables
    classes: name of each class, no two alike

    Raises
    ------
    DataTypeError
        If an array is of another type.
    DataError
        If shapes disagree, a part is empty, or a label is no position in `classes`.
    """
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    name: str
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise DataError("classes must be one or more names, no two alike, "
                            f"but are {', '.join(self.classes) or 'none'}.")
        for part in ("train", "test"):
            self._check_part(part)
        if self.train_images.shape[1:] != self.test_images.shape[1:]:
            raise DataError(f"test_images must have the shape of train_images, "
                            f"{_size(self.train_images)}, but have {_size(self.test_images)}.")

    def _check_part(self, part: str) -> None:
        images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
        _check_array(f"{part}_images", images, np.uint8, "[R, H, W, C]", 4)
        _check_array(f"{part}_labels", labels, np.int64, "[R]", 1)
        if not images.size:
            raise DataError(f"{part}_images must hold at least one image, but have shape "
                            f"{list(images.shape)}.")
        if len(images) != len(labels):
            raise DataError(f"{part}_labels must be {len(images)}, one per image, "
                            f"but are {len(labels)}.")
        wrong = (labels < 0) | (labels >= len(self.classes))
        if wrong.any():
            first = int(wrong.argmax())
            raise DataError(f"{part}_labels must lie in 0…{len(self.classes) - 1}, the positions "
                            f"in classes, but {part}_labels[{first}] is {labels[first]}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @property
    def class_count(self) -> int:
        """Number of classes, those without images included."""
        return len(self.classes)


def _check_array(name: str, array: Any, dtype: Any, axes: str, dimensions: int) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise DataTypeError(f"{name} must be an array of {np.dtype(dtype)}, but is {kind}.")
    if array.ndim != dimensions:
        raise DataError(f"{name} must have shape {axes}, but have {list(array.shape)}.")


def _size(images: np.ndarray) -> str:
    return " x ".join(str(length) for length in images.shape[1:])
