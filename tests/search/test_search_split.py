"""Layers split over two engines: their results, what searches make of them, mistakes."""

import numpy as np
import pytest
from builders import mac, pq
from search_layers import search_layer

from pqhw.explore.search.plan import load_search
from pqhw.explore.search.run import run_search, write_result
from pqhw.explore.search.split import part_of, split_design
from pqhw.golden import layer_results
from pqhw.golden.network import network_results
from pqhw.spec import Requantize, SpecError
from pqhw.spec.dataflow import design_from_mapping, load_design
from pqhw.spec.parameters import check_parameters

OUTPUT = Requantize(bits=5, shift=3)
DENSE = {"D": 12}
IMAGE = {"C": 4, "F": 3, "H": 5, "W": 4, "padding": 1}
RANDOM = np.random.default_rng(3)


def parameters(spec):
    """Random parameters of an engine, as a user brings them."""
    if spec.KIND == "pq":
        low, high = spec.encoder.prototype_range.low, spec.encoder.prototype_range.high
        most = 1 << spec.precision.table_bits - 1
        values = {"prototypes": RANDOM.integers(low, high + 1, spec.prototype_shape),
                  "tables": RANDOM.integers(-most, most, spec.table_shape)}
    else:
        levels = spec.levels_of(spec.schemes[0])
        values = {"weights": RANDOM.choice([*-levels, *levels], spec.weight_shape)}
    return values | {"bias": RANDOM.integers(-90, 90, spec.layer.out_channels)}


def rows(spec, count=20):
    own = spec.activation_range
    return RANDOM.integers(own.low, own.high + 1, (count, *spec.layer.input_shape))


def half(make, outputs, shape, **values):
    return make(**shape, N=outputs, output=OUTPUT, activation_bits=5, **values)


@pytest.mark.parametrize("shape", [DENSE, IMAGE])
@pytest.mark.parametrize("kind", ["mac", "pq"])
def test_two_halves_of_one_engine_compute_what_the_layer_does(shape, kind):
    make, values = (pq, {"V": 4, "K": 4, "prototype_bits": 5}) if kind == "pq" else (
        mac, {"weight_bits": 4})
    whole, first, second = (half(make, own, shape, **values) for own in (9, 6, 3))
    given = parameters(whole)
    halves = [{name: own if name == "prototypes" else own[..., cut] if name == "tables"
               else own[cut] for name, own in given.items()}
              for cut in (slice(0, 6), slice(6, 9))]
    design = split_design(first, second)
    images = rows(whole)
    found = network_results(design.network, {
        name: check_parameters(spec, own) for name, spec, own in zip(
            ("first", "second"), (first, second), halves)}, images)
    wanted = layer_results(whole, check_parameters(whole, given), images)
    assert (found.reshape(wanted.shape) == wanted).all() and len(np.unique(wanted)) > 5


@pytest.mark.parametrize("shape", [DENSE, IMAGE])
def test_unlike_halves_stand_one_behind_the_other(shape):
    first = half(pq, 4, shape, V=4, K=4, prototype_bits=5)
    second = half(mac, 6, shape, weight_bits=4, scheme="sp2")
    given = [check_parameters(own, parameters(own)) for own in (first, second)]
    images = rows(first)
    found = network_results(split_design(first, second).network,
                            dict(zip(("first", "second"), given)), images)
    wanted = np.concatenate([layer_results(own, values, images).reshape(*found.shape[:-1], -1)
                             for own, values in zip((first, second), given)], axis=-1)
    assert (found == wanted).all()


SEARCH = """
layers = ["layer.toml"]
budget = "lut=1800,bram=6,dsp=2"
objectives = ["rate", "lut_equivalents", "error"]
[[choice]]
kind = "pq"
error = 0.5
[[choice]]
kind = "fixed"
error = 0.1
[[split]]
first = "pq"
second = "fixed"
outputs = [2, 4]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "layer.toml").write_text(search_layer(12, 8, 4))
    (tmp_path / "search.toml").write_text(SEARCH)
    return tmp_path


def test_a_search_proposes_splits_that_can_be_built(folder):
    result, costs = run_search(load_search(folder / "search.toml"))
    split = [own for own in costs if own.engine.startswith("pq + fixed, ")]
    assert split and {own.engine.split(", ")[1][0] for own in split} <= {"2", "4"}
    for own in split:
        design = design_from_mapping(own.spec)
        first, second, _ = design.network.nodes
        count = int(own.engine.split(", ")[1].split()[0])
        assert first.op.spec.KIND == "pq" and second.op.spec.KIND == "mac"
        assert first.op.spec.layer.out_features == count == 8 - second.op.spec.layer.out_features
        assert own.cycles == design.cycles_per_row and own.shape["out_features"] == 8
        error = (count * 0.5 ** 2 + (8 - count) * 0.1 ** 2) / 8
        assert own.error == pytest.approx(error ** 0.5)
        assert own.lut4 <= 1800 and own.dsp <= 2
    write_result(folder / "found", result)
    members = {own.engine for member in result.members for own in member.engines.values()}
    files = sorted((folder / "found").glob("layer-split-*.toml"))
    assert bool(files) == any(own.startswith("pq + fixed") for own in members)
    assert all(len(load_design(path)[0].stages) == 2 for path in files) and files


@pytest.mark.parametrize("before, after, sentence", [
    ('first = "pq"', 'first = "sp2"', 'split[0].first must be the name of a choice, of pq, fixed'),
    ("outputs = [2, 4]", "outputs = 3", "split[0].outputs must be a list of integers from 1 on"),
    ("outputs = [2, 4]", "outputs = [0]", "split[0].outputs must be a list of integers from 1 on"),
    ("outputs = [2, 4]", "output = [1]", "split[0].output is not a field of a split; did you me"),
    ("[[split]]", "[split]", "split must be tables of their own, [[split]], but is "),
])
def test_mistakes_are_one_sentence(folder, before, after, sentence):
    (folder / "search.toml").write_text(SEARCH.replace(before, after))
    with pytest.raises(SpecError) as told:
        load_search(folder / "search.toml")
    assert str(told.value).removeprefix(f"{folder / 'search.toml'}: ").startswith(sentence)


def test_a_split_that_cannot_be_is_told(folder):
    (folder / "search.toml").write_text(SEARCH.replace("[2, 4]", "[2, 8]"))
    result, _ = run_search(load_search(folder / "search.toml"))
    assert result.layers["layer"].impossible == {
        "pq + fixed, 8 outputs by the first":
            "split.outputs must be from 1 to 7, one less than the layer's outputs, but is 8."}
    with pytest.raises(SpecError, match="requantised"):
        part_of({"layer": {"out_features": 4}}, 2)
    with pytest.raises(SpecError, match="without groups"):
        part_of({"layer": {"out_channels": 4, "groups": 2}}, 2)
