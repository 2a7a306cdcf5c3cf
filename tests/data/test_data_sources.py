"""Data sets by name, and previews of them."""

import html.parser

import numpy as np
import pytest
from data_builders import dataset

from pqhw.data import KNOWN, DataError, load, write_preview
from pqhw.data.preview import COLUMNS, GAP, ROWS, contact_sheet, png

POSSIBLE = ", ".join(KNOWN)


def told(what):
    with pytest.raises(DataError) as error:
        load(what)
    return str(error.value)


def test_glyphs_are_known_by_name_and_settings(tmp_path):
    from pqhw.flow.cache import Cache
    cache = Cache(tmp_path)
    found = load("glyphs:classes=12,train=30, test=20,seed=3", cache=cache)
    assert (len(found.train_labels), found.class_count) == (30, 12)
    assert found.name == "glyphs:train=30,test=20,classes=12,seed=3"
    again = load(found.name, cache=cache)
    np.testing.assert_array_equal(again.train_images, found.train_images)
    assert cache.fresh == 1


def test_digits_are_known_by_name():
    pytest.importorskip("sklearn")
    assert load("digits").name == "digits"


@pytest.mark.parametrize(("settings", "reason"), [
    ("trian=3", "trian=3"), ("train", "train"), ("train=x", "train=x"), ("train=-3", "train=-3"),
    ("train=1,train=2", "train=2"), ("train=5,", "an empty one"), ("train=²", "train=²")])
def test_bad_settings_of_glyphs_are_told_in_a_sentence(settings, reason):
    assert told(f"glyphs:{settings}") == (
        "glyphs must be followed by settings like classes=26,seed=3 out of train, test, classes, "
        f"size, seed, each once, but is by {reason}.")


def test_glyphs_out_of_range_are_told_in_a_sentence():
    assert told("glyphs:classes=99") == "glyphs: classes must be from 2 to 30, but is 99."


def test_what_is_unknown_is_told_with_all_that_is_known(tmp_path):
    assert told("mnist") == f"mnist: is no data set and no file; possible are {POSSIBLE}."
    (tmp_path / "x.bin").write_bytes(b"x")
    assert told(tmp_path / "x.bin") == (f"{tmp_path / 'x.bin'}: is no data set; possible are "
                                        f"{POSSIBLE}.")
    assert told(tmp_path) == (f"{tmp_path}: must hold CIFAR-10, or train and test with a folder "
                              "per class, but holds neither.")
    assert told(tmp_path / "x.npz") == (f"{tmp_path / 'x.npz'}: cannot be read (No such file or "
                                        "directory).")


# -- Previews ----------------------------------------------------------------------------------


def test_a_sheet_has_a_row_per_class_of_its_first_images():
    small = dataset(train=50, test=2, height=40, width=40, classes=2)
    rows = contact_sheet(small)
    assert rows.shape == (2, 40 + 2 * GAP, COLUMNS * (40 + 2 * GAP), 3)
    for label in range(2):
        first = small.train_images[small.train_labels == label]
        np.testing.assert_array_equal(rows[label, GAP:-GAP, GAP:GAP + 40], first[0])
        np.testing.assert_array_equal(rows[label, GAP:-GAP, 44 + GAP:84 + GAP], first[1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_small_and_dark_images_are_enlarged_and_brightened(channels):
    small = dataset(train=200, test=200, height=8, width=8, channels=channels, classes=ROWS + 7)
    small.train_images[:] //= 15
    rows = contact_sheet(small)
    assert rows.shape == (ROWS, 32 + 2 * GAP, COLUMNS * (32 + 2 * GAP), 3)
    image = rows[0, GAP:-GAP, GAP:GAP + 32]
    wanted = small.train_images[0, :, :, :3 if channels >= 3 else 1] * 15
    np.testing.assert_array_equal(image[::4, ::4], np.broadcast_to(wanted, (8, 8, 3)))
    assert (rows[0, :, -10:] == 255).all()


def test_the_png_is_what_pillow_reads(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = dataset().train_images[0]
    (tmp_path / "x.png").write_bytes(png(pixels))
    with image.open(tmp_path / "x.png") as read:
        read.load()
        np.testing.assert_array_equal(np.asarray(read), pixels)


class Page(html.parser.HTMLParser):
    """Headings and images of a page."""

    def __init__(self, text):
        super().__init__()
        self.names, self.images = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])

    def handle_data(self, data):
        if self.lasttag == "th" and data.strip():
            self.names.append(data)


def test_the_page_has_every_class_and_needs_no_other_file(tmp_path):
    small = dataset(train=9, classes=3, name="<b>")
    object.__setattr__(small, "classes", ("a", "<script>", "&"))
    write_preview(small, tmp_path / "p.html")
    text = (tmp_path / "p.html").read_text()
    page = Page(text)
    assert page.names == ["a", "<script>", "&"] and "<script>" not in text and "<b>" not in text
    assert len(page.images) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.images)


def test_other_previews_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"p\.gif: must end in \.html or \.png\.$"):
        write_preview(dataset(), tmp_path / "p.gif")
