"""Parameters and rows at the door: what is refused, and that the limits themselves are taken."""

import numpy as np
import pytest
from builders import chain, small_mac, tiny

from pqhw.spec import Requantize, SpecError, SpecTypeError
from pqhw.spec.parameters import check_parameters, check_rows

SHIFTED = tiny(output=Requantize(bits=4))
BUILT = tiny(output=Requantize(bits=4, shift=3))
SHARED = tiny(shared_prototypes=True)
UNSIGNED = tiny(activation_signed=False)
MAC = small_mac()
SCALED = small_mac(output=Requantize(bits=4, mode="scale"))


def pq_values(**changes):
    """Good parameters of a tiny engine (S=2, K=4, V=2, N=3) with some changed; None drops one."""
    values = {"prototypes": np.zeros((2, 4, 2), np.int64), "tables": np.zeros((2, 4, 3), np.int64),
              "bias": np.zeros(3, np.int64), **changes}
    return {name: value for name, value in values.items() if value is not None}


def mac_values(**changes):
    """Good parameters of a small MAC engine (D=4, N=3) with some changed; None drops one."""
    values = {"weights": np.zeros((3, 4), np.int64), **changes}
    return {name: value for name, value in values.items() if value is not None}


def with_entry(shape, index, value, dtype=np.int64):
    array = np.zeros(shape, dtype)
    array[index] = value
    return array


