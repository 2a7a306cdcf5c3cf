"""What pytest and the testbenches inside the simulator share: designs and material for them."""

import dataclasses
import functools

import numpy as np
from builders import ODD, chain, mac, pq, small_mac, tiny

from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, EngineSpec, Requantize
from pqhw.spec.widths import MULTIPLIER_BITS
from pqhw.spec.parameters import Parameters

__all__ = ["DESIGNS", "DOUBLE", "SMALL", "Material", "design", "material"]

DESIGNS = {
    "pq": chain(pq(**ODD, load_bits=64, output=Requantize(bits=6, signed=True))),
    "tree": chain(pq(D=37, N=11, V=5, K=8, encoder="tree", activation_bits=4, prototype_bits=4,
                     table_bits=4, subspaces_per_cycle=4, encoders_per_cycle=2,
                     outputs_per_cycle=4, load_bits=32, output=Requantize(bits=6, signed=True))),
    "mac": chain(mac(D=37, N=11, inputs_per_cycle=5, outputs_per_cycle=3, load_bits=16,
                     output=Requantize(bits=8, signed=True, mode="scale"))),
    "chain": chain(
        pq(**ODD, table_storage="bram", load_bits=32, output=Requantize(bits=6)),
        mac(D=11, N=6, activation_bits=6, activation_signed=False, inputs_per_cycle=2,
            outputs_per_cycle=3, load_bits=32)),
}
"""Engines with a remainder in every folding, and two of them in a row."""

SMALL = {
    **{f"pq{bits}": chain(tiny(D=7, subspaces_per_cycle=2, outputs_per_cycle=2, load_bits=bits,
                               counter_bits=12, output=Requantize(bits=4)))
       for bits in (8, 64, 256)},
    "mac16": chain(small_mac(inputs_per_cycle=4, outputs_per_cycle=3, load_bits=16,
                             counter_bits=12)),
}
"""Engines with short parameter images, by width of the load port."""


DOUBLE = {
    "pq2": chain(tiny(D=7, subspaces_per_cycle=2, outputs_per_cycle=2, load_bits=64,
                      double_buffered=True, output=Requantize(bits=4))),
    "chain2": chain(
        tiny(D=8, N=6, table_storage="bram", subspaces_per_cycle=2, outputs_per_cycle=3,
             load_bits=128, double_buffered=True, output=Requantize(bits=4)),
        small_mac(D=6, N=5, activation_signed=False, inputs_per_cycle=2, outputs_per_cycle=5,
                  load_bits=128, double_buffered=True,
                  output=Requantize(bits=8, signed=True, mode="scale"))),
}
"""Double-buffered engines with short parameter images."""


def design(name: str) -> ChainSpec:
    """A design by name."""
    return {**DESIGNS, **SMALL, **DOUBLE}[name]


@dataclasses.dataclass(frozen=True)
class Material:
    """Parameters and rows of a seed, and what must come out.

    Members
    -------
    rows, results: [R, D] and [R, N]
    """
    chain: ChainSpec
    parameters: tuple[Parameters, ...]
    rows: np.ndarray

    @functools.cached_property
    def image(self) -> bytes:
        """The parameter image."""
        return pack_image(self.chain, self.parameters)

    @functools.cached_property
    def results(self) -> np.ndarray:
        """The results of the NumPy twin."""
        return self.results_of(self.rows)

    def results_of(self, rows: np.ndarray) -> np.ndarray:
        """The twin's results of other rows."""
        return chain_results(self.chain, self.parameters, rows)


def material(chain: ChainSpec, count: int, seed: int) -> Material:
    """Parameters and `count` rows drawn from `seed`, redrawn until results tell rows apart."""
    for attempt in range(100):
        drawn = random_parameters(chain, 100 * seed + attempt)
        rng = np.random.default_rng([seed, attempt])
        parameters = tuple(_lively(spec, own, rng) for spec, own in zip(chain.stages, drawn))
        rows = random_rows(chain, parameters, max(count, 8), seed)
        results = Material(chain, parameters, rows).results
        if min(len(np.unique(results, axis=0)), len(np.unique(results))) >= 6:
            return Material(chain, parameters, rows[:count])
    raise AssertionError(f"no parameters near seed {seed} tell rows apart")


def _lively(spec: EngineSpec, own: Parameters, rng: np.random.Generator) -> Parameters:
    """The parameters with a bias and a shift of the sum's size, so that sums show in results."""
    sums = spec.sum_range
    bias = rng.integers(sums.low // 4, sums.high // 4, own.bias.shape, endpoint=True)
    shift = own.shift
    if spec.loaded_shift:
        wide = MULTIPLIER_BITS if spec.output.mode == "scale" else 0
        shift = max(0, sums.bits + wide - spec.output.bits - 1)
    return dataclasses.replace(own, bias=bias, shift=shift)
