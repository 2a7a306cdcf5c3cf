"""The trained networks that come along do what is said of them."""

import functools
import json
import time

import numpy as np
import pytest
from docs_pages import DOCS

from pqhw.data import digits_images, glyphs
from pqhw.golden import network_results
from pqhw.network import load_graph
from pqhw.quant.files import load_integer_network

FOLDER = DOCS / "networks"
ENTRIES = {entry["name"]: entry
           for entry in json.loads((FOLDER / "networks.json").read_text(encoding="utf-8"))}


@functools.cache
def images(data):
    """The first 100 test images."""
    if data == "digits":
        pytest.importorskip("sklearn")
        return np.asarray(digits_images().test_images[:100])
    return np.asarray(glyphs(train=1, test=100).test_images)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_network_gives_the_classes_that_were_recorded(name):
    network = load_integer_network(FOLDER / f"{name}.toml")
    found = network_results(network.spec, network.parameters,
                            images(ENTRIES[name]["data"].split(":")[0])).argmax(axis=1)
    assert "".join(map(str, found)) == ENTRIES[name]["first"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENTRIES if name.startswith("resnet20")])
def test_two_cores_take_a_second_for_a_hundred_images_at_most(name):
    network = load_integer_network(FOLDER / f"{name}.toml")
    own = images("glyphs")
    network_results(network.spec, network.parameters, own[:4])
    # Time of processors: others on the machine hardly change it.
    start = time.process_time()
    network_results(network.spec, network.parameters, own)
    assert time.process_time() - start < 2.0


def test_the_folder_holds_what_is_listed_and_little_else():
    files = {f"{name}{ending}" for name in ENTRIES for ending in (".toml", ".npz")}
    files |= {entry["float"] for entry in ENTRIES.values()} | {"networks.json"}
    assert {path.name for path in FOLDER.iterdir()} == files
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 6 << 20
    for entry in ENTRIES.values():
        shape = (8, 8, 1) if entry["data"] == "digits" else (32, 32, 3)
        assert load_graph(FOLDER / entry["float"]).input_shape == shape


def test_the_page_has_their_accuracy():
    text = (DOCS / "networks.md").read_text(encoding="utf-8").replace(" \\\n    ", " ")
    for name, entry in ENTRIES.items():
        lost = 100 * (entry["float_accuracy"] - entry["accuracy"])
        assert f"| `{name}` | {100 * entry['accuracy']:.2f} % | {lost:.2f} |" in text
        assert entry["command"] in text
