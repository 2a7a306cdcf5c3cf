"""How far a layer's sums are off in an engine, on activations that are drawn at random: a proxy of
what the engine costs in accuracy, good for ranking, not for a network's accuracy."""

import dataclasses
import functools

import numpy as np

from ...golden import layer_results
from ...quant.layers import layer_levels
from ...quant.pq_layer import pq_layer_values
from ...spec import Conv2d, EngineSpec, Layer, MACSpec, PQSpec
from ...spec.parameters import check_parameters
from ...spec.ranges import Range

__all__ = ["error_proxy"]

ROWS = 2048
"""Rows that an encoder learns from, and as many that errors are measured on."""

SOURCES = 6
"""Inputs per independent source: activations of networks are far from independent."""


@functools.lru_cache(maxsize=1024)
def error_proxy(spec: EngineSpec, seed: int = 0) -> float:
    """The root of the mean squared error of a layer's sums, as a share of their deviation.

    Weights are normal, activations rectified mixtures of few sources. A layer that encodes pixels
    is taken as a dense one over a pixel's channels, a window as its unrolled inputs. The
    engine's own arithmetic makes the sums: prototypes and tables are learned as `pqhw convert`
    does it, weights rounded to what the engine has.
    """
    inputs = spec.vector_inputs if isinstance(spec, PQSpec) else spec.layer.row_inputs
    outputs = spec.layer.row_outputs
    random = np.random.default_rng([seed, inputs, outputs])
    weights = random.normal(0, 1, (outputs, inputs))
    rows = _activations(random, inputs, spec.activation_range)
    learning, held = rows[:ROWS], rows[ROWS:]
    wanted = held @ weights.T
    found = (_pq_sums(spec, weights, learning, held, seed) if isinstance(spec, PQSpec)
             else _mac_sums(spec, weights, held))
    return float(np.sqrt(np.mean((found - wanted) ** 2) / wanted.var()))


def _activations(random: np.random.Generator, inputs: int, allowed: Range) -> np.ndarray:
    """[2 ROWS, inputs]: integers of an allowed range."""
    sources = max(2, inputs // SOURCES)
    mixed = random.normal(0, 1, (2 * ROWS, sources)) @ random.normal(0, 1, (sources, inputs))
    if allowed.low == 0:
        mixed = np.maximum(mixed, 0)
    top = np.quantile(np.abs(mixed), 0.995)
    integers: np.ndarray = np.clip(np.rint(mixed / top * allowed.high), allowed.low, allowed.high)
    return integers.astype(np.int64)


def _dense(spec: PQSpec, inputs: int) -> PQSpec:
    """The engine over rows of its inputs, with raw sums."""
    engine = spec.engine
    if isinstance(spec.layer, Conv2d):
        engine = dataclasses.replace(engine, convolution="im2col")
    engine = dataclasses.replace(engine, resident=False, table_storage="auto",
                                 prototype_storage="auto")
    precision = dataclasses.replace(spec.precision, output=None, bias_bits=None,
                                    accumulator_bits=None)
    return PQSpec(layer=Layer(in_features=inputs, out_features=spec.layer.row_outputs),
                  engine=engine, precision=precision)


def _pq_sums(spec: PQSpec, weights: np.ndarray, learning: np.ndarray, held: np.ndarray, seed: int
             ) -> np.ndarray:
    dense = _dense(spec, held.shape[1])
    bias = np.zeros(len(weights))
    made = pq_layer_values(dense, weights, bias, learning, learning @ weights.T, seed=seed)
    sums: np.ndarray = layer_results(made.spec, check_parameters(made.spec, made.values), held)
    return sums / made.units


def _mac_sums(spec: EngineSpec, weights: np.ndarray, held: np.ndarray) -> np.ndarray:
    assert isinstance(spec, MACSpec)
    values, scale = layer_levels(spec, weights)
    sums: np.ndarray = held @ (values["weights"] * np.asarray(scale).reshape(-1, 1)).T
    return sums
