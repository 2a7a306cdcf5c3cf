"""Where the rows of a `mixed` layer are computed, and the order in which they leave.

A transfer of results has one scheme. The i-th row with integer weights, of L lanes, is computed in
lane i mod L, the i-th other one in lane -1 - i mod L: so the rows that leave together are always
computed in different lanes, whatever their order, and each lane's memory is read once for them.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .mac import MACSpec

__all__ = ["Places", "places", "row_capacity"]


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Where every row of a set is computed.

    Members
    -------
    transfer, lane: [N] the transfer of results that it is part of, and its place there
    slot: [N] its output in the order of computation
    """
    transfer: np.ndarray
    lane: np.ndarray
    slot: np.ndarray


def row_capacity(spec: "MACSpec") -> tuple[int, int]:
    """Rows of a set that can have integer weights, and that can have the other scheme."""
    fixed = spec.tiles * spec.fixed_outputs
    return fixed, spec.tiles * spec.outputs - fixed


def places(spec: "MACSpec", scheme: np.ndarray) -> Places:
    """Places of the rows of a set, scheme [N]: 0 with integer weights, 1 otherwise.

    Each scheme has no more rows than `row_capacity`.
    """
    lanes = spec.lanes_out
    other = np.asarray(scheme) != 0
    rank = np.where(other, np.cumsum(other), np.cumsum(~other)) - 1
    lane = np.where(other, -1 - rank, rank) % lanes
    fixed_parts, parts = spec.fixed_outputs // lanes, spec.outputs // lanes
    own = np.where(other, parts - fixed_parts, fixed_parts)
    tile, part = np.divmod(rank // lanes, np.maximum(own, 1))
    transfer = tile * parts + part + np.where(other, fixed_parts, 0)
    return Places(transfer, lane, transfer * lanes + lane)
