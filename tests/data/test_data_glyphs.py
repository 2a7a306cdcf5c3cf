"""Glyphs: the same bytes everywhere, balanced, neither easy nor unreadable."""

import hashlib

import numpy as np
import pytest

from pqhw.data import DataError, DataTypeError, GlyphsSpec, glyphs
from pqhw.data.draws import Draws
from pqhw.data.glyph_fonts import BORDER, place
from pqhw.data.glyph_set import PARTS, glyph_images, glyph_labels
from pqhw.data.glyph_shapes import SYMBOLS, skeletons
from pqhw.data.paint import TEXTURE_NUMBERS, TEXTURES, cover, distance_to, pixel_grid, smooth

DIGEST = "95e2befc0d9b1f178bd9ae1bf91a83e6efd15d275f88e303e132d13528ff5577"
"""SHA-256 of 64 images, the same on every machine; new with every version of the generator."""


# -- The same bytes ----------------------------------------------------------------------------


def test_bytes_are_those_of_this_version():
    spec = GlyphsSpec(classes=30, seed=7)
    images = glyph_images(spec, "test", np.arange(64))
    assert hashlib.sha256(images.tobytes()).hexdigest() == DIGEST


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_any_batch_gives_the_same_images(batch):
    spec = GlyphsSpec(classes=12, seed=5)
    whole = glyph_images(spec, "train", np.arange(60))
    parts = [glyph_images(spec, "train", np.arange(first, min(first + batch, 60)))
             for first in range(0, 60, batch)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    mixed = np.random.default_rng(1).permutation(60)
    np.testing.assert_array_equal(glyph_images(spec, "train", mixed), whole[mixed])


def test_more_images_begin_with_those_of_fewer():
    few, many = glyphs(train=25, test=15), glyphs(train=140, test=40)
    for part, count in (("train", 25), ("test", 15)):
        for kind in ("images", "labels"):
            np.testing.assert_array_equal(getattr(many, f"{part}_{kind}")[:count],
                                          getattr(few, f"{part}_{kind}"))


@pytest.mark.parametrize("other", [{"seed": 1}, {"classes": 11}, {"size": 33}])
def test_other_settings_give_other_images(other):
    first = glyphs(train=20, test=20)
    second = glyphs(train=20, test=20, **other)
    assert first.train_images.tobytes() != second.train_images.tobytes()
    assert first.train_images.tobytes() != first.test_images.tobytes()


def test_the_cache_keeps_what_was_generated(tmp_path):
    from pqhw.flow.cache import Cache
    cache, seen = Cache(tmp_path), []

    def progress(done, total):
        seen.append((done, total))

    first = glyphs(train=200, test=20, cache=cache, progress=progress)
    assert seen == [(128, 220), (200, 220), (220, 220), (220, 220)] and cache.fresh == 1
    seen.clear()
    second = glyphs(train=200, test=20, cache=cache, progress=progress)
    assert seen == [(220, 220)] and cache.fresh == 1
    np.testing.assert_array_equal(first.train_images, second.train_images)
    glyphs(train=200, test=20, cache=cache, seed=1)
    assert cache.fresh == 2


# -- What is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 10, 26, 30])
@pytest.mark.parametrize("part", PARTS)
def test_classes_are_balanced_and_in_random_order(classes, part):
    labels = glyph_labels(GlyphsSpec(classes=classes), part, np.arange(100 * classes))
    runs = labels.reshape(-1, classes)
    np.testing.assert_array_equal(np.sort(runs), np.tile(np.arange(classes), (100, 1)))
    assert len(np.unique(runs[:, 0])) > 0.9 * classes


@pytest.mark.parametrize(("settings", "shape"), [
    ({"size": 16}, (16, 16, 3)), ({"size": 48, "classes": 30}, (48, 48, 3))])
def test_size_and_classes_are_as_asked_for(settings, shape):
    found = glyphs(train=60, test=30, **settings)
    assert found.shape == shape
    assert found.classes == SYMBOLS[:settings.get("classes", 10)]
    assert found.train_images.std() > 30


def test_the_name_says_what_is_not_default():
    assert str(GlyphsSpec()) == "glyphs"
    assert glyphs(train=5, test=4_000 // 1000, seed=2).name == "glyphs:train=5,test=4,seed=2"


@pytest.mark.parametrize(("settings", "error", "sentence"), [
    ({"train": 0}, DataError, "train must be from 1 to 2000000, but is 0."),
    ({"test": -1}, DataError, "test must be from 1 to 2000000, but is -1."),
    ({"classes": 31}, DataError, "classes must be from 2 to 30, but is 31."),
    ({"size": 15}, DataError, "size must be from 16 to 128, but is 15."),
    ({"seed": 2**32}, DataError, "seed must be from 0 to 4294967295, but is 4294967296."),
    ({"train": 10.5}, DataTypeError, "train must be an integer, but is 10.5."),
    ({"seed": True}, DataTypeError, "seed must be an integer, but is True.")])
def test_settings_out_of_their_range_are_refused(settings, error, sentence):
    with pytest.raises(error) as raised:
        glyphs(**settings)
    assert str(raised.value) == sentence


# -- Numbers, shapes and fields ----------------------------------------------------------------


def test_numbers_fill_their_range_and_noise_is_centred():
    draws = Draws(3, 0, range(400), noise=50)
    values = draws.uniform(-2, 6, 5)
    assert values.shape == (400, 5) and values.min() >= -2 and values.max() <= 6
    assert abs(values.mean() - 2) < 0.2
    assert np.bincount(draws.choice(4), minlength=4).min() > 60
    assert 0.2 < draws.chance(0.3).mean() < 0.4
    noise = draws.noise()
    assert noise.shape == (400, 50) and abs(noise).max() <= 3.5
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02


def test_streams_of_images_parts_and_seeds_differ():
    streams = [Draws(seed, part, [index]).uniform(0, 1, 8).tobytes()
               for seed in (0, 1) for part in (0, 1) for index in (0, 1)]
    assert len(set(streams)) == 8


def test_distances_are_to_the_edge_of_the_nearest_stroke():
    from pqhw.data.glyph_fonts import Strokes
    strokes = Strokes(np.float32([[[0, 0], [0, 8]]]), np.float32([[[4, 0], [0, 8]]]),
                      np.float32([[1, 2]]))
    x, y = np.float32([[2, 2, -3, 6, 0]]), np.float32([[0, 3, -4, 0, 5]])
    np.testing.assert_allclose(distance_to(strokes, x, y), [[-1, 2, 4, 1, 1]])


def test_smooth_fields_stay_between_the_lattice_values():
    lattice = np.random.default_rng(1).random((3, 4, 4)).astype(np.float32)
    field = smooth(lattice, 40).reshape(3, 40, 40)
    assert (field.max(axis=(1, 2)) <= lattice.max(axis=(1, 2)) + 1e-6).all()
    assert abs(np.diff(field, axis=1)).max() < 0.16
    np.testing.assert_allclose(field[:, 0, 0], lattice[:, 0, 0], atol=0.01)


@pytest.mark.parametrize("paint", TEXTURES)
def test_textures_use_the_whole_range(paint):
    numbers = np.random.default_rng(1).random((50, TEXTURE_NUMBERS)).astype(np.float32)
    field = paint(numbers, 32)
    assert field.dtype == np.float32 and field.shape == (50, 1024)
    assert field.min() >= 0 and field.max() <= 1
    assert (np.ptp(field, axis=1) > 0.2).mean() > 0.9


def silhouettes(count):
    """Glyphs without a scene: their strokes alone, black on white."""
    labels = np.arange(count) % len(SYMBOLS)
    x, y = pixel_grid(32)
    strokes = place(Draws(1, 0, range(count)), labels)
    return strokes, cover(distance_to(strokes, x[None], y[None]), np.ones(count)), labels


def test_every_glyph_lies_within_the_image():
    strokes, ink, _ = silhouettes(1500)
    assert max(abs(strokes.begin).max(), abs(strokes.end).max()) <= BORDER + 1e-3
    assert (ink.sum(axis=1) > 25).all() and (ink.mean(axis=1) < 0.5).all()


def test_free_ends_are_those_that_serifs_stand_on():
    known = skeletons()
    free = {}
    for symbol, first in zip(SYMBOLS, known.first):
        points = known.round[first].reshape(-1, 2)[known.ends[first]]
        free[symbol] = {tuple(point) for point in points.tolist()}
    assert free["H"] == {(0, 0), (0, 10), (6, 0), (6, 10)}
    assert free["T"] == {(0, 0), (6, 0), (3, 10)}
    assert len(free["8"]) == 1 and len(free["P"]) == 1


# -- Difficulty --------------------------------------------------------------------------------


def test_shapes_are_told_apart_by_their_nearest_neighbour():
    """All 30, unsorted by font or pose: a reader that sees the strokes alone reads most."""
    _, ink, labels = silhouettes(4000)
    known, asked = ink[:3600].astype(np.float32), ink[3600:].astype(np.float32)
    distance = (known * known).sum(axis=1) - 2 * asked @ known.T
    right = labels[:3600][distance.argmin(axis=1)] == labels[3600:]
    assert right.mean() > 0.6, right.mean()


def test_a_linear_classifier_on_pixels_fails():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import RidgeClassifier
    found = glyphs(train=2000, test=500)
    rows = [images[:, ::2, ::2].reshape(len(images), -1) / 255
            for images in (found.train_images, found.test_images)]
    classifier = RidgeClassifier(alpha=100).fit(rows[0], found.train_labels)
    accuracy = classifier.score(rows[1], found.test_labels)
    assert accuracy < 0.6, accuracy
