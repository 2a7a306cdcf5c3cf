"""Whole integer networks: every node by its definition, batches, files, errors."""

import dataclasses

import numpy as np
import pytest
from builders import mac, pq

from pqhw.golden import layer_results, network_activations, network_results
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum,
                               dump_network, load_network, load_network_parameters, save_network)

IMAGES = NetworkInput(height=5, width=4, channels=3, bits=5, signed=True)
VALUES = np.random.default_rng(7).integers(-16, 16, (6, 5, 4, 3))


def single(op, given=IMAGES):
    """A network of one node."""
    return NetworkSpec("single", given, (NetworkNode("op", op, (INPUT,)),))


def windows(image, op):
    """Top left corners and values of all windows, NaN beyond the border."""
    (top, left), (down, right) = op.padding, op.stride
    padded = np.pad(image.astype(float), ((top, top), (left, left), (0, 0)),
                    constant_values=np.nan)
    for y in range(0, padded.shape[0] - op.kernel[0] + 1, down):
        for x in range(0, padded.shape[1] - op.kernel[1] + 1, right):
            yield padded[y:y + op.kernel[0], x:x + op.kernel[1]].reshape(-1, image.shape[2])


@pytest.mark.parametrize("sizes", [{"kernel": 2, "stride": 2}, {"kernel": (3, 2), "padding": 1},
                                   {"kernel": 3, "stride": (2, 1), "padding": (2, 0)}])
def test_windows_are_reduced_by_their_definition(sizes):
    most, mean = MaxPool(**sizes), Mean(bits=6, signed=True, multiplier=5, shift=4, **sizes)
    results = network_results(single(most), {}, VALUES)
    means = network_results(single(mean), {}, VALUES)
    for image, own, averaged in zip(VALUES, results, means):
        parts = list(windows(image, most))
        assert own.shape == single(most).shapes["op"] and own.shape[0] * own.shape[1] == len(parts)
        for got, average, part in zip(own.reshape(-1, 3), averaged.reshape(-1, 3), parts):
            # Padding never wins a maximum, however negative the image.
            assert got.tolist() == np.nanmax(part, axis=0).tolist()
            total = np.nansum(part, axis=0).astype(int)
            assert average.tolist() == [min(31, max(-32, (5 * one + 8) >> 4)) for one in total]


def test_a_mean_of_the_whole_image_rounds_halves_up_and_clamps():
    op = Mean(whole=True, bits=3, signed=True, multiplier=3, shift=5)
    results = network_results(single(op), {}, VALUES)
    assert results.shape == (6, 3)
    for image, got in zip(VALUES, results):
        totals = image.sum(axis=(0, 1))
        assert got.tolist() == [min(3, max(-4, (3 * one + 16) >> 5)) for one in totals.tolist()]


def test_sums_are_exact_and_clamped():
    for bits, signed, low, high in ((4, False, 0, 15), (4, True, -8, 7)):
        spec = NetworkSpec("sum", IMAGES, (
            NetworkNode("relu", Sum(bits=4), (INPUT,)),
            NetworkNode("sum", Sum(bits=bits, signed=signed), (INPUT, "relu", INPUT))))
        wanted = np.clip(2 * VALUES + np.clip(VALUES, 0, 15), low, high)
        assert (network_results(spec, {}, VALUES) == wanted).all()


def test_pixels_and_channels_are_moved_about():
    spec = NetworkSpec("moves", IMAGES, (
        NetworkNode("fewer", Subsample(stride=(2, 3)), (INPUT,)),
        NetworkNode("more", PadChannels(before=1, after=2), ("fewer",)),
        NetworkNode("both", Concat(), ("more", "fewer")),
        NetworkNode("row", Flatten(), ("both",)),
        NetworkNode("class", ArgMax(), ("row",))))
    results = network_activations(spec, {}, VALUES)
    fewer = VALUES[:, ::2, ::3]
    assert (results["fewer"] == fewer).all()
    assert (results["more"] == np.pad(fewer, ((0, 0), (0, 0), (0, 0), (1, 2)))).all()
    assert results["both"].shape[1:] == (3, 2, 9) == spec.shapes["both"]
    assert (results["row"] == results["both"].reshape(6, -1)).all()
    assert results["class"].tolist() == [[row.argmax()] for row in results["row"]]
    assert spec.ranges["more"].low == -16 and spec.ranges["more"].high == 15


