"""Small networks for overlays, with parameters and images."""

import dataclasses
import functools

import numpy as np
from builders import mac, pq
from dataflow_builders import GIVEN, OPERATIONS, images

from pqhw.golden.network import network_activations
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkInput,
                               NetworkNode, NetworkSpec, PadChannels, Sum)
from pqhw.spec.overlay import OverlaySpec
from pqhw.spec.parameters import TreeParameters

SMALL = OverlaySpec(lanes=2, outputs_per_cycle=4, prototypes=8, table_bits=5, accumulator_bits=24,
                    activation_words=256, table_words=256, code_words=64, tree_words=16,
                    output_words=8, dsp_blocks=8)
"""Hardware that compiles in a moment."""
TINY = dataclasses.replace(SMALL, outputs_per_cycle=2, prototypes=4, activation_words=64,
                           table_words=64, code_words=16, tree_words=8, port_bits=32)
"""Hardware that is routed in minutes."""

UNSIGNED, SIGNED = Requantize(bits=4, signed=False), Requantize(bits=6, signed=True)
SCALED = Requantize(bits=5, signed=True, mode="scale")
TREES = {"encoder": "tree", "K": 4, "prototype_bits": 5, "table_bits": 5}


def with_parameters(network: NetworkSpec, seed: int = 17) -> tuple[NetworkSpec, dict]:
    """A network and random parameters of its engines, by name, under which images differ: trees
    compare with what comes to them, and biases do not outweigh sums."""
    made = {name: random_parameters(ChainSpec((engine,)), seed + index)[0]
            for index, (name, engine) in enumerate(network.engines.items())}
    shown, rng = images_for(network, 16), np.random.default_rng(seed)
    for own in network.nodes:
        if own.name not in made:
            continue
        given = made[own.name]
        given = dataclasses.replace(given, bias=given.bias // 16)
        if isinstance(given, TreeParameters):
            source = own.inputs[0]
            came = shown if source == INPUT else network_activations(network, made, shown)[source]
            low, high = given.thresholds.min(), given.thresholds.max()
            drawn = rng.choice(came.reshape(-1), given.thresholds.shape)
            given = dataclasses.replace(given, thresholds=drawn.clip(low, high))
        made[own.name] = given
    return network, made


def node(name: str, op, *inputs: str) -> NetworkNode:
    return NetworkNode(name, op, inputs)


def dense(name: str, source: str, network: NetworkSpec, **values) -> NetworkNode:
    """A layer of weights that takes what a row gives."""
    range_ = network.ranges[source]
    return node(name, Engine(mac(D=network.shapes[source][0], N=5, activation_bits=max(
        2, range_.bits), activation_signed=range_.signed, weight_bits=8, **values)), source)


def around(name: str) -> NetworkSpec:
    """An operation without weights, its results flattened, a layer and the class."""
    nodes = [NetworkNode(*own) for own in OPERATIONS[name] if own[2] != (INPUT, "relu", INPUT)]
    if name == "sum":
        nodes.append(node("op", Sum(bits=4, signed=True), INPUT, "relu"))
    front = NetworkSpec(name, GIVEN, tuple(nodes))
    if len(front.shapes["op"]) == 3:
        mean = Mean(whole=True, bits=6, signed=True, multiplier=20000, shift=16)
        nodes.append(node("row", mean if name == "pad" else Flatten(), "op"))
        front = NetworkSpec(name, GIVEN, tuple(nodes))
    nodes.append(dense("last", nodes[-1].name, front))
    return NetworkSpec(name, GIVEN, (*nodes, node("class", ArgMax(), "last")))


def residual() -> NetworkSpec:
    """Lookups in windows, along channels and in place around shortcuts, one of them padded."""
    common = {"activation_bits": 4, "activation_signed": False, **TREES}
    stem = mac(C=6, N=5, F=3, padding=1, H=5, W=4, activation_bits=5, activation_signed=True,
               weight_bits=4, output=Requantize(bits=4, signed=False, mode="scale"))
    first = pq(C=5, N=9, F=3, padding=1, stride=2, H=5, W=4, V=9, output=UNSIGNED, **common)
    second = pq(C=9, N=9, F=(2, 3), padding=(1, 1), H=3, W=2, V=6, output=SIGNED, **common)
    third = pq(C=9, N=11, F=1, H=4, W=2, V=4, output=UNSIGNED, **{**common, "K": 8})
    return NetworkSpec("residual", GIVEN, (
        node("stem", Engine(stem), INPUT),
        node("a", Engine(first), "stem"),
        node("b", Engine(second), "a"),
        node("few", Engine(mac(C=5, N=5, F=1, stride=2, H=5, W=4, activation_bits=4,
                               activation_signed=False, weight_bits=5, output=SCALED)), "stem"),
        node("more", Engine(mac(C=5, N=7, F=(2, 1), padding=(1, 0), H=3, W=2, activation_bits=5,
                                activation_signed=True, output=SIGNED)), "few"),
        node("pad", PadChannels(before=2), "more"),
        node("sum", Sum(bits=4), "b", "pad"),
        node("c", Engine(third), "sum"),
        node("pool", Mean(whole=True, bits=8, multiplier=16001, shift=13), "c"),
        node("last", Engine(pq(D=11, N=7, V=8, activation_bits=8, activation_signed=False,
                               **{**TREES, "prototype_bits": 8})), "pool")))


def separable() -> NetworkSpec:
    """Depthwise and pointwise layers that hardly fit, so that some take their input's place."""
    given = NetworkInput(height=7, width=8, channels=1, bits=8)
    own = {"activation_signed": False, "activation_bits": 6}
    nodes, source, size, channels = [], INPUT, (7, 8), 1
    stem = mac(C=1, N=14, F=3, padding=1, H=7, W=8, activation_bits=8, activation_signed=False,
               output=Requantize(bits=6, mode="scale"))
    nodes.append(node("stem", Engine(stem), source))
    source, channels = "stem", 14
    for index, (wide, stride) in enumerate(((20, 1), (8, 2), (14, 1))):
        deep = mac(C=channels, N=channels, F=3, padding=1, stride=stride, groups=channels,
                   H=size[0], W=size[1], output=Requantize(bits=6, mode="scale"), **own)
        nodes.append(node(f"deep{index}", Engine(deep), source))
        size = deep.layer.out_height, deep.layer.out_width
        point = pq(C=channels, N=wide, F=1, H=size[0], W=size[1], V=min(8, channels), K=8,
                   encoder="tree", prototype_bits=6, table_bits=5,
                   output=Requantize(bits=6, signed=False), **own)
        nodes.append(node(f"point{index}", Engine(point), f"deep{index}"))
        source, channels = f"point{index}", wide
    nodes.append(node("mean", Mean(whole=True, bits=8, multiplier=30000, shift=16), source))
    front = NetworkSpec("separable", given, tuple(nodes))
    return NetworkSpec("separable", given, (*nodes, dense("last", "mean", front)))


def pictures() -> NetworkSpec:
    """Results that are images: the largest of windows of what two layers make side by side."""
    left = mac(C=6, N=4, F=1, H=5, W=4, activation_bits=5, activation_signed=True, output=SCALED)
    right = pq(C=6, N=3, F=3, padding=1, H=5, W=4, V=9, activation_bits=5, activation_signed=True,
               output=SIGNED, **TREES)
    return NetworkSpec("pictures", GIVEN, (
        node("left", Engine(left), INPUT), node("right", Engine(right), INPUT),
        node("both", Concat(), "left", "right"),
        node("pool", MaxPool(kernel=3, stride=(1, 2), padding=(1, 2)), "both")))


def rows() -> NetworkSpec:
    """Rows in, flattened images of an odd number of channels among them."""
    given = NetworkInput(height=3, width=5, channels=1, bits=4)
    first = pq(D=15, N=6, V=4, activation_bits=4, activation_signed=False, output=SIGNED, **TREES)
    second = pq(D=6, N=3, V=6, activation_bits=6, activation_signed=True, **TREES)
    return NetworkSpec("rows", given, (
        node("row", Flatten(), INPUT), node("first", Engine(first), "row"),
        node("second", Engine(second), "first")))


@functools.cache
def networks() -> dict[str, tuple[NetworkSpec, dict]]:
    """All networks with their parameters, by name."""
    made = [residual(), separable(), pictures(), rows(),
            *(around(name) for name in OPERATIONS if name != "concat")]
    return {network.name: with_parameters(network) for network in made}


def images_for(network: NetworkSpec, count: int = 4) -> np.ndarray:
    """Images with extremes among them."""
    if network.input == GIVEN:
        return images(count)
    range_ = network.input.range
    values = np.random.default_rng(5).integers(range_.low, range_.high + 1,
                                               (count, *network.input.shape))
    values[-1] = range_.high
    return values
