"""Integer networks in files, with what their integers stand for."""

import os
from pathlib import Path

import numpy as np

from ..spec import SpecError
from ..spec.network import (NetworkSpec, load_network, load_network_extras,
                            load_network_parameters, save_network)
from .network import IntegerNetwork

__all__ = ["load_integer_network", "save_integer_network"]

PathLike = str | os.PathLike[str]

STEP, UNIT = "step", "unit"
"""Kinds of arrays beside the parameters: KIND/NAME, a real number each."""


def save_integer_network(folder: PathLike, network: IntegerNetwork) -> tuple[Path, Path]:
    """Write NAME.toml and NAME.npz into the folder; equal networks give equal bytes.

    Steps and units stand beside the parameters, as @step/NAME and @unit/NAME.
    """
    spec = network.spec
    extras = {f"{kind}/{name}": np.float64(values[name])
              for kind, values in ((STEP, network.steps), (UNIT, network.units))
              for name in spec.shapes if name in values}
    return save_network(folder, spec, network.parameters, extras)


def load_integer_network(path: PathLike, parameters: PathLike | None = None) -> IntegerNetwork:
    """Read a network with its parameters; steps and units are empty where the file has none.

    Parameters
    ----------
    path: the .toml file
    parameters: the .npz file; the one beside the .toml where left out

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    spec = load_network(path)
    binary = Path(path).with_suffix(".npz") if parameters is None else Path(parameters)
    own = load_network_parameters(spec, binary)
    try:
        steps, units = _scales(spec, load_network_extras(binary))
    except SpecError as error:
        raise type(error)(f"{binary}: {error}") from None
    return IntegerNetwork(spec, own, steps, units)


def _scales(spec: NetworkSpec, extras: dict[str, np.ndarray]
            ) -> tuple[dict[str, float], dict[str, float]]:
    """Steps and units, checked."""
    found: dict[str, dict[str, float]] = {STEP: {}, UNIT: {}}
    for key, value in extras.items():
        kind, _, name = key.partition("/")
        known = {STEP: set(spec.shapes), UNIT: set(spec.engines)}
        if name not in known.get(kind, ()):
            raise SpecError(f"@{key} must be @{STEP}/NAME of a result or @{UNIT}/NAME of an engine "
                            f"of {spec.name}, but is neither.")
        if value.shape or value.dtype.kind not in "iuf" or not 0 < float(value) < np.inf:
            raise SpecError(f"@{key} must be one positive number, but is {value.tolist()!r:.40}.")
        found[kind][name] = float(value)
    return found[STEP], found[UNIT]
