"""Integer networks in files: what goes in comes out, equal networks give equal bytes, and damage
is told."""

import dataclasses

import numpy as np
import pytest
from network_builders import ROWS, by_hand, converted

from pqhw.golden import network_results
from pqhw.quant.files import load_integer_network, save_integer_network
from pqhw.spec import SpecError
from pqhw.spec.network import load_network_parameters, save_network


def test_what_goes_in_comes_out(tmp_path):
    _, network, images = converted()
    text, binary = save_integer_network(tmp_path / "a", network)
    assert (text.name, binary.name) == ("small.toml", "small.npz")
    read = load_integer_network(text)
    assert read.spec == network.spec
    assert read.steps == {name: network.steps[name] for name in ("input", "norm", "relu", "flat",
                                                                   "hidden")}
    assert read.units == network.units and set(read.units) == {"norm", "relu", "hidden", "last"}
    results = network_results(network.spec, network.parameters, images)
    assert (network_results(read.spec, read.parameters, images) == results).all()
    # The parameters alone are read as before.
    assert set(load_network_parameters(read.spec, binary)) == set(network.parameters)


def test_equal_networks_give_equal_bytes_whatever_the_order_of_their_steps(tmp_path):
    network = by_hand()
    first = save_integer_network(tmp_path / "a", network)
    turned = dataclasses.replace(network, steps=dict(reversed(network.steps.items())))
    again = save_integer_network(tmp_path / "b", turned)
    third = save_integer_network(tmp_path / "c", load_integer_network(first[0]))
    assert len({tuple(path.read_bytes() for path in own) for own in (first, again, third)}) == 1


def test_a_network_without_steps_has_none(tmp_path):
    network = by_hand()
    text, binary = save_network(tmp_path, network.spec, network.parameters)
    assert (load_integer_network(text).steps, load_integer_network(text).units) == ({}, {})
    elsewhere = binary.rename(tmp_path / "other.npz")
    with pytest.raises(SpecError, match="byhand.npz: cannot be read"):
        load_integer_network(text)
    read = load_integer_network(text, elsewhere)
    assert (network_results(read.spec, read.parameters, ROWS) == 2).all()


@pytest.mark.parametrize("key, value, message", [
    ("@step/third", 1.0, "@step/third must be @step/NAME of a result or @unit/NAME of an engine of "
                         "byhand, but is neither."),
    ("@unit/class", 1.0, "@unit/class must be @step/NAME of a result or @unit/NAME of an engine of "
                         "byhand, but is neither."),
    ("@note", 1.0, "@note must be @step/NAME of a result or @unit/NAME of an engine of byhand, but "
                   "is neither."),
    ("@step/first", 0.0, "@step/first must be one positive number, but is 0.0."),
    ("@step/first", np.nan, "@step/first must be one positive number, but is nan."),
    ("@step/first", np.ones(2), "@step/first must be one positive number, but is [1.0, 1.0]."),
    ("@unit/second", "four", "@unit/second must be one positive number, but is 'four'.")])
def test_steps_that_break_a_rule_name_it(tmp_path, key, value, message):
    text, binary = save_integer_network(tmp_path, by_hand())
    with np.load(binary) as archive:
        arrays = dict(archive) | {key: np.asarray(value)}
    np.savez(binary, **arrays)
    with pytest.raises(SpecError) as error:
        load_integer_network(text)
    assert str(error.value) == f"{binary}: {message}"


@pytest.mark.parametrize("kept", [0, 10, 300, -30])
def test_truncated_files_are_told(tmp_path, kept):
    text, binary = save_integer_network(tmp_path, by_hand())
    binary.write_bytes(binary.read_bytes()[:kept])
    with pytest.raises(SpecError, match=f"^{binary}: is not a .npz file of plain numbers.$"):
        load_integer_network(text)


def test_names_that_files_reserve_are_refused(tmp_path):
    network = by_hand()
    first, *rest = network.spec.nodes
    nodes = (dataclasses.replace(first, name="@a"),
             dataclasses.replace(rest[0], inputs=("@a",)), *rest[1:])
    spec = dataclasses.replace(network.spec, nodes=nodes)
    with pytest.raises(SpecError, match="^@a: names of engines must not begin with @, which is "
                                        "reserved in files, but this one does.$"):
        save_network(tmp_path / "new", spec, network.parameters)
    assert not (tmp_path / "new").exists()
