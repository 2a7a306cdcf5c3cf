"""Tables: real entries fitted to the network, then integers on a power-of-two scale."""

import dataclasses

import numpy as np

from ..spec.ranges import Range
from .prototypes import round_half_up

__all__ = ["RealTables", "IntegerTables", "fit_tables", "round_tables"]


@dataclasses.dataclass(frozen=True, eq=False)
class RealTables:
    """Entries [S, K, N] and bias [N] in the units of the outputs, each subspace's entries
    centred; `normal` [S*K, S*K] are the normal equations of the fit."""
    entries: np.ndarray
    bias: np.ndarray
    normal: np.ndarray


def one_hot(codes: np.ndarray, prototypes: int) -> np.ndarray:
    """Codes [R, S] as rows [R, S*K] of zeros and S ones."""
    rows, subspaces = codes.shape
    design = np.zeros((rows, subspaces * prototypes))
    design[np.arange(rows)[:, None], np.arange(subspaces) * prototypes + codes] = 1
    return design


def fit_tables(codes: np.ndarray, prior: np.ndarray, targets: np.ndarray, *, ridge: float,
               clamp: Range | None, passes: int = 4) -> RealTables:
    """Tables whose sums come nearest to the targets, drawn towards the prior.

    Least squares of ``targets - sum_s T[s, code[s]]`` plus `ridge` times the squared distance
    from the prior. Behind a clamp, a target outside it counts only as far as the sum falls
    short of it: each pass takes those targets from the pass before.

    Parameters
    ----------
    codes: [R, S]
    prior: prototype times weight, [S, K, N]
    targets: the network's sums [R, N]
    ridge: in rows; 0 < ridge
    clamp: what the requantiser makes of a sum; None for raw accumulators

    Source: D. Blalock, J. Guttag, Multiplying Matrices Without Multiplying, ICML 2021, eq. 8.
    """
    subspaces, prototypes, outputs = prior.shape
    design = one_hot(codes, prototypes)
    entries = prior.reshape(-1, outputs)
    normal = design.T @ design + ridge * np.eye(len(entries))
    solve = np.linalg.inv(normal)
    counts = design.sum(axis=0).reshape(subspaces, prototypes, 1)
    means = (prior * counts).sum(axis=1, keepdims=True) / len(codes)
    start = (prior - means).reshape(-1, outputs)
    bias = targets.mean(axis=0)
    entries = start + solve @ (design.T @ (targets - bias - design @ start))
    for _ in range(passes if clamp is not None else 0):
        sums = design @ entries + bias
        wanted = np.where(targets <= clamp.low, np.minimum(sums, clamp.low), targets)
        wanted = np.where(targets >= clamp.high, np.maximum(sums, clamp.high), wanted)
        bias = wanted.mean(axis=0)
        entries = start + solve @ (design.T @ (wanted - bias - design @ start))
    return centred(entries.reshape(prior.shape), bias, normal)


def centred(entries: np.ndarray, bias: np.ndarray, normal: np.ndarray) -> RealTables:
    """Move the middle of each subspace's entries into the bias."""
    middle = (entries.max(axis=1) + entries.min(axis=1)) / 2
    return RealTables(entries - middle[:, None, :], bias + middle.sum(axis=0), normal)


@dataclasses.dataclass(frozen=True, eq=False)
class IntegerTables:
    """Entries [S, K, N] and bias [N] as integers, in units of 1 / scale."""
    entries: np.ndarray
    bias: np.ndarray
    scale: float


def round_tables(tables: RealTables, scale: float, allowed: Range, *,
                 compensate: bool = True) -> IntegerTables:
    """Entries times `scale`, rounded and clamped.

    With `compensate` each entry's error is spread over those not yet rounded, so that the sums
    keep near; without, every entry is rounded for itself.

    Source: E. Frantar et al., GPTQ, ICLR 2023, algorithm 1, here on one-hot inputs.
    """
    shape = tables.entries.shape
    real = tables.entries.reshape(-1, shape[2]) * scale
    if not compensate:
        entries = np.clip(round_half_up(real), allowed.low, allowed.high)
    else:
        entries = np.empty(real.shape, np.int64)
        spread = np.linalg.cholesky(np.linalg.inv(tables.normal)).T
        real = real.copy()
        for i in range(len(real)):
            entries[i] = np.clip(round_half_up(real[i]), allowed.low, allowed.high)
            error = (real[i] - entries[i]) / spread[i, i]
            real[i + 1:] -= np.outer(spread[i, i + 1:], error)
    return IntegerTables(entries.reshape(shape), round_half_up(tables.bias * scale), scale)
