"""Integer networks in files: a TOML file of the nodes and an .npz file of all parameters."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..fields import SpecError
from ..files import (load_archive, load_mapping, named_parameters, save_archive, toml_tables,
                     toml_value)
from ..parameters import Parameters, check_parameters
from .network import NetworkSpec

__all__ = ["dump_network", "is_network", "load_network", "load_network_extras",
           "load_network_parameters", "narrow_integers", "network_lines", "save_network"]

PathLike = str | os.PathLike[str]

RESERVED = "@"
"""Begins the names of arrays that are no engine's."""


def dump_network(spec: NetworkSpec) -> str:
    """The text of a network's file."""
    return "\n".join(network_lines(spec.to_mapping()))


def network_lines(mapping: Mapping[str, Any]) -> list[str]:
    """The lines of a network's file, from its tables."""
    lines = [f"name = {toml_value(mapping['name'])}", ""]
    lines += toml_tables("", {"input": mapping["input"]})
    for node in mapping["node"]:
        plain = {name: value for name, value in node.items() if not isinstance(value, Mapping)}
        tables = {name: value for name, value in node.items() if isinstance(value, Mapping)}
        lines.append("[[node]]")
        lines += [f"{name} = {toml_value(value)}" for name, value in plain.items()]
        lines += ["", *toml_tables("node.", tables)] if tables else [""]
    return lines


def is_network(path: PathLike) -> bool:
    """Whether a file holds a network that is not compiled yet, and neither engines nor a design;
    raises `SpecError` where it cannot be read."""
    mapping = load_mapping(path)
    return "node" in mapping and "target" not in mapping


def load_network(path: PathLike) -> NetworkSpec:
    """Read a network's file; raises `SpecError` with one sentence that begins with its name."""
    path = Path(path)
    try:
        return NetworkSpec.from_mapping(load_mapping(path))
    except SpecError as error:
        told = str(error)
        raise type(error)(told if told.startswith(f"{path}:") else f"{path}: {told}") from None


def save_network(folder: PathLike, spec: NetworkSpec, parameters: Mapping[str, Parameters],
                 extras: Mapping[str, Any] | None = None) -> tuple[Path, Path]:
    """Write NAME.toml and NAME.npz into the folder; equal networks give equal bytes.

    Arrays are named NODE/ARRAY, the arrays of a node as those of an engine. `extras` are arrays
    that no engine takes, such as what integers stand for; their names begin with @ in the file.

    Raises
    ------
    SpecError
        If the name of an engine begins with @.
    """
    arrays: dict[str, Any] = {}
    for name, own in spec.engines.items():
        if name.startswith(RESERVED):
            raise SpecError(f"{name}: names of engines must not begin with {RESERVED}, which is "
                            "reserved in files, but this one does.")
        arrays |= {f"{name}/{key}": narrow_integers(value)
                   for key, value in named_parameters(own, parameters[name]).items()}
    arrays |= {RESERVED + name: value for name, value in (extras or {}).items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text, binary = folder / f"{spec.name}.toml", folder / f"{spec.name}.npz"
    text.write_text(dump_network(spec), encoding="utf-8")
    save_archive(binary, arrays)
    return text, binary


def narrow_integers(values: Any) -> np.ndarray:
    """Integers in the smallest type that holds them."""
    values = np.asarray(values)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    widest = min(low, -high - 1) if low < 0 else high
    return values.astype(np.min_scalar_type(widest))


def load_network_extras(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays that no engine takes, by their names without the @."""
    return {key.removeprefix(RESERVED): value for key, value in load_archive(path).items()
            if key.startswith(RESERVED)}


def load_network_parameters(spec: NetworkSpec, path: PathLike) -> dict[str, Parameters]:
    """Read and check the parameters of every engine, by the node's name."""
    values = load_archive(path)
    own: dict[str, dict[str, np.ndarray]] = {name: {} for name in spec.engines}
    try:
        for key, value in values.items():
            if key.startswith(RESERVED):
                continue
            node, slash, array = key.rpartition("/")
            if not slash or node not in own:
                raise SpecError(f"{key} must be named after an engine of {spec.name} and its "
                                "array, as in NODE/bias.")
            own[node][array] = value
        checked = {}
        for name, engine in spec.engines.items():
            try:
                checked[name] = check_parameters(engine, own[name])
            except SpecError as error:
                raise type(error)(f"{name}: {error}") from None
        return checked
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None
