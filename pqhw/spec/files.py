"""Spec files (TOML), parameter files (.npz) and row files (.npy), and the spec's JSON Schema."""

import dataclasses
import io
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import integers
from .chain import ChainSpec
from .conv import Conv2d
from .design import Design
from .engine import EngineSpec
from .fields import SpecError, show, table_schema
from .parameters import (BitplaneParameters, MACParameters, Parameters, PQParameters,
                         TreeParameters, check_parameters, check_precisions, check_rows)
from .tables import (Layer, MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding, PQPrecision,
                     output_schema)

__all__ = ["load_spec", "load_spec_with_notes", "dump_spec", "spec_notes", "load_parameters",
           "save_parameters", "load_array", "load_results", "load_rows",
           "load_rows_with_precisions", "spec_schema"]

PathLike = str | os.PathLike[str]


OTHER_KIND = {
    "pq": {"engine": MACEngine, "precision": MACPrecision, "folding": MACFolding},
    "mac": {"engine": PQEngine, "precision": PQPrecision, "folding": PQFolding},
}
"""Tables whose fields a spec of a kind may also hold, without effect."""


CONVOLUTION_FIELDS = (("engine", "convolution"), ("engine", "line_storage"),
                      ("folding", "channels_per_cycle"))
"""Fields that only a convolution asks for."""


def load_spec(path: PathLike) -> ChainSpec:
    """Read a spec file; a file with one spec is a chain of one.

    Raises `SpecError` with one sentence that begins with the file's name.
    """
    return load_spec_with_notes(path)[0]


def load_spec_with_notes(path: PathLike) -> tuple[ChainSpec, list[str]]:
    """The same, and what the file says without effect: fields of the other engine kind."""
    path = Path(path)
    mapping = load_mapping(path)
    try:
        chain = ChainSpec.from_mapping(mapping)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None
    return chain, _notes(mapping, chain)


def load_mapping(path: PathLike) -> dict[str, Any]:
    """A spec file as its tables, unchecked; raises as `load_spec` where it cannot be read."""
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is not a TOML file ({error}).") from None


def spec_notes(path: PathLike) -> list[str]:
    """What a spec file says without effect; raises as `load_spec`."""
    return load_spec_with_notes(path)[1]


def _notes(mapping: Mapping[str, Any], chain: ChainSpec) -> list[str]:
    notes = []
    for index, (given, spec) in enumerate(zip(mapping.get("stage", [mapping]), chain.stages)):
        prefix = f"stage[{index}]." if "stage" in mapping else ""
        for table in OTHER_KIND[spec.KIND]:
            own = getattr(spec, table)
            known = {field.name for field in dataclasses.fields(own)} | {"kind"}
            notes += [f'{prefix}{table}.{name} has no effect with kind = "{spec.KIND}".'
                      for name in given.get(table, {}) if name not in known]
        if isinstance(spec.layer, Layer):
            notes += [f"{prefix}{table}.{name} has no effect with a dense layer."
                      for table, name in CONVOLUTION_FIELDS if name in given.get(table, {})
                      and hasattr(getattr(spec, table), name)]
    return notes


def dump_spec(chain: ChainSpec) -> str:
    """The text of a spec file."""
    mapping = chain.to_mapping()
    if "stage" not in mapping:
        return "\n".join(toml_tables("", mapping))
    lines: list[str] = []
    for stage in mapping["stage"]:
        lines += ["[[stage]]", *toml_tables("stage.", stage)]
    return "\n".join(lines)


def toml_tables(prefix: str, mapping: Mapping[str, Any]) -> list[str]:
    """Lines of tables, by their name."""
    lines = []
    for table, fields in mapping.items():
        lines.append(f"[{prefix}{table}]")
        lines += [f"{name} = {toml_value(value)}" for name, value in fields.items()]
        lines.append("")
    return lines


def toml_value(value: Any) -> str:
    """A value as it stands in a file."""
    if isinstance(value, Mapping):
        items = ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items())
        return f"{{ {items} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return show(value)


def _layer_schema() -> dict[str, Any]:
    kinds = {"dense": table_schema(Layer), "conv2d": table_schema(Conv2d)}
    for kind, schema in kinds.items():
        schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
    kinds["conv2d"]["required"] = ["kind", *kinds["conv2d"]["required"]]
    return {"oneOf": list(kinds.values())}


def spec_schema() -> dict[str, Any]:
    """The JSON Schema of a spec file with one engine or a chain of stages."""
    def engine(kind: str, *tables: Any) -> dict[str, Any]:
        schemas = {table.TABLE: table_schema(table) for table in tables}
        schemas["layer"] = _layer_schema()
        schemas["engine"]["properties"] = {"kind": {"const": kind},
                                           **schemas["engine"]["properties"]}
        schemas["engine"]["required"] = ["kind", *schemas["engine"]["required"]]
        schemas["precision"]["properties"]["output"] = output_schema()
        for table, other in OTHER_KIND[kind].items():
            for name in table_schema(other)["properties"]:
                schemas[table]["properties"].setdefault(
                    name, {"description": f'no effect with kind = "{kind}"'})
        return {"type": "object", "properties": schemas, "required": ["layer", "engine"],
                "additionalProperties": False}

    one = {"oneOf": [engine("pq", PQEngine, PQPrecision, PQFolding),
                     engine("mac", MACEngine, MACPrecision, MACFolding)]}
    many = {"type": "object", "properties": {"stage": {"type": "array", "items": one,
                                                       "minItems": 1}},
            "required": ["stage"], "additionalProperties": False}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pqhw spec",
            "oneOf": [*one["oneOf"], many]}


