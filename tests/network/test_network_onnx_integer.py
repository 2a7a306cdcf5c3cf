"""Integer networks as ONNX files: the file's arithmetic, the included reference and onnxruntime
equal the golden model on every kind of node."""

import numpy as np
import pytest
from bitplane_builders import conv_plane_specs, plane_cases, plane_specs
from builders import mac, mac_specs, odd_cases, pq, pq_specs
from conv_builders import conv_cases, conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_models import onnx, ort

from onnx import inliner
from pqhw.golden import network_results
from pqhw.network import GraphError
from pqhw.network.onnx import (check_model, export_integer_onnx, import_onnx, reference_operators,
                               run_integer_onnx)
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum, input_of)

CASES = {name: own.stages[0] for name, own in odd_cases().items() if len(own.stages) == 1}
CASES |= conv_cases()
CASES |= {name: own.stages[0] for name, own in plane_cases().items() if len(own.stages) == 1}


def in_file(values):
    """[R, C, H, W] of [R, H, W, C]."""
    return np.moveaxis(values, -1, 1) if values.ndim == 4 else values


def ours(operators):
    """Those of the operators that are of our domain."""
    return [own for own in operators if own.startswith("PQ")]


def session(path):
    """onnxruntime's session of a file, on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check(spec, parameters, folder, rows=3, seed=0):
    """The file is valid and gives the golden results, by the reference and by onnxruntime."""
    path = folder / "m.onnx"
    operators = export_integer_onnx(spec, parameters, path)
    onnx.checker.check_model(path, full_check=True)
    allowed = spec.input.range
    random = np.random.default_rng(seed)
    images = random.integers(allowed.low, allowed.high + 1, (rows, *spec.input.shape))
    images[0] = random.choice([allowed.low, allowed.high], spec.input.shape)
    wanted = in_file(network_results(spec, parameters, images, threads=1))
    got = run_integer_onnx(path, in_file(images))
    assert got.shape == wanted.shape
    np.testing.assert_array_equal(got, wanted)
    run = session(path)
    entering, = run.get_inputs()
    kind = np.int8 if spec.input.signed else np.uint8
    outside = run.run(None, {entering.name: in_file(images).astype(kind)})[0]
    assert outside.dtype == got.dtype
    np.testing.assert_array_equal(outside, wanted)
    return operators


def check_engine(engine, folder, seed=0):
    """A network of one engine."""
    precision = engine.precision
    given = input_of(engine.layer.input_shape, bits=precision.activation_bits,
                     signed=precision.activation_signed)
    spec = NetworkSpec("one", given, (NetworkNode("layer", Engine(engine), (INPUT,)),))
    own, = random_parameters(ChainSpec((engine,)), seed)
    return check(spec, {"layer": own}, folder, seed=seed)


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


# -- Whole networks ----------------------------------------------------------------------------


def network(*nodes, given=None, name="made"):
    """A network and its parameters; nodes are (name, op, inputs)."""
    given = given or NetworkInput(height=5, width=4, channels=3, bits=5, signed=True)
    spec = NetworkSpec(name, given, tuple(
        NetworkNode(own, Engine(op) if hasattr(op, "layer") else op, tuple(inputs.split()))
        for own, op, inputs in nodes))
    return spec, {own: random_parameters(ChainSpec((engine,)), seed)[0]
                  for seed, (own, engine) in enumerate(spec.engines.items())}


def branches():
    """Engines of both kinds, all plain nodes, values of 8 and of 64 bits."""
    signed = Requantize(bits=6, signed=True)
    few = {"activation_bits": 4, "activation_signed": False, "prototype_bits": 4,
           "table_bits": 5}
    return network(
        ("stem", mac(C=3, N=4, F=3, padding=1, H=5, W=4, activation_bits=5, weight_bits=4,
                     output=Requantize(bits=4, mode="scale")), "input"),
        ("a", pq(C=4, N=4, F=3, padding=1, H=5, W=4, V=9, K=5, output=signed, **few), "stem"),
        ("b", pq(C=4, N=4, F=1, H=5, W=4, V=2, K=4, convolution="pixel", output=signed, **few),
         "stem"),
        ("sum", Sum(bits=6, signed=True), "a b stem stem"),
        ("most", MaxPool(kernel=(3, 2), padding=(2, 1), stride=(2, 1)), "sum"),
        ("mean", Mean(bits=6, signed=True, kernel=2, padding=1, multiplier=5, shift=4), "sum"),
        ("fewer", Subsample(stride=(2, 1)), "mean"),
        ("wider", PadChannels(before=1, after=2), "fewer"),
        ("raw", mac(C=7, N=3, F=1, H=3, W=5, activation_bits=6, weight_bits=8), "wider"),
        ("both", Concat(), "raw wider"),
        ("best", MaxPool(kernel=2, padding=1), "both"),
        ("whole", Mean(whole=True, bits=8, signed=True, multiplier=9, shift=11), "best"),
        ("flat", Flatten(), "best"),
        ("all", Concat(), "whole flat"),
        ("class", ArgMax(), "all"))


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


# -- The file ----------------------------------------------------------------------------------


def test_equal_networks_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        export_integer_onnx(*branches(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = onnx.load_model_from_string((tmp_path / "one").read_bytes())
    assert {own.domain: own.version for own in model.opset_import} == {"": 17, "pqhw": 1}
    assert (model.producer_name, model.producer_version) == ("pqhw", "")


def row_layer(**values):
    """A small layer whose results are what it takes."""
    return pq(**{"D": 4, "N": 4, "V": 2, "K": 3, "activation_bits": 4, "prototype_bits": 4,
                 "activation_signed": False, "table_bits": 4, "output": Requantize(bits=4),
                 **values})


def test_layers_of_all_sizes_share_a_function_by_their_encoder(tmp_path):
    spec, parameters = network(
        ("a", row_layer(N=6), "input"), ("b", row_layer(D=6, V=4, encoder="dot"), "a"),
        ("c", row_layer(K=2), "b"), given=NetworkInput(channels=4, bits=4))
    path = tmp_path / "m.onnx"
    check(spec, parameters, tmp_path, rows=9)
    model = onnx.load(path)
    assert model.ir_version == 8
    assert [(own.name, own.overload) for own in model.functions] == [
        ("PQEncode", ""), ("PQLookup", "")]
    rows = np.random.default_rng(1).integers(0, 16, (5, 4)).astype(np.uint8)
    alone = onnx.reference.ReferenceEvaluator(model).run(None, {"input": rows})[0]
    np.testing.assert_array_equal(alone, network_results(spec, parameters, rows))


def test_other_encoders_are_told_by_an_overload(tmp_path):
    spec, parameters = network(
        ("a", row_layer(), "input"), ("b", row_layer(encoder="l1"), "a"),
        ("c", row_layer(encoder="tree", K=4), "b"), ("d", row_layer(), "c"),
        given=NetworkInput(channels=4, bits=4))
    check(spec, parameters, tmp_path, rows=9)
    model = onnx.load(tmp_path / "m.onnx")
    assert model.ir_version == 10
    assert [(own.name, own.overload) for own in model.functions] == [
        ("PQEncode", ""), ("PQLookup", ""), ("PQEncode", "1"), ("PQEncode", "2")]
    assert [own.overload for own in model.graph.node if own.op_type == "PQEncode"] == [
        "", "1", "2", ""]


def test_a_file_without_its_functions_is_executed_by_the_operators_alone(tmp_path):
    spec, parameters = branches()
    path = tmp_path / "m.onnx"
    export_integer_onnx(spec, parameters, path)
    model = onnx.load(path)
    del model.functions[:]
    images = np.random.default_rng(3).integers(-16, 16, (4, 5, 4, 3))
    evaluator = onnx.reference.ReferenceEvaluator(model, new_ops=reference_operators())
    got = evaluator.run(None, {"input": in_file(images).astype(np.int8)})[0]
    np.testing.assert_array_equal(got, network_results(spec, parameters, images))


def test_functions_become_operators_of_onnx_alone(tmp_path):
    spec, parameters = branches()
    path = tmp_path / "m.onnx"
    export_integer_onnx(spec, parameters, path)
    plain = inliner.inline_local_functions(onnx.load(path))
    assert not plain.functions and {node.domain for node in plain.graph.node} == {""}
    images = np.random.default_rng(3).integers(-16, 16, (4, 5, 4, 3))
    got = onnx.reference.ReferenceEvaluator(plain).run(
        None, {"input": in_file(images).astype(np.int8)})[0]
    np.testing.assert_array_equal(got, network_results(spec, parameters, images))


# -- Refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [import_onnx, check_model])
def test_reading_tells_what_the_file_is(tmp_path, read):
    path = tmp_path / "m.onnx"
    export_integer_onnx(*branches(), path)
    model = onnx.load(path)
    del model.metadata_props[:]
    unmarked = tmp_path / "unmarked.onnx"
    onnx.save(model, unmarked)
    for own in (path, unmarked):
        with pytest.raises(GraphError, match=f"^{own}: holds an integer network of pqhw, whose"):
            read(own)


@pytest.mark.parametrize("change, message", [
    (lambda images: images[:0],
     "images must be [R, 3, 5, 4] with at least one, but are [0, 3, 5, 4]."),
    (lambda images: images[:, :, :4],
     "images must be [R, 3, 5, 4] with at least one, but are [2, 3, 4, 4]."),
    (lambda images: images * 0.5, "images must be integers, but are float64."),
    (lambda images: images + 16, "images must be from -16 to 15, but reach from 16 to 16."),
])
def test_images_that_do_not_fit_are_refused(tmp_path, change, message):
    path = tmp_path / "m.onnx"
    export_integer_onnx(*branches(), path)
    with pytest.raises(GraphError) as error:
        run_integer_onnx(path, change(np.zeros((2, 3, 5, 4), int)))
    assert str(error.value) == message


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("This is no network.")
    with pytest.raises(GraphError, match="m.onnx: is not a complete ONNX file.$"):
        run_integer_onnx(path, np.zeros((1, 3)))
    onnx.save(onnx.ModelProto(ir_version=8), path)
    with pytest.raises(GraphError, match="m.onnx: must hold an integer network that pqhw export "
                                         "wrote, but does not.$"):
        run_integer_onnx(path, np.zeros((1, 3)))


def test_onnx_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for act in (lambda: export_integer_onnx(*branches(), tmp_path / "m.onnx"),
                lambda: run_integer_onnx(tmp_path / "m.onnx", np.zeros((1, 3))),
                reference_operators):
        with pytest.raises(GraphError, match="^ONNX files need the package onnx, which is not"):
            act()
