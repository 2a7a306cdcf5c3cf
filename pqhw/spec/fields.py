"""Declared fields: one rule per field drives validation, defaults, help and the JSON Schema."""

import dataclasses
import difflib
import types
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["SpecError", "SpecTypeError", "Integer", "Choice", "Boolean", "Pair", "Ratio", "Rows",
           "integer", "choice", "boolean", "pair", "ratio", "rows", "check_fields",
           "from_mapping", "table_schema", "to_mapping"]


class SpecError(ValueError):
    """A specification breaks a rule; the message is one sentence naming field, rule and value."""


class SpecTypeError(SpecError, TypeError):
    """A specification holds a value of the wrong kind."""


def show(value: Any) -> str:
    """The value as it would stand in a TOML file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return repr(list(value))
    return repr(value)


@dataclasses.dataclass(frozen=True)
class Integer:
    """An integer from `low` to `high`, both included, or one of `only`.

    `optional` admits None (derived later).
    """
    low: int
    high: int
    optional: bool = False
    only: tuple[int, ...] = ()

    @property
    def rule(self) -> str:
        """What is admitted, in words."""
        if self.only:
            return f"one of {', '.join(map(str, self.only))}"
        return f"an integer from {self.low} to {self.high}"

    def check(self, name: str, value: Any) -> None:
        if value is None and self.optional:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            raise SpecTypeError(f"{name} must be {self.rule}, but is {show(value)}.")
        if not self.low <= value <= self.high or (self.only and value not in self.only):
            raise SpecError(f"{name} must be {self.rule}, but is {value}.")

    def schema(self) -> dict[str, Any]:
        if self.only:
            return {"type": "integer", "enum": list(self.only)}
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few words."""
    words: tuple[str, ...]

    def check(self, name: str, value: Any) -> None:
        if value not in self.words or not isinstance(value, str):
            words = ", ".join(show(word) for word in self.words)
            kind = SpecError if isinstance(value, str) else SpecTypeError
            raise kind(f"{name} must be one of {words}, but is {show(value)}.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclasses.dataclass(frozen=True)
class Ratio:
    """``auto``, or two integers, not both 0, as in ``1:2``; or None (left to be derived)."""
    rule = '"auto" or two integers such as "1:2"'

    def check(self, name: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            raise SpecTypeError(f"{name} must be {self.rule}, but is {show(value)}.")
        parts = value.split(":")
        good = (len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 6
                                        for part in parts) and any(map(int, parts)))
        if value != "auto" and not good:
            raise SpecError(f"{name} must be {self.rule}, but is {show(value)}.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(auto|[0-9]+:[0-9]+)$"}


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows of integers from `low` to `high`, all of one length, or None (left to be given later).

    A checked value is a tuple of tuples, so that it can be compared and hashed.
    """
    low: int
    high: int

    @property
    def rule(self) -> str:
        """What is admitted, in words."""
        return f"an array of equally long rows of integers from {self.low} to {self.high}"

    def check(self, name: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, (list, tuple)) or not all(
                isinstance(row, (list, tuple)) for row in value):
            raise SpecTypeError(f"{name} must be {self.rule}, but is {show(value)}.")
        for row, entries in enumerate(value):
            for entry in entries:
                Integer(self.low, self.high).check(f"{name}[{row}]", entry)
        if not value or not value[0] or len({len(row) for row in value}) > 1:
            raise SpecError(f"{name} must be {self.rule}, but has rows of "
                            f"{', '.join(str(len(row)) for row in value) or 'nothing'}.")

    def schema(self) -> dict[str, Any]:
        entry = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return {"type": "array", "minItems": 1,
                "items": {"type": "array", "minItems": 1, "items": entry}}


@dataclasses.dataclass(frozen=True)
class Boolean:
    """True or false."""

    def check(self, name: str, value: Any) -> None:
        if not isinstance(value, bool):
            raise SpecTypeError(f"{name} must be true or false, but is {show(value)}.")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclasses.dataclass(frozen=True)
class Pair:
    """An integer from `low` to `high` for both directions of an image, or two of them, [y, x]."""
    low: int
    high: int

    @property
    def rule(self) -> str:
        """What is admitted, in words."""
        return f"an integer from {self.low} to {self.high}, or two of them as [y, x]"

    def check(self, name: str, value: Any) -> None:
        pair = value if isinstance(value, list | tuple) else (value, value)
        kinds = {type(item) for item in pair}
        if kinds != {int}:
            raise SpecTypeError(f"{name} must be {self.rule}, but is {show(value)}.")
        if len(pair) != 2 or not all(self.low <= item <= self.high for item in pair):
            raise SpecError(f"{name} must be {self.rule}, but is {show(value)}.")

    def schema(self) -> dict[str, Any]:
        one = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return {"oneOf": [one, {"type": "array", "items": one, "minItems": 2, "maxItems": 2}]}


def _field(rule: Any, doc: str, default: Any) -> Any:
    metadata = types.MappingProxyType({"rule": rule, "doc": doc})
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def integer(low: int, high: int, doc: str, *, default: Any = dataclasses.MISSING,
            only: tuple[int, ...] = ()) -> Any:
    """A dataclass field holding an integer; `default=None` makes it optional."""
    return _field(Integer(low, high, optional=default is None, only=only), doc, default)


def pair(low: int, high: int, doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field holding an integer for both directions, or [y, x]."""
    return _field(Pair(low, high), doc, default)


def choice(words: tuple[str, ...], doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field holding one of `words`."""
    return _field(Choice(words), doc, default)


def ratio(doc: str) -> Any:
    """A dataclass field holding a ratio of two integers, ``auto`` or None."""
    return _field(Ratio(), doc, None)


def boolean(doc: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field holding true or false."""
    return _field(Boolean(), doc, default)


def _declared(cls: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(cls) if "rule" in field.metadata]


def rows(low: int, high: int, doc: str) -> Any:
    """A dataclass field holding rows of integers, or None."""
    return _field(Rows(low, high), doc, None)


def check_fields(table: str, instance: Any) -> None:
    """Hold every declared field of a dataclass instance to its rule.

    Raises `SpecTypeError` or `SpecError` naming `table.field`, the rule and the value.
    """
    for field in _declared(instance):
        field.metadata["rule"].check(f"{table}.{field.name}", getattr(instance, field.name))


def hint(name: Any, known: Iterable[str]) -> str:
    """How to go on after an unknown name: the known one that is like it, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}."


def from_mapping(cls: Any, table: str, mapping: Any, *,
                 ignore: frozenset[str] = frozenset()) -> Any:
    """Build a table's dataclass from parsed TOML, refusing unknown and missing fields by name."""
    if not isinstance(mapping, Mapping):
        raise SpecTypeError(f"[{table}] must be a table of fields, but is {show(mapping)}.")
    fields = {field.name: field for field in _declared(cls)}
    for name in mapping:
        if name not in fields and name not in ignore:
            raise SpecError(f"{table}.{name} is not a field of [{table}]; {hint(name, fields)}")
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in mapping:
            raise SpecError(f"{table}.{name} is required ({field.metadata['doc']}), "
                            f"but [{table}] does not give it.")
    return cls(**{name: value for name, value in mapping.items() if name in fields})


def to_mapping(instance: Any) -> dict[str, Any]:
    """The declared fields as a plain mapping; fields left to be derived are omitted."""
    values = {field.name: getattr(instance, field.name) for field in _declared(instance)}
    rows_of = {field.name for field in _declared(instance)
               if isinstance(field.metadata["rule"], Rows)}
    return {name: [list(row) for row in value] if name in rows_of else value
            for name, value in values.items() if value is not None}


def table_schema(cls: Any) -> dict[str, Any]:
    """The JSON Schema of one table."""
    properties = {}
    required = []
    for field in _declared(cls):
        entry = dict(field.metadata["rule"].schema(), description=field.metadata["doc"])
        if field.default is dataclasses.MISSING:
            required.append(field.name)
        elif field.default is not None:
            entry["default"] = field.default
        properties[field.name] = entry
    return {"type": "object", "properties": properties, "required": required,
            "additionalProperties": False}
