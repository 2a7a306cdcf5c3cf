"""Designs of either kind in files: engines in a row, or a network as a dataflow accelerator."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..chain import ChainSpec
from ..design import Design
from ..fields import SpecError
from ..files import dump_spec, load_mapping, load_parameters, load_spec_with_notes, toml_value
from ..network.files import load_network_parameters, network_lines
from ..parameters import Parameters
from .dataflow import DataflowSpec

__all__ = ["design_from_mapping", "dump_design", "load_design", "load_design_parameters"]

PathLike = str | os.PathLike[str]


def design_from_mapping(mapping: Mapping[str, Any]) -> Design:
    """Build from a parsed file: a network where it names a target, otherwise engines."""
    kind: type[ChainSpec | DataflowSpec] = DataflowSpec if "target" in mapping else ChainSpec
    return kind.from_mapping(mapping)


def load_design(path: PathLike) -> tuple[Design, list[str]]:
    """Read a design's file, and what it says without effect.

    Raises `SpecError` with one sentence that begins with the file's name.
    """
    path = Path(path)
    mapping = load_mapping(path)
    if "target" not in mapping:
        return load_spec_with_notes(path)
    try:
        return DataflowSpec.from_mapping(mapping), []
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def dump_design(design: Design) -> str:
    """The text of a design's file."""
    if isinstance(design, ChainSpec):
        return dump_spec(design)
    mapping = design.to_mapping()
    return "\n".join([f"target = {toml_value(mapping['target'])}", *network_lines(mapping)])


def load_design_parameters(design: Design, path: PathLike) -> tuple[Parameters, ...]:
    """Read and check the parameters of every engine, in the order of the design."""
    if isinstance(design, ChainSpec):
        return load_parameters(design, path)
    assert isinstance(design, DataflowSpec)
    return tuple(load_network_parameters(design.network, path).values())
