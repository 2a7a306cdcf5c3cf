"""What an engine computes on the way to its results: codes, and sums before requantisation."""

import numpy as np

from ..spec import BitplaneSpec, Conv2d, EngineSpec, MACSpec, PQSpec
from ..spec.parameters import (BitplaneParameters, LookupParameters, MACParameters, Parameters,
                               PQParameters, TreeParameters)
from .bitplane import bitplane_sums
from .conv import column_codes, conv_sums, pixel_codes, window_columns
from .lookup import exact_product
from .pq import encode, lookup

__all__ = ["layer_codes", "layer_sums"]


def layer_codes(spec: PQSpec, parameters: LookupParameters, rows: np.ndarray) -> np.ndarray:
    """Codes [S, R] of rows [R, D], or of the windows or pixels of images [R, H, W, C].

    S counts the sub-vectors of all groups; of images, R counts all that is encoded.
    """
    values = rows.reshape(-1, *spec.layer.input_shape)
    if spec.encodes_pixels:
        codes = pixel_codes(spec, parameters, values)
    elif isinstance(spec.layer, Conv2d):
        codes = column_codes(spec, parameters, window_columns(spec.layer, values))
    else:
        codes = encode(spec, parameters, values).T
    return codes.reshape(spec.encoded_vectors, -1)


def layer_sums(spec: EngineSpec, parameters: Parameters, rows: np.ndarray) -> np.ndarray:
    """Accumulators [R, N], or [R, OH, OW, N], the bias included; of an engine with several
    precisions, those of precision 0."""
    values = rows.reshape(-1, *spec.layer.input_shape)
    if isinstance(spec, BitplaneSpec):
        assert isinstance(parameters, BitplaneParameters)
        return bitplane_sums(spec, parameters, values, 0)
    if isinstance(spec.layer, Conv2d) and isinstance(spec, PQSpec | MACSpec):
        return conv_sums(spec, parameters, values)
    match spec, parameters:
        case PQSpec(), PQParameters() | TreeParameters():
            return lookup(spec, parameters, encode(spec, parameters, values))
        case MACSpec(), MACParameters():
            return exact_product(values, parameters.weights.T) + parameters.bias
    raise TypeError(f"{type(parameters).__name__} are not parameters of a {spec.KIND} engine.")
