"""The verb that finds a folding, without routing."""

import json

import pytest

from pqhw.spec.files import load_spec

LAYER = """
[layer]
in_features = 64
out_features = 16
[engine]
kind = "pq"
subvector_length = 4
prototypes = 16
weight_bits = 4
[precision]
activation_bits = 4
output = { bits = 4, shift = 4, signed = true }
"""


@pytest.fixture
def layer(folder):
    (folder / "layer.toml").write_text(LAYER)
    return folder


def test_every_kind_is_told_and_written(pqhw, layer):
    status, out, err = pqhw("size", "--layer", "layer.toml", "--budget", "lut=2000,dsp=4",
                            "--no-route", "-o", "found", "--json", "size.json")
    assert (status, err) == (0, "")
    assert "within 2,000 LUT4" in out and "sp2" in out and "lookups" not in out
    document = json.loads((layer / "size.json").read_text())
    assert document["document"] == "size" and document["budget"]["lut4"] == 2000
    kinds = {one["kind"]: one["estimate"] for one in document["kinds"]}
    assert sorted(kinds) == ["bitplane", "fixed", "mixed", "pot", "pq", "sp2"]
    for kind, estimate in kinds.items():
        assert estimate["area"]["lut4"] <= 2000 and estimate["area"]["dsp"] <= 4
        chain = load_spec(layer / "found" / f"layer-{kind}.toml")
        assert chain.cycles_per_row == estimate["cycles_per_row"]


def test_some_kinds_for_machines(pqhw, layer):
    status, out, _ = pqhw("size", "--layer", "layer.toml", "--kind", "sp2", "--no-route", "--json",
                          "-")
    assert status == 0
    assert [one["kind"] for one in json.loads(out)["kinds"]] == ["sp2"]


@pytest.mark.parametrize("arguments, sentence", [
    (("size", "--layer", "none.toml"),
     "none.toml: cannot be read (No such file or directory)."),
    (("size", "--layer", "layer.toml", "--budget", "gates=3", "--no-route"),
     "budget must be like lut=5000,dsp=10,bram=20,ff=8000, but holds gates=3."),
    (("size", "--layer", "layer.toml", "--kind", "mac", "--no-route"),
     "kind must be one of pq, fixed, pot, sp2, mixed, bitplane, but is mac."),
    (("compare", "layer.toml", "layer.toml", "--budget", "lut=3000"),
     "--budget must come with --like-for-like, which is missing.")])
def test_mistakes_are_told_in_a_sentence(refused, layer, arguments, sentence):
    assert refused(*arguments) == sentence
