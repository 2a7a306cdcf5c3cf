"""One product-quantized layer from its weights and what enters it: prototypes, tables, shift."""

import dataclasses
from typing import Any

import numpy as np

from ..golden import layer_results
from ..golden.conv import pixel_codes, shifted_windows, windows
from ..golden.pq import encode_vectors
from ..spec import Conv2d, MACSpec, PQSpec
from ..spec.parameters import PQParameters, TreeParameters, check_parameters
from ..spec.tree import TreeSpec
from .layers import fixed_shift
from .prototypes import learn_prototypes, round_half_up, subvectors
from .tables import candidate_scales, choose_tables, fit_tables
from .trees import leaf_means, learn_trees

__all__ = ["LayerValues", "LearnedEncoder", "entry_size", "pq_layer_values", "real_tables"]

ROWS = 1 << 16
"""Rows that tables are fitted to, of which prototypes take the first."""

PROTOTYPE_ROWS = 1 << 14
"""Rows that prototypes are learned from."""

ENTRY_ROWS, ENTRY_SHARE = 256, 0.99
"""Rows that the size of entries is estimated from, and the share that fits."""

RIDGE = 1.5
"""Trust in prototype times weight, in rows per subspace: all subspaces' errors stand against the
corrections of one. Least error on images held out of ResNet-20, for prototypes and trees alike."""

FITTED_ENTRIES = 2048
"""Largest number of entries per output whose tables are fitted by least squares."""


@dataclasses.dataclass(frozen=True, eq=False)
class LearnedEncoder:
    """An encoder that training has found.

    Members
    -------
    values: what it stores, as parameters have it
    centres: [S, K, V], S of all groups, or [1, K, V]: what codes stand for, in steps of the input
    units: of the layer's sums in a step of its result
    correction: [S, K, N], or [Fh, Fw, S, K, N] of pixels: what entries are beside products, in
        steps of the output
    """
    values: dict[str, np.ndarray]
    centres: np.ndarray
    units: float
    correction: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class LayerValues:
    """A layer turned into integers.

    Members
    -------
    spec: with its shift and bias bits
    values: of the parameters, by name
    units: of its sums in a step of the output
    centres: [S, K, V], S of all groups: the means that the leaves of trees stand for; None without
    """
    spec: PQSpec | MACSpec
    values: dict[str, Any]
    units: float
    centres: np.ndarray | None = None


def pq_layer_values(spec: PQSpec, weights: np.ndarray, bias: np.ndarray, entering: np.ndarray,
                    targets: np.ndarray | None, *, seed: int = 0, initialisation: str = "kmeans",
                    learned: LearnedEncoder | None = None) -> LayerValues:
    """A product-quantized layer as integers.

    Prototypes are the centres of what enters, or means of the leaves of trees. Tables are prototype
    times weight, fitted to the targets where they are not too many, on the power of two of least
    error.

    Parameters
    ----------
    weights: [N, Fh, Fw, C / groups] or [N, D], in steps of output per step of input
    bias: [N], in steps of the output
    entering: integers [R, H, W, C] or [R, D]
    targets: sums [R, OH, OW, N] or [R, N] that the float layer gives, in steps of the output; None
        where `learned`
    seed, initialisation: of prototypes, see `learn_prototypes`
    learned: the encoder, where the layer was trained with one; tables are then products and what it
        says they are beside
    """
    if learned is not None:
        shift = 0 if spec.output is None else int(np.log2(learned.units))
        real = real_tables(spec, learned.centres, weights)
        if learned.correction is not None:
            real = real + learned.correction
        made, values = _products(spec, learned.values, real, bias, learned.units, shift)
        return LayerValues(made, values, learned.units,
                           learned.centres if spec.engine.encoder == "tree" else None)
    assert targets is not None
    rows, chosen = _sampled(spec, entering, seed)
    encoder, centres, codes = _encoder(spec, rows, weights, seed, initialisation)
    kept = centres if spec.engine.encoder == "tree" else None
    products = real_tables(spec, centres, weights)
    prior = products.reshape(-1, *products.shape[-2:])
    if spec.sets > 1 or prior[..., 0].size > FITTED_ENTRIES:
        made, values, units = _by_products(spec, encoder, products, bias, entering, targets)
        return LayerValues(made, values, units, kept)
    if spec.encodes_pixels:
        codes, chosen = _window_codes(spec, encoder, entering, seed)
    wanted = targets.reshape(-1, targets.shape[-1])[chosen].astype(np.float64)
    fitted = fit_tables(codes, prior, wanted, ridge=RIDGE * len(prior),
                        clamp=spec.output.range if spec.output else None,
                        bias=bias if spec.encodes_pixels else None)
    tables = choose_tables(fitted, codes, wanted, spec)
    made, values = fixed_shift(spec, tables.shift, tables.bias)
    values |= {**encoder, "tables": tables.entries.reshape(products.shape)}
    return LayerValues(made, values, tables.scale, kept)


