"""From a trained network to a chain of engines and its integers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..golden import layer_results
from ..golden.threads import one_thread
from ..network.dense import DenseNetwork
from ..spec import (ChainSpec, EngineSpec, Layer, MACPrecision, MACSpec, PQPrecision,
                    PQSpec, Requantize)
from ..spec.parameters import Parameters, check_parameters, check_rows
from .codebook import Codebook, learn_codebook
from .fixed import multipliers
from .grid import grouped, on_grid
from .prototypes import round_half_up
from .layers import fixed_shift, layer_levels, products
from .settings import Learning, MACSettings, PQSettings
from .tables import choose_tables, fit_tables
from .tune import tune

__all__ = ["pq_network", "mac_network"]

Chain = tuple[ChainSpec, tuple[Parameters, ...]]


def pq_network(network: DenseNetwork, rows: np.ndarray, settings: Sequence[PQSettings], *,
               learning: Learning | None = None) -> Chain:
    """A chain of product-quantized layers that imitates the network.

    Hidden neurons are scaled onto the integer grid of their bits and reordered, which changes
    nothing; prototypes, or trees, are learned layer by layer on what the quantised layers before
    produce; weights and prototypes are tuned together; tables are prototype times weight, rounded
    with compensation, at the power of two of least error. Without tuning (`epochs = 0`) tables are
    fitted to the network's sums instead.

    Parameters
    ----------
    rows: training inputs [R, D], unsigned integers as the first layer will see them
    settings: one per layer

    Returns
    -------
    The spec and the parameters; the last layer gives raw accumulators, whose largest is the
    class. Equal arguments give equal integers.

    Raises
    ------
    SpecError
        If settings break a rule of the spec, or rows are not integers in range.
    """
    learning = learning or Learning()
    _check_count(network, settings)
    specs = [_pq_spec(network, settings, index) for index in range(network.layers)]
    rows = check_rows(ChainSpec((specs[0],)), rows)
    with one_thread():
        lengths = tuple(own.engine.subvector_length for own in settings[1:])
        bits = tuple(own.activation_bits for own in settings[1:])
        scaled = on_grid(grouped(network, rows, lengths), rows, bits)
        books = _first_codebooks(scaled, rows, specs, learning.seed)
        if learning.epochs:
            scaled, books = tune(scaled, books, rows, settings, learning)
        return _pq_layers(scaled, books, rows, specs, learning)


def _check_count(network: DenseNetwork, settings: Sequence[Any]) -> None:
    if len(settings) != network.layers:
        raise ValueError(f"settings must be given once per layer, {network.layers} times, "
                         f"but are given {len(settings)} times.")


def _pq_spec(network: DenseNetwork, settings: Sequence[PQSettings], index: int) -> PQSpec:
    own = settings[index]
    output = (Requantize(bits=settings[index + 1].activation_bits)
              if index + 1 < len(settings) else None)
    return PQSpec(
        layer=Layer(in_features=network.sizes[index], out_features=network.sizes[index + 1]),
        engine=own.engine, folding=own.folding,
        precision=PQPrecision(
            activation_bits=own.activation_bits, activation_signed=False,
            prototype_bits=own.prototype_bits or own.activation_bits,
            table_bits=own.table_bits, output=output))


def _first_codebooks(network: DenseNetwork, rows: np.ndarray, specs: Sequence[PQSpec],
                     seed: int) -> list[Codebook]:
    books = []
    for index, spec in enumerate(specs):
        books.append(learn_codebook(spec, rows, network.weights[index], seed))
        if spec.output is not None:
            _, near = books[-1].reconstruct(rows)
            rows = np.clip(round_half_up(network.layer(index, near)),
                           spec.output.range.low, spec.output.range.high)
    return books


def _pq_layers(network: DenseNetwork, books: Sequence[Codebook], rows: np.ndarray,
               specs: Sequence[PQSpec], learning: Learning) -> Chain:
    exact = network.activations(rows)
    stages: list[EngineSpec] = []
    parameters: list[Parameters] = []
    for index, (spec, book) in enumerate(zip(specs, books)):
        own = book.stored(spec)
        codes, near = own.reconstruct(rows)
        seen = near if learning.epochs else exact[index]
        real = fit_tables(codes, products(own.prototypes, network.weights[index]),
                          network.layer(index, seen), ridge=learning.ridge,
                          clamp=spec.output.range if spec.output else None,
                          passes=0 if learning.epochs else 4)
        chosen = choose_tables(real, codes, network.layer(index, seen), spec)
        stage, values = fixed_shift(spec, chosen.shift, chosen.bias)
        stages.append(stage)
        parameters.append(check_parameters(stage, {
            **own.parameters(), "tables": chosen.entries, **values}))
        rows = layer_results(stage, parameters[-1], rows)
    return ChainSpec(tuple(stages)), tuple(parameters)


def mac_network(network: DenseNetwork, rows: np.ndarray, settings: Sequence[MACSettings]) -> Chain:
    """A chain of multiply-accumulate layers that computes the network with integer weights.

    Weights are levels of the scheme, one scale per output; the last layer has a single scale, so
    that its accumulators compare. Rows of two schemes fill the engine's ratio, which should be
    given: integers where the variance is largest. Hidden results are rounded onto the grid of the
    next layer's bits by a 16-bit multiplier and a shift.

    Parameters, Returns, Raises: as `pq_network`.
    """
    _check_count(network, settings)
    bits = tuple(own.activation_bits for own in settings[1:])
    specs = [_mac_spec(network, settings, index) for index in range(network.layers)]
    rows = check_rows(ChainSpec((specs[0],)), rows)
    with one_thread():
        scaled = on_grid(network, rows, bits)
    stages: list[EngineSpec] = []
    parameters: list[Parameters] = []
    for index, spec in enumerate(specs):
        values, scale = layer_levels(spec, scaled.weights[index])
        shift = 0
        if spec.output is not None:
            values["multiplier"], shift = multipliers(scale, spec.max_shift)
        bias = round_half_up(scaled.biases[index] / scale)
        stage, fixed = fixed_shift(spec, shift, bias)
        stages.append(stage)
        parameters.append(check_parameters(stage, values | fixed))
    return ChainSpec(tuple(stages)), tuple(parameters)


def _mac_spec(network: DenseNetwork, settings: Sequence[MACSettings], index: int) -> MACSpec:
    own = settings[index]
    output = (Requantize(bits=settings[index + 1].activation_bits, mode="scale")
              if index + 1 < len(settings) else None)
    return MACSpec(
        layer=Layer(in_features=network.sizes[index], out_features=network.sizes[index + 1]),
        engine=own.engine, folding=own.folding,
        precision=MACPrecision(activation_bits=own.activation_bits, activation_signed=False,
                               output=output))
