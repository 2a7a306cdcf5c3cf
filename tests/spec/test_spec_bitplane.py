"""Specs on planes of bits: what follows from them, and every rule with its sentence."""

import dataclasses

import numpy as np
import pytest
from bitplane_builders import planes
from builders import chain, mac, small_mac

from pqhw.spec import (BitplaneSpec, ChainSpec, MACEngine, MACFolding, MACSpec, Requantize,
                       SpecError, engine_spec)
from pqhw.spec.devices import DEVICES, resolve
from pqhw.spec.files import dump_spec, load_rows_with_precisions, load_spec, save_parameters
from pqhw.spec.files import load_parameters
from pqhw.spec.parameters import check_parameters, check_precisions
from pqhw.sim.stimulus import random_parameters

U4 = Requantize(bits=4)


def test_the_scheme_chooses_the_class():
    assert type(mac(D=2, N=2)) is MACSpec
    assert type(MACSpec(layer=mac(D=2, N=2).layer, engine=MACEngine(scheme="bitplane"))) \
        is BitplaneSpec
    spec = engine_spec({"layer": {"in_features": 2, "out_features": 2},
                        "engine": {"kind": "mac", "scheme": "bitplane"}})
    assert isinstance(spec, BitplaneSpec)
    assert spec.precisions == ((8, 8),) and spec.precision_count == 1


def test_a_spec_survives_its_file(tmp_path):
    spec = planes(weight_planes_per_cycle=3, planes="pm1", precisions=[[3, 1], [3, 3]])
    path = tmp_path / "spec.toml"
    path.write_text(dump_spec(ChainSpec((spec,))))
    assert load_spec(path).first == spec


def test_cycles_are_those_of_the_planes():
    spec = planes(D=10, N=7, weight_bits=4, activation_bits=4, inputs_per_cycle=4,
                  outputs_per_cycle=2, weight_planes_per_cycle=2, activation_planes_per_cycle=2,
                  precisions=[[2, 2], [4, 2], [4, 4]])
    assert [spec.cycles_at(one) for one in range(3)] == [12, 24, 48]
    assert spec.cycles_per_row == ChainSpec((spec,)).cycles_per_row == 48
    assert spec.tile_interval == spec.least_interval == 3
    assert spec.latency == max(spec.latency_at(one) for one in range(3)) == spec.latency_at(2)


def test_one_accumulator_holds_every_precision():
    spec = planes(D=8, weight_bits=4, activation_bits=4, activation_signed=False,
                  precisions=[[1, 4], [3, 3]])
    assert (spec.sum_range.low, spec.sum_range.high) == (-8 * 4 * 7, 8 * 3 * 7)
    odd = planes(D=8, weight_bits=2, activation_bits=1, activation_signed=False, planes="pm1")
    assert (odd.sum_range.low, odd.sum_range.high) == (-24, 24)
    assert (odd.count_range.high, odd.column_range.high) == (24, 48)


def test_memories_hold_the_planes_in_use_and_a_bank_per_precision():
    spec = planes(D=9, N=6, weight_bits=8, precisions=[[3, 3], [1, 2], [2, 2]], inputs_per_cycle=3,
                  outputs_per_cycle=2, results_per_cycle=2, output=Requantize(bits=4, mode="scale"))
    words = {section.kind: section.words for section in spec.sections()}
    assert words == {"weights": 3 * 3 * 3, "bias": 2 * 4 + 3, "multiplier": 2 * 4 + 3, "shift": 3}
    assert [section.field_bits for section in spec.sections()][0] == 1


def test_a_device_resolves_it():
    for part in DEVICES.values():
        spec = resolve(ChainSpec((planes(precisions=[[3, 3], [1, 1]]),)), part).first
        assert isinstance(spec, BitplaneSpec) and spec.multipliers == 0


