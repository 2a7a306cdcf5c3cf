"""Parameter and row files: round trips, and files that are something else."""

import io
import zipfile

import numpy as np
import pytest
from builders import chain, chain_cases, chains, odd_cases, tiny
from hypothesis import given, settings

from pqhw.sim.stimulus import random_parameters
from pqhw.spec import SpecError
from pqhw.spec.files import load_parameters, load_rows, save_parameters

ONE = chain(tiny())
TWO = chain_cases()["pq 6 lanes to pq 4"]


def same(one, other):
    """Whether two lists of parameters hold the same integers."""
    return len(one) == len(other) and all(
        type(a) is type(b) and all(np.array_equal(getattr(a, name), getattr(b, name))
                                   for name in vars(a)) for a, b in zip(one, other))


@pytest.mark.parametrize("name", odd_cases())
def test_parameters_come_back_from_their_file(name, tmp_path):
    spec = odd_cases()[name]
    parameters = random_parameters(spec, 5)
    save_parameters(tmp_path / "p.npz", spec, parameters)
    assert same(parameters, load_parameters(spec, tmp_path / "p.npz"))


@settings(max_examples=30)
@given(chains(most=3))
def test_random_parameters_of_any_spec_come_back(tmp_path, spec):
    parameters = random_parameters(spec, 1)
    save_parameters(tmp_path / "p.npz", spec, parameters)
    assert same(parameters, load_parameters(spec, tmp_path / "p.npz")), spec


def good_arrays():
    return {"prototypes": np.zeros((2, 4, 2), int), "tables": np.zeros((2, 4, 3), int)}


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "p.npz", **arrays)
    return tmp_path / "p.npz"


def refusal(load, spec, path):
    with pytest.raises(SpecError) as caught:
        load(spec, path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and message.endswith("."), message
    return message.removeprefix(f"{path}: ")


def test_pickled_objects_are_never_loaded(tmp_path):
    path = saved(tmp_path, **{**good_arrays(), "tables": np.array([print], object)})
    assert refusal(load_parameters, ONE, path) == (
        "is damaged, or holds Python objects instead of plain numbers.")


def test_a_broken_array_is_refused_with_the_file_in_front(tmp_path):
    path = saved(tmp_path, **{**good_arrays(), "tables": np.zeros((2, 4, 4), int)})
    assert refusal(load_parameters, ONE, path) == (
        "tables must have shape [S, K, N] = [2, 4, 3], but has [2, 4, 4].")


def test_arrays_without_their_stage_are_refused_in_a_chain(tmp_path):
    assert refusal(load_parameters, TWO, saved(tmp_path, **good_arrays())) == (
        "prototypes must be named after its stage, from 0.prototypes to 1.prototypes, "
        "as the spec has stages.")


def test_arrays_of_a_stage_beyond_the_chain_are_refused(tmp_path):
    assert refusal(load_parameters, TWO, saved(tmp_path, **{"2.bias": np.zeros(3, int)})) == (
        "2.bias must be named after its stage, from 0.2.bias to 1.2.bias, "
        "as the spec has stages.")


def test_a_broken_array_in_a_chain_is_refused_with_its_stage(tmp_path):
    parameters = random_parameters(TWO, 1)
    save_parameters(tmp_path / "p.npz", TWO, parameters)
    arrays = dict(np.load(tmp_path / "p.npz"))
    path = saved(tmp_path, **{**arrays, "1.bias": np.zeros(1, int)})
    assert refusal(load_parameters, TWO, path) == "1.bias must have shape [N] = [7], but has [1]."


@pytest.mark.parametrize("content, says", [
    (None, "cannot be read (No such file or directory)."),
    (b"", "is not a {} file of plain numbers."),
    (b"PK\x03\x04 but no archive", "is not a {} file of plain numbers."),
    (b"\x93NUMPY\x01\x00", "is not a {} file of plain numbers."),
    (b"just text", "is not a {} file of plain numbers."),
    (bytes(100), "is not a {} file of plain numbers.")])
@pytest.mark.parametrize("load, suffix", [(load_parameters, ".npz"), (load_rows, ".npy")])
def test_a_file_that_is_something_else_is_named(load, suffix, content, says, tmp_path):
    path = tmp_path / f"file{suffix}"
    if content is not None:
        path.write_bytes(content)
    assert refusal(load, ONE, path) == says.format(suffix)


def test_rows_and_parameters_are_not_taken_for_each_other(tmp_path):
    np.save(tmp_path / "rows.npy", np.zeros((2, 4), int))
    assert refusal(load_parameters, ONE, tmp_path / "rows.npy") == (
        "is not a .npz file of plain numbers.")
    assert refusal(load_rows, ONE, saved(tmp_path, **good_arrays())) == (
        "is not a .npy file of plain numbers.")


def test_rows_come_back_from_their_file(tmp_path):
    rows = np.arange(-8, 8).reshape(4, 4)
    np.save(tmp_path / "rows.npy", rows)
    assert np.array_equal(load_rows(ONE, tmp_path / "rows.npy"), rows)


def test_broken_rows_are_refused_with_the_file_in_front(tmp_path):
    np.save(tmp_path / "rows.npy", np.full((1, 4), np.nan))
    assert refusal(load_rows, ONE, tmp_path / "rows.npy") == (
        "input must hold integers, but input[0, 0] is NaN.")


@pytest.mark.parametrize("compressed", (False, True), ids=("stored", "compressed"))
def test_any_damaged_byte_of_a_parameter_file_is_refused_or_harmless(compressed, tmp_path):
    """Damage never loads other numbers, and never ends in another kind of error.

    The bias stays at its default: the damaged directory of an archive may hide an array that is
    optional.
    """
    parameters = random_parameters(chain(tiny(bias_bits=0)), 3)
    buffer = io.BytesIO()
    names = {name: getattr(parameters[0], name) for name in ("prototypes", "tables")}
    (np.savez_compressed if compressed else np.savez)(buffer, **names)
    whole = buffer.getvalue()
    path = tmp_path / "p.npz"
    refused = 0
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            loaded = load_parameters(ONE, path)
        except SpecError as error:
            assert str(error).startswith(f"{path}: "), (position, error)
            refused += 1
        else:
            assert same(parameters, loaded), f"byte {position}"
    assert refused > len(whole) // 12


@pytest.mark.parametrize("end", (10, 100, 300, -1, -30))
def test_a_cut_parameter_file_is_refused(end, tmp_path):
    path = saved(tmp_path, **good_arrays())
    path.write_bytes(path.read_bytes()[:end])
    assert refusal(load_parameters, ONE, path) == "is not a .npz file of plain numbers."


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "p.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("prototypes", "tables"):
            archive.writestr(f"{name}.npy", b"no array")
    assert refusal(load_parameters, ONE, path) == (
        "prototypes must hold integers, but has dtype |S8.")
