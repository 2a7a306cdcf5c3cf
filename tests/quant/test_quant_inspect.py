"""Reports of networks whose every figure is known; dumps; accuracy beside floats."""

import dataclasses
import json
import math

import numpy as np
import pytest
from network_builders import ROWS, by_hand, converted, float_graph

from pqhw.golden import layer_sums, network_activations
from pqhw.network import GraphError
from pqhw.quant import inspect as inspecting
from pqhw.quant.evaluate import evaluate_network
from pqhw.quant.inspect import dump_activations, inspect_network
from pqhw.quant.reports import CodeUse, Extent, FloatError
from pqhw.report.layers import layers_table
from pqhw.spec import SpecError
from pqhw.spec.network import (INPUT, Flatten, MaxPool, Mean, NetworkInput, NetworkNode,
                               NetworkSpec, Sum)
from pqhw.spec.ranges import Range


def seen(extent):
    return extent.seen.low, extent.seen.high


def test_ranges_and_saturation_of_a_network_worked_out_by_hand():
    first, second, last = inspect_network(by_hand(), ROWS)
    assert (first.name, first.kind, first.shape) == ("first", "pq", (2,))
    assert first.values == Extent(Range(0, 7), Range(0, 7))
    assert seen(first.sums) == (0, 29) and seen(first.entries) == (-2, 30)
    assert first.sums.allowed == by_hand().spec.engines["first"].accumulator_range
    assert first.entries.allowed == Range(-32, 31)
    # One of each row's two results is 7 in every other row; its zeros are a ReLU's.
    assert (first.at_low, first.at_high, first.saturated) == (0, 0.25, 0.25)
    assert second.kind == "mac" and seen(second.sums) == seen(second.values) == (-18, 14)
    assert seen(second.entries) == (-3, 2) and second.entries.allowed == Range(-7, 7)
    assert (second.saturated, second.codes) == (None, None)
    assert (last.kind, last.shape, seen(last.values)) == ("argmax", (1,), (2, 2))
    assert last.sums is last.entries is last.error is None


def test_prototypes_that_nothing_chooses_are_dead():
    use = inspect_network(by_hand(), ROWS)[0].codes
    # The first sub-vector has two codes, equally often, and the second one alone.
    assert use == CodeUse(prototypes=6, dead=3, code_bits=math.log2(3), entropy=0.5)
    assert use.dead_share == 0.5
    use = inspect_network(by_hand(shared=True), ROWS)[0].codes
    assert use == CodeUse(prototypes=3, dead=0, code_bits=math.log2(3), entropy=0.5)
    assert inspect_network(by_hand(shared=True), ROWS[:1])[0].codes.dead == 1


def test_errors_against_floats_are_those_worked_out_by_hand():
    first, second, last = inspect_network(by_hand(), ROWS[:2], float_graph())
    # 0.5 * [1, 6], 0.5 * [7, 0] against [1, 3], [4.5, 0].
    assert first.error == FloatError(pytest.approx(10 * math.log10(30.25 / 1.25)), -0.375, 2.75)
    # Raw sums have units: [1, -18, 14] / 4, [7, 0, 14] / 4 against [.5, -1.5, 2], [2.25, 0, 2.25].
    assert second.error.snr_db == pytest.approx(10 * math.log10(16.625 / 13.125))
    assert second.error.bias == pytest.approx(-1 / 6)
    assert second.error.relative_bias == pytest.approx(-1 / 6 / math.sqrt(16.625 / 6))
    assert last.error is None


@pytest.mark.parametrize("signed, low, at_low", [(True, -8, 2 / 8), (False, 0, 0)])
def test_both_ends_of_what_clamps_are_counted(signed, low, at_low):
    values = np.array([[-20, -8, 0, 6], [30, 7, -3, 1]])
    spec = NetworkSpec("ends", NetworkInput(channels=4, bits=6, signed=True), (
        NetworkNode("sum", Sum(bits=4, signed=signed), (INPUT,)),
        NetworkNode("row", Flatten(), ("sum",))))
    network = dataclasses.replace(by_hand(), spec=spec, parameters={}, units={})
    found, moved = inspect_network(network, values)
    assert found.values.allowed == Range(low, 7 if signed else 15)
    assert found.at_low == at_low and found.at_high == (2 if signed else 1) / 8
    assert moved.values == found.values and moved.saturated is None


