"""da4ml measured: the same schema as our engines, nothing without proof, and the verb."""

import json

import jsonschema
import numpy as np
import pytest
from external_designs import drawn, layer, needs_da4ml, needs_routing

from pqhw.cli import main
from pqhw.external.layer import External
from pqhw.external.measure import compare_external, measure_external
from pqhw.flow.measure import Options
from pqhw.flow.results import load_results, results_schema
from pqhw.spec import SpecError
from pqhw.spec.devices import device
from pqhw.spec.files import dump_spec, save_parameters

ONE = Options(seeds=(1,), jobs=1)
ECP5 = device("lfe5u-25f")
SMALL = layer(drawn(2, 4, 3), bias=[-3, 9], weight_bits=3, inputs_per_cycle=2)


@needs_routing
def test_a_measurement_is_of_the_schema_and_names_its_generator(cache):
    result = measure_external(cache, External(cache, *SMALL, 1), ECP5, name="small", options=ONE)
    jsonschema.validate(json.loads(result.model_dump_json()), results_schema())
    assert (result.status, result.reason) == ("ok", None)
    assert result.verified == result.verification[-1].level in ("cocotb", "cxxrtl")
    assert result.kind == "da4ml" and result.provenance.tools["da4ml"].startswith("0.6")
    assert result.spec["external"]["cutoff"] == 1 and result.spec["folding"] == {
        "inputs_per_cycle": 4, "outputs_per_cycle": 2}
    assert result.cycles_per_row == result.cycles_per_row_measured == 1
    assert result.rows_per_second == pytest.approx(result.fmax_mhz.median * 1e6)
    assert result.area.lut4 > 0 < result.area.ff and result.area.dsp == result.area.bram == 0
    assert result.multiply_accumulates_per_row == 8


@needs_routing
def test_a_wrong_weight_leaves_no_performance(cache):
    design, (parameters,) = SMALL
    wrong = External(cache, *SMALL, 1)
    weights = parameters.weights.copy()
    weights[1, 2] += 1 if weights[1, 2] < 3 else -1
    other = External(cache, *layer(weights, parameters.bias, weight_bits=3), 1)
    wrong.logic = other.logic
    result = measure_external(cache, wrong, ECP5, name="wrong", options=ONE)
    assert (result.status, result.verified) == ("failed", None)
    assert ": row " in result.reason and "instead of" in result.reason
    assert result.rows_per_second is None and result.lut_equivalents is None


@pytest.fixture
def verb(monkeypatch, capsys, cache_root, tmp_path):
    """The verb as a function of words, in a folder with layer.toml and p.npz."""
    monkeypatch.setenv("PQHW_CACHE", str(cache_root))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layer.toml").write_text(dump_spec(SMALL[0]))
    save_parameters("p.npz", *SMALL)

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main(["external", *words])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err
    return run


@needs_routing
def test_the_verb_compares_with_an_engine_and_leaves_verilog(verb):
    words = ("da4ml", "layer.toml", "--params", "p.npz", "--beside", "layer.toml", "--seeds", "1",
             "-o", "out")
    status, out, err = verb(*words)
    assert status == 0, err
    assert "different tool versions" not in out
    assert "layer-da4ml-1" in out and "DA4ML" in out and "baseline" in out
    comparison = load_results("out/comparison.json")
    assert [one.kind for one in comparison.measurements] == ["da4ml", "mac"]
    assert all(one.verified in ("cocotb", "cxxrtl") for one in comparison.measurements)
    assert "constants" in comparison.notes[0]
    with open("out/layer-da4ml-1.v") as file:
        assert "module da4ml_stage0 (" in file.read()
    assert json.loads(verb(*words, "--json")[1]) == json.loads(comparison.model_dump_json())


@needs_da4ml
@pytest.mark.parametrize(("words", "said"), [
    (("hls4ml", "layer.toml"), "GENERATOR must be da4ml, but is hls4ml."),
    (("da4ml", "layer.toml", "--cutoff", "two"),
     "--cutoff must be a number or a list like 1,2,4, but is two."),
    (("da4ml", "layer.toml", "--cutoff", "17"), "--cutoff must be from 1 to 16, but is 17."),
    (("da4ml", "layer.toml", "--device", "x"), "device must be one of "),
])
def test_the_verb_refuses_what_makes_no_sense(verb, words, said):
    status, out, err = verb(*words, "--params", "p.npz")
    assert (status, out) == (1, "") and err.startswith(f"error: {said}"), err


@needs_da4ml
@pytest.mark.parametrize(("change", "words"), [
    ({"activation_bits": 2}, "precision.activation_bits must be 3 in designs that are compared, "
                             "but is 2 in other."),
    ({"bias": 4}, "bias must be equal in designs that are compared, but differ in other."),
])
def test_engines_of_other_work_are_refused(cache, change, words):
    weights = drawn(2, 4, 3)
    other = layer(weights, **{"weight_bits": 3, "bias": [-3, 9]} | change)
    with pytest.raises(SpecError) as refused:
        compare_external(cache, [("one", External(cache, *SMALL, 1))], ECP5,
                         engines=[("other", *other)], options=ONE)
    assert str(refused.value) == words
    assert np.array_equal(weights, SMALL[1][0].weights)
