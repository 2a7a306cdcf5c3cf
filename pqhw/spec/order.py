"""Where rows are computed that leave in another order: those of two schemes, and those of several
pixels of a convolution side by side.

A transfer of results has one scheme and pixel. The i-th row with integer weights, of L lanes, is
computed in lane i mod L, the i-th other one in lane -1 - i mod L: so the rows that leave together
are always computed in different lanes, whatever their order, and each lane's memory is read once
for them.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .mac import MACSpec

__all__ = ["LUTRAM_WORDS", "Places", "places", "row_capacity"]

LUTRAM_WORDS = 256
"""Transfers of results up to which they wait in LUT RAM, which is read faster than block RAM."""


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Where every row of a set is computed.

    Members
    -------
    slot: [N] its output in the order of computation, of `tiles` * `outputs`
    lane: [N] its place in a transfer of results
    transfer: [pixels, N] that transfer, of all that `pixels` rows take
    """
    slot: np.ndarray
    lane: np.ndarray
    transfer: np.ndarray


def row_capacity(spec: "MACSpec") -> tuple[int, int]:
    """Rows of a set that can have integer weights, and that can have the other scheme."""
    fixed = spec.tiles * spec.fixed_outputs
    return fixed, spec.tiles * spec.outputs - fixed


def places(spec: "MACSpec", scheme: np.ndarray) -> Places:
    """Places of the rows of a set, scheme [N]: 0 with integer weights, 1 otherwise.

    Each scheme has no more rows than `row_capacity`.
    """
    lanes = spec.lanes_out
    other = np.asarray(scheme) != 0 if spec.two_schemes else np.zeros(len(scheme), bool)
    rank = np.where(other, np.cumsum(other), np.cumsum(~other)) - 1
    lane = np.where(other, -1 - rank, rank) % lanes
    first, parts = spec.first_outputs // lanes, spec.outputs // lanes
    own = np.where(other, parts - first, first)
    tile, part = np.divmod(rank // lanes, np.maximum(own, 1))
    slot = (tile * parts + np.where(other, first, 0) + part) * lanes + lane
    pixel = np.arange(spec.pixels)[:, None]
    before = np.where(other, spec.pixels * first, 0) + pixel * own
    return Places(slot, lane, tile * parts * spec.pixels + before + part)
