"""A search: layers, ways to build them, a device, a budget and what is looked for."""

import copy
import dataclasses
import fnmatch
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...flow.results import Area
from ...spec import SpecError
from ...spec.devices import Device, device
from ...spec.fields import SpecTypeError, hint, show
from ...spec.files import load_mapping
from ...spec.network import load_network
from ..size import KINDS, parse_budget
from ..sweep.overrides import changed, check_path, flat, word
from .learn import Correction
from .split import Split, splits_of

__all__ = ["OBJECTIVES", "Choice", "Search", "load_search"]

OBJECTIVES = ("rate", "lut4", "lut_equivalents", "parameter_bits", "error", "energy_proxy")
"""What can be looked for: the rate as large as can be, all others as small."""

FIELDS = ("title", "layers", "network", "device", "budget", "constant", "wide", "objectives",
          "costs", "seed", "choice", "split")
OWN = ("name", "kind", "layers", "error")
MOST_CHOICES = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """A way to build a layer, its folding and memories aside.

    Members
    -------
    kind: one of `pqhw.explore.size.KINDS`
    changes: values of the layer's fields, by their paths
    layers: patterns of the names of layers that it is for
    error: what it costs in accuracy; None where it is to be estimated
    """
    name: str
    kind: str
    changes: Mapping[str, Any]
    layers: tuple[str, ...] = ("*",)
    error: float | None = None

    def suits(self, layer: str) -> bool:
        """Whether it is for a layer."""
        return any(fnmatch.fnmatchcase(layer, pattern) for pattern in self.layers)

    def mapping(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The tables of a layer's file with its changes."""
        made = copy.deepcopy(dict(base))
        for path, value in self.changes.items():
            changed(made, path, value)
        return made


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched.

    Members
    -------
    layers: tables of spec files, by the layers' names
    constant: whether parameters are known, and built in
    costs: a file of operator costs that stands in the place of choices; None without
    wide: whether fields that change no result are tried with all their values
    splits: pairs of choices that a layer may be shared by
    learned: what routed engines say of the estimates, by kind of engine
    """
    title: str
    layers: Mapping[str, Mapping[str, Any]]
    part: Device
    budget: Area
    constant: bool
    objectives: tuple[str, ...]
    choices: tuple[Choice, ...]
    costs: Path | None
    seed: int
    wide: bool = False
    splits: tuple[Split, ...] = ()
    learned: Mapping[str, Correction] = dataclasses.field(default_factory=dict)


def load_search(path: Path) -> Search:
    """The search of a file, whose other files lie relative to it.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    given = load_mapping(path)
    try:
        return _search(given, path)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def _search(given: Mapping[str, Any], path: Path) -> Search:
    for name in given:
        if name not in FIELDS:
            raise SpecError(f"{name} is not a field of a search; {hint(name, FIELDS)}")
    own = _plain_fields(given)
    if (own["layers"] is None) == (own["network"] is None):
        raise SpecError("layers or network must be given, and not both.")
    layers = (_network_layers(path.parent / own["network"]) if own["network"] is not None
              else _layers(own["layers"], path.parent))
    part = device(own["device"] or "lfe5u-25f")
    objectives = tuple(own["objectives"] or ("rate", "lut_equivalents"))
    for name in objectives:
        if name not in OBJECTIVES:
            raise SpecError(f"objectives must be of {', '.join(OBJECTIVES)}, "
                            f"but one is {show(name)}.")
    costs = None if own["costs"] is None else path.parent / own["costs"]
    tables = given.get("choice", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise SpecTypeError(f"choice must be tables of their own, [[choice]], "
                            f"but is {show(tables)}.")
    if (costs is None) == (not tables):
        raise SpecError("choices must be given, [[choice]], or costs, and not both.")
    choices = tuple(made for index, table in enumerate(tables)
                    for made in _choices(index, table, layers))
    names = [choice.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"choice {name}: names of choices must differ, but this one stands "
                            f"{names.count(name)} times.")
    constant = own["constant"]
    return Search(title=own["title"] or path.stem, layers=layers, part=part,
                  budget=parse_budget(own["budget"], part), choices=choices, costs=costs,
                  constant=True if constant is None else constant, objectives=objectives,
                  seed=own["seed"] or 0, wide=bool(own["wide"]),
                  splits=tuple(splits_of(given.get("split", []), names)))


KINDS_OF = {"title": str, "network": str, "device": str, "budget": str, "costs": str,
            "constant": bool, "wide": bool, "seed": int, "layers": list, "objectives": list}
WORDS = {str: "a text", bool: "true or false", int: "an integer from 0 on",
         list: "a list of different texts"}


def _plain_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """All fields but the choices, each of its kind; None where left out."""
    for name, kind in KINDS_OF.items():
        value = given.get(name)
        good = value is None or type(value) is kind
        if good and kind is list and value is not None:
            good = bool(value) and all(isinstance(own, str) for own in value) \
                and len(set(value)) == len(value)
        if not good or (kind is int and value is not None and value < 0):
            raise SpecTypeError(f"{name} must be {WORDS[kind]}, but is {show(value)}.")
    return {name: given.get(name) for name in KINDS_OF}


def _layers(paths: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in paths:
        mapping = load_mapping(folder / path)
        if "layer" not in mapping:
            raise SpecError(f"layers must be spec files of one layer each, but {path} has no "
                            "[layer].")
        name = Path(path).stem
        if name in found:
            raise SpecError(f"layers must have files of different names, but {name} stands twice.")
        found[name] = mapping
    return found


def _network_layers(path: Path) -> dict[str, dict[str, Any]]:
    """The engines of an integer network; constants of their parameters are left out."""
    return {name: spec.to_mapping() for name, spec in load_network(path).engines.items()}


def _choices(index: int, table: Mapping[str, Any], layers: Mapping[str, Any]
             ) -> Iterator[Choice]:
    """The choices of a table: all values of its lists with all others."""
    where = f"choice[{index}]"
    own = {name: table[name] for name in OWN if name in table}
    kind = own.get("kind")
    if kind not in KINDS:
        raise SpecError(f"{where}.kind must be one of {', '.join(map(show, KINDS))}, "
                        f"but is {'left out' if kind is None else show(kind)}.")
    name = own.get("name", kind)
    patterns = own.get("layers", ["*"])
    if not isinstance(name, str) or not isinstance(patterns, list):
        raise SpecTypeError(f"{where}.name must be a text, and {where}.layers a list of patterns.")
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(layer, str(pattern)) for layer in layers):
            raise SpecError(f"{where}.layers must match a layer, but {show(pattern)} matches none; "
                            f"layers are {', '.join(layers)}.")
    error = own.get("error")
    if error is not None and (isinstance(error, bool) or not isinstance(error, int | float)
                              or not 0 <= error < math.inf):
        raise SpecTypeError(f"{where}.error must be a number from 0 on, but is {show(error)}.")
    changes = dict(flat(where, {key: value for key, value in table.items() if key not in OWN}))
    for path in changes:
        check_path(path, where, {})
    axes = {path: value if isinstance(value, list) else [value] for path, value in changes.items()}
    count = math.prod(map(len, axes.values()))
    if not 1 <= count <= MOST_CHOICES:
        raise SpecError(f"{where} must make 1 to {MOST_CHOICES} choices, but makes {count}.")
    several = [path for path, values in axes.items() if len(values) > 1]
    for values in itertools.product(*axes.values()):
        made = dict(zip(axes, values))
        label = " ".join([name, *(f"{path.rsplit('.', 1)[-1]}={word(made[path])}"
                                  for path in several)])
        yield Choice(name=label, kind=kind, changes=made, layers=tuple(map(str, patterns)),
                     error=None if error is None else float(error))