T = (2, 4, 3)
INTEGERS = "tables must hold integers, but has dtype"
REFUSED = {
    "a missing array": (
        tiny(), pq_values(tables=None), SpecError,
        "tables is required, but the parameters hold bias, prototypes."),
    "nothing": (tiny(), {}, SpecError, "prototypes is required, but the parameters hold nothing."),
    "an unknown array": (
        tiny(), pq_values(table=np.zeros(1, int)), SpecError,
        "table is not a parameter of this engine; known are prototypes, tables, bias, shift."),
    "weights of a pq engine": (
        tiny(), pq_values(weights=np.zeros((3, 4), int)), SpecError,
        "weights is not a parameter of this engine; known are prototypes, tables, bias, shift."),
    "a wrong shape": (
        tiny(), pq_values(tables=np.zeros((2, 3, 4), int)), SpecError,
        "tables must have shape [S, K, N] = [2, 4, 3], but has [2, 3, 4]."),
    "too few dimensions": (
        tiny(), pq_values(tables=np.zeros(24, int)), SpecError,
        "tables must have shape [S, K, N] = [2, 4, 3], but has [24]."),
    "own prototypes where they are shared": (
        SHARED, pq_values(), SpecError,
        "prototypes must have shape [1, K, V] = [1, 4, 2], but has [2, 4, 2]."),
    "a wrong bias": (
        tiny(), pq_values(bias=np.zeros((3, 1), int)), SpecError,
        "bias must have shape [N] = [3], but has [3, 1]."),
    "a table entry too high": (
        tiny(), pq_values(tables=with_entry(T, (1, 2, 0), 8)), SpecError,
        "tables must lie in -8…7 (precision.table_bits = 4), but tables[1, 2, 0] is 8."),
    "a table entry too low": (
        tiny(), pq_values(tables=with_entry(T, (0, 0, 2), -9)), SpecError,
        "tables must lie in -8…7 (precision.table_bits = 4), but tables[0, 0, 2] is -9."),
    "a negative unsigned prototype": (
        UNSIGNED, pq_values(prototypes=with_entry((2, 4, 2), (0, 3, 1), -1)), SpecError,
        "prototypes must lie in 0…15 (precision.prototype_bits = 4), "
        "but prototypes[0, 3, 1] is -1."),
    "a bias too high": (
        tiny(), pq_values(bias=with_entry(3, 1, 2048)), SpecError,
        "bias must lie in -2048…2047 (precision.bias_bits = 12), but bias[1] is 2048."),
    "a bias that leaves no room for rounding": (
        BUILT, pq_values(bias=with_entry(3, 2, 2044)), SpecError,
        "bias must lie in -2052…2043 (precision.bias_bits = 12, which also holds the rounding "
        "constant 4), but bias[2] is 2044."),
    "NaN": (tiny(), pq_values(tables=with_entry(T, (1, 0, 1), np.nan, float)), SpecError,
            "tables must hold integers, but tables[1, 0, 1] is NaN."),
    "floats": (tiny(), pq_values(tables=np.zeros(T)), SpecTypeError, f"{INTEGERS} float64."),
    "infinity": (tiny(), pq_values(tables=np.full(T, np.inf, np.float32)), SpecTypeError,
                 f"{INTEGERS} float32."),
    "complex numbers": (tiny(), pq_values(tables=np.zeros(T, complex)), SpecTypeError,
                        f"{INTEGERS} complex128."),
    "booleans": (tiny(), pq_values(tables=np.zeros(T, bool)), SpecTypeError, f"{INTEGERS} bool."),
    "objects": (tiny(), pq_values(tables=np.zeros(T, object)), SpecTypeError,
                f"{INTEGERS} object."),
    "strings": (tiny(), pq_values(tables=np.full(T, "0")), SpecTypeError, f"{INTEGERS} <U1."),
    "times": (tiny(), pq_values(tables=np.zeros(T, "m8[s]")), SpecTypeError,
              f"{INTEGERS} timedelta64[s]."),
    "ragged lists": (tiny(), pq_values(tables=[[1], [1, 2]]), SpecTypeError,
                     "tables must hold integers, but is no regular array."),
    "a huge unsigned integer": (
        tiny(), pq_values(tables=with_entry(T, (0, 0, 0), 2 ** 64 - 8, np.uint64)), SpecError,
        "tables must hold integers below 2**63, but holds 18446744073709551608."),
    "no shift where one is needed": (
        SHIFTED, pq_values(), SpecError,
        "shift is required, as precision.output does not fix it, but the parameters do not "
        "give it."),
    "a negative shift": (SHIFTED, pq_values(shift=-1), SpecError,
                         "shift must be from 0 to 12 (accumulators of 13 bits), but is -1."),
    "a shift beyond the accumulators": (
        SHIFTED, pq_values(shift=13), SpecError,
        "shift must be from 0 to 12 (accumulators of 13 bits), but is 13."),
    "a shift whose rounding does not fit": (
        SHIFTED, pq_values(shift=12), SpecError,
        "shift must leave room for its rounding constant in precision.bias_bits = 12, "
        "but is 12."),
    "several shifts": (SHIFTED, pq_values(shift=np.zeros(3, int)), SpecError,
                       "shift must be one integer, but has shape [3]."),
    "a shift that is a fraction": (SHIFTED, pq_values(shift=1.5), SpecTypeError,
                                   "shift must hold integers, but has dtype float64."),
    "another shift than the one built in": (
        BUILT, pq_values(shift=2), SpecError,
        "shift must be 3, the precision.output.shift built into the engine, but is 2."),
    "a shift of raw accumulators": (
        tiny(), pq_values(shift=2), SpecError,
        'shift must be absent or 0 with precision.output = "accumulator", but is 2.'),
    "the weight that symmetry leaves out": (
        MAC, mac_values(weights=with_entry((3, 4), (2, 1), -8)), SpecError,
        "weights must lie in -7…7 (engine.weight_bits = 4, symmetric around zero), "
        "but weights[2, 1] is -8."),
    "weights the other way round": (
        MAC, mac_values(weights=np.zeros((4, 3), int)), SpecError,
        "weights must have shape [N, D] = [3, 4], but has [4, 3]."),
    "no weights": (MAC, {"bias": np.zeros(3, int)}, SpecError,
                   "weights is required, but the parameters hold bias."),
    "no multiplier": (SCALED, mac_values(shift=3), SpecError,
                      "multiplier is required, but the parameters hold shift, weights."),
    "a multiplier too large": (
        SCALED, mac_values(shift=3, multiplier=with_entry(3, 0, 65536)), SpecError,
        "multiplier must lie in 0…65535 (unsigned 16-bit), but multiplier[0] is 65536."),
    "a multiplier without scale": (
        MAC, mac_values(multiplier=np.ones(3, int)), SpecError,
        'multiplier must be absent unless precision.output.mode is "scale", but the parameters '
        "give it."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_parameters_are_refused_in_one_sentence(name):
    spec, values, kind, message = REFUSED[name]
    with pytest.raises(SpecError) as caught:
        check_parameters(spec, values)
    assert (type(caught.value), str(caught.value)) == (kind, message)


@pytest.mark.parametrize("spec, values", [
    (tiny(), pq_values(tables=with_entry(T, 0, 7), bias=with_entry(3, 0, 2047))),
    (tiny(), pq_values(tables=with_entry(T, 0, -8), bias=with_entry(3, 0, -2048), shift=0)),
    (tiny(), pq_values(bias=None)), (SHARED, pq_values(prototypes=np.zeros((1, 4, 2), int))),
    (BUILT, pq_values(bias=with_entry(3, 0, 2043))), (BUILT, pq_values(shift=3)),
    (BUILT, pq_values(bias=with_entry(3, 0, -2052))), (SHIFTED, pq_values(shift=[11])),
    (MAC, mac_values(weights=with_entry((3, 4), 0, -7, np.int8))),
    (SCALED, mac_values(shift=np.uint64(32), multiplier=with_entry(3, 1, 65535, np.uint16)))],
    ids=range(10))
def test_parameters_right_at_the_limit_are_taken_unchanged(spec, values):
    checked = check_parameters(spec, values)
    for name, value in values.items():
        assert np.array_equal(np.asarray(getattr(checked, name)).reshape(-1),
                              np.asarray(value).reshape(-1)), name


def test_a_bias_and_a_multiplier_left_out_change_nothing():
    checked = check_parameters(MAC, mac_values())
    assert checked.bias.tolist() == [0, 0, 0] and checked.multiplier.tolist() == [1, 1, 1]


KIND = "signed 4-bit activations"
ROWS = {
    "too short": (np.zeros((2, 3), int), SpecError,
                  "input must have shape [rows, D] with D = 4, but has [2, 3]."),
    "one row without its dimension": (
        np.zeros(4, int), SpecError, "input must have shape [rows, D] with D = 4, but has [4]."),
    "none": (np.zeros((0, 4), int), SpecError, "input must hold at least one row, but holds none."),
    "too high": (with_entry((2, 4), (1, 3), 8), SpecError,
                 f"input must lie in -8…7 ({KIND}), but input[1, 3] is 8."),
    "too low": (with_entry((2, 4), (0, 1), -9), SpecError,
                f"input must lie in -8…7 ({KIND}), but input[0, 1] is -9."),
    "NaN": (with_entry((2, 4), (1, 0), np.nan, float), SpecError,
            "input must hold integers, but input[1, 0] is NaN."),
    "floats": (np.zeros((2, 4)), SpecTypeError,
               "input must hold integers, but has dtype float64."),
    "booleans": (np.zeros((2, 4), bool), SpecTypeError,
                 "input must hold integers, but has dtype bool."),
}


@pytest.mark.parametrize("name", ROWS)
def test_broken_rows_are_refused_in_one_sentence(name):
    rows, kind, message = ROWS[name]
    with pytest.raises(SpecError) as caught:
        check_rows(chain(tiny()), rows)
    assert (type(caught.value), str(caught.value)) == (kind, message)


def test_negative_rows_of_an_unsigned_engine_are_refused():
    with pytest.raises(SpecError, match=r"0…15 \(unsigned 4-bit activations\), but input\[0, 0\]"):
        check_rows(chain(UNSIGNED), np.full((1, 4), -1))


@pytest.mark.parametrize("dtype", (np.int8, np.uint8, np.int64, np.uint64))
def test_rows_of_any_integer_type_are_taken(dtype):
    assert check_rows(chain(tiny()), np.full((2, 4), 7, dtype)).tolist() == [[7] * 4] * 2