RULES = [
    ({"scheme": "fixed", "activation_bits": 1, "activation_signed": False},
     'precision.activation_bits must be an integer from 2 to 8 unless engine.scheme is '
     '"bitplane", but is 1.'),
    ({"scheme": "fixed", "weight_bits": 1},
     'engine.weight_bits must be an integer from 2 to 8 with engine.scheme = "fixed", but is 1.'),
    ({"scheme": "sp2", "planes": "pm1"},
     'engine.planes must be left out with engine.scheme = "sp2", but is "pm1".'),
    ({"scheme": "fixed", "precisions": [[2, 2]]},
     'engine.precisions must be left out with engine.scheme = "fixed", but is [[2, 2]].'),
    ({"scheme": "pot", "weight_planes_per_cycle": 1},
     'folding.weight_planes_per_cycle must be left out with engine.scheme = "pot", but is 1.'),
    ({"activation_bits": 1}, "precision.activation_signed must be false with "
     "precision.activation_bits = 1, but is true."),
    ({"precisions": [[3]]}, "engine.precisions must hold rows of 2 integers, planes of weights and"
     " of activations, but has rows of 1."),
    ({"precisions": [[1, 1]] * 17}, "engine.precisions must have at most 16 rows, but has 17."),
    ({"precisions": [[3, 3], [3, 4]]}, "engine.precisions[1] must be at most [3, 3], "
     "engine.weight_bits and precision.activation_bits, but is [3, 4]."),
    ({"weight_planes_per_cycle": 2, "activation_planes_per_cycle": 3},
     "folding.weight_planes_per_cycle must divide the 3 planes of engine.precisions[0], "
     "but is 2."),
    ({"weight_bits": 4, "precisions": [[4, 3], [4, 2]], "activation_planes_per_cycle": 2},
     "folding.activation_planes_per_cycle must divide the 3 planes of engine.precisions[0], "
     "but is 2."),
    ({"weight_bits": 4, "weight_planes_per_cycle": 2}, "folding.weight_planes_per_cycle must equal "
     "folding.activation_planes_per_cycle where neither takes all planes, but is 2 beside 1."),
    ({"C": 1, "N": 1, "F": 3, "H": 4, "W": 4, "padding": 1, "planes": "pm1"},
     'layer.padding must be 0 with '
     'engine.planes = "pm1", which has no zero, but is 1.'),
    ({"multiplier": "dsp"}, 'engine.multiplier must be "lut" or "auto" with engine.scheme = '
     '"bitplane", which counts bits, but is "dsp".'),
    ({"weight_code": "signed"}, 'engine.weight_code must be "magnitude" or "auto" with '
     'engine.scheme = "bitplane", but is "signed".'),
    ({"accumulator_bits": 8}, "precision.accumulator_bits must be at least 17, the bound of 5 "
     "terms and the bias, but is 8."),
]


@pytest.mark.parametrize("values, sentence", RULES, ids=[text[:40] for _, text in RULES])
def test_a_broken_rule_is_told_in_one_sentence(values, sentence):
    make = small_mac if values.get("scheme", "bitplane") != "bitplane" else planes
    with pytest.raises(SpecError) as caught:
        make(**values)
    assert str(caught.value) == sentence


def test_stages_that_choose_must_agree_how_many_precisions_there_are():
    first = planes(D=4, N=4, precisions=[[1, 1], [3, 3]], output=Requantize(bits=3, signed=True))
    last = planes(D=4, N=2, precisions=[[1, 1], [3, 3], [2, 2]])
    with pytest.raises(SpecError) as caught:
        chain(first, last)
    assert str(caught.value) == ("engine.precisions must have as many rows in all stages that have "
                                 "several, but has 2, 3.")


SPEC = planes(D=3, N=2, planes="pm1", precisions=[[3, 3], [1, 1]],
              output=Requantize(bits=4, mode="scale"))
GOOD = {"weights": np.ones((2, 3), int), "bias": np.zeros((2, 2), int),
        "multiplier": np.ones((2, 2), int), "shift": [3, 4]}
