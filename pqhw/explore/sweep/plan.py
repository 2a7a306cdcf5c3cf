"""A sweep: base specs, fields that change, devices and seeds; and the points that follow."""

import collections
import copy
import dataclasses
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...spec import SpecError
from ...spec.dataflow import design_from_mapping
from ...spec.devices import device
from ...spec.fields import SpecTypeError, hint, show
from ...spec.files import load_mapping
from .overrides import changed, check_path, flat, leaves, short_names, word

__all__ = ["METHODS", "Point", "Sweep", "load_sweep", "sweep_from_mapping"]

METHODS = ("measured", "estimated")
FIELDS = ("title", "method", "specs", "devices", "seeds", "grid", "point")
SEEDS = (1, 2, 3)
MOST_POINTS = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """A design to measure.

    Members
    -------
    settings: spec, device and what differs from the base, by the names of a table's columns
    design: the design's mapping, defaults filled in; None where there can be none
    reason: why there can be none
    """
    name: str
    settings: dict[str, Any]
    device: str
    seeds: tuple[int, ...]
    design: dict[str, Any] | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """What is measured, and how.

    Members
    -------
    method: `measured`, or `estimated` from the spec alone
    columns: of the settings, in their order
    """
    title: str
    method: str
    columns: tuple[str, ...]
    points: tuple[Point, ...]


def load_sweep(path: Path) -> Sweep:
    """The sweep of a file, whose spec files lie relative to it.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    mapping = load_mapping(path)
    try:
        return sweep_from_mapping(mapping, path.parent, title=path.stem)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def sweep_from_mapping(given: Mapping[str, Any], folder: Path, *, title: str = "sweep") -> Sweep:
    """The sweep of a file's tables; `folder` is where its spec files lie.

    A point that breaks a rule of its spec is one with a reason; a field that no spec has, or a
    file that cannot be read, is refused.
    """
    for name in given:
        if name not in FIELDS:
            raise SpecError(f"{name} is not a field of a sweep; {hint(name, FIELDS)}")
    method = given.get("method", METHODS[0])
    if method not in METHODS:
        raise SpecError(f"method must be one of {', '.join(map(show, METHODS))}, "
                        f"but is {show(method)}.")
    told = given.get("title", title)
    if not isinstance(told, str):
        raise SpecTypeError(f"title must be a text, but is {show(told)}.")
    specs = _specs(_words("specs", given.get("specs")), folder)
    devices = _words("devices", given.get("devices", ["lfe5u-25f"]))
    for name in devices:
        try:
            device(name)
        except SpecError as error:
            raise SpecError(f"devices: {error}") from None
    choices = [*_grid(given), *_own(given, specs, devices)] or [_Choice({})]
    names = short_names(path for choice in choices for path in choice.changes)
    for choice in choices:
        for path in choice.changes:
            for spec, mapping in specs.items():
                if choice.spec in (None, spec):
                    check_path(path, spec, mapping)
    points = [_point(choice, spec, part, specs, devices, names, _seeds("seeds", given))
              for spec in specs for part in devices for choice in choices
              if choice.spec in (None, spec) and choice.device in (None, part)]
    for name, count in collections.Counter(own.name for own in points).items():
        if count > 1:
            raise SpecError(f"point {name}: names of points must differ, but this one stands "
                            f"{count} times.")
    return Sweep(title=told, method=method, points=tuple(points),
                 columns=("spec", "device", *dict.fromkeys(names.values())))


@dataclasses.dataclass(frozen=True)
class _Choice:
    """Values of fields by their paths, and where they apply; all where None."""
    changes: dict[str, Any]
    name: str | None = None
    spec: str | None = None
    device: str | None = None
    seeds: tuple[int, ...] | None = None


def _words(name: str, given: Any) -> list[str]:
    good = isinstance(given, list) and given and all(isinstance(own, str) for own in given)
    if not good or len(set(given)) < len(given):
        raise SpecTypeError(f"{name} must be a list of different texts, "
                            f"but is {'left out' if given is None else show(given)}.")
    return list(given)


def _seeds(name: str, table: Mapping[str, Any]) -> tuple[int, ...]:
    given = table.get("seeds", list(SEEDS))
    good = isinstance(given, list) and given and all(
        isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in given)
    if not good or len(set(given)) < len(given):
        raise SpecError(f"{name} must be a list of different integers from 0 on, "
                        f"but is {show(given)}.")
    return tuple(given)


def _specs(paths: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """The files' tables by a name for each: its stem, or its path where stems are alike."""
    stems = [Path(path).stem for path in paths]
    found = {}
    for path, stem in zip(paths, stems):
        mapping = load_mapping(folder / path)
        name = stem if stems.count(stem) == 1 else Path(path).with_suffix("").as_posix()
        try:
            design_from_mapping(mapping)
        except SpecError as error:
            raise type(error)(f"{path}: {error}") from None
        found[name] = mapping
    return found


