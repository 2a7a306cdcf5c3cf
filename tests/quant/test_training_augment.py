"""Random changes: each is what it says, and comes from its generator."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
Augmentation = training.Augmentation


def images(count=200, size=16, channels=3, low=1):
    random = np.random.default_rng(0)
    shape = (count, size, size, channels)
    return torch.from_numpy(random.integers(low, 256, shape).astype(np.uint8))


def changed(own, pixels, seed=0):
    return own(pixels, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("own", [
    Augmentation(), Augmentation(crop=3, flip=True), Augmentation(crop=0, jitter=0.4),
    Augmentation(flip=True, jitter=0.2, erase=0.5)])
def test_shape_range_and_repetition(own, channels):
    pixels = images(channels=channels)
    found = changed(own, pixels)
    assert found.shape == pixels.shape and found.dtype == torch.float32
    assert found.min() >= 0 and found.max() <= 255
    assert (found == changed(own, pixels)).all()
    assert (found != changed(own, pixels, seed=1)).any()


def test_nothing_asked_for_changes_nothing():
    pixels = images()
    assert (changed(Augmentation(crop=0), pixels) == pixels).all()


@pytest.mark.parametrize("size, crop, moves", [(32, None, 4), (16, None, 2), (8, None, 1),
                                               (16, 5, 5)])
def test_a_crop_is_the_image_moved_by_no_more_than_it_may(size, crop, moves):
    pixels = images(size=size).to(torch.float32)
    found = changed(Augmentation(crop=crop), pixels)
    padded = torch.nn.functional.pad(pixels, (0, 0, moves, moves, moves, moves))
    seen = set()
    for image, result in zip(padded, found):
        fitting = [(y, x) for y in range(2 * moves + 1) for x in range(2 * moves + 1)
                   if (image[y:y + size, x:x + size] == result).all()]
        assert len(fitting) == 1
        seen.update(fitting)
    assert any(y != x for y, x in seen), "both ways apart"
    assert {y for y, _ in seen} == {x for _, x in seen} == set(range(2 * moves + 1))


def test_about_every_other_image_is_mirrored():
    pixels = images().to(torch.float32)
    found = changed(Augmentation(crop=0, flip=True), pixels)
    mirrored = (found == pixels.flip(2)).flatten(1).all(1)
    same = (found == pixels).flatten(1).all(1)
    assert (mirrored ^ same).all()
    assert 70 < int(mirrored.sum()) < 130


def test_jitter_changes_brightness_contrast_and_channels_within_its_share():
    grey = torch.full((500, 4, 4, 3), 100, dtype=torch.uint8)
    found = changed(Augmentation(crop=0, jitter=0.1), grey)
    factors = found[:, 0, 0] / 100
    assert (found == found[:, :1, :1]).all()
    assert 0.81 <= float(factors.min()) < 0.85 and 1.15 < float(factors.max()) <= 1.21
    assert (factors[:, 0] != factors[:, 1]).any()


def test_erasing_leaves_the_mean_in_a_rectangle_of_a_share_of_the_images():
    pixels = images(count=400, channels=1).to(torch.float32)
    pixels[:, 0, 0] += 0.25  # No mean is a pixel's value.
    found = changed(Augmentation(crop=0, erase=0.5), pixels)
    gone = (found != pixels)[..., 0]
    touched = gone.flatten(1).any(1)
    assert 0.3 < float(touched.double().mean()) < 0.6
    for index in torch.nonzero(touched)[:, 0].tolist():
        rows, columns = (torch.nonzero(gone[index].any(axis))[:, 0] for axis in (1, 0))
        block = found[index, rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        assert max(block.shape) <= 8
        assert (block == pixels[index].mean((0, 1))).all()
        assert gone[index].sum() == block.numel()


def test_pixels_stay_below_the_largest_of_their_kind():
    digits = images(low=0) // 16
    generator = torch.Generator().manual_seed(0)
    found = Augmentation(jitter=0.5)(digits, generator, 16)
    assert float(found.max()) == 16
