"""One product-quantized layer from its weights and what enters it: prototypes, tables, shift."""

from typing import Any

import numpy as np

from ..golden import layer_results
from ..golden.conv import window_columns
from ..golden.pq import encode_vectors
from ..spec import Conv2d, PQSpec
from ..spec.parameters import PQParameters, check_parameters
from .layers import fixed_shift
from .prototypes import learn_prototypes, round_half_up
from .tables import candidate_scales, choose_tables, fit_tables

__all__ = ["pq_layer_values", "real_tables"]

ROWS = 6144
"""Rows that prototypes and tables are learned from."""

RIDGE = 10.0
"""Rows' worth of trust in prototype times weight."""

FITTED_ENTRIES = 2048
"""Largest number of entries per output whose tables are fitted by least squares."""


def pq_layer_values(spec: PQSpec, weights: np.ndarray, bias: np.ndarray, entering: np.ndarray,
                    targets: np.ndarray, seed: int) -> tuple[PQSpec, dict[str, Any], float]:
    """The spec with its shift and bias bits, the parameters, and the units of its sums in a step of
    the output.

    Prototypes are the centres of what enters. Tables are prototype times weight, fitted to the
    targets where a row is encoded as a whole, on the power of two of least error.

    Parameters
    ----------
    weights: [N, Fh, Fw, C / groups] or [N, D], in steps of output per step of input
    bias: [N], in steps of the output
    entering: integers [R, H, W, C] or [R, D]
    targets: sums [R, OH, OW, N] or [R, N] that the float layer gives, in steps of the output
    """
    columns, chosen = _sampled(spec, entering, seed)
    prototypes = _prototypes(spec, columns, seed)
    if spec.encodes_pixels or spec.sets > 1 or (
            spec.encoder_subspaces * spec.engine.prototypes > FITTED_ENTRIES):
        return _by_products(spec, prototypes, weights, bias, entering, targets)
    codes = _codes(spec, prototypes, columns)
    wanted = targets.reshape(-1, targets.shape[-1])[chosen].astype(np.float64)
    fitted = fit_tables(codes, real_tables(spec, prototypes, weights), wanted, ridge=RIDGE,
                        clamp=spec.output.range if spec.output else None)
    tables = choose_tables(fitted, codes, wanted, spec)
    made, values = fixed_shift(spec, tables.shift, tables.bias)
    return made, {"prototypes": prototypes, "tables": tables.entries, **values}, tables.scale


def _sampled(spec: PQSpec, entering: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns [groups, D, R] of what is encoded, and which rows of all they are."""
    layer = spec.layer
    if not isinstance(layer, Conv2d):
        columns = entering.reshape(len(entering), -1).T[None]
    elif spec.encodes_pixels:
        columns = entering.transpose(3, 0, 1, 2).reshape(spec.sets, spec.vector_inputs, -1)
    else:
        columns = window_columns(layer, entering)
    rows = columns.shape[2]
    chosen = np.random.default_rng(seed).permutation(rows)[:ROWS]
    return columns[:, :, chosen], chosen


def _prototypes(spec: PQSpec, columns: np.ndarray, seed: int) -> np.ndarray:
    """[S, K, V] of all groups, or [1, K, V] where shared."""
    engine = spec.engine
    own = [learn_prototypes(part.T.astype(np.int64), length=engine.subvector_length,
                            prototypes=engine.prototypes, allowed=spec.encoder.prototype_range,
                            encoder=engine.encoder, shared=engine.shared_prototypes,
                            seed=seed + index, restarts=1)
           for index, part in enumerate(columns)]
    return own[0] if engine.shared_prototypes else np.concatenate(own)


def _codes(spec: PQSpec, prototypes: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Codes [R, S] of the columns of a single group."""
    length, subspaces = spec.engine.subvector_length, spec.encoder_subspaces
    depth, rows = columns.shape[1:]
    padded = np.zeros((subspaces * length, rows), np.float32)
    padded[:depth] = columns[0]
    probe = PQParameters(prototypes, np.zeros(1), np.zeros(1))
    return encode_vectors(spec, probe, padded.reshape(subspaces, length, rows)).T


def real_tables(spec: PQSpec, prototypes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Prototype times weight: [S, K, N], or [Fh, Fw, S, K, N] for encoded pixels; S counts the
    sub-vectors of a group."""
    length, subspaces = spec.engine.subvector_length, spec.encoder_subspaces
    outputs, sets = len(weights), spec.sets
    per_set = np.broadcast_to(prototypes, (sets * subspaces, *prototypes.shape[1:])).reshape(
        sets, subspaces, -1, length)
    if weights.ndim == 4:
        ordered = weights.transpose(1, 2, 0, 3) if spec.encodes_pixels else (
            weights.transpose(0, 3, 1, 2).reshape(1, 1, outputs, -1))
    else:
        ordered = weights[None, None]
    taps = ordered.shape[:2]
    padded = np.zeros((*taps, outputs, subspaces * length))
    padded[..., :ordered.shape[-1]] = ordered
    pieces = padded.reshape(*taps, sets, outputs // sets, subspaces, length)
    tables = np.einsum("gskv,yxgnsv->yxskgn", per_set, pieces).reshape(
        *taps, subspaces, -1, outputs)
    return tables if spec.encodes_pixels else tables[0, 0]


def _by_products(spec: PQSpec, prototypes: np.ndarray, weights: np.ndarray, bias: np.ndarray,
                 entering: np.ndarray, targets: np.ndarray
                 ) -> tuple[PQSpec, dict[str, Any], float]:
    """Tables as they follow from prototypes and weights, at the power of two of least error."""
    real = real_tables(spec, prototypes, weights)
    wanted = targets if spec.output is None else np.clip(targets, spec.output.range.low,
                                                         spec.output.range.high)
    best: tuple[PQSpec, dict[str, Any], float] | None = None
    least = np.inf
    for scale, shift in candidate_scales(real, spec, 4):
        entries = np.clip(round_half_up(real * scale), spec.term_range.low, spec.term_range.high)
        made, values = fixed_shift(spec, shift, round_half_up(bias * scale))
        values = {"prototypes": prototypes, "tables": entries, **values}
        results = layer_results(made, check_parameters(made, values), entering)
        got = results / (scale if spec.output is None else 1)
        error = float(((got - wanted) ** 2).mean())
        if error < least:
            best, least = (made, values, scale), error
    assert best is not None
    return best
