"""A network, images and studies that take seconds."""

import io
import os
import subprocess
import sys

import numpy as np
from rich.console import Console

from pqhw.data import Dataset, save_npz
from pqhw.network import GraphBuilder, save_graph
from pqhw.network.ops import Flatten, Linear, Relu
from pqhw.study.cost import Cost
from pqhw.study.results import RowResult, Run, StudyResult

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


def run_of(seed, accuracies, name="row", float_accuracy=0.98):
    """A run with accuracies converted and fine-tuned; a sentence instead is why it failed."""
    command = f"pqhw study study.toml --rows {name} --seeds {seed} -o again"
    if isinstance(accuracies, str):
        return Run(seed=seed, status="failed", reason=accuracies, command=command)
    converted, tuned = accuracies
    last = converted if tuned is None else tuned
    return Run(seed=seed, status="ok", float_accuracy=float_accuracy,
               converted_accuracy=converted, tuned_accuracy=tuned, command=command,
               lost_points=100 * (float_accuracy - last), network="rows/0/net.toml")


def row_of(name, runs, cost=None, **settings):
    """A row that differs from the base of `result_of` by its settings."""
    return RowResult(name=name, settings={**BASE, **settings}, cost=cost, runs=[
        run_of(seed, own, name) for seed, own in enumerate(runs, start=1)])


BASE = {"kind": "pq", "prototypes": 8, "table_bits": 5, "encoder": "l2"}


def pq_cost(table_bits):
    return Cost(table_bits=table_bits, prototype_bits=1000, weight_bits=500, lookups=40_000,
                distance_operations=20_000, products=9_000, replaced_products=100_000)


def result_of(*rows):
    """A study's result made by hand."""
    own = rows or (
        row_of("base", [(0.9, 0.97), (0.91, 0.98), (0.92, 0.975)], pq_cost(40_000)),
        row_of("prototypes=16", [(0.92, 0.98), (0.93, 0.98), (0.94, 0.98)], pq_cost(80_000),
               prototypes=16),
        row_of("table_bits=2", [(0.3, 0.8), (0.2, 0.82), (0.1, 0.9)], pq_cost(16_000),
               table_bits=2),
        row_of("encoder=l1", [(0.9, None), (0.9, None), (0.9, None)], pq_cost(40_000),
               encoder="l1"),
        row_of("int8", [(0.98, 0.98), "sums <are> too wide.", "sums <are> too wide."],
               Cost(weight_bits=60_000, products=109_000), kind="fixed", prototypes=0),
        row_of("mixed", ["no lanes.", "no lanes.", "no lanes."], kind="mixed"))
    return StudyResult(study="study.toml", title="A <b>study</b>", network="tiny", data="halves",
                       test_images=450, products=109_000, recipe={"epochs": 2}, device="cpu",
                       versions={"torch": "2"}, base=BASE, rows=list(own))


def printed(renderable, width=120):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ")
