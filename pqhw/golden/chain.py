"""A whole chain of engines in exact integers."""

from collections.abc import Sequence

import numpy as np

from ..spec import BitplaneSpec, ChainSpec, Conv2d, EngineSpec, MACSpec, PQSpec
from ..spec.parameters import (BitplaneParameters, MACParameters, Parameters, PQParameters,
                               TreeParameters, check_precisions)
from .bitplane import bitplane_layer
from .conv import conv_layer
from .mac import mac_layer
from .pq import pq_layer

__all__ = ["layer_results", "chain_results", "stage_results"]


def layer_results(spec: EngineSpec, parameters: Parameters, rows: np.ndarray,
                  precisions: np.ndarray | None = None) -> np.ndarray:
    """Results [R, N], or [R, OH, OW, N], of one engine; rows have precision 0 unless
    `precisions` [R] says otherwise, which only an engine with several heeds."""
    if isinstance(spec, BitplaneSpec):
        assert isinstance(parameters, BitplaneParameters)
        if precisions is None or spec.precision_count == 1:
            precisions = np.zeros(len(rows), np.int64)
        return bitplane_layer(spec, parameters, rows.reshape(-1, *spec.layer.input_shape),
                              precisions)
    if isinstance(spec.layer, Conv2d) and isinstance(spec, PQSpec | MACSpec):
        return conv_layer(spec, parameters, rows.reshape(-1, *spec.layer.input_shape))
    rows = rows.reshape(len(rows), -1)
    match spec, parameters:
        case PQSpec(), PQParameters() | TreeParameters():
            return pq_layer(spec, parameters, rows)
        case MACSpec(), MACParameters():
            return mac_layer(spec, parameters, rows)
    raise TypeError(f"{type(parameters).__name__} are not parameters of a {spec.KIND} engine.")


def stage_results(chain: ChainSpec, parameters: Sequence[Parameters],
                  rows: np.ndarray, precisions: np.ndarray | None = None) -> list[np.ndarray]:
    """Results of every stage, the first to the last."""
    results = []
    precisions = check_precisions(chain, precisions, len(rows))
    for spec, own in zip(chain.stages, parameters, strict=True):
        rows = layer_results(spec, own, rows, precisions)
        results.append(rows)
    return results


def chain_results(chain: ChainSpec, parameters: Sequence[Parameters],
                  rows: np.ndarray, precisions: np.ndarray | None = None) -> np.ndarray:
    """Results [R, N], or [R, OH, OW, N], of the last stage, each row at its precision [R]."""
    return stage_results(chain, parameters, rows, precisions)[-1]
