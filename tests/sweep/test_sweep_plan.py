"""What a sweep's file asks for, and how mistakes in it are told."""

from pathlib import Path

import pytest
from sweep_builders import LAYER, SWEEP, write_files

from pqhw.explore.sweep.plan import MOST_POINTS, load_sweep
from pqhw.spec import SpecError

CHAIN = """
[[stage]]
layer = { in_features = 4, out_features = 4 }
engine = { kind = "mac", weight_bits = 4 }
precision = { activation_bits = 4, output = { bits = 4, shift = 2 } }
[[stage]]
layer = { in_features = 4, out_features = 2 }
engine = { kind = "mac", weight_bits = 4 }
precision = { activation_bits = 4, activation_signed = false }
"""


def loaded(folder, sweep, layer=LAYER):
    write_files(folder, sweep, layer)
    return load_sweep(folder / "sweep.toml")


def test_a_grid_is_all_values_with_all_others(tmp_path):
    sweep = loaded(tmp_path, SWEEP)
    assert sweep.columns == ("spec", "device", "outputs_per_cycle", "table_bits")
    assert [point.name for point in sweep.points] == [
        f"outputs_per_cycle={outputs},table_bits={bits}" for outputs in (1, 2, 4)
        for bits in (3, 4)]
    for point in sweep.points:
        assert point.design["folding"]["outputs_per_cycle"] == point.settings["outputs_per_cycle"]
        assert point.design["precision"]["table_bits"] == point.settings["table_bits"]
        assert (point.device, point.seeds) == ("lfe5u-25f", (1,))
        assert point.settings["spec"] == "layer"


def test_specs_devices_and_points_of_their_own_multiply(tmp_path):
    (tmp_path / "other.toml").write_text(LAYER)
    sweep = loaded(tmp_path, """
specs = ["layer.toml", "other.toml"]
devices = ["ice40up5k", "lfe5u-25f"]
[[point]]
name = "plain"
[[point]]
name = "wide"
spec = "other"
device = "lfe5u-25f"
seeds = [4, 5]
precision.output = { bits = 3, shift = 2 }
""")
    assert [point.name for point in sweep.points] == [
        "layer/ice40up5k/plain", "layer/lfe5u-25f/plain", "other/ice40up5k/plain",
        "other/lfe5u-25f/plain", "other/lfe5u-25f/wide"]
    wide = sweep.points[-1]
    assert wide.design["precision"]["output"]["shift"] == 2 and wide.seeds == (4, 5)
    assert sweep.points[0].seeds == (1, 2, 3)


def test_without_grid_and_points_the_specs_are_the_points(tmp_path):
    assert [point.name for point in loaded(tmp_path, 'specs = ["layer.toml"]').points] == ["base"]


def test_stages_are_named_by_their_place_and_alike_fields_in_full(tmp_path):
    sweep = loaded(tmp_path, """
specs = ["layer.toml"]
[grid]
stage.0.folding.outputs_per_cycle = [1, 2]
stage.1.folding.outputs_per_cycle = [1]
stage.1.engine.weight_bits = [3]
""", CHAIN)
    assert sweep.columns[2:] == ("stage.0.folding.outputs_per_cycle",
                                 "stage.1.folding.outputs_per_cycle", "weight_bits")
    second = sweep.points[1].design["stage"]
    assert second[0]["folding"]["outputs_per_cycle"] == 2
    assert (second[0]["engine"]["weight_bits"], second[1]["engine"]["weight_bits"]) == (4, 3)


def test_kinds_of_engines_change_like_other_fields(tmp_path):
    sweep = loaded(tmp_path, 'specs = ["layer.toml"]\n[grid]\nengine.kind = ["pq", "mac"]\n',
                   LAYER.replace('kind = "pq"', 'kind = "pq"\nweight_bits = 4'))
    assert [point.design["engine"]["kind"] for point in sweep.points] == ["pq", "mac"]


