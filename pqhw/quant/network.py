"""A float graph as an integer network: every layer on the engine kind chosen for it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..golden.network import check_images, node_result
from ..golden.threads import one_thread
from ..network.graph import INPUT, Graph, layer_shape
from ..network.lowering import Lowered, Step, Tensor, lower
from ..network.ops import (WEIGHTED, Add, ArgMax, AvgPool, Concat, Flatten, GlobalAvgPool,
                           GraphError, MaxPool, PadChannels, Relu, Subsample)
from ..network.quantinfo import QuantInfo
from ..spec import MACPrecision, MACSpec, PQPrecision, PQSpec, Requantize
from ..spec import network as integer
from ..spec.network import NetworkNode, NetworkSpec, input_of
from ..spec.parameters import Parameters, check_parameters
from ..spec.ranges import signed_range, unsigned_range
from .fixed import multipliers
from .given import Given
from .layers import fixed_shift, layer_levels
from .pq_layer import LayerValues, LearnedEncoder, entry_size, pq_layer_values
from .prototypes import round_half_up
from .settings import MACSettings, PQSettings
from .steps import grid_steps

__all__ = ["Adapted", "IntegerNetwork", "convert_network", "engine_for", "plain_node"]

LayerSettings = PQSettings | MACSettings

MEAN_SHIFT = 24
"""Largest shift of a mean."""


@dataclasses.dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """An integer network with its parameters, and what its integers stand for.

    Members
    -------
    spec: nodes
    parameters: of every engine, by the node's name
    steps: real value of 1, by result, where it has one
    units: of the sums of a layer in a step of its result, or in 1.0 where sums are the result, by
        the layer's name; of a layer with a scale per output, those of its first
    centres: [S, K, V], S of all groups: what the leaves of a layer's trees stand for, by the
        layer's name; fine-tuning begins there, hardware and files do without
    """
    spec: NetworkSpec
    parameters: dict[str, Parameters]
    steps: dict[str, float]
    units: dict[str, float]
    centres: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Adapted:
    """A float network that was trained with encoded inputs.

    Members
    -------
    graph: with the weights as learned
    steps: real value of 1, by result
    encoders: by the name of the layer's node
    """
    graph: Graph
    steps: dict[str, float]
    encoders: dict[str, LearnedEncoder]


def convert_network(graph: Graph, images: np.ndarray, settings: Mapping[str, LayerSettings], *,
                    input_bits: int = 8, input_signed: bool = False, seed: int = 0,
                    adapted: Adapted | None = None, given: QuantInfo | None = None,
                    progress: Callable[[int, int], None] | None = None) -> IntegerNetwork:
    """Post-training conversion: steps, weights and prototypes from a few images, no gradients.

    Each result gets the step of least error; layers are converted in order, product-quantized ones
    on the integers that the layers before produce.

    Parameters
    ----------
    graph: takes the integers of the images as they are
    images: [R, H, W, C] or rows [R, D], integers; a few hundred are enough
    settings: per layer, by name
    adapted: steps and encoders that the graph was trained with, found here where left out
    given: integers that the graph came with, kept as far as `pqhw.quant.given.Given` says
    progress: called with layers done and layers in all

    Raises
    ------
    GraphError, SpecError
        If a layer has no settings or cannot be an engine, or images do not fit.
    """
    bits = {name: own.activation_bits for name, own in settings.items()}
    lowered = lower(graph, bits, input_bits=input_bits, input_signed=input_signed)
    entry = input_of(lowered.graph.input_shape, bits=input_bits, signed=input_signed)
    sums: dict[str, np.ndarray] = {}
    own = None if given is None else Given(lowered, given)
    if adapted is None:
        sums = lowered.graph.activations(np.asarray(images))
        steps = grid_steps(lowered, sums) | ({} if own is None else own.steps)
        _widen(steps, lowered, settings, sums, np.asarray(images))
        real = {name: steps[tensor.grid] for name, tensor in lowered.tensors.items()}
    else:
        real = adapted.steps
    encoders = {} if adapted is None else adapted.encoders
    nodes: list[NetworkNode] = []
    parameters: dict[str, Parameters] = {}
    units: dict[str, float] = {}
    centres: dict[str, np.ndarray] = {}
    values = {INPUT: _checked(entry, images)}
    last = {name: step for step in lowered.steps for name in step.inputs}
    for step in lowered.steps:
        entering = [values[name] for name in step.inputs]
        if isinstance(step.node.op, WEIGHTED):
            with one_thread():
                found = _engine(lowered, step, settings[step.node.name], real, entering[0],
                                _target(lowered, step, real, sums, values), seed,
                                encoders.get(step.node.name), own)
            parameters[step.name] = check_parameters(found.spec, found.values)
            units[step.name] = found.units
            if found.centres is not None:
                centres[step.name] = found.centres
            op: integer.NodeOp = integer.Engine(found.spec)
            if progress is not None:
                progress(len(parameters), len(lowered.layers))
        else:
            op = plain_node(lowered, step, real)
        nodes.append(NetworkNode(step.name, op, step.inputs))
        spec = NetworkSpec(graph.name, entry, tuple(nodes))
        values[step.name] = node_result(op, parameters.get(step.name), entering,
                                        spec.ranges[step.inputs[0]])
        for name in set(step.inputs):
            if last[name] is step:
                del values[name]
    return IntegerNetwork(spec, parameters, real, units, centres)


def _target(lowered: Lowered, step: Step, real: Mapping[str, float],
            results: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
            ) -> np.ndarray | None:
    """Real sums that a layer should give: those of the float layer and, where nothing but an
    addition takes them, what is missing in its other summands."""
    wanted = results.get(step.node.name)
    users = [user for user in lowered.steps if step.name in user.inputs]
    if wanted is None or len(users) != 1 or not isinstance(users[0].node.op, Add):
        return wanted
    steps = {own.name: own for own in lowered.steps}
    for name in set(users[0].inputs) - {step.name}:
        found = _computed(lowered, steps, name, real, values)
        if found is not None and name in results and name not in lowered.orders:
            wanted = wanted + (results[name] - found * real[name])
    return wanted


def _computed(lowered: Lowered, steps: Mapping[str, Step], name: str, real: Mapping[str, float],
              values: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """A result that is there, or that a node without parameters makes of what is; else None."""
    if name in values:
        return values[name]
    step, tensor = steps.get(name), lowered.tensors.get(name)
    if step is None or tensor is None or isinstance(step.node.op, WEIGHTED):
        return None
    entering = []
    for own in step.inputs:
        found = _computed(lowered, steps, own, real, values)
        if found is None:
            return None
        entering.append(found)
    given = lowered.tensors[step.inputs[0]]
    return node_result(plain_node(lowered, step, real), None, entering,
                       (signed_range if given.signed else unsigned_range)(given.bits))


def _widen(steps: dict[int, float], lowered: Lowered, settings: Mapping[str, LayerSettings],
           results: Mapping[str, np.ndarray], images: np.ndarray) -> None:
    """Steps not below the finest unit of the tables whose sums they take: a shift to the right
    cannot make entries larger."""
    for step in lowered.layers:
        own = settings[step.node.name]
        if isinstance(own, PQSettings) and step.name in lowered.tensors:
            spec, taken = engine_for(lowered, step, own), step.inputs[0]
            assert isinstance(spec, PQSpec)
            size = entry_size(spec, layer_weights(lowered, step),
                              images if taken == INPUT else results[taken])
            grid = lowered.tensors[step.name].grid
            steps[grid] = max(steps[grid], size / spec.term_range.high)


def _checked(given: integer.NetworkInput, images: np.ndarray) -> np.ndarray:
    probe = NetworkNode("probe", integer.Flatten(), (INPUT,))
    return check_images(NetworkSpec("probe", given, (probe,)), images)


# -- Nodes without parameters ----------------------------------------------------------------

def plain_node(lowered: Lowered, step: Step, real: Mapping[str, float]) -> integer.NodeOp:
    """The integer form of a step without weights; `real` has the step of every result's grid."""
    op = step.node.op
    own = lowered.tensors.get(step.name)
    match op:
        case ArgMax():
            return integer.ArgMax()
        case Flatten():
            return integer.Flatten()
        case Concat():
            return integer.Concat()
        case Subsample():
            return integer.Subsample(stride=op.stride)
        case PadChannels():
            return integer.PadChannels(before=op.before, after=op.after)
    if own is None:
        raise GraphError(f"{step.name}: {op.kind} must not follow raw sums of a layer.")
    match op:
        case Add() | Relu():
            return integer.Sum(bits=own.bits, signed=own.signed)
        case MaxPool():
            return integer.MaxPool(kernel=op.kernel, stride=op.stride,
                                   padding=_symmetric(step.name, op.padding))
        case AvgPool() | GlobalAvgPool():
            return _mean(lowered, step, own, real)
    raise GraphError(f"{step.name}: {op.kind} has no integer form.")