WRONG = [
    ({"weights": np.array([[1, 3, 5], [1, -2, 7]])}, 'weights must be odd with engine.planes = '
     '"pm1", whose digits are -1 and 1, but weights[1, 1] is -2.'),
    ({"weights": np.full((2, 3), 9)}, "weights must lie in -7…7 (engine.weight_bits = 3, symmetric "
     "around zero), but weights[0, 0] is 9."),
    ({"bias": np.zeros(2, int)}, "bias must have shape [P, N] = [2, 2], but has [2]."),
    ({"multiplier": np.ones((3, 2), int)},
     "multiplier must have shape [P, N] = [2, 2], but has [3, 2]."),
    ({"bias": np.array([[0, 0], [0, 1 << 15]])}, "bias must lie in -32768…32767 "
     "(precision.bias_bits = 16), but bias[1] is 32768 (precision 1)."),
    ({"multiplier": np.array([[1, 1], [-1, 1]])}, "multiplier must lie in 0…65535 "
     "(unsigned 16-bit), but multiplier[0] is -1 (precision 1)."),
    ({"shift": [1, 2, 3]}, "shift must be one integer or have shape [P] = [2], but has [3]."),
    ({"shift": [1, 99]}, "shift must be from 0 to 32 (accumulators of 17 bits), but is 99."),
]


@pytest.mark.parametrize("change, sentence", WRONG, ids=[text[:40] for _, text in WRONG])
def test_a_wrong_parameter_is_told_in_one_sentence(change, sentence):
    check_parameters(SPEC, GOOD)
    with pytest.raises(SpecError) as caught:
        check_parameters(SPEC, GOOD | change)
    assert str(caught.value) == sentence


def test_two_s_complement_has_its_most_negative_weight():
    spec = planes(D=1, N=2)
    check_parameters(spec, {"weights": np.array([[-4], [3]])})
    with pytest.raises(SpecError, match=r"weights must lie in -4…3 \(engine.weight_bits = 3, two's "
                                        r"complement\), but weights\[1, 0\] is 4"):
        check_parameters(spec, {"weights": np.array([[-4], [4]])})


def test_with_one_precision_arrays_have_no_axis_for_it():
    spec = planes(D=2, N=3, output=U4)
    given = {"weights": np.zeros((3, 2), int), "bias": np.arange(3), "shift": 2}
    checked = check_parameters(spec, given)
    assert checked.bias.tolist() == [[0, 1, 2]] and checked.shift.tolist() == [2]


def test_parameters_survive_their_file(tmp_path):
    design = ChainSpec((SPEC,))
    (own,) = random_parameters(design, 3)
    save_parameters(tmp_path / "p.npz", design, (own,))
    (again,) = load_parameters(design, tmp_path / "p.npz")
    for field in dataclasses.fields(own):
        assert (getattr(own, field.name) == getattr(again, field.name)).all()


def test_rows_may_come_with_their_precisions(tmp_path):
    design = ChainSpec((SPEC,))
    path, rows = tmp_path / "x.npz", np.zeros((3, 3), int)
    np.savez(path, rows=rows, precision=[0, 1, 0])
    assert load_rows_with_precisions(design, path)[1].tolist() == [0, 1, 0]
    np.savez(path, rows=rows)
    assert load_rows_with_precisions(design, path)[1] is None
    for wrong, sentence in (
            ({"precision": [0, 2, 0]}, "precision must lie in 0…1 (precisions are numbered as in "
             "engine.precisions), but precision[1] is 2."),
            ({"precision": [0]}, "precision must have shape [rows] = [3], but has [1]."),
            ({"bias": [0]}, "bias is not an array of rows; known are rows, precision.")):
        np.savez(path, rows=rows, **wrong)
        with pytest.raises(SpecError) as caught:
            load_rows_with_precisions(design, path)
        assert str(caught.value) == f"{path}: {sentence}"
    assert check_precisions(design, None, 2).tolist() == [0, 0]


def test_folding_that_is_left_out_takes_one_plane():
    assert MACFolding().to_mapping() == {"inputs_per_cycle": 1, "outputs_per_cycle": 1}
    spec = planes(weight_planes_per_cycle=8, activation_planes_per_cycle=8)
    assert (spec.weight_planes, spec.activation_planes, spec.cycles_per_row) == (3, 3, 15)
