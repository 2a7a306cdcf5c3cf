"""Rows of two schemes in a network whose foldings are still to be chosen."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from ..engine import EngineSpec
from ..fields import SpecError
from ..mac import MACSpec
from ..parameters import MACParameters, Parameters
from .network import NetworkSpec
from .nodes import Engine

__all__ = ["with_rows_as_given"]


def with_rows_as_given(network: NetworkSpec, parameters: Mapping[str, Parameters]) -> NetworkSpec:
    """The network with the ratio of each `mixed` engine that of the rows it is given, so that
    every folding that the ratio admits computes them.

    Parameters
    ----------
    parameters:
        Of every engine, by name.

    Raises
    ------
    SpecError
        Where the groups of a convolution do not have as many rows of each scheme.
    """
    nodes = []
    for node in network.nodes:
        if isinstance(node.op, Engine):
            try:
                own = _as_given(node.op.spec, parameters[node.name])
            except SpecError as error:
                raise SpecError(f"{node.name}: {error}") from None
            node = dataclasses.replace(node, op=Engine(own))
        nodes.append(node)
    return dataclasses.replace(network, nodes=tuple(nodes))


def _as_given(spec: EngineSpec, parameters: Parameters) -> EngineSpec:
    if (not isinstance(spec, MACSpec) or spec.engine.scheme != "mixed"
            or not isinstance(parameters, MACParameters) or parameters.scheme is None):
        return spec
    counts = {int((own == 0).sum()) for own in np.split(parameters.scheme, spec.sets)}
    if len(counts) > 1:
        raise SpecError("scheme must name fixed as often in every group, but names it "
                        f"{min(counts)} to {max(counts)} times.")
    fixed, rows = counts.pop(), spec.layer.row_outputs
    common = math.gcd(fixed, rows)
    ratio = f"{fixed // common}:{(rows - fixed) // common}"
    outputs = max(2, rows // common)
    return dataclasses.replace(
        spec, engine=dataclasses.replace(spec.engine, ratio=ratio),
        folding=dataclasses.replace(spec.folding, outputs_per_cycle=outputs,
                                    results_per_cycle=None))