def _load(path: PathLike, kind: str) -> Any:
    """The file's array, or its open archive; nothing on disk stays open."""
    path = Path(path)
    try:
        content = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    try:
        return np.load(content, allow_pickle=False)
    except Exception:  # Damage raises almost anything, NotImplementedError and KeyError included.
        raise SpecError(f"{path}: is not a {kind} file of plain numbers.") from None


def _members(archive: Any) -> dict[str, np.ndarray]:
    """The arrays of an archive."""
    try:
        return {name: archive[name] for name in archive.files}
    except Exception:  # As in `_load`.
        raise SpecError("is damaged, or holds Python objects instead of plain numbers.") from None


def load_archive(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; raises `SpecError` where it is none."""
    archive = _load(path, ".npz")
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise SpecError(f"{path}: is not a .npz file of plain numbers.")
    try:
        return _members(archive)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def load_parameters(chain: ChainSpec, path: PathLike) -> tuple[Parameters, ...]:
    """Read and check the parameters of every stage.

    A single engine's arrays stand under their plain names; in a chain they are preceded by the
    stage and a dot, as in ``0.tables``.
    """
    values = load_archive(path)
    try:
        if len(chain.stages) == 1:
            return (check_parameters(chain.first, values),)
        return _staged(chain, values)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def _staged(chain: ChainSpec, values: Mapping[str, Any]) -> tuple[Parameters, ...]:
    stages: list[dict[str, Any]] = [{} for _ in chain.stages]
    for name, value in values.items():
        stage, dot, rest = name.partition(".")
        if not dot or not stage.isdecimal() or int(stage) >= len(stages):
            raise SpecError(f"{name} must be named after its stage, from 0.{name} to "
                            f"{len(stages) - 1}.{name}, as the spec has stages.")
        stages[int(stage)][rest] = value
    checked = []
    for index, (spec, own) in enumerate(zip(chain.stages, stages)):
        try:
            checked.append(check_parameters(spec, own))
        except SpecError as error:
            raise type(error)(f"{index}.{error}") from None
    return tuple(checked)


def save_parameters(path: PathLike, chain: ChainSpec, parameters: Sequence[Parameters]) -> None:
    """Write parameters as `load_parameters` reads them."""
    arrays: dict[str, Any] = {}
    for index, (spec, own) in enumerate(zip(chain.stages, parameters)):
        prefix = f"{index}." if len(chain.stages) > 1 else ""
        arrays |= {prefix + name: value for name, value in named_parameters(spec, own).items()}
    save_archive(path, arrays)


def save_archive(path: PathLike, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file."""
    np.savez_compressed(path, **arrays)


def named_parameters(spec: EngineSpec, own: Parameters) -> dict[str, Any]:
    """An engine's arrays by their names in files."""
    named: dict[str, Any] = {"bias": own.bias}
    if isinstance(own, PQParameters):
        named |= {"prototypes": own.prototypes, "tables": own.tables}
    elif isinstance(own, TreeParameters):
        named |= {"split_dims": own.split_dims, "thresholds": own.thresholds,
                  "tables": own.tables}
    elif isinstance(own, MACParameters | BitplaneParameters):
        named |= {"weights": own.weights}
        if isinstance(own, MACParameters) and own.scheme is not None:
            named |= {"scheme": own.scheme}
        if spec.output is not None and spec.output.mode == "scale":
            named |= {"multiplier": own.multiplier}
    if spec.output is not None:
        named |= {"shift": np.asarray(own.shift, np.int64)}
    return named


def load_array(path: PathLike) -> np.ndarray:
    """The array of a .npy file, unchecked; `SpecError` if it is none."""
    array = _load(path, ".npy")
    if not isinstance(array, np.ndarray):
        raise SpecError(f"{path}: is not a .npy file of plain numbers.")
    return array


def load_rows(chain: Design, path: PathLike) -> np.ndarray:
    """Read and check input rows [rows, D], or images [images, H, W, C]."""
    return load_rows_with_precisions(chain, path)[0]


def load_results(path: PathLike) -> np.ndarray:
    """Read integer results of any shape from a .npy file."""
    values = _load(path, ".npy")
    try:
        return integers("results", values)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None


def load_rows_with_precisions(chain: Design, path: PathLike
                              ) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows of a .npy file; or those of a .npz file, its `rows`, and each one's precision,
    its `precision`, where it has one."""
    rows, precisions = _load(path, ".npy"), None
    try:
        if isinstance(rows, np.lib.npyio.NpzFile):
            values = _members(rows) if "rows" in rows.files else {}
            for name in values:
                if name not in ("rows", "precision"):
                    raise SpecError(f"{name} is not an array of rows; known are rows, precision.")
            rows, precisions = values.get("rows"), values.get("precision")
        if not isinstance(rows, np.ndarray):
            raise SpecError("is not a .npy file of plain numbers.")
        rows = check_rows(chain, rows)
        if precisions is not None:
            precisions = check_precisions(chain, precisions, len(rows))
        return rows, precisions
    except SpecError as error:
        raise type(error)(f"{path}: {error}") from None
