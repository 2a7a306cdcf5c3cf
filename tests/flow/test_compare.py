"""Comparisons: designs of the same work, measured alike."""

import json
from pathlib import Path

import jsonschema
import pytest
from builders import chain, mac
from flow_designs import PQ, SEEDS, TWO, needs_tools

from pqhw.flow import measure as flow
from pqhw.flow.compare import compare, names_of
from pqhw.flow.results import Comparison, results_schema
from pqhw.spec import SpecError
from pqhw.spec.devices import device


@needs_tools
def test_designs_of_the_same_work_are_compared(cache, monkeypatch):
    """Both come from the cache, as both were measured before or are now."""
    steps = []
    monkeypatch.setattr(flow, "RANDOM_ROWS", 2000)
    comparison = compare(cache, [("first", PQ), ("second", PQ)], device("ice40up5k"),
                         options=SEEDS, progress=steps.append)
    jsonschema.validate(json.loads(comparison.model_dump_json()), results_schema())
    assert isinstance(comparison, Comparison)
    assert [one.name for one in comparison.measurements] == ["first", "second"]
    assert comparison.measurements[0].fmax_mhz == comparison.measurements[1].fmax_mhz
    assert {step.split(": ")[0] for step in steps} == {"first", "second"}
    assert cache.fresh in (0, 7), "seven runs at most: two models, two syntheses, three routings"


@pytest.mark.parametrize(("change", "sentence"), [
    ({"D": 3}, "layer.in_features must be equal in designs that are compared, but is 2 in a and "
               "3 in b."),
    ({"N": 3}, "layer.out_features must be equal in designs that are compared, but is 2 in a and "
               "3 in b."),
    ({"activation_bits": 3}, "precision.activation_bits must be equal in designs that are "
                             "compared, but is 2 in a and 3 in b.")])
def test_different_work_is_refused_before_any_tool_runs(cache, change, sentence):
    other = chain(mac(weight_bits=2, **{**TWO, **change}))
    with pytest.raises(SpecError) as error:
        compare(cache, [("a", PQ), ("b", other)], device("ice40up5k"), options=SEEDS)
    assert str(error.value) == sentence
    assert cache.fresh == 0


def test_names_are_short_where_they_can_be(tmp_path):
    assert names_of([Path("x/a.toml"), Path("y/b.toml")]) == ["a", "b"]
    assert names_of([Path("x/a.toml"), Path("y/a.toml"), Path("b.toml")]) == ["x/a", "y/a", "b"]
