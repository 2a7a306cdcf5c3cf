"""The verb of studies: what it prints, lists and writes, and what it refuses."""

import json
import sys

import pytest

STUDY = """
network = "tiny.npz"
data = "halves.npz"
seeds = [1, 2]
[base]
length = 2
[axes]
epochs = [0, 1]
"""


@pytest.fixture
def study(folder):
    """study.toml about a network that is not trained, tiny.npz."""
    import numpy as np

    from pqhw.data import Dataset, save_npz
    from pqhw.network import GraphBuilder, save_graph
    from pqhw.network.ops import Flatten, Linear
    random = np.random.default_rng(0)
    net = GraphBuilder("tiny", (2, 2, 1))
    net.add(Flatten())
    for name, outputs in (("first", 4), ("hidden", 4), ("last", 2)):
        net.add(Linear(weights=random.normal(0, 0.5, (outputs, 4))), name=name)
    save_graph(folder / "tiny.npz", net.build())
    pixels = random.integers(0, 256, (64, 2, 2, 1)).astype(np.uint8)
    labels = np.arange(64) % 2
    save_npz(folder / "halves.npz", Dataset(pixels, labels, pixels[:32], labels[:32],
                                            name="halves", classes=("dark", "bright")))
    (folder / "study.toml").write_text(STUDY)
    return folder


def test_rows_are_computed_listed_and_tabulated(pqhw, study):
    pytest.importorskip("torch")
    assert "to do" in pqhw("study", "study.toml", "--list")[1]
    assert not (study / "runs").exists()
    status, out, err = pqhw("study", "study.toml", "--seeds", "1")
    assert (status, err) == (0, "")
    assert "tiny.npz on halves.npz: 32 test images, seed 1; float accuracy" in out
    assert "result: runs/study-study/study.json" in out
    listed = json.loads(pqhw("study", "study.toml", "--list", "--json")[1])["rows"]
    assert [(row["row"], row["seed"], row["state"]) for row in listed] == [
        ("base", 1, "done"), ("epochs=0", 1, "done"), ("epochs=1", 1, "done"),
        ("base", 2, "to do"), ("epochs=0", 2, "to do"), ("epochs=1", 2, "to do")]
    assert listed[1]["command"] == "pqhw study study.toml --rows epochs=0 --seeds 1 -o again"
    assert (study / "runs" / "study-study" / listed[0]["folder"] / "tiny.npz").exists()
    status, out, err = pqhw(*listed[1]["command"].split()[1:], "--json")
    again = json.loads(out)["rows"][0]["runs"]
    told = json.loads((study / "runs" / "study-study" / "study.json").read_text())
    assert again == told["rows"][1]["runs"] and told["document"] == "study"
    status, out, _ = pqhw("study", "--table", "runs/study-study/study.json")
    assert status == 0 and [line.split("|")[1].strip() for line in out.splitlines()] == [
        "row", "---", "`base`", "`epochs=0`", "`epochs=1`"]


def test_a_page_is_written_where_it_can_be(pqhw, study, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("plotly")
    pytest.importorskip("jinja2")
    words = ("study", "study.toml", "--rows", "epochs=0", "--seeds", 1, "-o", "out")
    assert pqhw(*words)[0] == 0
    assert 'id="pareto"' in (study / "out" / "study.html").read_text()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    assert pqhw(*words)[2].startswith("note: no study.html, as the report needs plotly")


def test_a_row_that_failed_is_told_by_the_status(pqhw, study):
    pytest.importorskip("torch")
    (study / "study.toml").write_text(STUDY + '[[row]]\nname = "planes"\nkind = "bitplane"\n')
    status, out, _ = pqhw("study", "study.toml", "--rows", "planes", "--seeds", 1, "-o", "out")
    assert status == 1 and "planes, seed 1 failed: " in out


@pytest.mark.parametrize("words, sentence", [
    ((), "STUDY or --table must be given, and not both."),
    (("study.toml", "--table", "study.json"), "STUDY or --table must be given, and not both."),
    (("--table", "none.json"), "none.json: cannot be read (No such file or directory)."),
    (("study.json",), "STUDY must be a .toml file or one of digits, resnet20, but is study.json."),
    (("none.toml",), "none.toml: cannot be read (No such file or directory).")])
def test_what_is_no_study_is_refused(refused, folder, words, sentence):
    assert refused("study", *words) == sentence


@pytest.mark.parametrize("words, sentence", [
    (("--rows", "rate=*"), "--rows must match the name of a row, but is rate=*; known are base, "
                           "epochs=0, epochs=1."),
    (("--seeds", "1,1"), "--seeds must be a range like 1..5 or a list like 1,2,7 of different "
                         "seeds, but is 1,1."),
    (("--device", "tpu"), "device must be one of auto, cpu, cuda, but is tpu.")])
def test_a_bad_option_is_refused(refused, study, words, sentence):
    pytest.importorskip("torch")
    assert refused("study", "study.toml", *words) == sentence
    assert not (study / "runs").exists()


def test_missing_pytorch_is_told(pqhw, study, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pqhw.quant.training")]:
        monkeypatch.delitem(sys.modules, name)
    from pqhw.study import settings
    settings.row_fields.cache_clear()
    settings.recipe_fields.cache_clear()
    monkeypatch.setitem(sys.modules, "torch", None)
    assert pqhw("study", "study.toml") == (
        1, "", "error: learning needs PyTorch; run: pip install 'pqhw[train]'\n")
