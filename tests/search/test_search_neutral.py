"""Fields that change what an engine costs and not what it computes."""

import dataclasses

import numpy as np
import pytest
from builders import mac, pq

from pqhw.explore.search.layers import layer_costs
from pqhw.explore.search.neutral import neutral_variants
from pqhw.explore.search.plan import load_search
from pqhw.golden import layer_results
from pqhw.spec import Requantize, SpecError
from pqhw.spec.devices import device
from pqhw.spec.parameters import check_parameters

ECP5 = device("lfe5u-25f")
OUTPUT = Requantize(bits=4, shift=3)
IMAGE = {"C": 4, "N": 6, "F": 3, "H": 5, "W": 4, "padding": 1}
ENGINES = {
    "pq l2": pq(**IMAGE, V=4, K=4, encoder="l2", activation_bits=3, prototype_bits=3,
                prototype_storage="lutram", output=OUTPUT),
    "pq dot": pq(D=9, N=6, V=4, K=5, encoder="dot", activation_bits=3, prototype_bits=3,
                 output=OUTPUT),
    "mac": mac(**IMAGE, weight_bits=4, activation_bits=4, output=OUTPUT),
    "mac in logic": mac(D=9, N=6, weight_bits=4, multiplier="lut", output=OUTPUT)}


@pytest.mark.parametrize("name", ENGINES)
def test_results_are_the_same_whatever_the_fields(name):
    spec, random = ENGINES[name], np.random.default_rng(5)
    allowed = spec.activation_range
    images = random.integers(allowed.low, allowed.high + 1, (30, *spec.layer.input_shape))
    given = {"bias": random.integers(-40, 40, spec.layer.out_channels)}
    if spec.KIND == "pq":
        low = spec.encoder.prototype_range.low
        given["prototypes"] = random.integers(low, -low, spec.prototype_shape)
        given["tables"] = random.integers(-8, 8, spec.table_shape)
    else:
        given["weights"] = random.integers(-7, 8, spec.weight_shape)
    variants = list(neutral_variants(spec, ECP5, ()))
    assert spec.engine in [own.engine for own in variants], "the engine itself is one of them"
    assert len({own.engine for own in variants}) == len(variants) > 2
    wanted = layer_results(spec, check_parameters(spec, given), images)
    assert len(np.unique(wanted)) > 4
    for own in variants:
        assert (layer_results(own, check_parameters(own, given), images) == wanted).all(), own
        assert (own.layer, own.precision, own.folding) == (
            spec.layer, spec.precision, spec.folding)


def test_fields_that_are_settled_stay():
    variants = list(neutral_variants(ENGINES["pq l2"], ECP5, {"encoder", "bram_register"}))
    assert {own.engine.encoder for own in variants} == {"l2"}
    assert {own.engine.bram_register for own in variants} == {True}
    assert {own.engine.line_storage for own in variants} == {"auto", "lutram", "bram"}


LAYER = """
[layer]
in_features = 8
out_features = 6
[engine]
kind = "pq"
subvector_length = 4
prototypes = 4
encoder = "l2"
[precision]
activation_bits = 3
prototype_bits = 3
table_bits = 4
output = { bits = 3, shift = 2 }
"""


def test_a_wide_search_is_never_worse(tmp_path):
    (tmp_path / "layer.toml").write_text(LAYER)
    (tmp_path / "search.toml").write_text(
        'layers = ["layer.toml"]\nbudget = "lut=1500"\n[[choice]]\nkind = "pq"\n')
    plain = load_search(tmp_path / "search.toml")
    narrow, wide = (layer_costs(dataclasses.replace(plain, wide=own), "layer",
                                ["rate", "lut_equivalents"]) for own in (False, True))
    assert wide.points > 2 * narrow.points
    for own in narrow.costs:
        assert any(other.fmax_mhz / other.cycles >= 0.9999 * own.fmax_mhz / own.cycles
                   and other.lut_equivalents(ECP5) <= own.lut_equivalents(ECP5)
                   for other in wide.costs)
    (tmp_path / "search.toml").write_text(
        'layers = ["layer.toml"]\nwide = 1\n[[choice]]\nkind = "pq"\n')
    with pytest.raises(SpecError, match="wide must be true or false, but is 1"):
        load_search(tmp_path / "search.toml")