def test_pooling_clamps_where_it_averages():
    spec = NetworkSpec("pools", NetworkInput(height=2, width=2, channels=1, bits=4), (
        NetworkNode("most", MaxPool(kernel=1), (INPUT,)),
        NetworkNode("mean", Mean(whole=True, bits=2, shift=0), ("most",))))
    network = dataclasses.replace(by_hand(), spec=spec, parameters={}, units={})
    most, mean = inspect_network(network, np.ones((3, 2, 2, 1), int))
    assert most.saturated is None and mean.saturated == 1 and seen(mean.values) == (3, 3)


def test_a_conversion_is_close_to_its_floats_whatever_the_order_of_rows():
    graph, network, images = converted()
    reports = {own.name: own for own in inspect_network(network, images, graph)}
    assert set(reports) == {"norm", "relu", "flat", "hidden", "last"}
    # Flattened rows are compared value by value, though float graphs have channels first.
    assert reports["flat"].error == reports["relu"].error
    assert all(own.error.snr_db > 35 for own in reports.values())
    assert all(own.error is None for own in inspect_network(network, images))
    # A layer's sums are those of what enters it.
    values = network_activations(network.spec, network.parameters, images)["flat"]
    sums = layer_sums(network.spec.engines["hidden"], network.parameters["hidden"], values)
    assert seen(reports["hidden"].sums) == (sums.min(), sums.max())


def test_batches_change_nothing(monkeypatch):
    graph, network, images = converted()
    whole, told = inspect_network(network, images, graph), []
    monkeypatch.setattr(inspecting, "BATCH_ELEMENTS", 7 * 36)
    parts = inspect_network(network, images, graph,
                            progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 40) for done in (7, 14, 21, 28, 35, 40)]
    for one, other in zip(whole, parts):
        assert dataclasses.replace(one, error=None) == dataclasses.replace(other, error=None)
        assert one.error.snr_db == pytest.approx(other.error.snr_db)
    whole = inspect_network(by_hand(), ROWS)
    monkeypatch.setattr(inspecting, "BATCH_ELEMENTS", 4)
    assert inspect_network(by_hand(), ROWS) == whole


def test_reports_are_json_and_a_table():
    reports = inspect_network(by_hand(), ROWS, float_graph())
    exact = dataclasses.replace(reports[0], error=FloatError(math.inf, 0.0, 1.0))
    first, second, last = json.loads(json.dumps(
        [own.to_json() for own in (exact, *reports[1:])], allow_nan=False))
    assert first["error"] == {"snr_db": None, "bias": 0.0, "rms": 1.0}
    assert first["sums"]["seen"] == {"low": 0, "high": 29} and first["sums"]["seen_bits"] == 5
    assert first["codes"]["dead"] == 3 and last["codes"] is None
    table = layers_table([exact, *reports[1:]])
    columns = {str(own.header): list(own.cells) for own in table.columns}
    assert columns["values"] == ["0…7", "−18…14", "2…2"] and columns["of"] == ["u3", "s17", "u16"]
    assert columns["at ends"][0].split() == ["25", "%"] and columns["dead"] == ["3/6", "–", "–"]
    assert columns["code"] == ["0.5/1.6", "–", "–"] and columns["SNR, dB"][0] == "∞"
    # Columns that say nothing are left out.
    plain = layers_table(inspect_network(by_hand(), ROWS)[1:])
    assert not {"dead", "code", "SNR, dB", "bias", "at ends"} & {
        str(own.header) for own in plain.columns}


@pytest.mark.parametrize("graph, message", [
    (float_graph(inputs=3), "the float graph must take [4], what byhand takes, but floats takes "
                            "[3]."),
    (converted()[0], "the float graph must take [4], what byhand takes, but small takes "
                     "[4, 3, 2].")])
def test_a_graph_of_other_images_is_refused(graph, message):
    with pytest.raises(SpecError) as error:
        inspect_network(by_hand(), ROWS, graph)
    assert str(error.value) == message


