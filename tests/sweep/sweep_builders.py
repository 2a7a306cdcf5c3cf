"""Sweeps that take no time: their files, and functions that do a point in their place."""

import hashlib
import os
import signal
import subprocess
import sys
import time

from pqhw.explore.sweep.plan import load_sweep
from pqhw.explore.sweep.point import failure
from pqhw.explore.sweep.run import SweepRun

LAYER = """
[layer]
in_features = 6
out_features = 4
[engine]
kind = "pq"
subvector_length = 2
prototypes = 4
[precision]
activation_bits = 3
prototype_bits = 3
table_bits = 4
"""
SWEEP = """
specs = ["layer.toml"]
seeds = [1]
[grid]
folding.outputs_per_cycle = [1, 2, 4]
precision.table_bits = [3, 4]
"""


def write_files(folder, sweep=SWEEP, layer=LAYER):
    """layer.toml and sweep.toml."""
    (folder / "layer.toml").write_text(layer, encoding="utf-8")
    (folder / "sweep.toml").write_text(sweep, encoding="utf-8")


def prepared(folder, work=None, out="out"):
    sweep = load_sweep(folder / "sweep.toml")
    return SweepRun(sweep=sweep, folder=folder / out, **({} if work is None else {"work": work}))


def invented(task):
    """A measurement that follows from nothing but the task."""
    number = int(hashlib.sha256(task.key.encode()).hexdigest()[:4], 16)
    clock = 50 + number / 100
    return failure(task, "") | {
        "status": "ok", "reason": None, "verified": "cxxrtl", "rows_per_second": clock * 1e6,
        "area": {"lut4": number, "ff": number // 2, "bram": 0, "dsp": 1},
        "fmax_mhz": {"median": clock, "q1": clock, "q3": clock, "all": [clock]},
        "seeds": [{"seed": 1, "fmax_mhz": clock, "reason": None, "area_raw": None}]}, 0.25


def slow(task):
    """The same, after a while."""
    time.sleep(0.05)
    return invented(task)


def deadly(task):
    """The same, but for points that end their process."""
    if task.name == "outputs_per_cycle=2,table_bits=3":
        os.kill(os.getpid(), signal.SIGKILL)
    return slow(task)


def endless(task):
    """None."""
    time.sleep(99)


def moody(task):
    """Points that fail until a file is there."""
    if not os.path.exists("calm") and task.design["precision"]["table_bits"] == 3:
        return failure(task, "the tool did not feel like it."), 0.0
    return invented(task)


def full_disk(task):
    raise OSError(28, "No space left on device")


def unforeseen(task):
    raise KeyError("seed")


def started(folder, *words, **environment):
    """The program at work in a folder, in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "pqhw.cli", *map(str, words)], cwd=folder,
                            env=os.environ | {"NO_COLOR": "1"} | environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)


def killed_when(folder, ready, *words, after=0.0, **environment):
    """Run the program in a folder, and kill it so many seconds after something is there; gives
    its group."""
    process = started(folder, *words, **environment)
    try:
        deadline = time.monotonic() + 1800
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(after)
        assert process.poll() is None, process.stdout.read()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    return process.pid


def wait_for_end(group):
    """Wait until no process of a group is left."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("processes outlive the program")
