"""A layer that a generator of others is given."""

import dataclasses
from collections.abc import Sequence

from ..flow.cache import Cache
from ..spec import ChainSpec, Layer, MACSpec, SpecError
from ..spec.parameters import MACParameters, Parameters, rounding_constant
from ..spec.tables import MACEngine, MACFolding
from .da4ml import CUTOFFS, Logic, constant_logic, da4ml_version

__all__ = ["External", "a_row_a_cycle", "integers_of"]

SCHEMES = ("fixed", "pot", "sp2")
"""Weights of one precision, one scheme for all rows."""

WIDEST = 4096
"""Inputs or outputs of a layer, at most: as many as an engine takes side by side."""


class External:
    """A layer as da4ml's constant logic between our ports.

    Parameters
    ----------
    chain:
        A single dense MAC layer; its folding does not matter.
    parameters:
        Its integers.
    cutoff:
        Adders between two registers, at most.

    Members
    -------
    chain: the layer, a row a cycle
    parameters: its integers
    logic: what da4ml made

    Raises `SpecError` for a layer that it cannot be given, `ToolMissing` without da4ml.
    """

    def __init__(self, cache: Cache, chain: ChainSpec, parameters: Sequence[Parameters],
                 cutoff: int):
        da4ml_version()
        low, high = CUTOFFS
        if not low <= cutoff <= high:
            raise SpecError(f"--cutoff must be from {low} to {high}, but is {cutoff}.")
        self.cutoff = cutoff
        self.chain = a_row_a_cycle(chain)
        self.parameters = integers_of(parameters)
        if not self.parameters.weights.any():
            raise SpecError("weights must not all be zero for da4ml, but are.")
        self.logic: Logic = constant_logic(cache, self.parameters.weights,
                                           self.chain.first.activation_range, cutoff)

    @property
    def offsets(self) -> list[int]:
        """What is added to every sum: the bias, with the rounding constant of a shift."""
        rounding = rounding_constant(self.chain.first, self.parameters.shift)
        return [int(bias) + rounding for bias in self.parameters.bias]

    @property
    def latency(self) -> int:
        """Cycles from a row to its results: a register in front of every stage, one behind the
        last, one for the bias where there is any, one for the clamp."""
        return (len(self.logic.stages) + 1 + int(any(self.offsets))
                + int(self.chain.first.output is not None))


def integers_of(parameters: Sequence[Parameters]) -> MACParameters:
    """Those of a single MAC layer."""
    own, = parameters
    assert isinstance(own, MACParameters)
    return own


def a_row_a_cycle(chain: ChainSpec) -> ChainSpec:
    """The layer with all lanes side by side, and nothing of what an engine alone has."""
    spec = chain.first
    if len(chain.stages) > 1:
        raise SpecError(f"SPEC must hold one layer for da4ml, but holds {len(chain.stages)}.")
    if not isinstance(spec, MACSpec):
        raise SpecError(f'engine.kind must be "mac" for da4ml, but is "{spec.KIND}".')
    if not isinstance(spec.layer, Layer):
        raise SpecError('layer.kind must be "dense" for da4ml, but is "conv2d".')
    if spec.engine.scheme not in SCHEMES:
        raise SpecError(f"engine.scheme must be one of {', '.join(SCHEMES)} for da4ml, but is "
                        f"{spec.engine.scheme}.")
    if spec.output is not None and spec.output.mode != "shift":
        raise SpecError('precision.output must be "accumulator" or of mode "shift" for da4ml, '
                        f'but is of mode "{spec.output.mode}".')
    for name in ("in_features", "out_features"):
        if getattr(spec.layer, name) > WIDEST:
            raise SpecError(f"layer.{name} must be at most {WIDEST} for da4ml, but is "
                            f"{getattr(spec.layer, name)}.")
    engine = MACEngine(scheme=spec.engine.scheme, weight_bits=spec.engine.weight_bits,
                       load_bits=spec.engine.load_bits)
    folding = MACFolding(inputs_per_cycle=spec.layer.in_features,
                         outputs_per_cycle=spec.layer.out_features)
    return ChainSpec((dataclasses.replace(spec, engine=engine, folding=folding),))