def _symmetric(name: str, padding: Any) -> tuple[int, int]:
    for first, second in padding:
        if first != second:
            raise GraphError(f"{name}: padding must be equal on opposite sides, "
                             f"but is {first} and {second}.")
    return padding[0][0], padding[1][0]


def _mean(lowered: Lowered, step: Step, own: Tensor, real: Mapping[str, float]) -> integer.Mean:
    op = step.node.op
    ratio = real[step.inputs[0]] / real[step.name]
    if isinstance(op, GlobalAvgPool):
        height, width, _ = lowered.graph.shapes[step.node.inputs[0]]
        multiplier, shift = multipliers(np.array([ratio / (height * width)]), MEAN_SHIFT)
        return integer.Mean(whole=True, bits=own.bits, signed=own.signed,
                            multiplier=max(1, int(multiplier[0])), shift=shift)
    assert isinstance(op, AvgPool)
    padding = _symmetric(step.name, op.padding)
    if any(padding) and not op.count_padding:
        raise GraphError(f"{step.name}: an average that leaves padding out has no integer form.")
    multiplier, shift = multipliers(np.array([ratio / (op.kernel[0] * op.kernel[1])]), MEAN_SHIFT)
    return integer.Mean(kernel=op.kernel, stride=op.stride, padding=padding, bits=own.bits,
                        signed=own.signed, multiplier=max(1, int(multiplier[0])), shift=shift)


