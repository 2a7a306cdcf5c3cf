"""Small networks as dataflow accelerators, with parameters and images."""

import dataclasses

import numpy as np
from builders import mac, pq

from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.dataflow import DataflowSpec, Setting
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Subsample, Sum)

GIVEN = NetworkInput(height=5, width=4, channels=6, bits=5, signed=True)

OPERATIONS = {
    "pool": [("op", MaxPool(kernel=2, stride=2), (INPUT,))],
    "pool-padded": [("op", MaxPool(kernel=(3, 2), padding=1), (INPUT,))],
    "mean": [("op", Mean(kernel=3, stride=(2, 1), padding=(2, 0), bits=6, signed=True,
                         multiplier=45, shift=8), (INPUT,))],
    "mean-whole": [("op", Mean(whole=True, bits=6, signed=True, multiplier=43, shift=8),
                    (INPUT,))],
    "subsample": [("op", Subsample(stride=(2, 3)), (INPUT,))],
    "pad": [("op", PadChannels(before=6, after=12), (INPUT,))],
    "concat": [("fewer", Subsample(stride=(2, 1)), (INPUT,)),
               ("half", MaxPool(kernel=(1, 4), stride=(2, 1), padding=(0, 3)), (INPUT,)),
               ("less", MaxPool(kernel=(1, 4), stride=(1, 1)), ("half",)),
               ("op", Concat(), ("fewer", "less", "fewer"))],
    "sum": [("relu", Sum(bits=4), (INPUT,)), ("op", Sum(bits=4, signed=True),
                                              (INPUT, "relu", INPUT))],
}
"""Nodes without weights, with what else they need."""


def images(count: int = 6) -> np.ndarray:
    """Images for `GIVEN`, extremes among them."""
    values = np.random.default_rng(7).integers(-16, 16, (count, 5, 4, 6))
    values[1:2], values[2:3] = -16, 15
    return values


def around(name: str, lanes: int | None) -> tuple[DataflowSpec, tuple]:
    """An operation in front of an engine and the class, with so many lanes, and parameters."""
    nodes = [NetworkNode(*own) for own in OPERATIONS[name]]
    front = NetworkSpec(name, GIVEN, tuple(nodes))
    shape, range_ = front.shapes["op"], front.ranges["op"]
    if len(shape) == 1:
        engine = mac(D=shape[0], N=4, activation_bits=range_.bits, weight_bits=4,
                     activation_signed=range_.signed)
        tail = [NetworkNode("engine", Engine(engine), ("op",)),
                NetworkNode("class", ArgMax(), ("engine",))]
    else:
        height, width, channels = shape
        engine = pq(C=channels, N=3, F=1, H=height, W=width, V=2, K=4, convolution="pixel",
                    activation_bits=range_.bits, activation_signed=range_.signed,
                    prototype_bits=4, table_bits=5)
        tail = [NetworkNode("engine", Engine(engine), ("op",)),
                NetworkNode("row", Flatten(), ("engine",)),
                NetworkNode("class", ArgMax(), ("row",))]
    network = NetworkSpec(name, GIVEN, (*nodes, *tail))
    settings = tuple(Setting(lanes if own in nodes else None) for own in network.nodes)
    return (DataflowSpec(network, settings).with_buffers(),
            random_parameters(ChainSpec((engine,)), 3))


def residual(**folding) -> tuple[DataflowSpec, tuple]:
    """Engines of both kinds around a shortcut with fewer pixels, a dense layer behind."""
    unsigned, signed = Requantize(bits=4, signed=False), Requantize(bits=6, signed=True)
    scaled = Requantize(bits=4, signed=False, mode="scale")
    common = {"activation_bits": 4, "activation_signed": False, "prototype_bits": 4,
              "table_bits": 5, **folding}
    stem = mac(C=6, N=4, F=3, padding=1, H=5, W=4, activation_bits=5, activation_signed=True,
               weight_bits=4, output=scaled)
    first = pq(C=4, N=8, F=3, padding=1, stride=2, H=5, W=4, V=9, K=5, encoder="l2",
               output=unsigned, **common)
    second = pq(C=8, N=8, F=3, padding=1, H=3, W=2, V=4, K=8, encoder="tree", convolution="pixel",
                output=signed, **common)
    last = mac(D=48, N=7, activation_bits=4, activation_signed=False, weight_bits=8)
    network = NetworkSpec("residual", GIVEN, (
        NetworkNode("stem", Engine(stem), (INPUT,)),
        NetworkNode("block.a", Engine(first), ("stem",)),
        NetworkNode("block.b", Engine(second), ("block.a",)),
        NetworkNode("block.few", Subsample(stride=2), ("stem",)),
        NetworkNode("block.pad", PadChannels(before=2, after=2), ("block.few",)),
        NetworkNode("block.sum", Sum(bits=4), ("block.b", "block.pad")),
        NetworkNode("flat", Flatten(), ("block.sum",)),
        NetworkNode("last", Engine(last), ("flat",))))
    parameters = tuple(random_parameters(ChainSpec((own,)), seed)[0]
                       for seed, own in enumerate(network.engines.values()))
    return DataflowSpec(network).with_buffers(), parameters