def renamed(**names):
    network = by_hand()
    nodes = tuple(dataclasses.replace(
        node, name=names.get(node.name, node.name),
        inputs=tuple(names.get(one, one) for one in node.inputs)) for node in network.spec.nodes)
    return dataclasses.replace(
        network, spec=dataclasses.replace(network.spec, nodes=nodes),
        parameters={names.get(name, name): own for name, own in network.parameters.items()},
        steps={names.get(name, name): own for name, own in network.steps.items()})


def test_a_graph_of_other_names_is_refused():
    with pytest.raises(SpecError, match="^the float graph must have the names of byhand, but "
                                        "floats has none of its layers.$"):
        inspect_network(renamed(first="one", second="two"), ROWS, float_graph())
    swapped = renamed(first="second", second="first")
    with pytest.raises(SpecError, match=r"^second: the float graph must give \[2\], what the "
                                        r"integer network gives, but gives \[3\].$"):
        inspect_network(swapped, ROWS, float_graph())


def test_a_dump_holds_every_result(tmp_path, monkeypatch):
    _, network, images = converted()
    monkeypatch.setattr(inspecting, "BATCH_ELEMENTS", 7 * 36)
    dump_activations(network, images, tmp_path / "d.npz")
    wanted = network_activations(network.spec, network.parameters, images)
    with np.load(tmp_path / "d.npz") as found:
        assert set(found) == {"input", "norm", "relu", "flat", "hidden", "last"}
        assert all((found[name] == wanted[name]).all() for name in found)
        assert found["relu"].dtype == np.uint8 and found["last"].dtype == np.int16


def test_a_dump_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inspecting, "MOST_VALUES", 25)
    with pytest.raises(SpecError, match="^images must be at most 2 for a dump of byhand, 10 values "
                                        "each, but are 4.$"):
        dump_activations(by_hand(), ROWS, tmp_path / "d.npz")
    with pytest.raises(SpecError, match="^file: a dump takes any name of a node but this one.$"):
        dump_activations(renamed(first="file"), ROWS[:1], tmp_path / "d.npz")
    assert not list(tmp_path.iterdir())


# -- Accuracy --------------------------------------------------------------------------------


def test_accuracies_and_agreement_are_counted():
    network, graph = by_hand(), float_graph()
    # Integers say 2 and 2; floats 2, and 0 on a tie.
    found = evaluate_network(network, ROWS[:2], np.array([2, 1]))
    assert (found.images, found.accuracy) == (2, 0.5) and found.images_per_second > 0
    assert found.float_accuracy is found.agreement is None
    found = evaluate_network(network, ROWS[:2], np.array([2, 0]), graph)
    assert (found.accuracy, found.float_accuracy, found.agreement) == (0.5, 1, 0.5)
    scores = dataclasses.replace(network, spec=dataclasses.replace(
        network.spec, nodes=network.spec.nodes[:2]))
    assert evaluate_network(scores, ROWS, np.array([2, 2, 2, 0])).accuracy == 0.75


@pytest.mark.parametrize("labels, graph, message", [
    ([2], None, "labels must be 2, one per image, but have shape [1]."),
    ([0, 3], None, "labels must be from 0 to 2, the classes of byhand, but reach from 0 to 3."),
    ([0, 1], converted()[0], "the float graph must give [3], as byhand does, but small gives "
                             "[5].")])
def test_what_does_not_fit_is_refused(labels, graph, message):
    with pytest.raises(SpecError) as error:
        evaluate_network(by_hand(), ROWS[:2], np.array(labels), graph)
    assert str(error.value) == message


def test_a_network_without_classes_or_a_graph_of_other_images_is_refused():
    graph, network, images = converted()
    spec = dataclasses.replace(network.spec, nodes=network.spec.nodes[:2])
    with pytest.raises(SpecError, match=r"^relu: a network that classifies must end in a row of "
                                        r"classes, but small ends in \[4, 3, 3\].$"):
        evaluate_network(dataclasses.replace(network, spec=spec), images, np.zeros(40, int))
    with pytest.raises(GraphError, match="^inputs of floats must be "):
        evaluate_network(by_hand(), ROWS[:2], np.zeros(2, int), float_graph(inputs=3))