def branches():
    """Engines of both kinds with a residual between them, and their parameters."""
    unsigned, signed = (Requantize(bits=4, signed=False), Requantize(bits=6, signed=True))
    stem = mac(C=3, N=4, F=3, padding=1, H=5, W=4, activation_bits=5, activation_signed=True,
               weight_bits=4, output=dataclasses.replace(unsigned, mode="scale"))
    first = pq(C=4, N=4, F=3, padding=1, H=5, W=4, V=9, K=5, encoder="l2", activation_bits=4,
               activation_signed=False, prototype_bits=4, table_bits=5, output=signed)
    other = pq(C=4, N=4, F=1, H=5, W=4, V=2, K=4, convolution="pixel", activation_bits=4,
               activation_signed=False, prototype_bits=4, table_bits=5, output=signed)
    last = mac(D=80, N=7, activation_bits=4, activation_signed=False, weight_bits=8)
    spec = NetworkSpec("branches", IMAGES, (
        NetworkNode("stem", Engine(stem), (INPUT,)),
        NetworkNode("block.a", Engine(first), ("stem",)),
        NetworkNode("block.b", Engine(other), ("stem",)),
        NetworkNode("block.sum", Sum(bits=4), ("block.a", "block.b", "stem")),
        NetworkNode("flat", Flatten(), ("block.sum",)),
        NetworkNode("last", Engine(last), ("flat",))))
    parameters = {name: random_parameters(ChainSpec((own,)), seed)[0]
                  for seed, (name, own) in enumerate(spec.engines.items())}
    return spec, parameters


def test_engines_compute_what_they_compute_alone():
    spec, parameters = branches()
    results = network_activations(spec, parameters, VALUES)
    stem = layer_results(spec.engines["stem"], parameters["stem"], VALUES)
    parts = [layer_results(spec.engines[name], parameters[name], stem)
             for name in ("block.a", "block.b")]
    total = np.clip(parts[0] + parts[1] + stem, 0, 15)
    last = layer_results(spec.engines["last"], parameters["last"], total.reshape(6, -1))
    assert (results["block.sum"] == total).all() and total.any()
    assert (results["last"] == last).all()
    assert set(network_activations(spec, parameters, VALUES, keep=["stem"])) == {"stem", "last"}


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_change_nothing(threads, monkeypatch):
    spec, parameters = branches()
    whole = network_activations(spec, parameters, VALUES)["last"]
    monkeypatch.setattr("pqhw.golden.network.BATCH_ELEMENTS", 200)
    told = []
    results = network_results(spec, parameters, VALUES, threads=threads,
                              progress=lambda done, total: told.append((done, total)))
    assert (results == whole).all() and told[-1] == (6, 6)


def test_batches_side_by_side_leave_products_one_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads():
        return {own["num_threads"] for own in threadpoolctl.threadpool_info()
                if own["user_api"] == "blas"}

    spec, parameters = branches()
    seen = []
    with threadpoolctl.threadpool_limits(2):
        before = threads()
        network_results(spec, parameters, VALUES, progress=lambda *_: seen.append(threads()))
        assert threads() == before
    assert seen and all(own <= {1} for own in seen)


def test_files_hold_everything_and_are_equal_for_equal_networks(tmp_path):
    spec, parameters = branches()
    text, binary = save_network(tmp_path / "a", spec, parameters)
    read = load_network(text)
    assert read == spec and dump_network(read) == text.read_text()
    own = load_network_parameters(read, binary)
    assert (network_results(read, own, VALUES) == network_results(spec, parameters, VALUES)).all()
    again = save_network(tmp_path / "b", read, own)
    assert [path.read_bytes() for path in again] == [text.read_bytes(), binary.read_bytes()]


