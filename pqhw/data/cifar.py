"""CIFAR-10 as it is published: pickles or binary files, in a folder or still packed.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import DataError, Dataset, reason
from .unpickle import unpickle

__all__ = ["CIFAR10_CLASSES", "holds_cifar10", "load_cifar10"]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                   "truck")

CHANNELS, SIDE = 3, 32
PIXELS = CHANNELS * SIDE * SIDE
"""Bytes of an image: all red values, then green, then blue, each row by row."""

BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"

LARGEST = 1 << 28
"""Bytes of a packed file above which it is not read: ten times those of a batch."""

LAYOUTS = (("cifar-10-batches-py", "", "cifar-10-python.tar.gz"),
           ("cifar-10-batches-bin", ".bin", "cifar-10-binary.tar.gz"))
"""Folder, ending of batches, and archive of both formats."""

Batch = tuple[np.ndarray, np.ndarray]
Read = Callable[[str], bytes]


def holds_cifar10(folder: str | os.PathLike[str]) -> bool:
    """Whether any file of CIFAR-10 lies in the folder."""
    return _source(Path(folder)) is not None


def load_cifar10(folder: str | os.PathLike[str]) -> Dataset:
    """CIFAR-10, as a rule 50,000 and 10,000 images [32, 32, 3] of ten classes.

    Parameters
    ----------
    folder: holds `data_batch_1` to `data_batch_5` and `test_batch`, with or without `.bin`, itself
        or in `cifar-10-batches-py` or `cifar-10-batches-bin`; or `cifar-10-python.tar.gz` or
        `cifar-10-binary.tar.gz`, which is read as it is

    Raises
    ------
    DataError
        If a file is missing, truncated, or holds something else. Pickles are read without running
        what they ask for.
    """
    source = _source(Path(folder))
    if source is None:
        names = ", ".join(sorted({f"{BATCHES[0]}{ending}" for _, ending, _ in LAYOUTS}
                                 | {archive for _, _, archive in LAYOUTS}))
        raise DataError(f"{folder}: must hold CIFAR-10, one of {names}, but holds none of them.")
    place, ending = source
    read = _packed(place) if place.is_file() else _unpacked(place)
    parse = _binary if ending else _pickled
    parts = {name: _named(place, name + ending, parse, read(name + ending))
             for name in (*BATCHES, TEST)}
    for name in BATCHES[1:]:
        if len(parts[name][1]) != len(parts[BATCHES[0]][1]):
            raise DataError(f"{place / (name + ending)}: must hold {len(parts[BATCHES[0]][1])} "
                            f"images as {BATCHES[0]}{ending} does, but holds "
                            f"{len(parts[name][1])}.")
    images, labels = zip(*(parts[name] for name in BATCHES))
    return Dataset(np.concatenate(images), np.concatenate(labels), *parts[TEST], name="cifar10",
                   classes=CIFAR10_CLASSES)


def _source(folder: Path) -> tuple[Path, str] | None:
    """The folder or archive to read, and how the batches' names end."""
    for inner, ending, archive in LAYOUTS:
        for place in (folder / inner, folder):
            if any((place / f"{name}{ending}").is_file() for name in (*BATCHES, TEST)):
                return place, ending
        if (folder / archive).is_file():
            return folder / archive, ending
    return None


def _unpacked(folder: Path) -> Read:
    def read(name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise DataError(f"{folder / name}: cannot be read ({error.strerror}).") from None
    return read


def _packed(archive: Path) -> Read:
    """Reads the files of an archive in memory; nothing is unpacked to disk."""
    wanted = {name + ending for _, ending, _ in LAYOUTS for name in (*BATCHES, TEST)}
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as files:
            for member in files:
                name = member.name.rsplit("/", 1)[-1]
                if name in wanted and member.isfile() and member.size <= LARGEST:
                    content = files.extractfile(member)
                    assert content is not None
                    contents[name] = content.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{archive}: is damaged or no archive ({reason(error)}).") from None

    def read(name: str) -> bytes:
        if name not in contents:
            raise DataError(f"{archive}: must hold {name}, but does not.")
        return contents[name]
    return read


def _named(place: Path, name: str, parse: Callable[[bytes], Batch], content: bytes) -> Batch:
    try:
        images, labels = parse(content)
        outside = (labels < 0) | (labels >= len(CIFAR10_CLASSES))
        if outside.any():
            raise DataError(f"labels must lie in 0…{len(CIFAR10_CLASSES) - 1}, but one is "
                            f"{labels[outside][0]}")
        return images, labels
    except DataError as error:
        raise DataError(f"{place / name}: {error}.") from None


def _binary(content: bytes) -> Batch:
    """Images and labels of a binary batch: a byte of label and the pixels, image after image."""
    if not content or len(content) % (PIXELS + 1):
        raise DataError(f"must be of {PIXELS + 1} bytes per image, but is of {len(content)} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, PIXELS + 1)
    return _images(records[:, 1:]), records[:, 0].astype(np.int64)


def _pickled(content: bytes) -> Batch:
    """Images and labels of a pickled batch: a dictionary of `data` [R, 3072] and `labels`."""
    batch = unpickle(content)
    data, labels = batch.get("data"), batch.get("labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != PIXELS:
        raise DataError(f"data must be an array [R, {PIXELS}] of uint8, but is {_kind(data)}")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise DataError(f"labels must be a list of integers, but is {_kind(labels)}")
    if not labels or len(labels) != len(data):
        raise DataError(f"labels must be one per image of data, {len(data)}, but are "
                        f"{len(labels)}")
    return _images(data), np.clip(np.array(labels, object), -1, 256).astype(np.int64)


def _images(planes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(planes.reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1))


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, np.ndarray):
        return f"an array {list(value.shape)}"
    return f"a {type(value).__name__}" + (" of other things" if isinstance(value, list) else "")
