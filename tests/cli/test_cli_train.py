"""The verb that trains: its files, its table, going on, and mistakes."""

import json
import sys

import numpy as np
import pytest

from pqhw.network import load_graph


@pytest.fixture
def images(folder):
    """A data set of bright halves in the working folder, as a file."""
    from pqhw.data import Dataset, save_npz
    random = np.random.default_rng(0)
    labels = np.arange(96) % 2
    pixels = random.integers(0, 100, (96, 8, 8, 1))
    pixels[labels == 1, :4] += 120
    pixels = pixels.astype(np.uint8)
    data = Dataset(pixels[:64], labels[:64], pixels[64:], labels[64:], name="halves",
                   classes=("dark", "bright"))
    save_npz(folder / "halves.npz", data)
    return data


def test_missing_pytorch_is_told(pqhw, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pqhw.quant.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert pqhw("train", "digits-cnn", "--data", "digits") == (
        1, "", "error: learning needs PyTorch; run: pip install 'pqhw[train]'\n")


def train(*words):
    return ("train", "digits-cnn", "--data", "halves.npz", "--epochs", 3, "--batch", 16, *words)


def test_a_network_is_trained_and_gone_on_with(pqhw, folder, images):
    pytest.importorskip("torch")
    status, out, err = pqhw(*train("-o", "run"))
    assert (status, err) == (0, "")
    assert "halves: 64 images" in out and "network: run/network.npz" in out
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    told = json.loads((folder / "run" / "history.json").read_text())
    accuracy = told["epochs"][-1]["test_accuracy"]
    assert accuracy > 0.9 and f"{100 * accuracy:.2f}" in rows[-1]
    graph = load_graph(folder / "run" / "network.npz")
    found = graph.run(images.test_images).argmax(axis=1)
    assert (found == images.test_labels).mean() == pytest.approx(accuracy)
    # Once more: refused, gone on with, and begun from the graph that was trained.
    before = (folder / "run" / "network.npz").read_bytes()
    assert pqhw(*train("-o", "run"))[2] == (
        "error: run/checkpoint.pt: is there already; resume that training or take another "
        "folder.\n")
    assert pqhw(*train("-o", "run", "--resume"))[0] == 0
    assert (folder / "run" / "network.npz").read_bytes() == before
    status, out, _ = pqhw("train", "run/network.npz", "--data", "halves.npz", "--epochs", 1,
                          "--rate", 0.001, "--json")
    assert status == 0
    assert json.loads(out)["epochs"][0]["train_accuracy"] > 0.9
    assert (folder / "runs" / "train-digits-cnn" / "network.npz").exists()


def test_a_page_with_plots_is_written_where_they_can_be(pqhw, folder, images, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    assert pqhw(*train("-o", "run"))[0] == 0
    page = (folder / "run" / "history.html").read_text()
    assert "Test accuracy" in page and 'id="figures"' in page and "Plotly" in page
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    status, out, err = pqhw(*train("-o", "plain", "--json", "told.json"))
    assert status == 0
    assert err == ("note: no history.html, as the report needs plotly and jinja2; run: pip "
                   "install 'pqhw[report]'\n")
    assert not (folder / "plain" / "history.html").exists()
    assert json.loads((folder / "told.json").read_text())["device"] in ("cpu", "cuda")


@pytest.mark.parametrize("words, sentence", [
    (("--epochs", 0), "epochs must be an integer from 1 to 100000, but is 0."),
    (("--rate", "nan"), "rate must be a number from 0 to 1000, but is nan."),
    (("--crop", -1), "Augmentation.crop must be a number of pixels, 0 or more, but is -1."),
    (("--device", "tpu"), "device must be one of auto, cpu, cuda, but is tpu."),
    (("--optimiser", "lamb"), "optimiser must be one of sgd, adam, but is lamb.")])
def test_a_bad_option_is_refused(refused, folder, images, words, sentence):
    pytest.importorskip("torch")
    assert refused(*train(*words)) == sentence
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("network, sentence", [
    ("resnet20", "resnet20 takes inputs [32, 32, 3], but images of halves are [8, 8, 1]."),
    ("none.npz", "none.npz: cannot be read (No such file or directory)."),
    ("halves.npz", "halves.npz: is an .npz file, but not one of a pqhw graph.")])
def test_a_network_that_does_not_fit_is_refused(refused, folder, images, network, sentence):
    pytest.importorskip("torch")
    assert refused("train", network, "--data", "halves.npz") == sentence