def regrouped(**folding) -> tuple[DataflowSpec, tuple]:
    """Pixels of a convolution as a row beside the row of a dense layer: units of 4 and of 80."""
    common = {"activation_bits": 5, "activation_signed": True, "prototype_bits": 4,
              "table_bits": 5, "output": Requantize(bits=4, signed=True), **folding}
    pixels = pq(C=6, N=4, F=1, H=5, W=4, V=2, K=4, **common)
    row = pq(D=120, N=80, V=4, K=4, **common)
    network = NetworkSpec("regrouped", GIVEN, (
        NetworkNode("pixels", Engine(pixels), (INPUT,)),
        NetworkNode("flat", Flatten(), ("pixels",)),
        NetworkNode("flat2", Flatten(), (INPUT,)),
        NetworkNode("row", Engine(row), ("flat2",)),
        NetworkNode("sum", Sum(bits=4, signed=True), ("flat", "row"))))
    parameters = tuple(random_parameters(ChainSpec((own,)), seed)[0]
                       for seed, own in enumerate(network.engines.values()))
    return DataflowSpec(network).with_buffers(), parameters


def strided(outputs: int, inputs: int) -> tuple[DataflowSpec, tuple]:
    """Pixels of so many lanes into a window of 8 lanes, which gives an output for every fourth to
    an engine of so many inputs."""
    common = {"activation_bits": 3, "activation_signed": False, "weight_bits": 3,
              "output": Requantize(bits=3, mode="scale")}
    front = mac(C=6, N=16, F=1, H=8, W=8, inputs_per_cycle=6, outputs_per_cycle=outputs,
                **{**common, "activation_bits": 5, "activation_signed": True})
    behind = mac(C=16, N=2, F=2, H=8, W=8, stride=2, channels_per_cycle=8,
                 inputs_per_cycle=inputs, outputs_per_cycle=2, **common)
    given = NetworkInput(height=8, width=8, channels=6, bits=5, signed=True)
    network = NetworkSpec("strided", given, (
        NetworkNode("front", Engine(front), (INPUT,)),
        NetworkNode("behind", Engine(behind), ("front",))))
    parameters = tuple(random_parameters(ChainSpec((own,)), seed)[0]
                       for seed, own in enumerate(network.engines.values()))
    return DataflowSpec(network).with_buffers(), parameters


def rows(lanes: int) -> tuple[DataflowSpec, tuple]:
    """A dense layer of images that are but flattened."""
    dense = mac(D=120, N=4, activation_bits=5, activation_signed=True, weight_bits=4,
                inputs_per_cycle=lanes, outputs_per_cycle=4)
    network = NetworkSpec("rows", GIVEN, (NetworkNode("flat", Flatten(), (INPUT,)),
                                          NetworkNode("dense", Engine(dense), ("flat",))))
    return (DataflowSpec(network).with_buffers(), random_parameters(ChainSpec((dense,)), 5))


def tiny_network(**folding) -> tuple[DataflowSpec, tuple]:
    """A block around a shortcut, pooling, a dense layer and the class, all as small as they get."""
    signed = Requantize(bits=4, signed=True)
    common = {"activation_bits": 3, "activation_signed": False, "prototype_bits": 3,
              "table_bits": 4, **folding}
    given = NetworkInput(height=4, width=3, channels=2, bits=3, signed=False)
    stem = mac(C=2, N=4, F=3, padding=1, H=4, W=3, activation_bits=3, activation_signed=False,
               weight_bits=3, outputs_per_cycle=4, inputs_per_cycle=2,
               output=Requantize(bits=3, signed=False, mode="scale"))
    inner = pq(C=4, N=4, F=3, padding=1, H=4, W=3, V=2, K=4, encoder="l1", convolution="pixel",
               outputs_per_cycle=4, output=signed, **common)
    last = pq(D=8, N=5, V=2, K=4, encoder="tree", **common)
    network = NetworkSpec("tiny", given, (
        NetworkNode("stem", Engine(stem), (INPUT,)),
        NetworkNode("inner", Engine(inner), ("stem",)),
        NetworkNode("sum", Sum(bits=3), ("inner", "stem")),
        NetworkNode("pool", MaxPool(kernel=2, stride=2), ("sum",)),
        NetworkNode("flat", Flatten(), ("pool",)),
        NetworkNode("last", Engine(last), ("flat",)),
        NetworkNode("class", ArgMax(), ("last",))))
    # Of this seed images are of four classes, about as many of each.
    drawn = (random_parameters(ChainSpec((own,)), 69)[0] for own in network.engines.values())
    parameters = tuple(dataclasses.replace(own, bias=0 * own.bias) for own in drawn)
    return DataflowSpec(network).with_buffers(), parameters


def tiny_images(count: int) -> np.ndarray:
    """Images for `tiny_network`."""
    return np.random.default_rng(0).integers(0, 8, (count, 4, 3, 2))
