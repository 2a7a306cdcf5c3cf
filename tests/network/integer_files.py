"""Integer networks as ONNX files: small ones, and a file beside the golden model."""

import numpy as np
from builders import mac, pq
from onnx_models import onnx, ort

from pqhw.golden import network_results
from pqhw.network.onnx import export_integer_onnx, run_integer_onnx
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum, input_of)

RUNTIME = tuple(map(int, ort.__version__.split(".")[:2]))
OVERLOADS = (1, 28)
"""The onnxruntime that knows several functions of a name."""


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


def check(spec, parameters, folder, rows=3, seed=0, extreme=False):
    """The file is valid and gives the golden results, by the reference and by onnxruntime; returns
    its operators by node."""
    path = folder / "m.onnx"
    operators = export_integer_onnx(spec, parameters, path)
    onnx.checker.check_model(path, full_check=True)
    allowed = spec.input.range
    random = np.random.default_rng(seed)
    images = random.integers(allowed.low, allowed.high + 1, (rows, *spec.input.shape))
    images[0] = random.choice([allowed.low, allowed.high], spec.input.shape)
    if extreme:
        images[1], images[2] = allowed.low, allowed.high
    wanted = in_file(network_results(spec, parameters, images, threads=1))
    got = run_integer_onnx(path, in_file(images))
    assert got.shape == wanted.shape
    np.testing.assert_array_equal(got, wanted)
    if onnx.load(path).ir_version > 8 and RUNTIME < OVERLOADS:
        return operators
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
