"""Fields of specs by their paths, as in `folding.outputs_per_cycle`, and other values for them."""

import collections
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...spec import SpecError
from ...spec.fields import SpecTypeError, hint, show
from ...spec.files import spec_schema

__all__ = ["changed", "check_path", "flat", "leaves", "short_names", "word"]

TABLES = ("layer", "engine", "precision", "folding")
RESERVED = frozenset({"name", "spec", "device", "status", "reason", "key"})
"""Columns that every table has, whatever changes."""


def leaves(where: str, table: Any) -> Iterator[tuple[str, Any]]:
    """Paths and values of a table's tables; dots in names part them as tables do."""
    if not isinstance(table, Mapping):
        raise SpecTypeError(f"{where} must be a table of fields, but is {show(table)}.")
    for name, value in table.items():
        if isinstance(value, Mapping):
            for path, own in leaves(f"{where}.{name}", value):
                yield f"{name}.{path}", own
        else:
            yield name, value


def flat(where: str, table: Any) -> Iterator[tuple[str, Any]]:
    """The same, where a table below a field, such as `precision.output`, is the field's value."""
    for name, value in table.items():
        if not isinstance(value, Mapping) or name.count(".") or name not in (*TABLES, "stage"):
            yield name, value
            continue
        for field, own in value.items():
            if name == "stage" and isinstance(own, Mapping):
                for path, inner in flat(where, own):
                    yield f"stage.{field}.{path}", inner
            else:
                yield f"{name}.{field}", own


@functools.cache
def _known() -> dict[str, list[str]]:
    """Fields of every table, of all kinds of engines and layers."""
    known: dict[str, dict[str, None]] = {table: {} for table in TABLES}
    for kind in spec_schema()["oneOf"][:2]:
        for table, schema in kind["properties"].items():
            for one in schema.get("oneOf", [schema]):
                known[table] |= dict.fromkeys(one["properties"])
    return {table: list(fields) for table, fields in known.items()}


def check_path(path: str, spec: str, mapping: Mapping[str, Any]) -> None:
    """Hold a path to the fields of a spec file.

    Raises
    ------
    SpecError
        One sentence, where the file can have no such field.
    """
    words = path.split(".")
    if "target" in mapping:
        raise SpecError(f"{path} must be a field of engines, but {spec} is a whole network.")
    if words[0] == "stage":
        stages = mapping.get("stage", [])
        if len(words) < 2 or not words[1].isdecimal() or int(words[1]) >= len(stages):
            raise SpecError(f"{path} must name one of the {len(stages)} stages of {spec}, the "
                            "first of them stage.0.")
        words = words[2:]
    elif "stage" in mapping:
        raise SpecError(f"{path} must be preceded by its stage, as in stage.0.{path}, as {spec} "
                        "has stages.")
    known = _known()
    if len(words) != 2 or words[0] not in known:
        raise SpecError(f"{path} must be a table and a field, as in folding.outputs_per_cycle; "
                        f"tables are {', '.join(TABLES)}.")
    if words[1] not in known[words[0]]:
        raise SpecError(f"{path} is not a field of [{words[0]}]; {hint(words[1], known[words[0]])}")


def changed(mapping: dict[str, Any], path: str, value: Any) -> None:
    """Give a field of a spec file's tables a value, in place."""
    words = path.split(".")
    table = mapping
    if words[0] == "stage":
        table = mapping["stage"][int(words[1])]
        words = words[2:]
    table.setdefault(words[0], {})[words[1]] = value


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """A column's name for every path: its field, or all of it where fields are alike."""
    paths = list(dict.fromkeys(paths))
    fields = collections.Counter(path.rsplit(".", 1)[-1] for path in paths)
    return {path: field if fields[field] == 1 and field not in RESERVED else path
            for path in paths for field in [path.rsplit(".", 1)[-1]]}


def word(value: Any) -> str:
    """A value as it stands in a point's name."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
