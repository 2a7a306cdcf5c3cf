"""Architectures and mappings in files: what is read back, and what is refused in one sentence."""

import copy
import json
import re

import pytest

from pqhw.explore.mapping.architecture import Rule
from pqhw.explore.mapping.cost import Bits, CostModel
from pqhw.explore.mapping.files import ARCHITECTURES, architecture_of, load_architecture
from pqhw.explore.mapping.mapping import Mapping
from pqhw.explore.mapping.network import SearchSettings, map_layers, uniform_bits
from pqhw.explore.mapping.request import bits_of, layer_of, load_mappings, workloads_of
from pqhw.explore.mapping.workload import Workload
from pqhw.spec.fields import SpecError

GOOD = {"name": "one", "mac": {"energy": 1.0}, "level": [
    {"name": "D", "read_energy": 10, "write_energy": 10},
    {"name": "B", "keeps": ["inputs"], "entries": 64, "x": {"size": 4, "only": "CM"}}]}


def changed(**fields):
    """The good file with fields by path, such as level.1.keeps."""
    table = copy.deepcopy(GOOD)
    for path, value in fields.items():
        *way, last = path.split("__")
        place = table
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value
    return table


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_comes_along_is_read(name):
    architecture = load_architecture(name)
    assert architecture.name == name
    assert architecture.instances("MAC") == (168 if "eyeriss" in name else 256)


def test_the_facts_of_the_row_stationary_array():
    architecture = load_architecture("eyeriss-16")
    assert [(level.name, level.entries, level.block, architecture.instances(level.name))
            for level in architecture.levels] == [
        ("DRAM", None, 4, 1), ("GLB", 51_200, 4, 1), ("ifmap", 12, 1, 168),
        ("weights", 224, 1, 168), ("psum", 24, 1, 168)]
    narrow = load_architecture("eyeriss-8")
    assert [(level.entries, level.block, level.word_bits) for level in narrow.levels] == [
        (None, 8, 8), (102_400, 8, 8), (24, 2, 8), (448, 2, 8), (48, 2, 8)]
    assert narrow.compute.energy == 0.5608


def test_yaml_says_the_same_as_toml(tmp_path):
    yaml = pytest.importorskip("yaml")
    path = tmp_path / "one.yaml"
    path.write_text(yaml.safe_dump(GOOD))
    assert load_architecture(path) == architecture_of(GOOD)


@pytest.mark.parametrize("fields, sentence", [
    ({"level": 3}, "level must be a list of tables, but is 3."),
    ({"level": []}, "level must list at least one memory, but lists none."),
    ({"mac": None}, "[mac] must be a table of fields, but is None."),
    ({"mac__energy": -1}, "mac.energy must be a number, 0 or more, but is -1."),
    ({"mac__energy": float("nan")}, "mac.energy must be a number, 0 or more, but is nan."),
    ({"nome": 1}, "nome is not a field of an architecture; did you mean name?"),
    ({"name": ""}, 'name must be a word, but is "".'),
    ({"word_bits": 0}, "word_bits must be an integer from 1 to 1024, but is 0."),
    ({"level__0__keeps": ["inputs"]}, "D.keeps must hold every tensor, as it is the outermost "
                                      "level, but lacks weights, outputs."),
    ({"level__0__entries": 5}, "D.entries must be left out, as the outermost level has no limit, "
                               "but is 5."),
    ({"level__1__keeps": ["x"]}, "B.keeps must be a list of weights, inputs, outputs, "
                                 "but is ['x']."),
    ({"level__1__name": "D"}, "level.name must differ between levels, but D stands twice."),
    ({"level__1__name": "a b"}, "level 2.name must be a word of letters, digits, - and _ other "
                                'than MAC, but is "a b".'),
    ({"level__1__entries": True}, f"B.entries must be an integer from 1 to {1 << 40}, "
                                  "but is true."),
    ({"level__1__read_bandwidth": 0}, "B.read_bandwidth must be a number above 0, but is 0."),
    ({"level__1__x__size": "4"}, 'B.x.size must be an integer from 1 to 1048576, but is "4".'),
    ({"level__1__x__only": "CC"}, 'B.x.only must be different letters of NGCMRSPQ, but is "CC".'),
    ({"level__1__x__whole": "P"}, "B.x.whole must name dimensions of B.x.only = CM, "
                                  "but names P."),
    ({"level__1__x__order": "CM"}, "B.x.order is not a field of [B.x]; known are size, only, "
                                   "whole, fixed."),
    ({"level__1__temporal": {"only": "CM", "order": "C"}},
     "B.order must hold the dimensions of B.only = CM, but is C."),
    ({"level__1__temporal": {"fixed": {"C": 0}}},
     "B.fixed.C must be an integer from 1 to 1048576, but is 0."),
    ({"level__0__temporal": {"whole": "C"}, "level__1__temporal": {"whole": "C"}},
     "B.whole must not name C, which stands entirely in D.")])
