"""pqhw search, from the command line."""

import json

import pytest

SEARCH = """
layers = ["layer.toml"]
budget = "lut=1500"
[[choice]]
kind = "pq"
engine.encoder = ["l1", "l2"]
"""


@pytest.fixture
def search(folder):
    (folder / "search.toml").write_text(SEARCH)
    return folder


def test_the_front_its_json_its_folder_and_its_costs(pqhw, search):
    status, out, err = pqhw("search", "search.toml", "--costs", "costs.csv")
    assert status == 0 and "exhaustive" in out and "pq encoder=l1: " in out
    assert "result: runs/search-search/front.json" in out and " points in " in err
    status, out, _ = pqhw("search", "search.toml", "-o", "again", "--json")
    document = json.loads(out)
    assert document == json.loads((search / "again" / "front.json").read_text())
    assert document == json.loads((search / "runs/search-search/front.json").read_text())
    rows = json.loads((search / "again" / "costs.json").read_text())["costs"]
    assert len((search / "costs.csv").read_text().splitlines()) == len(rows) + 1


@pytest.mark.parametrize("words, sentence", [
    (("none.toml",), "none.toml: cannot be read (No such file or directory)."),
    (("search.toml", "--costs", "x.txt"),
     "x.txt: costs must be a file of .json, .csv, .parquet, but it ends with .txt."),
    (("search.toml", "--seeds", "x"), "--seeds must be a range like 1..5 or a list like 1,2,7 of "
     "different seeds, but is x."),
    (("search.toml", "--learn", "x.json"),
     "--learn must stand beside --route, as it learns from what is routed."),
    (("search.toml", "--learned", "x.json"),
     "x.json: cannot be read (No such file or directory)."),
    (("search.toml", "--route", "1", "--scheduler", "slurm"),
     "--scheduler must be local, dask or dask:ADDRESS, but is slurm.")])
def test_mistakes_are_told_before_anything_is_searched(refused, search, words, sentence):
    assert refused("search", *words) == sentence
