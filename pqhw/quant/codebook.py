"""What the codes of a dense layer stand for, and how they are found."""

import dataclasses
from typing import Any

import numpy as np

from ..golden.lookup import nearest
from ..golden.tree import walk
from ..spec import PQSpec
from ..spec.parameters import TreeParameters
from ..spec.tree import TreeSpec
from .prototypes import learn_prototypes, round_half_up, subvectors
from .trees import leaf_means, learn_trees

__all__ = ["Codebook", "learn_codebook"]


@dataclasses.dataclass(frozen=True, eq=False)
class Codebook:
    """The codes of a layer's sub-vectors.

    Members
    -------
    encoder: `l2`, `l1`, `chebyshev`, `dot` or `tree`
    prototypes: [S, K, V] or [1, K, V]: integers, or real means of the leaves of trees
    trees: split_dims and thresholds, where the encoder is `tree`
    """
    encoder: str
    prototypes: np.ndarray
    trees: TreeParameters | None = None

    def reconstruct(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes [R, S] of rows [R, D], and the prototypes [R, D] that stand for the rows."""
        _, _, length = self.prototypes.shape
        subspaces = -(-rows.shape[1] // length)
        own = np.broadcast_to(self.prototypes, (subspaces, *self.prototypes.shape[1:]))
        vectors = subvectors(rows, length).astype(np.float32).transpose(1, 2, 0)
        codes = (nearest(self.encoder, vectors, own.astype(np.int64)) if self.trees is None
                 else walk(self.trees, vectors)).T
        near = own[np.arange(subspaces), codes].reshape(len(rows), -1)
        return codes, near[:, :rows.shape[1]]

    def moved(self, prototypes: np.ndarray) -> "Codebook":
        """With other prototypes, or other means of the same leaves."""
        return dataclasses.replace(self, prototypes=prototypes)

    def moved_to(self, means: np.ndarray, counts: np.ndarray) -> "Codebook":
        """With prototypes at the means [S, K, V] of what they stood for, where counts [S, K, 1] say
        that they stood for anything; on the integer grid but for leaves, which are not stored."""
        if self.trees is None:
            means = np.floor(means + 0.5)
        return self.moved(np.where(counts > 0, means, self.prototypes))

    def stored(self, spec: PQSpec) -> "Codebook":
        """As the hardware holds it."""
        if self.trees is not None:
            return self
        allowed = spec.encoder.prototype_range
        own = round_half_up(np.asarray(self.prototypes, np.float64))
        return self.moved(np.clip(own, allowed.low, allowed.high))

    def parameters(self) -> dict[str, Any]:
        """What an engine is loaded with."""
        if self.trees is None:
            return {"prototypes": self.prototypes}
        return {"split_dims": self.trees.split_dims, "thresholds": self.trees.thresholds}


def learn_codebook(spec: PQSpec, rows: np.ndarray, weights: np.ndarray, seed: int) -> Codebook:
    """Prototypes by k-means, or trees, of rows [R, D] that enter a layer with weights [N, D]."""
    engine, allowed = spec.engine, spec.encoder.prototype_range
    length, count, shared = engine.subvector_length, engine.prototypes, engine.shared_prototypes
    if not isinstance(spec.encoder, TreeSpec):
        return Codebook(engine.encoder, learn_prototypes(
            rows, length=length, prototypes=count, allowed=allowed, encoder=engine.encoder,
            shared=shared, seed=seed))
    pieces, fixed = subvectors(weights, length), spec.encoder.fixed_dims
    # With it, an error of a sub-vector is the square of what it does to the sums.
    metric = np.einsum("nsv,nsw->svw", pieces, pieces)
    dims, thresholds = learn_trees(
        rows, length=length, leaves=count, allowed=allowed, shared=shared, seed=seed,
        metric=metric.sum(axis=0, keepdims=True) if shared else metric,
        dims=None if fixed is None else np.array(fixed))
    none = np.zeros(1, np.int64)
    trees = TreeParameters(dims, thresholds, none, none)
    vectors = subvectors(rows, length).astype(np.float32).transpose(1, 2, 0)
    codes = walk(trees, vectors).T
    return Codebook(engine.encoder, leaf_means(rows, codes, length, count), trees)