def test_a_mistake_in_an_architecture_is_told_in_a_sentence(fields, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence) + "$"):
        architecture_of(changed(**fields))


@pytest.mark.parametrize("name, text, words", [
    ("a.toml", None, "a.toml: cannot be read (No such file or directory)."),
    ("a.toml", "x = [", "a.toml: is not TOML ("), ("a.yaml", "a: [", "a.yaml: is not YAML ("),
    ("a.toml", "", "a.toml: name must be a word, but is None."),
    ("a.yaml", "7", "a.yaml: an architecture must be a table of fields, but is 7."),
    ("a.json", "", "architecture must be one of eyeriss-16, eyeriss-8, simba-16, or a .toml or ")])
def test_a_bad_file_is_told_by_name(tmp_path, monkeypatch, name, text, words):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SpecError, match="^" + re.escape(words)):
        load_architecture(name)


def test_a_rule_leaves_a_choice_or_none():
    rule = Rule(only="CMR", whole="R", fixed={"M": 4})
    assert [rule.factor(name, size) for name, size in (
        ("R", 5), ("M", 8), ("M", 3), ("P", 9), ("C", 6), ("C", 1))] == [5, 4, 3, 1, None, 1]


# -- Mappings ----------------------------------------------------------------------------------


TEXT = "D C4 P2 | B P3 | B.x M2 C2"
LAYER = Workload(C=8, M=2, P=6)


def test_a_mapping_is_read_as_it_is_written():
    mapping = Mapping.parse(TEXT)
    assert mapping.text == TEXT
    assert Mapping.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping
    assert Mapping.parse("D C4 M1 P2 | B P3 | B.x M2 C2 | B.y P1") == mapping


def test_a_mapping_is_printed_as_a_loop_nest():
    assert "\n".join(Mapping.parse(TEXT).lines(architecture_of(GOOD))) == """\
D holds inputs, outputs, weights
for c in 0..4
  for p in 0..2
    B holds inputs
    for p in 0..3
      parallel-for m in 0..2  # along x
        parallel-for c in 0..2  # along x
          multiply, add"""


@pytest.mark.parametrize("text, sentence", [
    ("D C4 P2 | B P3", "factors of C must multiply to 8, but multiply to 4."),
    ("D C8 M2 P6 | E C2", "a place must be one of D, B of one, or one of these with .x or .y, "
                          "but is E."),
    ("D C8 P6 | B.x M2 P1 | B.y M2", "B.y must use at most 1 instances, but uses 2."),
    ("D P6 | B.x C8 | B M2", "B.x must use at most 4 instances, but uses 8."),
    ("D P6 P2", "D must loop over different dimensions of NGCMRSPQ, but over P P."),
    ("D C0", "D.C must be a factor of 1 or more, but is 0."),
    ("D C-1", "a mapping must be places with their loops, such as DRAM C4 M2 | GLB P8, each place "
              'once, but a part is "D C-1".'),
    ("", "a mapping must be places with their loops, such as DRAM C4 M2 | GLB P8, each place once, "
         'but a part is "".')])
