"""Tables: real entries fitted to the network, then integers on a power-of-two scale."""

import dataclasses

import numpy as np

from ..golden import shift_half_up
from ..golden.lookup import table_sums
from ..spec import PQSpec
from ..spec.ranges import Range
from .prototypes import round_half_up

__all__ = ["RealTables", "IntegerTables", "candidate_scales", "choose_tables", "fit_tables",
           "round_tables"]

CLIPPING = (1.0, 1.25, 1.6, 2.0)
"""Scales that are tried for raw accumulators, beyond the one at which every entry fits."""

MAX_SHIFT = 16
"""Largest shift that is tried."""


@dataclasses.dataclass(frozen=True, eq=False)
class RealTables:
    """Entries [S, K, N] and bias [N] in the units of the outputs, each subspace's entries
    centred where the bias is free; `spread` [S*K, S*K] is the upper Cholesky factor of the fit's
    inverse normal matrix."""
    entries: np.ndarray
    bias: np.ndarray
    spread: np.ndarray


def one_hot(codes: np.ndarray, prototypes: int) -> np.ndarray:
    """Codes [R, S] as rows [R, S*K] of zeros and a one per code, none for the code K; in single
    precision."""
    rows, subspaces = codes.shape
    design = np.zeros((rows, subspaces, prototypes), np.float32)
    row, subspace = np.nonzero(codes < prototypes)
    design[row, subspace, codes[row, subspace]] = 1
    return design.reshape(rows, -1)


def fit_tables(codes: np.ndarray, prior: np.ndarray, targets: np.ndarray, *, ridge: float,
               clamp: Range | None, passes: int = 4, bias: np.ndarray | None = None
               ) -> RealTables:
    """Tables whose sums come nearest to the targets, drawn towards the prior.

    Least squares of ``targets - sum_s T[s, code[s]]`` plus `ridge` times the squared distance
    from the prior. Behind a clamp, a target outside it counts only as far as the sum falls
    short of it: each pass takes those targets from the pass before.

    Parameters
    ----------
    codes: [R, S]; K where there is nothing to look up, as beyond the border of an image
    prior: prototype times weight, [S, K, N]
    targets: the network's sums [R, N]
    ridge: in rows; 0 < ridge
    clamp: what the requantiser makes of a sum; None for raw accumulators
    bias: [N], what it stays at, where codes may be K; found here where left out

    Source: D. Blalock, J. Guttag, Multiplying Matrices Without Multiplying, ICML 2021, eq. 8.
    """
    subspaces, prototypes, outputs = prior.shape
    design = one_hot(codes, prototypes)
    # Counts of rows: exact in single precision.
    normal = (design.T @ design).astype(np.float64)
    counts = normal.diagonal().reshape(subspaces, prototypes, 1)
    solve = np.linalg.inv(normal + ridge * np.eye(len(normal)))
    means = (prior * counts).sum(axis=1, keepdims=True) / len(codes) if bias is None else 0
    start = (prior - means).reshape(-1, outputs)
    expected = design @ start.astype(np.float32)
    wanted, entries = targets, start
    offset = np.zeros(outputs) if bias is None else bias
    for number in range(1 if clamp is None else passes + 1):
        if number:
            assert clamp is not None
            sums = design @ entries.astype(np.float32) + offset
            wanted = np.where(targets <= clamp.low, np.minimum(sums, clamp.low), targets)
            wanted = np.where(targets >= clamp.high, np.maximum(sums, clamp.high), wanted)
        if bias is None:
            offset = wanted.mean(axis=0)
        missing = (wanted - offset - expected).astype(np.float32)
        entries = start + solve @ (design.T @ missing).astype(np.float64)
    found = RealTables(entries.reshape(prior.shape), offset, np.linalg.cholesky(solve).T)
    return found if bias is not None else _centred(found)


def _centred(tables: RealTables) -> RealTables:
    """Move the middle of each subspace's entries into the bias."""
    entries = tables.entries
    middle = (entries.max(axis=1) + entries.min(axis=1)) / 2
    return RealTables(entries - middle[:, None, :], tables.bias + middle.sum(axis=0),
                      tables.spread)


@dataclasses.dataclass(frozen=True, eq=False)
class IntegerTables:
    """Entries [S, K, N] and bias [N] as integers; `shift` brings a sum to the output's grid, on
    which 1 is `scale` of a sum's units."""
    entries: np.ndarray
    bias: np.ndarray
    shift: int
    scale: float


def round_tables(tables: RealTables, scale: float, allowed: Range, *,
                 compensate: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Entries times `scale`, rounded and clamped, and the bias times `scale`, rounded.

    With `compensate` each entry's error is spread over those not yet rounded, so that the sums
    keep near; without, every entry is rounded for itself.

    Source: E. Frantar et al., GPTQ, ICLR 2023, algorithm 1, here on one-hot inputs.
    """
    shape = tables.entries.shape
    real = tables.entries.reshape(-1, shape[2]) * scale
    entries = np.empty(real.shape, np.int64)
    for i in range(len(real)):
        entries[i] = np.clip(round_half_up(real[i]), allowed.low, allowed.high)
        if compensate:
            error = (real[i] - entries[i]) / tables.spread[i, i]
            real[i + 1:] -= np.outer(tables.spread[i, i + 1:], error)
    return entries.reshape(shape), round_half_up(tables.bias * scale)


def candidate_scales(entries: np.ndarray, spec: PQSpec, shifts: int) -> list[tuple[float, int]]:
    """Scales of real entries that are worth trying, and the right shift of each: powers of two
    from the one at which every entry fits, so many, or for raw accumulators any number."""
    fits = spec.term_range.high / max(float(np.abs(entries).max()), 1e-12)
    if spec.output is None:
        return [(fits * factor, 0) for factor in CLIPPING]
    first = min(max(0, int(np.floor(np.log2(fits)))), MAX_SHIFT)
    return [(2.0 ** shift, shift) for shift in range(first, first + shifts)]


def choose_tables(tables: RealTables, codes: np.ndarray, targets: np.ndarray,
                  spec: PQSpec) -> IntegerTables:
    """Integer tables at the scale of least squared error of the results, over rows.

    A requantised output needs scale = 2**shift, so that a shift is all that is left to do. Raw
    accumulators are free in their scale. The smaller scale wins a draw.

    Parameters
    ----------
    codes: [R, S]; K where there is nothing to look up
    targets: sums [R, N] before the clamp, in steps of the output's grid
    """
    low, high = (-np.inf, np.inf) if spec.output is None else (spec.output.range.low,
                                                               spec.output.range.high)
    targets = np.clip(targets, low, high)
    best, least = None, np.inf
    for scale, shift in candidate_scales(tables.entries, spec, 3):
        entries, bias = round_tables(tables, scale, spec.term_range)
        results = table_sums(np.pad(entries, ((0, 0), (0, 1), (0, 0))), codes.T) + bias
        if spec.output is None:
            results = results / scale
        else:
            results = np.clip(shift_half_up(results, shift), low, high)
        error = float(((results - targets) ** 2).mean())
        if error < least:
            best, least = IntegerTables(entries, bias, shift, scale), error
    assert best is not None
    return best
