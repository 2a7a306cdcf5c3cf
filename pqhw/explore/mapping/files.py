"""Architectures in files: TOML, or YAML with the same fields."""

import importlib.resources
import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...spec.fields import SpecError, SpecTypeError, hint, show
from .architecture import AXES, Architecture, Compute, Fanout, Level, Rule
from .workload import DIMENSIONS, TENSORS

__all__ = ["ARCHITECTURES", "architecture_of", "load_architecture"]

ARCHITECTURES = ("eyeriss-16", "eyeriss-8", "simba-16")
"""Architectures that come along, by name."""

LEVEL_FIELDS = ("name", "keeps", "entries", "word_bits", "block", "read_energy", "write_energy",
                "read_bandwidth", "write_bandwidth", "cluster", "unpack_energy", "temporal",
                *AXES)
RULE_FIELDS = ("only", "whole", "fixed", "order")
MOST = 1 << 40


def load_architecture(what: str | os.PathLike[str]) -> Architecture:
    """An architecture of `ARCHITECTURES` by name, or of a .toml, .yaml or .yml file.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    if str(what) in ARCHITECTURES:
        source = importlib.resources.files(__package__) / "arch" / f"{what}.toml"
        return architecture_of(tomllib.loads(source.read_text(encoding="utf-8")))
    path = Path(what)
    if path.suffix not in (".toml", ".yaml", ".yml"):
        raise SpecError(f"architecture must be one of {', '.join(ARCHITECTURES)}, or a .toml or "
                        f".yaml file, but is {what}.")
    try:
        text = path.read_text(encoding="utf-8")
        return architecture_of(tomllib.loads(text) if path.suffix == ".toml" else _yaml(text))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{path}: is not TOML ({error}).") from None
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise SpecError("YAML files need the package pyyaml; pip install 'pqhw[yaml]', or write "
                        "the same fields as TOML.") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"is not YAML ({' '.join(str(error).split())}).") from None


def architecture_of(mapping: Any) -> Architecture:
    """An architecture from the fields of a file.

    Raises
    ------
    SpecError, SpecTypeError
        One sentence naming field, rule and value.
    """
    table = _table("", mapping, ("name", "title", "word_bits", "mac", "level"))
    word_bits = _count("word_bits", table.get("word_bits", 16), 1024)
    name = _word("name", table.get("name"))
    mac = _table("mac", table.get("mac"), ("energy", "bits"))
    levels = table.get("level")
    if not isinstance(levels, list):
        raise SpecTypeError(f"level must be a list of tables, but is {show(levels)}.")
    return Architecture(
        name=name, title=_word("title", table.get("title", name)),
        levels=tuple(_level(index, level, word_bits) for index, level in enumerate(levels)),
        compute=Compute(energy=_number("mac.energy", mac.get("energy")),
                        bits=_count("mac.bits", mac.get("bits", word_bits), 1024)))


def _level(index: int, given: Any, word_bits: int) -> Level:
    table = _table(f"level {index + 1}", given, LEVEL_FIELDS)
    name = _word(f"level {index + 1}.name", table.get("name"))
    if not name.replace("_", "").replace("-", "").isalnum() or name == "MAC":
        raise SpecError(f"level {index + 1}.name must be a word of letters, digits, - and _ other "
                        f"than MAC, but is {show(name)}.")
    keeps = table.get("keeps", list(TENSORS))
    if not isinstance(keeps, list) or not all(tensor in TENSORS for tensor in keeps):
        raise SpecError(f"{name}.keeps must be a list of {', '.join(TENSORS)}, "
                        f"but is {show(keeps)}.")
    fields: dict[str, Any] = {field: _number(f"{name}.{field}", table[field]) for field in (
        "read_energy", "write_energy", "unpack_energy") if field in table}
    for field in ("read_bandwidth", "write_bandwidth"):
        if field in table:
            fields[field] = _number(f"{name}.{field}", table[field], above=True)
    fields |= {field: _count(f"{name}.{field}", table[field], MOST)
               for field in ("entries", "block", "cluster") if field in table}
    fields |= {axis: _fanout(f"{name}.{axis}", table[axis]) for axis in AXES if axis in table}
    return Level(
        name=name, keeps=frozenset(keeps),
        word_bits=_count(f"{name}.word_bits", table.get("word_bits", word_bits), 1024),
        temporal=_rule(name, _table(f"{name}.temporal", table.get("temporal", {}), RULE_FIELDS)),
        **fields)


def _fanout(place: str, given: Any) -> Fanout:
    table = _table(place, given, ("size", *RULE_FIELDS[:-1]))
    return Fanout(size=_count(f"{place}.size", table.get("size"), 1 << 20),
                  rule=_rule(place, table))


def _rule(place: str, table: Mapping[str, Any]) -> Rule:
    order = _dimensions(f"{place}.order", table.get("order", ""))
    only = _dimensions(f"{place}.only", table.get("only", order or DIMENSIONS))
    whole = _dimensions(f"{place}.whole", table.get("whole", ""))
    fixed = _table(f"{place}.fixed", table.get("fixed", {}), tuple(DIMENSIONS))
    for field, named in (("whole", whole), ("fixed", fixed)):
        for dimension in named:
            if dimension not in only:
                raise SpecError(f"{place}.{field} must name dimensions of {place}.only = {only}, "
                                f"but names {dimension}.")
    if order and set(order) != set(only):
        raise SpecError(f"{place}.order must hold the dimensions of {place}.only = {only}, "
                        f"but is {order}.")
    return Rule(only=only, whole=whole, order=order, fixed={
        dimension: _count(f"{place}.fixed.{dimension}", factor, 1 << 20)
        for dimension, factor in fixed.items()})


def _table(place: str, given: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    named = f"[{place}]" if place else "an architecture"
    if not isinstance(given, Mapping):
        raise SpecTypeError(f"{named} must be a table of fields, but is {show(given)}.")
    for field in given:
        if field not in known:
            raise SpecError(f"{place + '.' if place else ''}{field} is not a field of {named}; "
                            f"{hint(field, known)}")
    return given


def _dimensions(field: str, value: Any) -> str:
    if not isinstance(value, str) or set(value) - set(DIMENSIONS) or len(set(value)) < len(value):
        raise SpecError(f"{field} must be different letters of {DIMENSIONS}, but is {show(value)}.")
    return value


def _word(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SpecTypeError(f"{field} must be a word, but is {show(value)}.")
    return value


def _count(field: str, value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise SpecError(f"{field} must be an integer from 1 to {most}, but is {show(value)}.")
    return value


def _number(field: str, value: Any, *, above: bool = False) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < 0 or (above and value == 0):
        rule = "a number above 0" if above else "a number, 0 or more"
        raise SpecError(f"{field} must be {rule}, but is {show(value)}.")
    return float(value)
