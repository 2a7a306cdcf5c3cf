"""The verb `evaluate`: accuracy of a network from files, its layers, a dump, and mistakes."""

import json

import numpy as np
import pytest

from pqhw.data import Dataset, load_npz, save_npz
from pqhw.network import GraphBuilder, save_graph
from pqhw.network.ops import GlobalAvgPool, Linear
from pqhw.quant import MACSettings
from pqhw.quant.evaluate import evaluate_network
from pqhw.quant.files import load_integer_network, save_integer_network
from pqhw.quant.inspect import inspect_network
from pqhw.quant.network import convert_network

WORDS = ("evaluate", "halves.toml", "--data", "halves.npz")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Dark and bright images, a float graph that tells them apart but for some, and its integers:
    files halves.npz, float.npz, net/halves.toml and .npz, and halves.toml without parameters."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    labels = np.arange(60) % 2
    pixels = (random.integers(0, 12, (60, 2, 2, 1)) + 4 * labels.reshape(-1, 1, 1, 1))
    pixels = pixels.astype(np.uint8)
    save_npz(tmp_path / "halves.npz", Dataset(pixels[:40], labels[:40], pixels[40:], labels[40:],
                                              name="halves", classes=("dark", "bright")))
    builder = GraphBuilder("halves", (2, 2, 1))
    builder.add(GlobalAvgPool(), name="mean")
    builder.add(Linear(weights=np.array([[-1], [1]]), bias=np.array([7.5, -7.5])), name="scores")
    graph = builder.build()
    save_graph(tmp_path / "float.npz", graph)
    network = convert_network(graph, pixels[:40], {"scores": MACSettings(activation_bits=5)})
    save_integer_network(tmp_path / "net", network)
    (tmp_path / "halves.toml").write_text((tmp_path / "net" / "halves.toml").read_text())
    return tmp_path


def evaluate(*words):
    return ("evaluate", "net/halves.toml", "--data", "halves.npz", *words)


def test_it_prints_accuracies_agreement_and_rate(pqhw, folder):
    data, network = load_npz("halves.npz"), load_integer_network("net/halves.toml")
    status, out, err = pqhw(*evaluate("--float", "float.npz"))
    assert (status, err) == (0, "")
    assert out.startswith("halves on halves, 20 test images")
    found = evaluate_network(network, data.test_images, data.test_labels)
    assert 0.5 < found.accuracy <= 1
    assert f"accuracy of integers {100 * found.accuracy:.2f} %" in " ".join(out.split())
    assert "accuracy of floats" in out and "same class" in out and "images per second" in out
    out = pqhw(*evaluate())[1]
    assert "accuracy of floats" not in out and "layer" not in out


def test_json_says_the_same_and_nothing_else(pqhw, folder):
    status, out, err = pqhw(*evaluate("--part", "train", "--images", 7, "--layers", "--float",
                                      "float.npz", "--json"))
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert (document["document"], document["schema_version"]) == ("evaluation", 1)
    assert (document["network"], document["data"], document["part"], document["images"]) == (
        "halves", "halves", "train", 7)
    data, chosen = load_npz("halves.npz"), [0, 5, 11, 17, 22, 28, 34]
    network = load_integer_network("net/halves.toml")
    images = data.train_images[chosen]
    found = evaluate_network(network, images, data.train_labels[chosen])
    assert document["accuracy"] == found.accuracy and 0 <= document["agreement"] <= 1
    assert [own["values"] for own in document["layers"]] == [
        own.to_json()["values"] for own in inspect_network(network, images)]
    assert document["layers"][1]["error"]["snr_db"] > 20


