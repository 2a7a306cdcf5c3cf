"""pqhw explore: accuracy against cost, its documents and page, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("pymoo")
pytest.importorskip("sklearn")
DIGITS = Path(__file__).resolve().parents[2] / "docs" / "networks" / "digits-cnn.npz"
QUICK = ("--generations", "3", "--parents", "4", "--offspring", "4")


def test_noise_needs_no_data(pqhw, folder):
    status, out, err = pqhw("explore", "digits-cnn", *QUICK, "--json", "e.json")
    assert (status, err) == (0, "")
    assert "noise, dB" in out and "it is no accuracy" in out and "37" in out
    document = json.loads((folder / "e.json").read_text())
    assert document["loss_unit"] == "noise dB" and len(document["history"]) == 3
    assert pqhw("explore", "digits-cnn", *QUICK, "--json")[1] == (folder / "e.json").read_text()


def test_accuracy_is_the_integer_network_s(pqhw, folder):
    pytest.importorskip("plotly")
    shutil.copy(DIGITS, folder / "digits.npz")
    status, out, _ = pqhw("explore", "digits.npz", "--data", "digits", "--generations", "1",
                          "--parents", "2", "--offspring", "2", "-o", "out")
    assert status == 0 and "accuracy, %" in out and "uniform 8 bits, less a point" in out
    document = json.loads((folder / "out" / "explore.json").read_text())
    uniform = {bits: 1 - point["loss"] for bits, point in document["uniform"].items()}
    assert uniform["8"] > 0.97 > 0.5 > uniform["2"]
    page = (folder / "out" / "explore.html").read_text()
    for part in ("Loss against cost", "Hypervolume over generations", "Bits per layer",
                 "Energy per layer", "Cycles per layer", "<details>", "parallel-for"):
        assert part in page
    assert page.count('class="plot"') == 5 and str(folder) not in page
    assert pqhw("report", "out", "-o", "again.html")[0] == 0
    assert (folder / "again.html").read_text() == page


def test_losses_may_come_from_a_file(pqhw, folder):
    (folder / "loss.json").write_text(json.dumps({"error": 0.05, "layers": {
        "conv1": {"weights": {"2": 0.3}}}}))
    status, out, _ = pqhw("explore", "digits-cnn", "--accuracy", "loss.json", *QUICK)
    assert status == 0 and "95.00" in out


@pytest.mark.parametrize("words, sentence", [
    (("nothing",), "network must be of the zoo ("),
    (("digits-cnn", "--accuracy", "converted"), "--accuracy converted needs --data, on which "),
    (("digits-cnn", "--accuracy", "x"), "--accuracy must be auto, converted, noise or a .json "),
    (("digits-cnn", "--arch", "x"), "architecture must be one of "),
    (("digits-cnn", "--operators", "x"), "operators must be one of stepwise, published, but "),
    (("digits-cnn", "--generations", "0"), "generations must be an integer from 1 to 1000000"),
    (("gone.npz",), "gone.npz: cannot be read (No such file or directory).")])
def test_mistakes_are_told_in_a_sentence(refused, folder, words, sentence):
    assert refused("explore", *words).startswith(sentence)