# -- Engines ---------------------------------------------------------------------------------

def engine_for(lowered: Lowered, step: Step, settings: LayerSettings) -> PQSpec | MACSpec:
    """The spec of a layer's engine, its shift and the bits of its biases still open."""
    taken, given = lowered.tensors[step.inputs[0]], lowered.tensors.get(step.name)
    shape = layer_shape(lowered.graph, step.node.name)
    common: dict[str, Any] = {"activation_bits": taken.bits, "activation_signed": taken.signed}
    if isinstance(settings, MACSettings):
        output = (None if given is None else
                  Requantize(bits=given.bits, signed=given.signed, mode="scale"))
        return MACSpec(layer=shape, engine=settings.engine, folding=settings.folding,
                       precision=MACPrecision(**common, output=output))
    output = None if given is None else Requantize(bits=given.bits, signed=given.signed)
    return PQSpec(layer=shape, engine=settings.engine, folding=settings.folding,
                  precision=PQPrecision(**common, table_bits=settings.table_bits,
                                        prototype_bits=settings.prototype_bits or taken.bits,
                                        output=output))


def layer_weights(lowered: Lowered, step: Step) -> np.ndarray:
    """Weights [N, Fh, Fw, C / groups] or [N, D], rows in the order of the integer network."""
    op = step.node.op
    assert isinstance(op, WEIGHTED)
    weights = op.weights.astype(np.float64)
    order = lowered.orders.get(step.inputs[0])
    return weights if order is None else weights[:, order]


def _engine(lowered: Lowered, step: Step, settings: LayerSettings, real: Mapping[str, float],
            entering: np.ndarray, sums: np.ndarray | None, seed: int,
            learned: LearnedEncoder | None, given: Given | None) -> LayerValues:
    op, spec = step.node.op, engine_for(lowered, step, settings)
    assert isinstance(op, WEIGHTED)
    leaving = real.get(step.name, 1.0)
    weights = layer_weights(lowered, step) * real[step.inputs[0]] / leaving
    bias = op.bias.astype(np.float64) / leaving
    if isinstance(spec, PQSpec):
        assert isinstance(settings, PQSettings)
        return pq_layer_values(spec, weights, bias, entering,
                               None if sums is None else sums / leaving, seed=seed,
                               initialisation=settings.initialisation, learned=learned)
    found = (given.levels(step, spec) if given is not None and step.node.name in given.info.layers
             else "")
    if isinstance(found, str):
        values, scale = layer_levels(spec, weights.reshape(len(weights), -1))
        return _mac_values(spec, values, scale, bias, weights.shape)
    levels, scale = found[0], found[1] * (real[step.inputs[0]] / leaving)
    return _mac_values(spec, {"weights": levels.astype(np.int64)}, scale, bias, weights.shape)


def _mac_values(spec: MACSpec, values: dict[str, Any], scale: np.ndarray, bias: np.ndarray,
                shape: tuple[int, ...]) -> LayerValues:
    """Levels and their scales on the steps of input and output, which become multipliers."""
    values["weights"] = values["weights"].reshape(shape)
    shift = 0
    if spec.output is not None:
        values["multiplier"], shift = multipliers(scale, spec.max_shift)
    made, fixed = fixed_shift(spec, shift, round_half_up(bias / scale))
    return LayerValues(made, values | fixed, 1 / float(scale[0]))