def test_a_mapping_that_is_none_is_told_in_a_sentence(text, sentence):
    with pytest.raises(SpecError, match=re.escape(sentence) + "$"):
        Mapping.parse(text).nest(architecture_of(GOOD), LAYER)


@pytest.mark.parametrize("document", [None, [], {"D": 3}, {"D": [["C"]]}, {"D": [["C", "2"]]},
                                      {"D": [["C", True]]}])
def test_a_document_that_is_no_mapping_is_refused(document):
    with pytest.raises(SpecError):
        Mapping.from_json(document)


def test_mappings_are_saved_and_costed_again(tmp_path):
    architecture = load_architecture("eyeriss-16")
    layers = {"a": Workload(C=4, M=6, R=3, S=3, P=5, Q=7, stride=2), "b": Workload(C=35, M=6)}
    model = CostModel(compat="exact")
    found = map_layers("two", layers, architecture, uniform_bits(layers, 5, 3), model,
                       SearchSettings())
    path = tmp_path / "map.json"
    path.write_text(json.dumps(found.to_json()))
    again = load_mappings(path, architecture)
    assert json.dumps(again.to_json()["layers"]) == json.dumps(found.to_json()["layers"])
    assert (again.energy, again.cycles, again.edp) == (found.energy, found.cycles, found.edp)
    with pytest.raises(SpecError, match="architecture must be simba-16, which is asked for, but "):
        load_mappings(path, load_architecture("simba-16"))
    document = found.to_json()
    document["layers"][0]["mapping"]["psum"] = [["M", 6], ["N", 1]]
    path.write_text(json.dumps(document))
    with pytest.raises(SpecError, match="map.json: "):
        load_mappings(path, architecture)
    path.write_text(path.read_text()[:200])
    with pytest.raises(SpecError, match="map.json: is not JSON"):
        load_mappings(path, architecture)


# -- What is asked for -------------------------------------------------------------------------


def test_layers_and_bits_in_words():
    assert layer_of("C=3, M=96,R=11,stride=4") == Workload(C=3, M=96, R=11, stride=(4, 4))
    assert [bits_of(text) for text in ("8", "8/4", "8/4/6")] == [
        Bits(8, 8, 8), Bits(8, 4, 8), Bits(8, 4, 6)]


@pytest.mark.parametrize("text", ["C=", "C=3,C=3", "K=3", "C=-1", "C", "C=0", "C=99999999999"])
def test_a_layer_that_is_none_is_refused(text):
    with pytest.raises(SpecError):
        layer_of(text)


@pytest.mark.parametrize("text", ["", "8/", "0", "65", "8/8/8/8", "a", "-8"])
def test_bits_that_are_none_are_refused(text):
    with pytest.raises(SpecError):
        bits_of(text)


def test_networks_keep_their_groups_until_the_model_makes_them_dense():
    _, layers = workloads_of("mobilenet-v1", classes=100)
    assert len(layers) == 28
    assert sum(one.multiply_accumulates for one in layers.values()) == 567_818_752
    depthwise = layers["depthwise2"]
    assert depthwise == Workload(G=64, R=3, S=3, P=56, Q=56, stride=2)
    assert CostModel().workload(depthwise) == Workload(C=64, M=64, R=3, S=3, P=56, Q=56, stride=2)
    assert CostModel(compat="exact").workload(depthwise) == depthwise
    assert len(workloads_of("mobilenet-v2")[1]) == 53


def test_a_workload_beyond_counting_is_refused():
    with pytest.raises(SpecError, match=r"at most 2\^60 as the product of its sizes and strides"):
        Workload(C=1 << 20, M=1 << 20, P=1 << 20, Q=2)
