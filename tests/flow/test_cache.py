"""The cache: what went in decides where it lies, and only complete runs are there."""

import datetime
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import threading

import pytest

from pqhw.flow.cache import RECORD, Cache, default_cache, digest, record

CHILD = """
import sys, time
from pathlib import Path
from pqhw.flow.cache import Cache
root, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
def make(folder):
    (folder / "result").write_text("half")
    with log.open("a") as file:
        print("made", file=file)
    print("making", flush=True)
    time.sleep(seconds)
    (folder / "result").write_text("whole")
print(Cache(root).get("kind", {"a": 1}, make), flush=True)
"""

INPUTS = {"a": 1}


def child(tmp_path, seconds):
    """A process that makes the run of INPUTS."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "root"), str(tmp_path / "log"), str(seconds)],
        stdout=subprocess.PIPE, text=True)


def whole(folder):
    (folder / "result").write_text("whole")


def leftovers(cache):
    """What lies there beside locks."""
    return sorted(path.name for path in cache.root.glob("*/*") if path.suffix != ".lock")


# -- Address -----------------------------------------------------------------------------------


def test_digest_is_the_same_on_every_machine():
    assert digest({"b": 2, "a": [1, "x"]}) == digest({"a": [1, "x"], "b": 2})
    assert digest({"a": 1}) == hashlib.sha256(b'{"a": 1}').hexdigest()


@pytest.mark.parametrize("other", [{"a": 2}, {"b": 1}, {"a": "1"}, {"a": 1, "b": 1}, {"a": [1]}])
def test_different_inputs_lie_elsewhere(tmp_path, other):
    cache = Cache(tmp_path)
    assert cache.path("kind", INPUTS) != cache.path("kind", other)


def test_kinds_do_not_mix(tmp_path):
    cache = Cache(tmp_path)
    assert cache.get("one", INPUTS, whole) != cache.get("two", INPUTS, whole)
    assert cache.fresh == 2


def test_a_run_is_made_once_and_found_by_another_cache(tmp_path):
    first, second = Cache(tmp_path), Cache(tmp_path)
    made = first.get("kind", INPUTS, whole)
    assert second.get("kind", INPUTS, lambda folder: pytest.fail("made again")) == made
    assert (first.fresh, second.fresh) == (1, 0)
    assert made == first.path("kind", INPUTS)
    assert json.loads((made / "inputs.json").read_text()) == INPUTS


def test_default_cache_lies_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("PQHW_CACHE", str(tmp_path / "mine"))
    assert default_cache().root == tmp_path / "mine"
    monkeypatch.delenv("PQHW_CACHE")
    assert default_cache().root.name == "pqhw"


# -- Atomicity ---------------------------------------------------------------------------------


def test_a_killed_run_leaves_nothing_that_looks_like_a_result(tmp_path):
    cache = Cache(tmp_path / "root")
    with child(tmp_path, 60) as process:
        assert process.stdout.readline() == "making\n"
        process.kill()
    assert not cache.path("kind", INPUTS).exists()
    assert [name for name in leftovers(cache) if ".tmp" not in name] == []
    made = cache.get("kind", INPUTS, whole)
    assert (made / "result").read_text() == "whole"
    assert leftovers(cache) == [made.name], "the killed run's folder should have been removed"


def test_two_processes_make_a_run_once(tmp_path):
    with child(tmp_path, 0.5) as first, child(tmp_path, 0.5) as second:
        said = [process.communicate(timeout=60)[0].splitlines() for process in (first, second)]
    assert (tmp_path / "log").read_text() == "made\n"
    assert said[0][-1] == said[1][-1]
    assert sorted(map(len, said)) == [1, 2]


def test_two_threads_make_a_run_once(tmp_path):
    cache, made = Cache(tmp_path), []

    def make(folder):
        made.append(folder)
        threading.Event().wait(0.2)

    threads = [threading.Thread(target=cache.get, args=("kind", INPUTS, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == cache.fresh == 1


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_what_raises_is_passed_on_and_not_kept(tmp_path, kind):
    cache = Cache(tmp_path)

    def make(folder):
        (folder / "result").write_text("half")
        raise kind("words")

    with pytest.raises(kind, match="words"):
        cache.get("kind", INPUTS, make)
    assert leftovers(cache) == []
    assert cache.fresh == 0
    assert (cache.get("kind", INPUTS, whole) / "result").read_text() == "whole"
    assert cache.fresh == 1


def test_stale_folders_of_this_run_are_removed_and_no_others(tmp_path):
    cache = Cache(tmp_path)
    final = cache.path("kind", INPUTS)
    other = cache.path("kind", {"a": 2})
    for folder in (f"{final}.tmpabc", f"{final}.tmpdef", f"{other}.tmpabc"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "result").write_text("half")
    cache.get("kind", INPUTS, whole)
    assert leftovers(cache) == sorted([final.name, f"{other.name}.tmpabc"])


def test_the_folder_can_be_deleted_at_any_time(tmp_path):
    cache = Cache(tmp_path / "root")
    cache.get("kind", INPUTS, whole)
    shutil.rmtree(cache.root)
    assert (cache.get("kind", INPUTS, whole) / "result").read_text() == "whole"
    assert cache.fresh == 2


def test_record_says_where_when_and_how_long(tmp_path):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    made = Cache(tmp_path).get("kind", INPUTS, lambda folder: threading.Event().wait(0.25))
    values = record(made)
    assert set(values) == {"host", "time", "seconds"}
    assert values["host"] == platform.node()
    time = datetime.datetime.fromisoformat(values["time"])
    assert time.tzinfo is not None
    assert before <= time <= datetime.datetime.now(datetime.UTC)
    assert 0.2 <= values["seconds"] < 10
    assert json.loads((made / RECORD).read_text()) == values
