"""Checkpoints: training goes on bit for bit, and what is no checkpoint is told."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_training_loop import QUICK, equal, losses, module_for
from training_builders import corners

from pqhw.network import LearningError

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
fit = training.fit

DATA = corners()
FOUR = dataclasses.replace(QUICK, epochs=4)


class Stop(Exception):
    """Power is lost."""


def stop_in_third(step):
    if step.epoch == 3:
        raise Stop


@pytest.mark.parametrize("change", [
    {}, {"precision": "bfloat16", "augmentation": training.Augmentation(jitter=0.2, flip=True)},
    {"optimiser": "adam", "rate": 0.01, "schedule": "step"}])
def test_a_stopped_training_goes_on_as_if_nothing_had_happened(tmp_path, change):
    recipe = dataclasses.replace(FOUR, **change)
    whole, cut, rest = (module_for(DATA) for _ in range(3))
    wanted = fit(whole, DATA, recipe)
    with pytest.raises(Stop):
        fit(cut, DATA, recipe, folder=tmp_path, progress=stop_in_third)
    found = fit(rest, DATA, recipe, folder=tmp_path, resume=True)
    assert equal(rest, whole)
    assert losses(found) == losses(wanted) and len(found.epochs) == 4


class Noisy(torch.nn.Module):
    """A module with a random part and a state of its own between epochs."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(64, 3)
        self.register_buffer("share", torch.tensor(0.5))

    def forward(self, images):
        rows = torch.nn.functional.dropout(images.flatten(1) / 255, 0.5, self.training)
        return self.layer(rows) * (1 + self.share)


def halve(epoch, module):
    module.share /= 2


def test_randomness_of_the_module_and_its_buffers_go_on_too(tmp_path):
    whole, cut, rest = Noisy(), Noisy(), Noisy()
    fit(whole, DATA, FOUR, on_epoch=halve)
    with pytest.raises(Stop):
        fit(cut, DATA, FOUR, folder=tmp_path, progress=stop_in_third, on_epoch=halve)
    fit(rest, DATA, FOUR, folder=tmp_path, resume=True, on_epoch=halve)
    assert equal(rest, whole) and float(rest.share) == 0.5 / 16


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_training_checkpoint import DATA, FOUR, fit, module_for
fit(module_for(DATA), DATA, FOUR, folder=sys.argv[2],
    progress=lambda step: step.epoch == 3 and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_process_is_gone_on_from(tmp_path):
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, here, str(tmp_path)], timeout=120,
                          capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "history.json"]
    whole, rest = module_for(DATA), module_for(DATA)
    fit(whole, DATA, FOUR)
    fit(rest, DATA, FOUR, folder=tmp_path, resume=True)
    assert equal(rest, whole)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The checkpoint of a whole training."""
    folder = tmp_path_factory.mktemp("finished")
    module = module_for(DATA)
    fit(module, DATA, QUICK, folder=folder)
    return folder, module


def copied(finished, tmp_path):
    content = (finished[0] / "checkpoint.pt").read_bytes()
    (tmp_path / "checkpoint.pt").write_bytes(content)
    return tmp_path / "checkpoint.pt", content


def test_a_finished_training_is_taken_up_without_a_step(finished):
    module, steps = module_for(DATA), []
    history = fit(module, DATA, QUICK, folder=finished[0], resume=True, progress=steps.append)
    assert equal(module, finished[1]) and not steps
    assert len(history.epochs) == 2 and not module.training


def test_files_are_plain(finished):
    folder, module = finished
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert content["recipe"] == QUICK.to_mapping()
    told = json.loads((folder / "history.json").read_text())
    assert [epoch["epoch"] for epoch in told["epochs"]] == [1, 2]
    assert told["recipe"]["seed"] == 0 and told["versions"]["torch"] == torch.__version__


def test_an_empty_folder_is_begun_in(tmp_path):
    history = fit(module_for(DATA), DATA, QUICK, folder=tmp_path / "new" / "one", resume=True)
    assert len(history.epochs) == 2


def test_a_failed_write_leaves_the_checkpoint_before_it(finished, tmp_path, monkeypatch):
    path, content = copied(finished, tmp_path)
    from pqhw.quant.training import checkpoint

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError):
        checkpoint.save_checkpoint(path, {"module": {}})
    assert [own.name for own in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert path.read_bytes() == content


def refused(folder, data=DATA, recipe=QUICK, module=None, resume=True):
    """The sentence with which going on from the folder is refused, after the file's name."""
    with pytest.raises(LearningError) as error:
        fit(module or module_for(data), data, recipe, folder=folder, resume=resume)
    name, _, sentence = str(error.value).partition(": ")
    assert name == str(folder / "checkpoint.pt")
    return sentence


def test_a_training_is_not_overwritten(finished):
    assert refused(finished[0], resume=False) == ("is there already; resume that training or take "
                                                  "another folder.")


@pytest.mark.parametrize("change, words", [
    ({"epochs": 3}, "epochs 2, not 3"), ({"rate": 0.5}, "rate 0.05, not 0.5"),
    ({"threads": 2}, "threads 1, not 2")])
def test_another_recipe_is_refused(finished, change, words):
    assert refused(finished[0], recipe=dataclasses.replace(QUICK, **change)) == (
        f"was made with another recipe, {words}.")


def test_other_data_is_refused(finished):
    assert refused(finished[0], data=corners(seed=1)).startswith(
        "was made with another data, corners: 90 images, check sum ")


def test_another_module_is_refused(finished):
    wanted = ("was made with another module or other groups of its parameters.")
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    assert refused(finished[0], module=other) == wanted


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(finished, tmp_path, share):
    path, content = copied(finished, tmp_path)
    path.write_bytes(content[:int(share * len(content))])
    assert refused(tmp_path) == "is not a complete checkpoint of a training."


@pytest.mark.parametrize("content", [b"epoch 3\n", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(99)])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    assert refused(tmp_path) == "is not a complete checkpoint of a training."


def test_weights_of_others_are_refused(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "checkpoint.pt")
    assert refused(tmp_path) == "is a file of PyTorch, but no checkpoint of a training."


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / "checkpoint.pt").mkdir()
    assert refused(tmp_path) == "cannot be read (Is a directory)."