def test_parameter_files_of_other_networks_are_refused(tmp_path):
    spec, parameters = branches()
    text, binary = save_network(tmp_path, spec, parameters)
    with np.load(binary) as archive:
        arrays = dict(archive)
    np.savez(tmp_path / "less.npz", **{k: v for k, v in arrays.items() if k != "last/weights"})
    np.savez(tmp_path / "more.npz", **arrays, **{"head/bias": np.zeros(1)})
    with pytest.raises(SpecError, match="less.npz: last: weights is required, but "):
        load_network_parameters(spec, tmp_path / "less.npz")
    with pytest.raises(SpecError, match="more.npz: head/bias must be named after an engine of "
                                        "branches and its array, as in NODE/bias.$"):
        load_network_parameters(spec, tmp_path / "more.npz")


def nodes(*given):
    return lambda: NetworkSpec("wrong", IMAGES, tuple(
        NetworkNode(name, op, inputs) for name, op, inputs in given))


ENGINE = mac(D=60, N=2, activation_bits=4, activation_signed=False)


@pytest.mark.parametrize("make, message", [
    (nodes(), "node must be given at least once, but is not."),
    (nodes(("a", Flatten(), ("b",))), "a: inputs must be input or nodes before, but b is not."),
    (nodes(("a", Flatten(), (INPUT,)), ("a", Flatten(), (INPUT,))),
     "a: names must differ, but this one stands twice."),
    (nodes(("a", Flatten(), (INPUT, INPUT))), "a: inputs must be one, but are 2."),
    (nodes(("a", ArgMax(), (INPUT,))), "a: inputs must be rows, but are [5, 4, 3]."),
    (nodes(("a", Subsample(stride=2), (INPUT,)), ("b", Sum(bits=4), ("a", INPUT))),
     "b: inputs must have one shape, but have [3, 2, 3] and [5, 4, 3]."),
    (nodes(("a", MaxPool(kernel=6), (INPUT,))),
     "a: kernel must fit the padded image of 5 by 4 pixels, but is [6, 6]."),
    (nodes(("a", Flatten(), (INPUT,)), ("b", Concat(), ("a", INPUT))),
     "b: inputs must differ in channels alone, but are [60] and [5, 4, 3]."),
    (nodes(("a", Engine(ENGINE), (INPUT,))),
     "a: layer must take [5, 4, 3], what the node before gives, but takes [60]."),
    (nodes(("a", Flatten(), (INPUT,)), ("b", Engine(ENGINE), ("a",))),
     "b: precision must take activations from -16 to 15, what the node before gives, "
     "but takes those from 0 to 15."),
])
def test_networks_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SpecError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize("change, message", [
    (lambda text: text.replace('op = "sum"', 'op = "product"'),
     'block.sum: op must be one of engine, sum, maxpool, mean, subsample, pad, concat, flatten, '
     'argmax, but is "product".'),
    (lambda text: text.replace('inputs = ["flat"]', 'inputs = "flat"'),
     'last: inputs must be an array of names, but is "flat".'),
    (lambda text: text.replace("bits = 4\nsigned", "bits = 9\nsigned"), "node.bits must"),
    (lambda text: text.replace("name = \"branches\"", ""), "name must be a text, but is None."),
    (lambda text: text + "\n[extra]\n", "extra is not part of a network; known are"),
    (lambda text: text[:200], "is not a TOML file"),
])
def test_files_that_break_a_rule_name_it(tmp_path, change, message):
    path = tmp_path / "network.toml"
    path.write_text(change(dump_network(branches()[0])))
    with pytest.raises(SpecError) as error:
        load_network(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)


@pytest.mark.parametrize("images, message", [
    (VALUES[:0], "images must be [R, 5, 4, 3] with at least one, but are [0, 5, 4, 3]."),
    (VALUES * 0.5, "images must be integers, but are float64."),
    (VALUES + 1, "images must be from -16 to 15, but reach from -15 to 16."),
])
def test_images_that_do_not_fit_are_refused(images, message):
    with pytest.raises(SpecError) as error:
        network_results(*branches(), images)
    assert str(error.value) == message
