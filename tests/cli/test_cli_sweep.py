"""pqhw sweep, from the command line."""

import json

import pytest

from pqhw.explore.sweep import run

SWEEP = """
method = "estimated"
specs = ["layer.toml"]
[grid]
folding.outputs_per_cycle = [1, 3]
precision.table_bits = [3, 99]
"""


@pytest.fixture
def sweep(folder):
    (folder / "sweep.toml").write_text(SWEEP)
    return folder


def test_the_table_its_json_and_its_folder(pqhw, sweep):
    status, out, err = pqhw("sweep", "sweep.toml", "-j", 1)
    assert status == 1, "two points break a rule"
    assert "outputs_per_cycle=3,table_bits=3" in out and "failed" in out
    assert out.count("precision.table_bits must be an integer from 2 to 16, but is 99.") == 1
    assert "result: runs/sweep-sweep/sweep.json" in out
    status, out, err = pqhw("sweep", "sweep.toml", "--json")
    document = json.loads(out)
    assert (status, document["document"], err) == (1, "sweep", "")
    assert [row["status"] for row in document["rows"]] == ["ok", "failed"] * 2
    assert document == json.loads((sweep / "runs/sweep-sweep/sweep.json").read_text())


def test_a_dry_run_measures_nothing(pqhw, sweep, monkeypatch):
    monkeypatch.setattr(run, "do_task", None)
    status, out, _ = pqhw("sweep", "sweep.toml", "--dry-run")
    assert status == 0 and "4 points, 2 of them to do: about 1\N{NO-BREAK SPACE}s" in out
    assert not (sweep / "runs").exists()
    status, out, _ = pqhw("sweep", "sweep.toml", "--dry-run", "--json")
    states = [point["state"] for point in json.loads(out)["points"]]
    assert status == 0 and states == ["to do", "failed", "to do", "failed"]


def test_a_measured_sweep_takes_longer_with_more_seeds(pqhw, sweep):
    expected = []
    for seeds in ("[1]", "[1, 2, 3, 4, 5]"):
        (sweep / "sweep.toml").write_text(
            SWEEP.replace('method = "estimated"', f"seeds = {seeds}"))
        _, out, _ = pqhw("sweep", "sweep.toml", "--dry-run", "--jobs", 1, "--json")
        expected.append(json.loads(out)["expected_seconds"])
    assert 30 < expected[0] < expected[1] < 500


def test_questions_and_parquet(pqhw, sweep):
    pytest.importorskip("duckdb")
    pqhw("sweep", "sweep.toml", "-o", "out", "-j", 1)
    status, out, _ = pqhw("sweep", "-o", "out", "--parquet", "out.parquet", "--json",
                          "--query", "SELECT name, lut4 > 0 FROM points WHERE status = 'ok'")
    answer = json.loads(out)
    assert (status, answer["columns"][0]) == (0, "name")
    assert answer["rows"] == [["outputs_per_cycle=1,table_bits=3", True],
                              ["outputs_per_cycle=3,table_bits=3", True]]
    assert (sweep / "out.parquet").read_bytes()[:4] == b"PAR1"
    _, out, _ = pqhw("sweep", "-o", "out", "--query", "SELECT max(dsp) AS blocks FROM points")
    assert "blocks" in out


@pytest.mark.parametrize("words, sentence", [
    ((), "SWEEP must be given, or -o with --query or --parquet."),
    (("-o", "out"), "SWEEP must be given, or -o with --query or --parquet."),
    (("none.toml",), "none.toml: cannot be read (No such file or directory)."),
    (("sweep.toml", "--scheduler", "slurm"),
     "--scheduler must be local, dask or dask:ADDRESS, but is slurm."),
    (("-o", "none", "--query", "SELECT 1"),
     "none: holds no sweep, as there is no points.json.")])
def test_mistakes(refused, sweep, words, sentence):
    assert refused("sweep", *words) == sentence
