"""Data sets and files of the tests: CIFAR-10 in its published forms, written by hand."""

import io
import pickle
import tarfile

import numpy as np

from pqhw.data import Dataset

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5",
           "test_batch")


def arrays(train=6, test=4, height=5, width=4, channels=3, classes=2):
    """The four arrays of a data set, labels in turn."""
    rng = np.random.default_rng(1)
    shape = (height, width, channels)
    return {"train_images": rng.integers(0, 256, (train, *shape), np.uint8),
            "train_labels": np.arange(train) % classes,
            "test_images": rng.integers(0, 256, (test, *shape), np.uint8),
            "test_labels": np.arange(test) % classes}


def dataset(classes=2, name="small", **sizes):
    names = tuple(f"class {index}" for index in range(classes))
    return Dataset(**arrays(classes=classes, **sizes), name=name, classes=names)


def cifar_images(seed, count=4):
    """Images [count, 32, 32, 3] and labels of a batch."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 32, 32, 3), np.uint8), rng.integers(0, 10, count)


def planes(images):
    """Pixels as CIFAR-10 has them: all red ones, then green, then blue."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def binary(images, labels):
    return np.concatenate([labels[:, None].astype(np.uint8), planes(images)], axis=1).tobytes()


def pickled_by_python_2(images, labels):
    """What cPickle of Python 2 writes at protocol 2, opcode by opcode."""
    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"J" + int(value).to_bytes(4, "little")

    data = planes(images).tobytes()
    array = (b"cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85"
             + text(b"b") + b"\x87Rq\x04(K\x01" + number(len(images)) + number(3072) + b"\x86"
             + b"cnumpy\ndtype\nq\x05" + text(b"u1") + b"K\x00K\x01\x87Rq\x06(K\x03" + text(b"|")
             + b"NNN" + number(0xffffffff) * 2 + b"K\x00tb\x89T" + len(data).to_bytes(4, "little")
             + data + b"tb")
    return (b"\x80\x02}q\x01(" + text(b"data") + array + text(b"labels") + b"]("
            + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
            + text(b"batch_label") + text(b"batch 1 of 5") + b"u.")


def pickled_by_python_3(images, labels):
    return pickle.dumps({b"data": planes(images), b"labels": labels.tolist()}, protocol=2)


def cifar_files(write, ending=""):
    """Name and content of every batch."""
    return {name + ending: write(*cifar_images(seed)) for seed, name in enumerate(BATCHES)}


def unpacked(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def packed(path, inner, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
