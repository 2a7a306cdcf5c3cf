"""Integer networks as ONNX files: the file's arithmetic, the included reference and onnxruntime
equal the golden model on every kind of node."""

import dataclasses

import numpy as np
import pytest
from bitplane_builders import conv_plane_specs, plane_cases, plane_specs
from builders import mac, mac_specs, odd_cases, pq, pq_specs
from conv_builders import conv_cases, conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_models import onnx, ort

from pqhw.golden import network_results
from pqhw.network.onnx import export_integer_onnx, run_integer_onnx
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
    assert check_engine(engine, tmp_path, seed)["layer"] == ("PQEncode", "PQLookup")


@given(conv_pq_specs(), SEEDS)
@settings(max_examples=40)
def test_random_product_quantized_convolutions(tmp_path, engine, seed):
    assert check_engine(engine, tmp_path, seed)["layer"] == ("PQEncode", "PQLookup")


@given(mac_specs() | conv_mac_specs() | plane_specs(8) | conv_plane_specs(8), SEEDS)
@settings(max_examples=60)
def test_random_layers_of_products(tmp_path, engine, seed):
    operators = check_engine(engine, tmp_path, seed)["layer"]
    assert not {"PQEncode", "PQLookup"} & set(operators)