def _grid(given: Mapping[str, Any]) -> Iterator[_Choice]:
    """All values of every axis with all of the others."""
    if "grid" not in given:
        return
    axes = dict(leaves("grid", given["grid"]))
    for path, values in axes.items():
        if not isinstance(values, list) or not values:
            raise SpecTypeError(f"grid.{path} must be a list of values, but is {show(values)}.")
        if any(value in values[:index] for index, value in enumerate(values)):
            raise SpecError(f"grid.{path} must hold different values, but is {show(values)}.")
    count = math.prod(map(len, axes.values()))
    if count > MOST_POINTS:
        raise SpecError(f"grid must make at most {MOST_POINTS} points, but makes {count}.")
    for values in itertools.product(*axes.values()):
        yield _Choice(dict(zip(axes, values)))


def _own(given: Mapping[str, Any], specs: Mapping[str, Any], devices: list[str]
         ) -> Iterator[_Choice]:
    """Points of their own, [[point]]."""
    tables = given.get("point", [])
    if not isinstance(tables, list):
        raise SpecTypeError(f"point must be tables of their own, [[point]], but is {show(tables)}.")
    for index, table in enumerate(tables):
        where = f"point[{index}]"
        if not isinstance(table, Mapping):
            raise SpecTypeError(f"{where} must be a table of fields, but is {show(table)}.")
        own = dict(table)
        name = own.pop("name", None)
        if not isinstance(name, str) or not name:
            raise SpecError(f"{where}.name must be a text, "
                            f"but is {'left out' if name is None else show(name)}.")
        seeds = _seeds(f"{where}.seeds", own) if "seeds" in own else None
        own.pop("seeds", None)
        places = {}
        for field, known in (("spec", list(specs)), ("device", devices)):
            places[field] = own.pop(field, None)
            if places[field] is not None and places[field] not in known:
                raise SpecError(f"{where}.{field} must be one of {', '.join(known)}, "
                                f"but is {show(places[field])}.")
        yield _Choice(dict(flat(where, own)), name=name, seeds=seeds, **places)


def _point(choice: _Choice, spec: str, part: str, specs: Mapping[str, Any], devices: list[str],
           names: Mapping[str, str], seeds: tuple[int, ...]) -> Point:
    label = choice.name or ",".join(
        f"{names[path]}={word(value)}" for path, value in choice.changes.items()) or "base"
    name = "/".join([*[spec] * (len(specs) > 1), *[part] * (len(devices) > 1), label])
    settings = {"spec": spec, "device": part,
                **{names[path]: value for path, value in choice.changes.items()}}
    seeds = seeds if choice.seeds is None else choice.seeds
    made, reason = None, None
    try:
        made = _made(specs[spec], choice.changes)
    except SpecError as error:
        reason = str(error)
    return Point(name=name, settings=settings, device=part, seeds=seeds, design=made,
                 reason=reason)


def _made(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The design with its changes, as plain values."""
    mapping = copy.deepcopy(dict(base))
    for path, value in changes.items():
        changed(mapping, path, value)
    plain: dict[str, Any] = json.loads(json.dumps(design_from_mapping(mapping).to_mapping()))
    return plain
