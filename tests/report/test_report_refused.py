"""Documents that have no page: damaged ones, those of others, and files that are none."""

import copy
import json

import pytest
import report_explored as made
from report_explored import page_of

from pqhw.report.documents import gather

pytest.importorskip("jinja2")
pytest.importorskip("plotly")


def changed(document, path, value):
    document = copy.deepcopy(document)
    own = document
    for step in path[:-1]:
        own = own[step]
    own[path[-1]] = value
    return document


@pytest.mark.parametrize("document, sentence", [
    (changed(made.mapping(), ["schema_version"], 2), "has schema version 2, but this pqhw reads"),
    (changed(made.mapping(), ["layers", 0, "cycles"], -1), "layers.0.cycles: Input should be "),
    (changed(made.mapping(), ["layers", 0, "energy_uj"], float("nan")), "layers.0.energy_uj: "),
    (changed(made.mapping(), ["layers"], None), "layers: Input should be a valid list."),
    (changed(made.mapping(), ["layers", 0, "mapping"], {"DRAM": 3}), "layers: conv1: "),
    (changed(made.mapping(), ["colour"], 3), "colour: Extra inputs are not permitted."),
    (changed(made.precision(), ["front", 0, "genome"], [[2, 2]]),
     "a genome must have a pair of bits for each of layers, but one has not."),
    (changed(made.precision(), ["settings", "cost"], "area"),
     "settings.cost must be one of edp, energy, cycles, but is area."),
    (changed(made.precision(), ["uniform"], {}), "uniform: Dictionary should have at least 1 item"),
    (changed(made.search(), ["objectives"], ["speed"]), "objectives: must be of rate, lut4, "),
    (changed(made.search(), ["members", 0, "engines"], {}), "members.0.engines: Dictionary "),
    (made.search() | {"routed": 3}, "has schema version None, but this pqhw reads version 1."),
    (changed(made.sweep(), ["rows", 0, "status"], "fine"), "rows.0.status: Input should be 'ok', "),
    ({"document": "study"}, "is not a result of pqhw synth, compare, map, explore, search, sweep "
                            "or demo, but a document of study."),
    ({"document": ["mapping"]}, "is not a result of pqhw synth, "),
    ([], "is not a result of pqhw synth, "), ("half", "is not a result of pqhw synth, ")])
def test_a_document_that_is_none_is_refused_in_a_sentence(tmp_path, document, sentence):
    with pytest.raises(ValueError) as told:
        page_of(tmp_path, document)
    assert str(told.value).startswith(f"{tmp_path / '0.json'}: {sentence}")
    assert str(told.value).endswith(".") and "\n" not in str(told.value)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000,
                                     json.dumps(made.sweep()).encode()[:-40]])
def test_a_file_that_is_no_json_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ValueError, match="x.json: is not a JSON file.$"):
        gather([tmp_path / "x.json"])
    with pytest.raises(ValueError, match="holds no result of pqhw synth, compare, map, explore, "
                                         "search, sweep or demo.$"):
        gather([tmp_path])
