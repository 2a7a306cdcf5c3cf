"""Accuracy of the trained networks in docs/networks, from their files and their data.

    python benchmarks/networks.py            # writes docs/networks/networks.json anew
    python benchmarks/networks.py resnet20-im2col-9-16

A network's entry keeps what was said of it by hand, `float`, `data` and `command`; accuracies, and
the classes of the first 100 test images, are computed here.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from pqhw.data import load
from pqhw.flow.cache import default_cache
from pqhw.golden import network_results
from pqhw.network import load_graph
from pqhw.quant.evaluate import evaluate_network
from pqhw.quant.files import load_integer_network

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "networks"
LISTED = FOLDER / "networks.json"
FIRST = 100


def measured(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with what its network does on all test images."""
    data = load(entry["data"], cache=default_cache())
    network = load_integer_network(FOLDER / f"{entry['name']}.toml")
    found = evaluate_network(network, data.test_images, data.test_labels,
                             load_graph(FOLDER / entry["float"]))
    first = network_results(network.spec, network.parameters,
                            np.asarray(data.test_images[:FIRST])).argmax(axis=1)
    assert found.float_accuracy is not None
    return entry | {"test_images": len(data.test_images), "float_accuracy": found.float_accuracy,
                    "accuracy": found.accuracy, "first": "".join(map(str, first))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="all where left out")
    names = parser.parse_args().names
    entries = json.loads(LISTED.read_text(encoding="utf-8"))
    made = [measured(entry) if not names or entry["name"] in names else entry
            for entry in entries]
    LISTED.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    for entry in made:
        print(f"{entry['name']}: {100 * entry['accuracy']:.2f} %")


if __name__ == "__main__":
    main()
