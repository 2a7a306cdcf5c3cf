"""The study of ResNet-20 that comes along, on a few images: all its way, and on after a kill."""

import re
import signal
import time
from pathlib import Path

import pytest
from study_builders import files_of, started

import pqhw.study

pytest.importorskip("torch")

from pqhw.study.run import prepare_study  # noqa: E402
from pqhw.study.study import load_study  # noqa: E402

PRESET = Path(pqhw.study.__file__).parent / "presets" / "resnet20.toml"
LESS = {"data": '"glyphs:train=48,test=24"', "test_images": "12", "seeds": "[1]", "batch": "16"}
ROWS = "pixel-8-16 int8"


def shortened():
    """The preset's text with fewer images, batches of few, and two epochs where it has more."""
    text = PRESET.read_text(encoding="utf-8")
    for field, value in LESS.items():
        text, count = re.subn(rf"^{field} = .*$", f"{field} = {value}", text, flags=re.MULTILINE)
        assert count == 1
    return re.sub(r"^(epochs|adapt) = [1-9]\d*$", r"\1 = 2", text, flags=re.MULTILINE)


def finished(folder):
    result = prepare_study(load_study("study.toml"), folder / "out", rows=ROWS).run()
    assert [[run.status for run in row.runs] for row in result.rows] == [["ok"], ["ok"]]
    assert not list(folder.rglob("checkpoint.pt"))
    return files_of(folder / "out")


@pytest.mark.slow
def test_the_preset_of_resnet20_goes_all_its_way_and_on_after_a_kill(tmp_path, monkeypatch):
    found = []
    for name in ("killed", "undisturbed"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        (folder / "study.toml").write_text(shortened(), encoding="utf-8")
        if name == "killed":
            process = started(folder, "study", "study.toml", "-o", "out", "--rows", ROWS)
            while process.poll() is None and not list(folder.glob("out/rows/*/adapting/*.pt")):
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            assert process.wait(60) == -signal.SIGKILL, process.stdout.read()
            process.stdout.close()
        found.append(finished(folder))
    assert found[0] == found[1]
