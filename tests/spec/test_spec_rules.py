"""Rules that span several fields, tables or stages, each by the text of its refusal."""

import pytest
from builders import chain, mac, pq, tiny

from pqhw.spec import ChainSpec, Requantize, SpecError, SpecTypeError

U4, S4 = Requantize(bits=4), Requantize(bits=4, signed=True)
SCALE = Requantize(bits=4, mode="scale")

RULES = {
    "a sub-vector longer than the row": (
        lambda: pq(D=4, N=3, V=5, K=4),
        "engine.subvector_length must be at most layer.in_features = 4, but is 5."),
    "scale mode of a pq engine": (
        lambda: tiny(output=SCALE),
        'precision.output.mode must be "shift" for kind = "pq", whose table scale makes a shift '
        'enough, but is "scale".'),
    "pq accumulators too narrow": (  # 2 entries of -8..7 and a 12-bit bias: -2064..2061.
        lambda: tiny(accumulator_bits=12),
        "precision.accumulator_bits must be at least 13, the bound of 2 terms and the bias, "
        "but is 12."),
    "pq accumulators too narrow without a bias": (  # -16..14
        lambda: tiny(accumulator_bits=4, bias_bits=0),
        "precision.accumulator_bits must be at least 5, the bound of 2 terms and the bias, "
        "but is 4."),
    "mac accumulators too narrow": (  # 3 products within 128 * 127, and a 17-bit bias.
        lambda: mac(D=3, N=1, accumulator_bits=17),
        "precision.accumulator_bits must be at least 18, the bound of 3 terms and the bias, "
        "but is 17."),
    "wide entries without wrap16": (
        lambda: tiny(table_bits=9),
        'precision.table_bits must be an integer from 2 to 8 unless precision.compatibility is '
        '"wrap16", but is 9.'),
    "wrap16 with other accumulators": (
        lambda: tiny(compatibility="wrap16", accumulator_bits=20),
        'precision.accumulator_bits must be 16 with precision.compatibility = "wrap16", '
        "but is 20."),
    "wrap16 with a wider bias": (
        lambda: tiny(compatibility="wrap16", bias_bits=17),
        'precision.bias_bits must be at most 16 with precision.compatibility = "wrap16", '
        "but is 17."),
    "wrap16 with a shift beyond 16 bits": (
        lambda: tiny(compatibility="wrap16", output=Requantize(bits=4, shift=16)),
        'precision.output.shift must be at most 15 with precision.compatibility = "wrap16", '
        "but is 16."),
    "no place for the rounding constant": (
        lambda: tiny(bias_bits=0, output=U4),
        "precision.bias_bits must be at least 1 with a shifted output, whose rounding constant "
        "it holds, but is 0."),
    "a shift beyond the accumulators": (
        lambda: tiny(output=Requantize(bits=4, shift=13)),
        "precision.output.shift must be at most 12, as the accumulators have 13 bits, "
        "but is 13."),
    "a shift whose rounding constant the bias cannot hold": (
        lambda: tiny(D=16, bias_bits=4, output=Requantize(bits=4, shift=4)),
        "precision.output.shift must be at most 3, so that precision.bias_bits = 4 holds its "
        "rounding constant, but is 4."),
    "results that do not divide the outputs": (
        lambda: tiny(N=6, outputs_per_cycle=6, results_per_cycle=4),
        "folding.results_per_cycle must divide the 6 outputs per cycle, but is 4."),
    "encoders that do not divide the lanes": (
        lambda: tiny(D=12, subspaces_per_cycle=6, encoders_per_cycle=4),
        "folding.encoders_per_cycle must divide the 6 subspaces per cycle, but is 4."),
    "encoders that do not divide the subspaces there are": (
        lambda: tiny(D=6, subspaces_per_cycle=4, encoders_per_cycle=2),
        "folding.encoders_per_cycle must divide the 3 subspaces per cycle, but is 2."),
    "results that cannot keep up": (
        lambda: tiny(N=12, outputs_per_cycle=6, results_per_cycle=1, subspaces_per_cycle=1,
                     prototypes_per_cycle=4, elements_per_cycle=2),
        "folding.results_per_cycle must be at least 3 to keep up with 6 results every 2 cycles, "
        "but is 1."),
}


@pytest.mark.parametrize("name", RULES)
def test_a_broken_rule_is_refused_in_one_sentence(name):
    build, message = RULES[name]
    with pytest.raises(SpecError) as caught:
        build()
    assert str(caught.value) == message


@pytest.mark.parametrize("build", [
    lambda: tiny(accumulator_bits=13), lambda: tiny(accumulator_bits=5, bias_bits=0),
    lambda: mac(D=3, N=1, accumulator_bits=18), lambda: mac(D=3, N=1, output=SCALE, bias_bits=0),
    lambda: tiny(output=Requantize(bits=4, shift=11)),
    lambda: tiny(D=16, bias_bits=4, output=Requantize(bits=4, shift=3)),
    lambda: tiny(N=12, outputs_per_cycle=6, results_per_cycle=3, elements_per_cycle=2,
                 prototypes_per_cycle=4),
    lambda: tiny(D=6, subspaces_per_cycle=4, encoders_per_cycle=3),
    lambda: pq(D=5, N=3, V=5, K=4)], ids=range(9))
