"""What a user may name: a layer in words, a network, bits, or a file of mappings."""

import json
import os
import re
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any

from ...network.files import load_graph
from ...network.graph import Graph
from ...network.zoo import ZOO, zoo_network
from ...spec.fields import SpecError, hint, show
from .architecture import Architecture
from .cost import Bits, CostModel
from .mapping import Mapping
from .network import MappedNetwork, cost_layer
from .workload import DIMENSIONS, Workload, network_workloads

__all__ = ["bits_of", "graph_of", "layer_of", "load_mappings", "workloads_of"]

LAYER = "layer"
"""The name of a layer that is given in words."""


def workloads_of(what: str, *, classes: int | None = None) -> tuple[str, dict[str, Workload]]:
    """A name, and the layers with weights of a network of the zoo, of a graph in a file, or the
    one layer that is written out.

    Raises
    ------
    SpecError, GraphError
        One sentence naming what is not understood.
    """
    if "=" in what and not what.endswith(".npz"):
        return LAYER, {LAYER: layer_of(what)}
    if what not in ZOO and not what.endswith(".npz"):
        raise SpecError(f"what is mapped must be a network of the zoo ({', '.join(ZOO)}), a .npz "
                        f"file of a graph, a .json file of pqhw map, or a layer such as "
                        f"C=3,M=96,R=11,S=11,P=55,Q=55,stride=4, but is {what}.")
    return what if what in ZOO else Path(what).stem, network_workloads(
        graph_of(what, classes=classes))


def graph_of(what: str, *, classes: int | None = None) -> Graph:
    """A network of the zoo, or the graph in a file.

    Raises
    ------
    SpecError, GraphError
        One sentence naming what is not understood.
    """
    if what in ZOO:
        return zoo_network(what, classes=classes)
    if not what.endswith(".npz"):
        raise SpecError(f"network must be of the zoo ({', '.join(ZOO)}) or a .npz file of a graph, "
                        f"but is {what}.")
    return load_graph(what)


def layer_of(text: str) -> Workload:
    """A layer such as ``C=32,M=64,R=3,S=3,P=56,Q=56,stride=2``; what is left out is 1.

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    fields: dict[str, int] = {}
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in (*DIMENSIONS, "stride"):
            raise SpecError(f"{name or show(part)} is not a dimension of a layer; "
                            f"{hint(name, (*DIMENSIONS, 'stride'))}")
        if name in fields or not re.fullmatch(r"\d{1,8}", value):
            raise SpecError(f"{name} must be given once, as a positive integer, "
                            f"but the layer is {text}.")
        fields[name] = int(value)
    return Workload(**fields)   # type: ignore[arg-type]


def bits_of(text: str) -> Bits:
    """Bits such as ``8``, ``8/4`` (activations/weights) or ``8/4/6`` (inputs/weights/outputs).

    Raises
    ------
    SpecError
        If it is anything else.
    """
    parts = text.split("/")
    if len(parts) > 3 or not all(re.fullmatch(r"\d{1,4}", part) for part in parts):
        raise SpecError(f"bits must be such as 8, 8/4 (activations/weights) or 8/4/6 "
                        f"(inputs/weights/outputs), but are {text}.")
    numbers = [int(part) for part in parts]
    return Bits(*(numbers * 3 if len(numbers) == 1 else
                  [*numbers, numbers[0]] if len(numbers) == 2 else numbers))


def load_mappings(path: str | os.PathLike[str], architecture: Architecture) -> MappedNetwork:
    """Layers and mappings as `pqhw map --json` wrote them, costed again.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name; also if they are of another architecture.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SpecError(f"{path}: is not JSON ({error}).") from None
    try:
        return _network(document, architecture)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"{path}: is not a complete document of pqhw map ({error}).") from None


def _network(document: MappingType[str, Any], architecture: Architecture) -> MappedNetwork:
    if not isinstance(document, dict) or document.get("document") != "mapping":
        raise SpecError("document must be mapping, as pqhw map --json writes it, but is not.")
    if document["architecture"] != architecture.name:
        raise SpecError(f"architecture must be {architecture.name}, which is asked for, "
                        f"but is {document['architecture']}.")
    model = CostModel(**document["model"])
    layers = []
    for entry in document["layers"]:
        workload = Workload(**entry["workload"])
        layers.append(cost_layer(entry["name"], workload, architecture, Bits(**entry["bits"]),
                                 model, Mapping.from_json(entry["mapping"]), entry["optimal"]))
    return MappedNetwork(document["name"], architecture, model, tuple(layers), 0, 0.0)
