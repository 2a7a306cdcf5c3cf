"""Results of a design of either kind."""

from collections.abc import Sequence

import numpy as np

from ..spec import ChainSpec
from ..spec.dataflow import DataflowSpec
from ..spec.design import Design
from ..spec.parameters import Parameters
from .chain import chain_results
from .network import network_results

__all__ = ["design_results"]


def design_results(design: Design, parameters: Sequence[Parameters], rows: np.ndarray,
                   precisions: np.ndarray | None = None) -> np.ndarray:
    """Results [R, N], or [R, OH, OW, N], of rows or images at their precisions [R].

    Parameters
    ----------
    parameters: of every engine, in the order of `Design.stages`
    """
    if isinstance(design, ChainSpec):
        return chain_results(design, parameters, rows, precisions)
    assert isinstance(design, DataflowSpec)
    named = dict(zip(design.network.engines, parameters, strict=True))
    return network_results(design.network, named, rows)