def test_a_point_that_breaks_a_rule_is_a_point_with_its_reason(tmp_path):
    sweep = loaded(tmp_path, SWEEP.replace("[3, 4]", "[3, 99]"))
    reasons = [point.reason for point in sweep.points if point.settings["table_bits"] == 99]
    assert reasons == 3 * ["precision.table_bits must be an integer from 2 to 16, but is 99."]
    assert all((point.design is None) == (point.reason is not None) for point in sweep.points)


@pytest.mark.parametrize("sweep, sentence", [
    ('speck = ["layer.toml"]', "speck is not a field of a sweep; did you mean specs?"),
    ('method = "routed"\nspecs = ["layer.toml"]',
     'method must be one of "measured", "estimated", but is "routed".'),
    ("title = 3", "title must be a text, but is 3."),
    ("", "specs must be a list of different texts, but is left out."),
    ('specs = ["layer.toml", "layer.toml"]', "specs must be a list of different texts, but is "),
    ('specs = ["none.toml"]', "none.toml: cannot be read (No such file or directory)."),
    ('specs = ["sweep.toml"]', "sweep.toml: [specs] is not a table of a spec; "),
    ('specs = ["layer.toml"]\ndevices = ["lfe5u"]', "devices: device must be one of lfe5u-25f, "),
    ('specs = ["layer.toml"]\nseeds = [1, 1]',
     "seeds must be a list of different integers from 0 on, but is [1, 1]."),
    ('specs = ["layer.toml"]\ngrid = 3', "grid must be a table of fields, but is 3."),
    ('specs = ["layer.toml"]\n[grid]\nfolding.outputs_per_cycle = 3',
     "grid.folding.outputs_per_cycle must be a list of values, but is 3."),
    ('specs = ["layer.toml"]\n[grid]\nfolding.outputs_per_cycle = [3, 3]',
     "grid.folding.outputs_per_cycle must hold different values, but is [3, 3]."),
    ('specs = ["layer.toml"]\n[grid]\nfolding.output_per_cycle = [3]',
     "folding.output_per_cycle is not a field of [folding]; did you mean outputs_per_cycle?"),
    ('specs = ["layer.toml"]\n[grid]\noutputs_per_cycle = [3]',
     "outputs_per_cycle must be a table and a field, as in folding.outputs_per_cycle; "),
    ('specs = ["layer.toml"]\n[grid]\nstage.0.folding.outputs_per_cycle = [3]',
     "stage.0.folding.outputs_per_cycle must name one of the 0 stages of layer, "),
    ('specs = ["layer.toml"]\n[[point]]\nfolding.outputs_per_cycle = 3',
     "point[0].name must be a text, but is left out."),
    ('specs = ["layer.toml"]\n[[point]]\nname = "a"\n[[point]]\nname = "a"',
     "point a: names of points must differ, but this one stands 2 times."),
    ('specs = ["layer.toml"]\n[[point]]\nname = "a"\nspec = "b"',
     'point[0].spec must be one of layer, but is "b".'),
    ('specs = ["layer.toml"]\npoint = 3', "point must be tables of their own, [[point]], "),
    ("specs = [", "is not a TOML file ("),
    ('specs = ["layer.toml"]\n[grid]\n' + "".join(
        f"{field} = {list(range(1, 60))}\n" for field in (
            "folding.outputs_per_cycle", "folding.subspaces_per_cycle",
            "folding.prototypes_per_cycle")),
     f"grid must make at most {MOST_POINTS} points, but makes 205379.")])
def test_mistakes_are_one_sentence_that_names_the_file(tmp_path, monkeypatch, sweep, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as told:
        loaded(Path(), sweep)
    assert str(told.value).startswith(f"sweep.toml: {sentence}")
    assert str(told.value).count("\n") == 0


def test_a_chain_without_the_stage_is_told_how(tmp_path):
    with pytest.raises(SpecError, match="must be preceded by its stage, as in stage.0.folding"):
        loaded(tmp_path, SWEEP, CHAIN)