def test_training_is_compared_and_fails_where_it_differs(pqhw, folder, monkeypatch):
    pytest.importorskip("torch")
    status, out, err = pqhw(*evaluate("--training"))
    assert (status, err) == (0, "") and "results as in training 60 of 60 in 2 nodes" in " ".join(
        out.split())
    document = json.loads(pqhw(*evaluate("--training", "--images", 7, "--json"))[1])
    assert document["training"] == {"images": 7, "nodes": 2, "values": 21, "differing": {},
                                    "first": None}
    monkeypatch.setattr("pqhw.quant.training.integer.forward.shifted", lambda own, *_: own * 0)
    status, out, err = pqhw(*evaluate("--training"))
    assert status == 1 and err.startswith("error: mean: training gives 0 and golden ")
    assert err.endswith(" at [0, 0].\n")


def test_layers_are_a_table_and_a_dump_holds_what_they_gave(pqhw, folder):
    status, out, err = pqhw(*evaluate("--layers", "--dump", "d.npz", "--json", "e.json"))
    assert (status, err) == (0, "")
    rows = [line.split()[:3] for line in out.splitlines() if line.split()[1:2] in (["mean"],
                                                                                   ["mac"])]
    assert rows == [["mean", "mean", "1"], ["scores", "mac", "2"]]
    assert len(json.loads((folder / "e.json").read_text())["layers"]) == 2
    with np.load("d.npz") as found:
        assert set(found) == {"input", "mean", "scores"} and found["scores"].shape == (20, 2)
        assert (found["input"] == load_npz("halves.npz").test_images).all()


def test_parameters_may_lie_elsewhere(pqhw, folder):
    status, out, _ = pqhw(*WORDS, "--params", "net/halves.npz")
    assert status == 0 and "accuracy of integers" in out


@pytest.mark.parametrize("words, sentence", [
    (WORDS, "halves.npz: train_images must be named after an engine of halves and its array, as in "
            "NODE/bias."),
    (("evaluate", "none.toml", "--data", "halves.npz"),
     "none.toml: cannot be read (No such file or directory)."),
    ((*WORDS, "--params", "net/none.npz"),
     "net/none.npz: cannot be read (No such file or directory)."),
    ((*WORDS, "--params", "float.npz"),
     "float.npz: graph.json must be named after an engine of halves and its array, as in "
     "NODE/bias."),
    (evaluate("--part", "both"), "--part must be one of test, train, but is both."),
    (evaluate("--dump", "d.csv"), "--dump must end in .npz, but is d.csv."),
    (evaluate("--images", 21), "--images must be at most 20, the test images of halves, but is "
                               "21."),
    (evaluate("--float", "halves.npz"), "halves.npz: is an .npz file, but not one of a pqhw "
                                        "graph."),
    (evaluate("--data", "none"), "none: is no data set and no file; possible are digits, glyphs, "
                                 "glyphs:classes=26,train=5000,seed=3, cifar10:FOLDER, FILE.npz, a "
                                 "folder of CIFAR-10, a folder of train/CLASS/*.png and "
                                 "test/CLASS/*.png."),
    (evaluate("--data", "glyphs:train=10,test=10"),
     "labels must be from 0 to 1, the classes of halves, but reach from 0 to 9."),
    (evaluate("--data", "glyphs:train=10,test=10,classes=2"),
     "images must be [R, 2, 2, 1] with at least one, but are [10, 32, 32, 3]."),
    (evaluate("--dump", "none/d.npz"), "none/d.npz: No such file or directory.")])
def test_a_mistake_is_told_in_a_sentence(refused, folder, words, sentence):
    assert refused(*words) == sentence


def test_a_file_that_is_no_network_is_refused(refused, folder):
    text = (folder / "halves.toml").read_text()
    (folder / "layer.toml").write_text("[layer]\nin_features = 4\nout_features = 2\n")
    assert refused("evaluate", "layer.toml", "--data", "halves.npz") == (
        "layer.toml: layer is not part of a network; known are name, input, node.")
    (folder / "half.toml").write_text(text[:40])
    assert refused("evaluate", "half.toml", "--data", "halves.npz").startswith("half.toml: ")
