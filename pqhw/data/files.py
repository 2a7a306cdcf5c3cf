"""Data sets in .npz files: ours, and those that Keras users have."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import DataError, Dataset, DataTypeError

__all__ = ["load_npz", "save_npz"]

FIELDS = ("train_images", "train_labels", "test_images", "test_labels")
KERAS = dict(zip(FIELDS, ("x_train", "y_train", "x_test", "y_test")))
OPTIONAL = ("name", "classes")


def load_npz(path: str | os.PathLike[str]) -> Dataset:
    """A data set from arrays of any integer type.

    ============  ============  ==================================================
    array         in Keras      shape
    ============  ============  ==================================================
    train_images  x_train       [R, H, W, C], or [R, H, W] for grey; from 0 to 255
    train_labels  y_train       [R] or [R, 1]; from 0 to the number of classes - 1
    test_images   x_test        as train_images
    test_labels   y_test        as train_labels
    classes                     names of classes; by default 0, 1, 2 …
    name                        text; by default the file's name
    ============  ============  ==================================================

    Raises
    ------
    DataTypeError, DataError
        If the file cannot be read, an array is missing or unknown, or breaks its rule.
    """
    path = Path(path)
    values = _arrays(path)
    try:
        keras = "x_train" in values
        names = KERAS if keras else dict(zip(FIELDS, FIELDS))
        for field in names.values():
            if field not in values:
                raise DataError(f"{field} is missing; needed are {', '.join(names.values())}"
                                + ("" if keras else f", or {', '.join(KERAS.values())}") + ".")
        unknown = [name for name in values if name not in (*names.values(), *OPTIONAL)]
        if unknown:
            raise DataError(f"{unknown[0]} is no array of a data set; known are "
                            f"{', '.join((*names.values(), *OPTIONAL))}.")
        arrays = {field: _images(name, values[name]) if field.endswith("images")
                  else _labels(name, values[name]) for field, name in names.items()}
        return Dataset(**arrays, name=_name(values.get("name"), path.stem),
                       classes=_classes(values.get("classes"), arrays))
    except DataError as error:
        raise type(error)(f"{path}: {error}") from None


def save_npz(path: str | os.PathLike[str], dataset: Dataset) -> None:
    """Write a data set as `load_npz` reads it; equal data sets give equal bytes.

    Raises
    ------
    DataError
        If the file's name does not end in .npz.
    """
    if Path(path).suffix != ".npz":
        raise DataError(f"{path}: must end in .npz.")
    np.savez(path, **{field: getattr(dataset, field) for field in FIELDS},
             classes=np.array(dataset.classes), name=np.array(dataset.name))


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        content = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    try:
        with np.load(content, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception:  # Damage raises almost anything; a .npy file has no `files`.
        raise DataError(f"{path}: is no .npz file of plain arrays, or is damaged.") from None


def _integers(name: str, array: np.ndarray, hint: str = "") -> np.ndarray:
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise DataError(f"{name} must hold integers, but holds NaN.")
    if array.dtype.kind not in "iu":
        hint = hint if array.dtype.kind == "f" else ""
        raise DataTypeError(f"{name} must hold integers, but has dtype {array.dtype}{hint}.")
    return array


def _images(name: str, array: np.ndarray) -> np.ndarray:
    array = _integers(name, array, "; scale it to 0…255 and round")
    if array.ndim not in (3, 4):
        raise DataError(f"{name} must have shape [R, H, W, C] or [R, H, W], "
                        f"but has {list(array.shape)}.")
    if array.size and (array.min() < 0 or array.max() > 255):
        wrong = array.min() if array.min() < 0 else array.max()
        raise DataError(f"{name} must lie in 0…255, but holds {wrong}.")
    array = array if array.ndim == 4 else array[..., None]
    return np.ascontiguousarray(array, np.uint8)


def _labels(name: str, array: np.ndarray) -> np.ndarray:
    array = _integers(name, array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{name} must have shape [R] or [R, 1], but has {list(array.shape)}.")
    if array.size and (array.min() < 0 or array.max() >= 1 << 31):
        wrong = array.min() if array.min() < 0 else array.max()
        raise DataError(f"{name} must be from 0 to the number of classes - 1, but holds {wrong}.")
    return np.ascontiguousarray(array, np.int64)


def _classes(given: np.ndarray | None, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    if given is not None:
        if given.ndim != 1 or given.dtype.kind != "U":
            raise DataError("classes must be a list of texts, but has shape "
                            f"{list(given.shape)} and dtype {given.dtype}.")
        return tuple(str(name) for name in given)
    labels = [arrays[f"{part}_labels"] for part in ("train", "test")]
    largest = max((int(own.max()) for own in labels if own.size), default=0)
    if largest >= sum(len(own) for own in labels):
        raise DataError(f"classes must be given with labels as large as {largest}, "
                        "of which most have no image, but is missing.")
    return tuple(str(label) for label in range(largest + 1))


def _name(given: Any, stem: str) -> str:
    return str(given) if given is not None and given.ndim == 0 and given.size else stem
