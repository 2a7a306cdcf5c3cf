"""A network, images and studies that take seconds."""

import os
import subprocess
import sys

import numpy as np

from pqhw.data import Dataset, save_npz
from pqhw.network import GraphBuilder, save_graph
from pqhw.network.ops import Flatten, Linear, Relu

STUDY = """
network = "tiny.npz"
data = "halves.npz"
seeds = [1, 2]

[float]
epochs = 20
optimiser = "adam"
rate = 0.03
batch = 16

[base]
length = 2
prototypes = 8
epochs = 2
batch = 16
"""
ROWS = """
[axes]
prototypes = [4, 8]
table_bits = [3, 5]

[[row]]
name = "int8"
kind = "fixed"
activation_bits = 8
"""


def images():
    """64 and 32 images of 4 x 4 pixels, dark or bright in their upper half."""
    random = np.random.default_rng(0)
    labels = np.arange(96) % 2
    pixels = random.integers(0, 120, (96, 4, 4, 1))
    pixels[labels == 1, :2] += 100
    pixels = pixels.astype(np.uint8)
    return Dataset(pixels[:64], labels[:64], pixels[64:], labels[64:], name="halves",
                   classes=("dark", "bright"))


def write_files(folder, rows=ROWS, head=STUDY):
    """tiny.npz, a dense network, halves.npz and study.toml."""
    random = np.random.default_rng(1)
    net = GraphBuilder("tiny", (4, 4, 1))
    net.add(Flatten())
    net.add(Linear(weights=random.normal(0, 0.01, (6, 16))), name="first")
    net.add(Relu(), name="first.relu")
    net.add(Linear(weights=random.normal(0, 0.5, (6, 6))), name="hidden")
    net.add(Relu(), name="hidden.relu")
    net.add(Linear(weights=random.normal(0, 0.5, (2, 6))), name="last")
    save_graph(folder / "tiny.npz", net.build())
    save_npz(folder / "halves.npz", images())
    (folder / "study.toml").write_text(head + rows, encoding="utf-8")


def files_of(folder):
    """What decides a study's result and its networks, as bytes by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in (".npz", ".toml", ".json") and path.name != "history.json"}


def started(folder, *words):
    """The program at work in a folder, in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "pqhw.cli", *map(str, words)], cwd=folder,
                            env=os.environ | {"NO_COLOR": "1"}, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)