def test_a_spec_right_at_the_limit_is_taken(build):
    assert build().cycles_per_row > 0


FIRST = tiny(output=U4)                                     # 3 unsigned 4-bit results
SECOND = {"D": 3, "N": 2, "V": 1, "K": 2, "activation_bits": 4, "activation_signed": False}
CHAINS = {
    "wrong length": (
        (FIRST, pq(**{**SECOND, "D": 4})),
        "stage[1].layer.in_features must be 3, the outputs of the stage before, but is 4."),
    "raw accumulators between": (
        (tiny(), pq(**SECOND)),
        "stage[0].precision.output must be requantised for the next stage, "
        'but is "accumulator".'),
    "wrong sign": (
        (FIRST, pq(**{**SECOND, "activation_signed": True})),
        "stage[1].precision must take unsigned 4-bit activations, the results of the stage "
        "before, but takes signed 4-bit ones."),
    "wrong width": (
        (tiny(output=S4), pq(**{**SECOND, "activation_bits": 5})),
        "stage[1].precision must take signed 4-bit activations, the results of the stage "
        "before, but takes unsigned 5-bit ones."),
    "different load ports": (
        (FIRST, pq(**SECOND, load_bits=32)),
        "engine.load_bits must be equal in all stages, but is 8, 32."),
    "one of two double-buffered": (
        (FIRST, pq(**SECOND, double_buffered=True)),
        "engine.double_buffered must be equal in all stages, but is true in some and false in "
        "others."),
    "no stage": ((), "stage must be given 1 to 64 times, but is given 0."),
    "too many stages": ((FIRST,) * 65, "stage must be given 1 to 64 times, but is given 65."),
    "the third stage": (
        (FIRST, pq(**SECOND, output=U4), pq(**SECOND)),
        "stage[2].layer.in_features must be 2, the outputs of the stage before, but is 3."),
}


@pytest.mark.parametrize("name", CHAINS)
def test_stages_that_do_not_fit_are_refused_in_one_sentence(name):
    stages, message = CHAINS[name]
    with pytest.raises(SpecError) as caught:
        ChainSpec(stages)
    assert str(caught.value) == message


def test_stages_that_fit_make_a_chain():
    made = chain(FIRST, pq(**SECOND))
    assert (made.kind, made.first, made.last.layer.out_features) == ("pq", FIRST, 2)
    assert made.latency is None


GOOD = FIRST.to_mapping()
FILES = {
    "no engine": ({"layer": GOOD["layer"]}, SpecError,
                  'engine.kind must be one of "pq", "mac", but [engine] is missing.'),
    "no kind": ({"layer": GOOD["layer"], "engine": {}}, SpecError,
                'engine.kind must be one of "pq", "mac", but [engine] does not give it.'),
    "unknown kind": ({"engine": {"kind": "lut"}}, SpecError,
                     'engine.kind must be one of "pq", "mac", but is "lut".'),
    "kind of a strange kind": ({"engine": {"kind": ["pq"]}}, SpecTypeError,
                               "engine.kind must be one of \"pq\", \"mac\", but is ['pq']."),
    "unknown table": ({**GOOD, "foldings": {}}, SpecError,
                      "[foldings] is not a table of a spec; known are layer, engine, precision, "
                      "folding."),
    "no layer": ({"engine": GOOD["engine"]}, SpecError,
                 "layer.in_features is required (inputs D of a row), but [layer] does not give "
                 "it."),
    "stage is no array": ({"stage": 3}, SpecTypeError,
                          "stage must be an array of tables, each with layer, engine, precision "
                          "and folding, but is 3."),
    "stages that are no tables": ({"stage": [3]}, SpecTypeError,
                                  "stage[0] must be a table with layer, engine, precision and "
                                  "folding, but is 3."),
    "a table beside stages": ({"stage": [GOOD], "layer": {}}, SpecError,
                              "[layer] must stand inside a stage, as the file has stages."),
    "a broken stage": ({"stage": [GOOD, {**GOOD, "layer": {"in_features": 4.5,
                                                           "out_features": 1}}]}, SpecTypeError,
                       "stage[1].layer.in_features must be an integer from 1 to 65536, "
                       "but is 4.5."),
    "no stages": ({"stage": []}, SpecError,
                  "stage must be given 1 to 64 times, but is given 0."),
}


@pytest.mark.parametrize("name", FILES)
def test_a_mapping_that_is_no_spec_is_refused_in_one_sentence(name):
    mapping, kind, message = FILES[name]
    with pytest.raises(SpecError) as caught:
        ChainSpec.from_mapping(mapping)
    assert (type(caught.value), str(caught.value)) == (kind, message)
