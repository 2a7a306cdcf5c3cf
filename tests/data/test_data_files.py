"""Data sets in .npz files and image folders: what is read, and how mistakes are told."""

import sys

import numpy as np
import pytest
from data_builders import arrays, dataset

from pqhw.data import DataError, load, load_folder, load_npz, save_npz

KERAS = {"train_images": "x_train", "train_labels": "y_train", "test_images": "x_test",
         "test_labels": "y_test"}
FIELDS = tuple(KERAS)


def same(one, other):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        assert getattr(one, field).dtype == getattr(other, field).dtype


# -- .npz --------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(tmp_path):
    small = dataset(name="ours")
    save_npz(tmp_path / "d.npz", small)
    again = load_npz(tmp_path / "d.npz")
    same(small, again)
    assert (again.name, again.classes) == (small.name, small.classes)
    save_npz(tmp_path / "e.npz", again)
    assert (tmp_path / "e.npz").read_bytes() == (tmp_path / "d.npz").read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64])
def test_keras_names_grey_images_and_columns_of_labels_are_read(tmp_path, dtype):
    values = arrays(channels=1)
    np.savez(tmp_path / "mnist.npz", **{
        KERAS[name]: array.astype(dtype)[..., 0] if name.endswith("images") else array[:, None]
        for name, array in values.items()})
    found = load(tmp_path / "mnist.npz")
    assert (found.name, found.classes, found.shape) == ("mnist", ("0", "1"), (5, 4, 1))
    for name, array in values.items():
        np.testing.assert_array_equal(getattr(found, name), array)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"test_labels": None}, "test_labels is missing; needed are train_images, train_labels, "
                            "test_images, test_labels, or x_train, y_train, x_test, y_test."),
    ({"extra": np.zeros(3)}, "extra is no array of a data set; known are train_images, "
                             "train_labels, test_images, test_labels, name, classes."),
    ({"train_images": np.zeros((6, 5, 4, 3))}, "train_images must hold integers, but has dtype "
                                               "float64; scale it to 0…255 and round."),
    ({"train_images": np.full((6, 5, 4, 3), np.nan)},
     "train_images must hold integers, but holds NaN."),
    ({"train_images": np.full((6, 5, 4, 3), 256)},
     "train_images must lie in 0…255, but holds 256."),
    ({"train_images": np.full((6, 5, 4, 3), -1)}, "train_images must lie in 0…255, but holds -1."),
    ({"train_images": np.zeros((6, 60), int)},
     "train_images must have shape [R, H, W, C] or [R, H, W], but has [6, 60]."),
    ({"test_images": np.zeros((4, 5, 4, 1), int)},
     "test_images must have the shape of train_images, 5 x 4 x 3, but have 5 x 4 x 1."),
    ({"train_labels": np.zeros(6)}, "train_labels must hold integers, but has dtype float64."),
    ({"train_labels": np.array(["a"] * 6)}, "train_labels must hold integers, but has dtype <U1."),
    ({"train_labels": np.zeros((6, 2), int)},
     "train_labels must have shape [R] or [R, 1], but has [6, 2]."),
    ({"train_labels": np.arange(6) - 1},
     "train_labels must be from 0 to the number of classes - 1, but holds -1."),
    ({"train_labels": np.arange(6) * 10**6},
     "classes must be given with labels as large as 5000000, of which most have no image, but is "
     "missing."),
    ({"train_labels": np.zeros(5, int)}, "train_labels must be 6, one per image, but are 5."),
    ({"classes": np.array(["a"])}, "train_labels must lie in 0…0, the positions in classes, but "
                                   "train_labels[1] is 1."),
    ({"classes": np.array([1, 2])}, "classes must be a list of texts, but has shape [2] and dtype "
                                    "int64.")])
def test_a_mistake_in_an_array_is_told_in_a_sentence(tmp_path, change, sentence):
    values = {name: array for name, array in (arrays() | change).items() if array is not None}
    path = tmp_path / "d.npz"
    np.savez(path, **values)
    with pytest.raises(DataError) as error:
        load_npz(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"text"])
def test_a_damaged_file_is_told_in_a_sentence(tmp_path, content):
    path = tmp_path / "d.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is no \.npz file of plain arrays, or is damaged\.$"):
        load_npz(path)