def entry_size(spec: PQSpec, weights: np.ndarray, entering: np.ndarray, seed: int = 0) -> float:
    """What nearly all entries of a layer's tables will stay below, before there are prototypes:
    sums over sub-vectors of what really enters.

    Parameters
    ----------
    weights: [N, Fh, Fw, C / groups] or [N, D], real
    entering: [R, H, W, C] or [R, D], real
    """
    rows = _sampled(spec, entering, seed)[0][:ENTRY_ROWS]
    length, sets = spec.engine.subvector_length, spec.sets
    rows = rows.reshape(len(rows), sets, spec.encoder_subspaces, length)
    by_element = real_tables(spec, np.eye(length)[None], weights).reshape(
        -1, spec.encoder_subspaces, length, sets, len(weights) // sets)
    sums = np.einsum("rgsv,tsvgn->rtgsn", rows, by_element, optimize=True)
    return float(np.quantile(np.abs(sums), ENTRY_SHARE))


def _sampled(spec: PQSpec, entering: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows [R, S * V] of what is encoded, S of all groups, and which they are of all."""
    layer, random = spec.layer, np.random.default_rng(seed)
    depth, padded = spec.vector_inputs, spec.encoder_subspaces * spec.engine.subvector_length
    if not isinstance(layer, Conv2d):
        chosen = random.permutation(len(entering))[:ROWS]
        rows = entering.reshape(len(entering), -1)[chosen]
    elif spec.encodes_pixels:
        pixels = entering.reshape(-1, layer.in_channels)
        chosen = random.permutation(len(pixels))[:ROWS]
        rows = pixels[chosen]
    else:
        places = layer.out_height * layer.out_width
        chosen = random.permutation(len(entering) * places)[:ROWS]
        image, place = np.divmod(chosen, places)
        # Elements stand in the order channel, row, column.
        rows = windows(layer, entering)[image, place // layer.out_width, place % layer.out_width]
    rows = rows.reshape(len(chosen), spec.sets, depth)
    return np.pad(rows, ((0, 0), (0, 0), (0, padded - depth))).reshape(len(chosen), -1), chosen


def _encoder(spec: PQSpec, rows: np.ndarray, weights: np.ndarray, seed: int, initialisation: str
             ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """What the encoder stores, what its codes stand for [S or 1, K, V], and codes [R, S] of
    rows."""
    engine, none = spec.engine, np.zeros(1, np.int64)
    length, count, shared = engine.subvector_length, engine.prototypes, engine.shared_prototypes
    vectors = subvectors(rows, length).astype(np.float32).transpose(1, 2, 0)
    allowed, learned = spec.encoder.prototype_range, rows[:PROTOTYPE_ROWS]
    if not isinstance(spec.encoder, TreeSpec):
        prototypes = learn_prototypes(learned, length=length, prototypes=count, allowed=allowed,
                                      encoder=engine.encoder, shared=shared, seed=seed,
                                      restarts=1, initialisation=initialisation)
        codes = encode_vectors(spec, PQParameters(prototypes, none, none), vectors).T
        return {"prototypes": prototypes}, prototypes, codes
    fixed = spec.encoder.fixed_dims
    dims, thresholds = learn_trees(learned, length=length, leaves=count, allowed=allowed,
                                   metric=_metric(spec, weights), shared=shared, seed=seed,
                                   dims=None if fixed is None else np.array(fixed))
    codes = encode_vectors(spec, TreeParameters(dims, thresholds, none, none), vectors).T
    return ({"split_dims": dims, "thresholds": thresholds},
            leaf_means(rows, codes, length, count), codes)


def _window_codes(spec: PQSpec, encoder: dict[str, np.ndarray], entering: np.ndarray, seed: int
                  ) -> tuple[np.ndarray, np.ndarray]:
    """Codes [R, Fh * Fw * S] of the encoded pixels that outputs take, K beyond the border, and
    which outputs these are of all."""
    layer, none = spec.layer, np.zeros(1, np.int64)
    assert isinstance(layer, Conv2d)
    parameters = (TreeParameters(encoder["split_dims"], encoder["thresholds"], none, none)
                  if spec.engine.encoder == "tree"
                  else PQParameters(encoder["prototypes"], none, none))
    codes = pixel_codes(spec, parameters, entering)
    taps = shifted_windows(codes, layer.kernel, layer.stride, layer.padding,
                           spec.engine.prototypes, axis=2)
    columns = np.stack(list(taps)).reshape(layer.taps * len(codes), -1)
    chosen = np.random.default_rng(seed).permutation(columns.shape[1])[:ROWS]
    return columns[:, chosen].T, chosen


def _metric(spec: PQSpec, weights: np.ndarray) -> np.ndarray:
    """[S, V, V], S of all groups, or [1, V, V] where shared: with it, the square of an error of a
    sub-vector is the square of what it does to the sums of an output, over taps and outputs."""
    length, sets, outputs = spec.engine.subvector_length, spec.sets, len(weights)
    own = real_tables(spec, np.eye(length)[None], weights).reshape(
        -1, spec.encoder_subspaces, length, sets, outputs // sets)
    metric = np.einsum("tsvgn,tswgn->gsvw", own, own).reshape(-1, length, length)
    return metric.sum(axis=0, keepdims=True) if spec.engine.shared_prototypes else metric


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


def _by_products(spec: PQSpec, encoder: dict[str, np.ndarray], real: np.ndarray,
                 bias: np.ndarray, entering: np.ndarray, targets: np.ndarray
                 ) -> tuple[PQSpec, dict[str, Any], float]:
    """Tables as they follow from prototypes and weights, at the power of two of least error."""
    wanted = targets if spec.output is None else np.clip(targets, spec.output.range.low,
                                                         spec.output.range.high)
    best: tuple[PQSpec, dict[str, Any], float] | None = None
    least = np.inf
    for scale, shift in candidate_scales(real, spec, 4):
        made, values = _products(spec, encoder, real, bias, scale, shift)
        results = layer_results(made, check_parameters(made, values), entering)
        got = results / (scale if spec.output is None else 1)
        error = float(((got - wanted) ** 2).mean())
        if error < least:
            best, least = (made, values, scale), error
    assert best is not None
    return best


def _products(spec: PQSpec, encoder: dict[str, np.ndarray], real: np.ndarray, bias: np.ndarray,
              scale: float, shift: int) -> tuple[PQSpec, dict[str, Any]]:
    entries = np.clip(round_half_up(real * scale), spec.term_range.low, spec.term_range.high)
    made, values = fixed_shift(spec, shift, round_half_up(bias * scale))
    return made, {**encoder, "tables": entries, **values}
