"""The presets on real digits: accuracy kept, equal runs give equal integers, specs that fit."""

import dataclasses

import numpy as np
import pytest

from pqhw.network import load_digits, train_digits, variations
from pqhw.quant import (Learning, MACSettings, accuracy, classify, mac_network, mac_preset,
                        pq_network, pq_preset)
from pqhw.spec import MACFolding, PQFolding, SpecError
from pqhw.spec.files import load_parameters, save_parameters


@pytest.fixture(scope="session")
def trained():
    pytest.importorskip("sklearn")
    digits = load_digits()
    return digits, train_digits(digits)


@pytest.fixture(scope="session")
def learned(trained):
    digits, network = trained
    rows = variations(digits.train_rows)
    return {name: pq_network(network, rows, pq_preset(name)) for name in ("ecp5", "ice40")}


def test_float_network_is_good(trained):
    digits, network = trained
    assert network.sizes == (64, 64, 64, 10)
    assert network.accuracy(digits.test_rows, digits.test_labels) > 0.975


@pytest.mark.parametrize("name, points", [("ecp5", 1.5), ("ice40", 3.5)])
def test_presets_keep_the_accuracy(trained, learned, name, points):
    digits, network = trained
    before = network.accuracy(digits.test_rows, digits.test_labels)
    after = accuracy(*learned[name], digits.test_rows, digits.test_labels)
    assert 100 * (before - after) <= points, (before, after)


def test_small_preset_fits_an_up5k(learned):
    chain, _ = learned["ice40"]
    bits = sum(own for spec in chain.stages for own in spec.memory_bits.values())
    assert bits <= 90_000


@pytest.mark.parametrize("name", ["ecp5", "ice40"])
def test_chains_are_ready_to_build(learned, name, tmp_path):
    chain, parameters = learned[name]
    assert chain.last.output is None and not any(spec.loaded_shift for spec in chain.stages)
    assert all(own.shift == spec.output.shift
               for own, spec in zip(parameters, chain.stages) if spec.output)
    save_parameters(tmp_path / "own.npz", chain, parameters)
    for own, read in zip(parameters, load_parameters(chain, tmp_path / "own.npz")):
        np.testing.assert_array_equal(own.tables, read.tables)


@pytest.mark.parametrize("name, points", [("int8", 0.5), ("low", 1.5)])
def test_mac_keeps_the_accuracy(trained, name, points):
    digits, network = trained
    chain, parameters = mac_network(network, digits.train_rows, mac_preset(name))
    before = network.accuracy(digits.test_rows, digits.test_labels)
    after = accuracy(chain, parameters, digits.test_rows, digits.test_labels)
    assert 100 * (before - after) <= points, (before, after)


@pytest.mark.parametrize("scheme, bits, points", [("sp2", 4, 2.0), ("sp2", 6, 1.5),
                                                  ("pot", 4, 4.0)])
def test_powers_of_two_keep_the_accuracy(trained, scheme, bits, points):
    digits, network = trained
    settings = [dataclasses.replace(own, engine=dataclasses.replace(
        own.engine, scheme=scheme, weight_bits=bits)) for own in mac_preset("int8")]
    chain, parameters = mac_network(network, digits.train_rows, settings)
    before = network.accuracy(digits.test_rows, digits.test_labels)
    after = accuracy(chain, parameters, digits.test_rows, digits.test_labels)
    assert 100 * (before - after) <= points, (before, after)



@pytest.mark.parametrize("epochs", [0, 1])
def test_equal_arguments_give_equal_integers(trained, epochs):
    digits, network = trained
    rows, learning = digits.train_rows[:300], Learning(epochs=epochs)
    first, second = (pq_network(network, rows, pq_preset("ice40"), learning=learning)
                     for _ in range(2))
    assert first[0] == second[0]
    for a, b in zip(first[1], second[1]):
        for field in ("prototypes", "tables", "bias"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_tuning_is_worth_its_time(trained, learned):
    digits, network = trained
    plain = pq_network(network, variations(digits.train_rows, copies=1), pq_preset("ice40"),
                       learning=Learning(epochs=0))
    assert accuracy(*plain, digits.test_rows, digits.test_labels) > 0.8
    assert (accuracy(*learned["ice40"], digits.test_rows, digits.test_labels)
            > accuracy(*plain, digits.test_rows, digits.test_labels))


def test_shared_prototypes_and_folding_are_passed_through(trained):
    digits, network = trained
    folding = [PQFolding(outputs_per_cycle=count) for count in (8, 4, 2)]
    settings = pq_preset("ice40", folding=folding, shared_prototypes=True, table_storage="bram")
    chain, parameters = pq_network(network, digits.train_rows, settings,
                                   learning=Learning(epochs=1))
    assert [spec.folding for spec in chain.stages] == folding
    assert all(spec.engine.table_storage == "bram" for spec in chain.stages)
    assert all(len(own.prototypes) == 1 for own in parameters)
    assert classify(chain, parameters, digits.test_rows).shape == digits.test_labels.shape


def test_mistakes_are_named(trained):
    digits, network = trained
    with pytest.raises(ValueError, match="settings must be given once per layer, 3 times"):
        mac_network(network, digits.train_rows, [MACSettings()])
    with pytest.raises(SpecError, match="preset must be one of ecp5, ice40, but is large"):
        pq_preset("large")
    with pytest.raises(SpecError, match="folding must be given for all 3 layers"):
        mac_preset(folding=[MACFolding()])
    with pytest.raises(SpecError, match="input must lie in 0…31"):
        pq_network(network, digits.train_rows * 2, pq_preset("ecp5"))
    narrow = [dataclasses.replace(own, table_bits=1) for own in pq_preset("ecp5")]
    with pytest.raises(SpecError, match="table_bits must be an integer from 2 to 16"):
        pq_network(network, digits.train_rows, narrow)
