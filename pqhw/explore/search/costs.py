"""What operators cost: a row for every way to build one, to be written, read and searched."""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic

from ...flow.area import equivalents
from ...flow.folders import write_whole
from ...flow.results import Area
from ...flow.tools import ToolMissing
from ...spec import SpecError
from ...spec.devices import Device

__all__ = ["OperatorCost", "check_suffix", "load_costs", "save_costs"]

SUFFIXES = (".json", ".csv", ".parquet")
SCHEMA = 1


class OperatorCost(pydantic.BaseModel):
    """One way to build an operator, on one device."""
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)
    operator: str = pydantic.Field(min_length=1, description="name of the layer")
    shape: dict[str, Any] = pydantic.Field(description="the layer, as in a spec file")
    engine: str = pydantic.Field(description="name of the choice, or of another tool's engine")
    bits: dict[str, int] = pydantic.Field(
        default={}, description="of activations, prototypes, tables, weights, as far as there are")
    device: str = pydantic.Field(default="", description="device that the figures are of")
    cycles: int = pydantic.Field(ge=1, description="from one row, or image, to the next")
    fmax_mhz: float = pydantic.Field(gt=0, description="clock")
    lut4: int = pydantic.Field(ge=0, description="LUT4")
    ff: int = pydantic.Field(default=0, ge=0, description="flip-flops")
    bram: int = pydantic.Field(default=0, ge=0, description="block RAMs")
    dsp: int = pydantic.Field(default=0, ge=0, description="DSP blocks")
    parameter_bits: int = pydantic.Field(
        default=0, ge=0, description="of tables and prototypes, or of weights, whatever the "
                                     "folding")
    error: float = pydantic.Field(
        default=0.0, ge=0, description="what it costs in accuracy, as it was given or measured")
    spec: dict[str, Any] | None = pydantic.Field(
        default=None, description="the engine's spec; null where another tool gave the row")

    @property
    def area(self) -> Area:
        """All resources."""
        return Area(lut4=self.lut4, ff=self.ff, bram=self.bram, dsp=self.dsp)

    def lut_equivalents(self, part: Device) -> float:
        """Area as one number, at PQA's prices."""
        return equivalents(self.area, part).pqa

    def energy_proxy(self, part: Device) -> float:
        """LUT equivalents times cycles: cells that are clocked for a row, or an image. A proxy, as
        it knows nothing of what toggles."""
        return self.lut_equivalents(part) * self.cycles


def save_costs(path: str | os.PathLike[str], costs: Sequence[OperatorCost], part: Device) -> None:
    """Write rows as JSON, CSV or Parquet, by the file's ending; the energy proxy stands beside.

    Raises
    ------
    SpecError
        If the ending is none of these.
    ToolMissing
        For Parquet without DuckDB.
    """
    path = Path(path)
    check_suffix(path)
    rows = [own.model_dump(mode="json") | {"energy_proxy": round(own.energy_proxy(part), 1)}
            for own in costs]
    if path.suffix == ".json":
        document = {"schema_version": SCHEMA, "document": "operator-costs", "costs": rows}
        write_whole(path, json.dumps(document, indent=1) + "\n")
    elif path.suffix == ".csv":
        write_whole(path, _csv(rows))
    else:
        _write_parquet(path, rows)


def load_costs(path: str | os.PathLike[str]) -> list[OperatorCost]:
    """Read such a file, of this program or another.

    Required are operator, shape, engine, cycles, fmax_mhz and lut4; what is left out is 0, or
    unknown. In CSV and Parquet, shape, bits and spec are JSON texts.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name, and names the row and the field.
    ToolMissing
        For Parquet without DuckDB.
    """
    path = Path(path)
    check_suffix(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    rows = _read_parquet(path) if path.suffix == ".parquet" else _read_text(path, content)
    if not rows:
        raise SpecError(f"{path}: costs must be one row or more, but there are none.")
    return [_row(path, index, row) for index, row in enumerate(rows)]


def check_suffix(path: Path) -> None:
    """Raise `SpecError` where a file's ending tells no format of costs."""
    if path.suffix not in SUFFIXES:
        raise SpecError(f"{path}: costs must be a file of {', '.join(SUFFIXES)}, "
                        f"but it ends with {path.suffix or 'nothing'}.")


def _row(path: Path, index: int, row: Any) -> OperatorCost:
    where = f"{path}: row {index}"
    if not isinstance(row, dict):
        raise SpecError(f"{where} must be a table of fields, but is {json.dumps(row)}.")
    values = {name: value for name, value in row.items()
              if name != "energy_proxy" and value not in (None, "")}
    for name in ("shape", "bits", "spec"):
        if isinstance(values.get(name), str):
            try:
                values[name] = json.loads(values[name])
            except ValueError:
                raise SpecError(f"{where}: {name} must be a JSON text, "
                                f"but is {values[name]}.") from None
    try:
        return OperatorCost.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise SpecError(f"{where}: {field}: {first['msg']}.") from None


# -- Formats -----------------------------------------------------------------------------------

def _texts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose tables are JSON texts."""
    return [{name: json.dumps(value) if isinstance(value, dict) else value
             for name, value in row.items()} for row in rows]


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*OperatorCost.model_fields, "energy_proxy"],
                            lineterminator="\n")
    writer.writeheader()
    writer.writerows(_texts(rows))
    return text.getvalue()


def _read_text(path: Path, content: bytes) -> list[Any]:
    try:
        text = content.decode()
        if path.suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text), strict=True))
        values = json.loads(text)
    except (ValueError, csv.Error):
        raise SpecError(f"{path}: is not a {path.suffix[1:].upper()} file.") from None
    if not isinstance(values, dict) or values.get("document") != "operator-costs":
        raise SpecError(f"{path}: does not hold costs of operators.")
    if values.get("schema_version") != SCHEMA or not isinstance(values.get("costs"), list):
        raise SpecError(f"{path}: has schema version {values.get('schema_version')}, "
                        f"but this pqhw reads version {SCHEMA}.")
    return list(values["costs"])


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise ToolMissing("duckdb is not installed; run: pip install 'pqhw[sweep]'") from None
    return duckdb


def _write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    kinds = {"cycles": "BIGINT", "lut4": "BIGINT", "ff": "BIGINT", "bram": "BIGINT",
             "dsp": "BIGINT", "parameter_bits": "BIGINT", "fmax_mhz": "DOUBLE", "error": "DOUBLE",
             "energy_proxy": "DOUBLE"}
    names = [*OperatorCost.model_fields, "energy_proxy"]
    connection, draft = _duckdb().connect(), path.with_name(f".{path.name}.draft")
    try:
        connection.execute("CREATE TABLE costs (" + ", ".join(
            f'"{name}" {kinds.get(name, "VARCHAR")}' for name in names) + ")")
        connection.executemany(f"INSERT INTO costs VALUES ({', '.join('?' * len(names))})",
                               [[row[name] for name in names] for row in _texts(rows)])
        connection.execute("COPY costs TO '" + str(draft).replace("'", "''")
                           + "' (FORMAT parquet)")
        draft.replace(path)
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _read_parquet(path: Path) -> list[Any]:
    duckdb = _duckdb()
    try:
        answer = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row)) for row in answer.fetchall()]
    except duckdb.Error:
        raise SpecError(f"{path}: is not a PARQUET file.") from None
