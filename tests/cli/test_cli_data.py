"""The verb `data`: what it prints and writes, and how mistakes are told."""

import json

import numpy as np
import pytest

from pqhw.data import glyphs, load_npz

SMALL = "glyphs:train=40,test=20"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_shape_counts_and_channels(pqhw, folder):
    status, out, err = pqhw("data", SMALL)
    assert (status, err) == (0, "")
    assert "40 training and 20 test images of 32 x 32 x 3, 10 classes" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["9", "4", "2"] in lines
    assert [line[0] for line in lines if len(line) == 3][-3:] == ["red", "green", "blue"]


def test_json_says_the_same_and_nothing_else(pqhw, folder):
    status, out, err = pqhw("data", SMALL, "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert (document["document"], document["schema_version"]) == ("data", 1)
    assert document["shape"] == [32, 32, 3] and document["train_counts"] == [4] * 10
    images = glyphs(train=40, test=20).train_images
    assert document["mean"] == pytest.approx(images.mean(axis=(0, 1, 2)))


@pytest.mark.parametrize("name", ["p.png", "p.html"])
def test_it_writes_a_preview_and_the_data_set(pqhw, folder, name):
    assert pqhw("data", SMALL, "--preview", name, "-o", "d.npz")[0] == 0
    assert (folder / name).stat().st_size > 1000
    np.testing.assert_array_equal(load_npz(folder / "d.npz").test_images,
                                  glyphs(train=40, test=20).test_images)
    status, out, _ = pqhw("data", "d.npz")
    assert status == 0 and out.startswith(f"{SMALL}: 40 training")


@pytest.mark.parametrize(("words", "sentence"), [
    (("nothing",), "nothing: is no data set and no file; possible are digits, glyphs, "
                   "glyphs:classes=26,train=5000,seed=3, cifar10:FOLDER, FILE.npz, a folder of "
                   "CIFAR-10, a folder of train/CLASS/*.png and test/CLASS/*.png."),
    (("glyphs:classes=1",), "glyphs: classes must be from 2 to 30, but is 1."),
    (("nowhere.npz",), "nowhere.npz: cannot be read (No such file or directory)."),
    ((SMALL, "--preview", "p.jpg"), "--preview must end in .html or .png, but is p.jpg."),
    ((SMALL, "-o", "d.txt"), "--output must end in .npz, but is d.txt."),
    ((SMALL, "-o", "no/d.npz"), "no/d.npz: No such file or directory.")])
def test_a_mistake_is_told_in_a_sentence(refused, folder, words, sentence):
    assert refused("data", *words) == sentence
    assert list(folder.iterdir()) == []
