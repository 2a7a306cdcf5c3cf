"""Questions to a sweep's results in SQL, and its table as a Parquet file."""

import json
import tempfile
from pathlib import Path
from typing import Any

from ...flow.tools import ToolMissing
from ...spec import SpecError
from .results import FIGURES, RUNS, Row, SweepResult, load_sweep_result

__all__ = ["flat_rows", "query", "write_parquet"]

TYPES = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}


def flat_rows(result: SweepResult) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Columns with their SQL types, and every row's values by column.

    A setting of several kinds of values, or of lists and tables, is text as it stands in JSON.
    """
    columns = {"name": "VARCHAR"}
    columns |= {name: _type({type(row.settings[name]) for row in result.rows
                             if row.settings.get(name) is not None}) for name in result.columns}
    columns |= {name: _type({int} if "int" in str(field.annotation) else
                            {float} if "float" in str(field.annotation) else {str})
                for name, field in Row.model_fields.items()
                if name in (*FIGURES, "status", "reason", "key")}
    rows = []
    for row in result.rows:
        values: dict[str, Any] = {"name": row.name, **row.settings}
        values |= {name: getattr(row, name) for name in (*FIGURES, "status", "reason", "key")}
        rows.append({name: _plain(values.get(name), kind) for name, kind in columns.items()})
    return columns, rows


def _type(kinds: set[type]) -> str:
    if kinds == {int, float}:
        return "DOUBLE"
    return TYPES.get(next(iter(kinds)), "VARCHAR") if len(kinds) == 1 else "VARCHAR"


def _plain(value: Any, kind: str) -> Any:
    if value is None or kind != "VARCHAR" or isinstance(value, str):
        return value
    return json.dumps(value)


def query(folder: str | Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of the answer to a question about `points`, a row each, and `runs`, the
    whole documents.

    Raises
    ------
    SpecError
        If the folder holds no sweep, or the question is none.
    ToolMissing
        Without DuckDB.
    """
    duckdb, connection = _opened(Path(folder))
    try:
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description or []]
        return names, answer.fetchall() if names else []
    except duckdb.Error as error:
        raise SpecError(f"--query must be SQL over points and runs, but {_said(error)}") from None
    finally:
        connection.close()


def write_parquet(folder: str | Path, path: str | Path) -> None:
    """Write the table of a sweep's points as a Parquet file; raises as `query`."""
    duckdb, connection = _opened(Path(folder))
    draft = Path(path).with_name(f".{Path(path).name}.draft")
    try:
        connection.execute(f"COPY points TO {_quoted(draft)} (FORMAT parquet)")
        draft.replace(path)
    except duckdb.Error as error:
        raise SpecError(f"--parquet must name a file to write, but {_said(error)}") from None
    finally:
        connection.close()
        draft.unlink(missing_ok=True)


def _opened(folder: Path) -> tuple[Any, Any]:
    """DuckDB, and a database in memory that holds a sweep."""
    result = load_sweep_result(folder)
    try:
        import duckdb
    except ImportError:
        raise ToolMissing("duckdb is not installed; run: pip install 'pqhw[sweep]'") from None
    connection = duckdb.connect()
    columns, rows = flat_rows(result)
    kinds = ", ".join(f"{_quoted(name)}: '{kind}'" for name, kind in columns.items())
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "points.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        connection.execute(f"CREATE TABLE points AS SELECT * FROM read_json({_quoted(path)}, "
                           f"format = 'newline_delimited', columns = {{{kinds}}})")
    if any((folder / RUNS).glob("*.json")):
        connection.execute("CREATE VIEW runs AS SELECT * FROM read_json("
                           f"{_quoted(folder / RUNS / '*.json')}, union_by_name = true)")
    return duckdb, connection


def _quoted(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _said(error: Exception) -> str:
    """The first line of a message, as the end of a sentence."""
    line = str(error).strip().splitlines()[0].rstrip(".")
    return f"DuckDB says: {line}."
