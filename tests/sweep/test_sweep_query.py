"""Questions to a sweep in SQL, its Parquet file, and the verb."""

import json

import pytest
import sweep_builders
from sweep_builders import SWEEP, prepared, write_files

from pqhw.explore.sweep.query import flat_rows, query, write_parquet
from pqhw.explore.sweep.results import load_sweep_result
from pqhw.spec import SpecError

duckdb = pytest.importorskip("duckdb")

ODD = """
[[point]]
name = "it's odd"
precision.output = { bits = 3, shift = 1 }
engine.encoder = "l1"
[[point]]
name = "impossible"
engine.prototypes = 1000
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with a sweep whose last point cannot be, in a place with an awkward name."""
    folder = tmp_path_factory.mktemp("it's here")
    write_files(folder, SWEEP + ODD)
    prepared(folder, sweep_builders.invented).run()
    return folder / "out"


def test_points_are_a_table_with_a_column_for_every_setting(done):
    names, rows = query(done, "SELECT * FROM points")
    columns, flat = flat_rows(load_sweep_result(done))
    assert names == list(columns) and [dict(zip(names, row)) for row in rows] == flat
    assert columns["outputs_per_cycle"] == columns["lut4"] == "BIGINT"
    assert (columns["fmax_mhz"], columns["encoder"], columns["output"]) == (
        "DOUBLE", "VARCHAR", "VARCHAR")
    odd = flat[-2]
    assert (odd["name"], json.loads(odd["output"])) == ("it's odd", {"bits": 3, "shift": 1})
    assert odd["encoder"] == "l1" and flat[0]["encoder"] is None
    assert (flat[-1]["status"], flat[-1]["key"], flat[-1]["lut4"]) == ("failed", None, None)


def test_the_answer_is_that_of_arithmetic_of_our_own(done):
    rows = [row for row in load_sweep_result(done).rows if row.status == "ok"]
    _, answer = query(done, "SELECT table_bits, count(*), min(lut4), max(fmax_mhz) FROM points "
                            "WHERE status = 'ok' AND table_bits = 3 GROUP BY table_bits")
    own = [row for row in rows if row.settings.get("table_bits") == 3]
    assert answer == [(3, 3, min(row.lut4 for row in own), max(row.fmax_mhz for row in own))]


def test_whole_documents_can_be_asked_too(done):
    _, answer = query(done, "SELECT p.name, r.area.lut4, r.spec.engine.prototypes "
                            "FROM points p JOIN runs r ON r.name = p.name ORDER BY p.name")
    rows = {row.name: row.lut4 for row in load_sweep_result(done).rows if row.status == "ok"}
    assert answer == [(name, rows[name], 4) for name in sorted(rows)]


def test_a_sweep_that_is_not_complete_can_be_asked(tmp_path):
    write_files(tmp_path)
    prepared(tmp_path, sweep_builders.invented).run()
    runs = sorted((tmp_path / "out" / "runs").iterdir())
    for path in runs[:2]:
        path.unlink()
    (tmp_path / "out" / "sweep.json").unlink()
    _, answer = query(tmp_path / "out", "SELECT status, count(*) FROM points GROUP BY 1 ORDER BY 1")
    assert answer == [("ok", 4), ("to do", 2)]


def test_a_parquet_file_is_the_same_table(done, tmp_path):
    path = tmp_path / "it's.parquet"
    write_parquet(done, path)
    read = duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)])
    columns, flat = flat_rows(load_sweep_result(done))
    assert [column[0] for column in read.description] == list(columns)
    assert [dict(zip(columns, row)) for row in read.fetchall()] == flat
    assert [own.name for own in tmp_path.iterdir()] == ["it's.parquet"]


@pytest.mark.parametrize("content, sentence", [
    (None, "holds no sweep, as there is no points.json."),
    ("{", "points.json: is not a JSON file."),
    ("[]", "points.json: does not hold the points of a sweep."),
    ('{"document": "sweep-points", "schema_version": 9}',
     "points.json: has schema version 9, but this pqhw reads version 1."),
    ('{"document": "sweep-points", "schema_version": 1, "points": [{}]}',
     "points.json: is damaged, or of another version of pqhw.")])
def test_a_folder_without_a_sweep_is_told(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "points.json").write_text(content)
    with pytest.raises(SpecError) as told:
        query(tmp_path, "SELECT 1")
    assert str(told.value).endswith(sentence)


def test_a_question_that_is_none_is_one_sentence(done):
    with pytest.raises(SpecError) as told:
        query(done, "SELECT lut5 FROM points")
    assert str(told.value).startswith("--query must be SQL over points and runs, but DuckDB says: ")
    assert "\n" not in str(told.value)


def test_a_place_that_is_none_for_a_file_is_told(done, tmp_path):
    with pytest.raises(SpecError, match="--parquet must name a file to write, but DuckDB says: "):
        write_parquet(done, tmp_path / "none" / "x.parquet")