def test_objects_in_a_file_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", **arrays() | {"train_labels": np.array([{}] * 6)})
    with pytest.raises(DataError, match="is no .npz file of plain arrays"):
        load_npz(tmp_path / "d.npz")


def test_files_must_be_called_npz(tmp_path):
    with pytest.raises(DataError, match=r"must end in \.npz\.$"):
        save_npz(tmp_path / "d.bin", dataset())


# -- Image folders -----------------------------------------------------------------------------


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path, pillow):
    """A folder of two classes, three images each and two of them for testing."""
    values = arrays(train=4, test=2)
    for part in ("train", "test"):
        for index, (image, label) in enumerate(zip(values[f"{part}_images"],
                                                   values[f"{part}_labels"])):
            own = tmp_path / part / ("cat", "dog")[label]
            own.mkdir(parents=True, exist_ok=True)
            pillow.fromarray(image).save(own / f"{index}.png")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / "cat" / ".hidden.png").write_text("not an image")
    (tmp_path / "train" / "readme").write_text("not a class")
    return tmp_path


def told(folder):
    with pytest.raises(DataError) as error:
        load_folder(folder)
    said = str(error.value)
    assert said.endswith(".") and "\n" not in said
    return said.removeprefix(f"{folder}/")


def test_a_folder_is_read_class_by_class(folder):
    seen = []
    found = load_folder(folder, progress=lambda done, total: seen.append((done, total)))
    values = arrays(train=4, test=2)
    order = [0, 2, 1, 3]
    np.testing.assert_array_equal(found.train_images, values["train_images"][order])
    np.testing.assert_array_equal(found.train_labels, [0, 0, 1, 1])
    np.testing.assert_array_equal(found.test_images, values["test_images"])
    assert (found.classes, found.name) == (("cat", "dog"), folder.name)
    assert seen == [(index, 6) for index in range(1, 7)]
    same(load(folder), found)


def test_grey_images_have_one_channel_unless_others_have_colours(folder, pillow):
    for file in folder.rglob("?.png"):
        with pillow.open(file) as image:
            grey = image.convert("L")
        grey.save(file)
    assert load_folder(folder).shape == (5, 4, 1)
    pillow.new("RGBA", (4, 5), (1, 2, 3, 4)).save(folder / "test" / "cat" / "0.png")
    found = load_folder(folder)
    assert found.shape == (5, 4, 3)
    assert found.test_images[0, 0, 0].tolist() == [1, 2, 3]
    assert (np.ptp(found.train_images, axis=3) == 0).all()


def test_an_image_of_another_size_is_named(folder, pillow):
    pillow.new("RGB", (4, 6)).save(folder / "test" / "dog" / "1.png")
    assert told(folder) == (f"test/dog/1.png: must be of 4 x 5 pixels as {folder}/train/cat/0.png "
                            "is, but is of 4 x 6.")


def test_an_image_of_more_bits_is_named(folder, pillow):
    pillow.fromarray(np.zeros((5, 4), np.uint16)).save(folder / "train" / "cat" / "0.png")
    assert told(folder).startswith("train/cat/0.png: must be grey or RGB with at most 8 bits per "
                                   "channel, but is of mode I")


@pytest.mark.parametrize("size", [0, 20, 60])
def test_a_damaged_image_is_named(folder, size):
    file = folder / "train" / "dog" / "1.png"
    file.write_bytes(file.read_bytes()[:size])
    assert told(folder).startswith("train/dog/1.png: cannot be read as an image (")


def test_a_part_or_class_without_images_is_named(folder):
    for file in (folder / "test" / "cat").iterdir():
        file.unlink()
    assert told(folder).startswith("test/cat: must hold images (.bmp, .gif, ")
    (folder / "test" / "cat").rmdir()
    (folder / "test" / "dog").rename(folder / "test" / "wolf")
    assert told(folder) == "test/wolf: must be a class of train, one of cat, dog."
    (folder / "test").rename(folder / "tests")
    assert told(folder) == ("test: must be a folder of a folder per class, but cannot be read (No "
                            "such file or directory).")
    (folder / "test").mkdir()
    assert told(folder) == "test: must hold a folder per class, but holds none."


def test_life_without_pillow_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError) as error:
        load_folder(tmp_path)
    assert str(error.value) == "image folders need pillow; run pip install 'pqhw[data]'."
