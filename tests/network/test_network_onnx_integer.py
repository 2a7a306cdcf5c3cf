"""Integer networks as ONNX files: by the included reference and by onnxruntime, every kind of node
gives what the golden model gives."""

import numpy as np
import pytest
from bitplane_builders import conv_plane_specs, plane_cases, plane_specs
from builders import mac, mac_specs, odd_cases, pq_specs
from conv_builders import conv_cases, conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_files import branches, check, check_engine, network, ours, session

from pqhw.network.onnx import export_integer_onnx, run_integer_onnx
from pqhw.spec import Requantize
from pqhw.spec.network import (INPUT, ArgMax, Concat, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum, input_of)
from pqhw.spec.parameters import check_parameters
from pqhw.spec.weights import magnitudes

CASES = {name: own.stages[0] for name, own in odd_cases().items() if len(own.stages) == 1}
CASES |= conv_cases()
CASES |= {name: own.stages[0] for name, own in plane_cases().items() if len(own.stages) == 1}


@pytest.mark.parametrize("name", CASES)
def test_engines_at_the_edges_of_what_a_spec_admits(tmp_path, name):
    check_engine(CASES[name], tmp_path, seed=len(name))


SEEDS = st.integers(0, 1000)


@given(pq_specs(), SEEDS)
@settings(max_examples=40)
def test_random_product_quantized_layers(tmp_path, engine, seed):
    assert ours(check_engine(engine, tmp_path, seed)["layer"]) == ["PQEncode", "PQLookup"]


@given(conv_pq_specs(), SEEDS)
@settings(max_examples=40)
def test_random_product_quantized_convolutions(tmp_path, engine, seed):
    assert ours(check_engine(engine, tmp_path, seed)["layer"]) == ["PQEncode", "PQLookup"]


@given(mac_specs() | conv_mac_specs() | plane_specs(8) | conv_plane_specs(8), SEEDS)
@settings(max_examples=60)
def test_random_layers_of_products(tmp_path, engine, seed):
    assert not ours(check_engine(engine, tmp_path, seed)["layer"])


@pytest.mark.parametrize("values", [
    {"D": 65536, "weight_bits": 8, "activation_bits": 8, "activation_signed": False},
    {"D": 5000, "weight_bits": 8, "activation_bits": 8, "scheme": "sp2"},
    {"D": 9, "weight_bits": 6, "activation_bits": 8, "scheme": "pot"}])
def test_the_largest_sums_there_are(tmp_path, values):
    engine = mac(N=2, **values)
    largest = magnitudes(engine.engine.scheme, engine.engine.weight_bits)[-1]
    weights = np.full((2, engine.layer.in_features), largest)
    weights[1] *= -1
    spec, _ = network(("layer", engine, "input"), given=input_of(
        engine.layer.input_shape, bits=8, signed=engine.precision.activation_signed))
    check(spec, {"layer": check_parameters(engine, {"weights": weights})}, tmp_path, extreme=True)


def test_every_kind_of_node(tmp_path):
    spec, parameters = branches()
    for count in range(1, len(spec.nodes) + 1):
        part = NetworkSpec("part", spec.input, spec.nodes[:count])
        operators = check(part, {name: parameters[name] for name in part.engines}, tmp_path, 5)
        assert list(operators) == [node.name for node in part.nodes]
    assert ours(operators["a"]) == ours(operators["b"]) == ["PQEncode", "PQLookup"]
    assert operators["fewer"] == ("Slice",)


def test_a_class_is_the_lowest_index_of_the_largest(tmp_path):
    spec, _ = network(("class", ArgMax(), "input"), given=NetworkInput(channels=4, bits=2))
    path = tmp_path / "m.onnx"
    export_integer_onnx(spec, {}, path)
    rows = np.array([[0, 3, 1, 3], [2, 2, 2, 2], [0, 0, 0, 1]])
    assert run_integer_onnx(path, rows).tolist() == [[1], [0], [3]]
    assert session(path).run(None, {"input": rows.astype(np.uint8)})[0].tolist() == [[1], [0], [3]]


@st.composite
def plain_networks(draw):
    """Nodes without parameters, one after another, beside each other where shapes allow."""
    size = st.integers(1, 6)
    given = NetworkInput(height=draw(size), width=draw(size), channels=draw(st.integers(1, 3)),
                         bits=draw(st.integers(1, 8)), signed=draw(st.booleans()))
    nodes, shape = [], given.shape
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    bits = {"bits": st.integers(2, 8), "signed": st.booleans()}
    for index in range(draw(st.integers(1, 6))):
        before = nodes[-1].name if nodes else INPUT
        kernel = draw(pair)
        padding = tuple(draw(st.integers(0, taps - 1)) for taps in kernel)
        window = {"kernel": kernel, "padding": padding, "stride": draw(pair)}
        fits = len(shape) == 3 and all(taps <= own + 2 * pad for taps, own, pad in zip(
            kernel, shape, padding))
        kinds = [st.builds(Sum, **bits), st.just(Concat()), st.builds(
            PadChannels, before=st.integers(0, 2), after=st.integers(0, 2))]
        if fits:
            scale = bits | {"multiplier": st.integers(1, 65535), "shift": st.integers(0, 20)}
            kinds += [st.just(MaxPool(**window)), st.builds(Mean, whole=st.booleans(), **scale, **{
                key: st.just(value) for key, value in window.items()})]
        if len(shape) == 3:
            kinds += [st.just(Flatten()), st.builds(Subsample, stride=pair)]
        op = draw(st.one_of(kinds))
        others = [own for own in (INPUT, *(node.name for node in nodes))
                  if op.MANY and NetworkSpec("all", given, (*nodes, NetworkNode(
                      "x", Flatten(), (INPUT,)))).shapes[own] == shape]
        more = draw(st.lists(st.sampled_from(others), max_size=2)) if others else []
        nodes.append(NetworkNode(f"n{index}", op, (before, *more)))
        shape = NetworkSpec("all", given, tuple(nodes)).shapes[nodes[-1].name]
    return NetworkSpec("plain", given, tuple(nodes))


@given(plain_networks())
@settings(max_examples=60)
def test_random_networks_of_plain_nodes(tmp_path, spec):
    check(spec, {}, tmp_path)


def test_names_that_the_writer_uses_itself(tmp_path):
    engine = mac(D=4, N=3, activation_bits=3, weight_bits=3, output=Requantize(bits=3))
    check(*network(("output", engine, "input"), ("output.weights", Sum(bits=2), "output"),
                   ("output.0.cast", Sum(bits=3), "output.weights output"),
                   given=NetworkInput(channels=4, bits=3, signed=True)), tmp_path)
