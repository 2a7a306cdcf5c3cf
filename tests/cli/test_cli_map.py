"""pqhw map: tables, loop nests, JSON that is read back, and what it refuses."""

import json

import pytest

from pqhw.network import GraphBuilder, save_graph
from pqhw.network.ops import Conv2d, Flatten, Linear

LAYER = "C=3,M=96,R=11,S=11,P=55,Q=55,stride=4"


def test_a_layer_has_its_best_mapping_as_a_table_and_a_nest(pqhw):
    status, out, err = pqhw("map", LAYER, "--bits", "16", "--nest")
    assert (status, err) == (0, "")
    for words in ("586.938", "871,200", "511.341", "72\N{NO-BREAK SPACE}%", "653 mappings costed",
                  "no mapping within the rules is better", "parallel-for s in 0..11  # along y"):
        assert words in out


def test_json_is_costed_again(pqhw, folder):
    status, out, _ = pqhw("map", LAYER, "--bits", "8/4", "--json", "m.json")
    assert status == 0 and "8/4/8" in out
    document = json.loads((folder / "m.json").read_text())
    assert document["layers"][0]["optimal"] is True
    again = json.loads(pqhw("map", "m.json", "--json")[1])
    assert again["layers"] == document["layers"]
    assert pqhw("map", LAYER, "--bits", "8/4", "--json")[1] == (folder / "m.json").read_text()


def test_a_given_mapping_is_costed(pqhw):
    mapping = "DRAM Q5 M2 C3 | GLB M3 P55 | GLB.x Q11 | GLB.y S11 | weights R11 | psum M16"
    status, out, _ = pqhw("map", LAYER, "--bits", "16", "--mapping", mapping)
    assert status == 0 and "511.341" in out and "given mappings" in out


def test_layers_of_a_graph_in_a_file(pqhw, folder):
    import numpy as np
    builder = GraphBuilder("small", (6, 6, 2))
    builder.add(Conv2d(weights=np.zeros((4, 3, 3, 1), np.float32), bias=np.zeros(4, np.float32),
                       groups=2), name="grouped")
    builder.add(Flatten())
    builder.add(Linear(weights=np.zeros((5, 64), np.float32), bias=np.zeros(5, np.float32)),
                name="dense")
    save_graph(folder / "small.npz", builder.build())
    document = json.loads(pqhw("map", "small.npz", "--compat", "exact", "--json")[1])
    first, last = document["layers"]
    assert first["workload"] == {"N": 1, "G": 2, "C": 1, "M": 2, "R": 3, "S": 3, "P": 4, "Q": 4,
                                 "stride": [1, 1]}
    assert (last["name"], last["workload"]["C"], last["workload"]["M"]) == ("dense", 64, 5)
    one = json.loads(pqhw("map", "small.npz", "--layer", "dense", "--json")[1])
    assert [layer["name"] for layer in one["layers"]] == ["dense"]


def test_random_draws_say_that_better_ones_may_exist(pqhw):
    status, out, _ = pqhw("map", "C=16,M=16,P=4,Q=4", "--arch", "simba-16", "--method", "random",
                          "--samples", "2000")
    assert status == 0 and "better ones may exist" in out


@pytest.mark.parametrize("words, sentence", [
    (("nothing",), "what is mapped must be a network of the zoo ("),
    (("K=3",), "K is not a dimension of a layer; "),
    ((LAYER, "--bits", "x"), "bits must be such as 8, 8/4 "),
    ((LAYER, "--bits", "17"), "layer: bits.weights must be at most 16, the word of DRAM, with "),
    ((LAYER, "--arch", "other"), "architecture must be one of eyeriss-16, eyeriss-8, simba-16, "),
    ((LAYER, "--arch", "none.toml"), "none.toml: cannot be read (No such file or directory)."),
    ((LAYER, "--layer", "x"), "--layer must be one of layer, but is x."),
    ((LAYER, "--mapping", "DRAM C3"), "factors of M must multiply to 96, but multiply to 1."),
    ((LAYER, "--mapping", "DRAM C3 M96 P55 Q55 | ifmap R11 S11"),
     "layer: ifmap must hold at most 12 words, but holds 61."),
    ((LAYER, "--method", "x"), "method must be one of auto, exhaustive, random, but is "),
    ((LAYER, "--objective", "x"), "objective must be one of edp, energy, cycles, but is "),
    (("digits-mlp", "--mapping", "DRAM C3"), "--mapping must be of one layer, which --layer "),
    (("gone.json",), "gone.json: cannot be read (No such file or directory).")])
def test_mistakes_are_told_in_a_sentence(refused, folder, words, sentence):
    assert refused("map", *words).startswith(sentence)


def test_a_layer_that_does_not_fit_is_told(refused):
    assert refused("map", "S=13,Q=4") == "layer: no mapping fits eyeriss-16."
