"""Data sets: every rule of their arrays, and what is read off them."""

import subprocess
import sys

import numpy as np
import pytest
from data_builders import arrays, dataset

from pqhw.data import DataError, Dataset, DataTypeError, digits_images, summarize
from pqhw.network import load_digits


def test_shape_and_classes_are_read_off():
    small = dataset(height=5, width=4, channels=3, classes=2)
    assert (small.shape, small.class_count) == ((5, 4, 3), 2)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"train_images": np.zeros((6, 5, 4, 3))},
     "train_images must be an array of uint8, but is float64."),
    ({"test_labels": [0, 1, 0, 1]}, "test_labels must be an array of int64, but is list."),
    ({"test_labels": np.zeros(4, np.int32)},
     "test_labels must be an array of int64, but is int32.")])
def test_arrays_of_another_type_are_refused(change, sentence):
    with pytest.raises(DataTypeError) as error:
        Dataset(**arrays() | change, name="x", classes=("a", "b"))
    assert str(error.value) == sentence


@pytest.mark.parametrize(("change", "sentence"), [
    ({"train_images": np.zeros((6, 20), np.uint8)},
     "train_images must have shape [R, H, W, C], but have [6, 20]."),
    ({"train_labels": np.zeros((6, 1), np.int64)},
     "train_labels must have shape [R], but have [6, 1]."),
    ({"test_images": np.zeros((0, 5, 4, 3), np.uint8), "test_labels": np.zeros(0, np.int64)},
     "test_images must hold at least one image, but have shape [0, 5, 4, 3]."),
    ({"test_images": np.zeros((4, 5, 5, 3), np.uint8)},
     "test_images must have the shape of train_images, 5 x 4 x 3, but have 5 x 5 x 3."),
    ({"train_labels": np.zeros(5, np.int64)},
     "train_labels must be 6, one per image, but are 5."),
    ({"test_labels": np.array([0, 1, 2, 0])},
     "test_labels must lie in 0…1, the positions in classes, but test_labels[2] is 2."),
    ({"test_labels": np.array([0, -1, 2, 0])},
     "test_labels must lie in 0…1, the positions in classes, but test_labels[1] is -1."),
    ({"classes": ("a", "a")}, "classes must be one or more names, no two alike, but are a, a."),
    ({"classes": ()}, "classes must be one or more names, no two alike, but are none.")])
def test_what_does_not_belong_together_is_refused(change, sentence):
    with pytest.raises(DataError) as error:
        Dataset(**arrays() | {"name": "x", "classes": ("a", "b")} | change)
    assert str(error.value) == sentence


def test_a_summary_counts_every_class_and_averages_every_channel():
    small = dataset(train=9000, test=5, classes=4)
    summary = summarize(small)
    assert summary.train_counts == (2250,) * 4 and summary.test_counts == (2, 1, 1, 1)
    np.testing.assert_allclose(summary.mean, small.train_images.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(summary.std, small.train_images.std(axis=(0, 1, 2)))


def test_digits_are_those_that_networks_are_trained_on():
    pytest.importorskip("sklearn")
    images, rows = digits_images(), load_digits()
    assert images.shape == (8, 8, 1) and images.train_images.max() == 16
    for part in ("train", "test"):
        np.testing.assert_array_equal(
            getattr(images, f"{part}_images").reshape(-1, 64), getattr(rows, f"{part}_rows"))
        np.testing.assert_array_equal(
            getattr(images, f"{part}_labels"), getattr(rows, f"{part}_labels"))


def test_import_and_glyphs_need_numpy_alone():
    code = ("import sys\n"
            "for name in ('sklearn', 'PIL', 'filelock', 'platformdirs', 'scipy'):\n"
            "    sys.modules[name] = None\n"
            "from pqhw.data import glyphs\n"
            "assert glyphs(train=20, test=10).shape == (32, 32, 3)")
    subprocess.run([sys.executable, "-c", code], check=True)
