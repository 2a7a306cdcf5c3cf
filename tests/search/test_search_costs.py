"""Tables of operator costs: written and read in three formats, and refused where damaged."""

import json

import pytest

from pqhw.explore.search.costs import OperatorCost, load_costs, save_costs
from pqhw.spec import SpecError
from pqhw.spec.devices import device

ECP5 = device("lfe5u-25f")
COSTS = [
    OperatorCost(operator="conv 1", shape={"kind": "conv2d", "kernel": [3, 3]}, engine="pq, wide",
                 bits={"activation": 4, "table": 5}, device="lfe5u-25f", cycles=12, fmax_mhz=151.25,
                 lut4=1200, ff=800, bram=3, dsp=1, parameter_bits=4096, error=0.125,
                 spec={"engine": {"kind": "pq"}}),
    OperatorCost(operator="dense", shape={"in_features": 4}, engine="theirs", cycles=1,
                 fmax_mhz=90, lut4=0)]


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_what_is_written_is_read(tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("duckdb")
    path = tmp_path / f"it's.{suffix}"
    save_costs(path, COSTS, ECP5)
    assert load_costs(path) == COSTS
    assert [own.name for own in tmp_path.iterdir()] == [path.name]


def test_the_energy_proxy_is_area_times_cycles(tmp_path):
    save_costs(tmp_path / "costs.json", COSTS, ECP5)
    rows = json.loads((tmp_path / "costs.json").read_text())["costs"]
    assert rows[0]["energy_proxy"] == (1200 + 3 * 95 + 80) * 12 == COSTS[0].energy_proxy(ECP5)


def test_a_table_of_another_tool_needs_few_columns(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text('operator,shape,engine,cycles,fmax_mhz,lut4\n'
                    'conv,"{""kernel"": 3}",systolic,100,200,5000\n')
    assert load_costs(path) == [OperatorCost(operator="conv", shape={"kernel": 3},
                                             engine="systolic", cycles=100, fmax_mhz=200,
                                             lut4=5000)]


HEAD = "operator,shape,engine,cycles,fmax_mhz,lut4\n"


@pytest.mark.parametrize("name, content, sentence", [
    ("costs.txt", "", "costs must be a file of .json, .csv, .parquet, but it ends with .txt."),
    ("none.csv", None, "cannot be read (No such file or directory)."),
    ("costs.csv", HEAD, "costs must be one row or more, but there are none."),
    ("costs.csv", HEAD + "a,{},b,0,1,1\n", "row 0: cycles: Input should be greater than"),
    ("costs.csv", HEAD + "a,{},b,1,nan,1\n", "row 0: fmax_mhz: Input should be a finite number"),
    ("costs.csv", HEAD + "a,{},b,1,1,1\na,3d,b,1,1,1\n", "row 1: shape must be a JSON text, "),
    ("costs.csv", HEAD + "a,{},b\n", "row 0: cycles: Field required."),
    ("costs.csv", "luts\n3\n", "row 0: operator: Field required."),
    ("costs.csv", b"\xff\xfe", "is not a CSV file."),
    ("costs.json", "{", "is not a JSON file."),
    ("costs.json", "[]", "does not hold costs of operators."),
    ("costs.json", '{"document": "operator-costs", "schema_version": 2}',
     "has schema version 2, but this pqhw reads version 1."),
    ("costs.json", '{"document": "operator-costs", "schema_version": 1, "costs": [3]}',
     "row 0 must be a table of fields, but is 3."),
    ("costs.parquet", "PAR1", "is not a PARQUET file.")])
def test_damaged_files_are_one_sentence(tmp_path, monkeypatch, name, content, sentence):
    if name.endswith("parquet"):
        pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError) as told:
        load_costs(name)
    assert str(told.value).startswith(f"{name}: {sentence}") and "\n" not in str(told.value)
