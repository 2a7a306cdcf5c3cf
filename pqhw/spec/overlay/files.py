"""Overlays in files: hardware alone, or with the network that it runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..devices import Device
from ..fields import SpecError
from ..files import load_mapping, toml_tables, toml_value
from ..network import NetworkSpec
from ..network.files import network_lines
from .overlay import OverlaySpec

__all__ = ["OVERLAYS", "TARGET", "dump_overlay", "is_overlay", "load_overlay", "load_overlay_spec",
           "overlay_for"]

PathLike = str | os.PathLike[str]

TARGET = "overlay"
"""What a file names that holds an overlay and a network."""

OVERLAYS = {"lfe5u-25f": OverlaySpec(),
           "lfe5u-85f": OverlaySpec(activation_words=2048, table_words=1024, tree_words=64,
                                    dsp_blocks=156)}
"""Overlays that fit a device and run the networks of the zoo that its block RAM can hold."""


def overlay_for(part: Device) -> OverlaySpec:
    """The overlay that a device is given where none is asked for; `SpecError` if there is none."""
    if part.name not in OVERLAYS:
        raise SpecError(f"--device must be {' or '.join(OVERLAYS)} for an overlay, unless "
                        f"--overlay tells what is built, but is {part.name}.")
    return OVERLAYS[part.name]


def load_overlay_spec(path: PathLike) -> OverlaySpec:
    """Read the hardware from the table [overlay] of a file, which may hold more."""
    path = Path(path)
    mapping = load_mapping(path)
    if "overlay" not in mapping:
        raise SpecError(f"{path}: must have a table [overlay], but has none.")
    try:
        spec: OverlaySpec = OverlaySpec.from_mapping(mapping["overlay"])
        return spec
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def is_overlay(path: PathLike) -> bool:
    """Whether a file names an overlay as its target; raises as `load_mapping`."""
    return bool(load_mapping(path).get("target") == TARGET)


def load_overlay(path: PathLike) -> tuple[OverlaySpec, NetworkSpec]:
    """Read hardware and network; raises `SpecError` with one sentence that begins with the file's
    name."""
    path = Path(path)
    mapping = load_mapping(path)
    rest = {name: value for name, value in mapping.items() if name not in ("target", "overlay")}
    try:
        return load_overlay_spec(path), NetworkSpec.from_mapping(rest)
    except SpecError as error:
        told = str(error)
        raise type(error)(told if told.startswith(f"{path}:") else f"{path}: {told}") from None


def dump_overlay(spec: OverlaySpec, network: NetworkSpec) -> str:
    """The text of a file with hardware and network."""
    tables: Mapping[str, Any] = {"overlay": spec.to_mapping()}
    return "\n".join([f"target = {toml_value(TARGET)}", *network_lines(network.to_mapping()),
                      *toml_tables("", tables)])
