"""How often each memory is accessed: closed forms, for many mappings at once.

An instance of a level holds one *tile* of a tensor: what all loops up to the level's own run over.
A loop in time outside moves on to another tile, unless its dimension does not choose elements of
the tensor. Tiles that a level takes in are its *fills*; those that the level around sends out are
its *reads*, once for equal tiles of several instances. Outputs go up as *updates*, after what
instances below sum up; where an output comes back to a level, it is read from the level around.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from .nest import Loop, Nest, Values
from .workload import REDUCED, RELEVANT, SLIDING, Workload

__all__ = ["Access", "Counts", "count_accesses", "tile_elements"]


@dataclasses.dataclass(frozen=True)
class Access:
    """Accesses of one instance of a level to one tensor, in elements.

    Members
    -------
    tile: elements that are held at a time
    reads: sent towards the multipliers, or read back for adding to them
    fills: taken in from the level around
    updates: outputs taken in from below
    innermost: whether the level feeds the multipliers
    partial: where outputs that are held are not complete yet
    """
    tile: Values
    reads: Values
    fills: Values
    updates: Values
    innermost: bool
    partial: Values = False


@dataclasses.dataclass(frozen=True)
class Counts:
    """Accesses by level, the outermost 0, and tensor; instances in use by level; cycles."""
    accesses: dict[tuple[int, str], Access]
    instances: dict[int, Values]
    cycles: Values
    multipliers: Values


def count_accesses(nest: Nest, *, stepwise_halo: bool, first_fill: bool) -> Counts:
    """Accesses of every level.

    Parameters
    ----------
    stepwise_halo: inputs that consecutive tiles share are only saved by the innermost loop that
        moves (see `_extrapolated`), as the reference has it; else always
    first_fill: outputs are counted as filled when they are first touched, too
    """
    found: dict[tuple[int, str], Access] = {}
    cycles = nest.cycles
    inmost = len(nest.architecture.levels)
    for tensor in ("weights", "inputs"):
        sent = cycles
        for level, fed in nest.keepers(tensor):
            inside = nest.inside(level)
            tile = tile_elements(nest.workload, tensor, inside)
            reads = sent * nest.unrolled(level, fed, RELEVANT[tensor])
            fills = _fills(nest, tensor, level, tile, stepwise_halo) if level else 0
            found[level, tensor] = Access(tile, reads, fills, 0, fed == inmost)
            sent = fills
    sent = cycles
    for level, fed in nest.keepers("outputs"):
        tile = tile_elements(nest.workload, "outputs", nest.inside(level))
        outside = nest.outside(level)
        distinct = tile * _product(outside, RELEVANT["outputs"])
        updates = sent * nest.unrolled(level, fed, RELEVANT["outputs"])
        visits = _changes(tile, outside, RELEVANT["outputs"])
        fills = (visits if first_fill else visits - distinct) if level else 0
        partial = _product(nest.outside(fed), REDUCED) > 1
        found[level, "outputs"] = Access(tile, updates - distinct, fills, updates,
                                         fed == inmost, partial)
        sent = visits
    return Counts(found, {level: nest.instances(level) for level in range(inmost)}, cycles,
                  nest.instances(inmost))


def tile_elements(workload: Workload, tensor: str, extent: dict[str, Values]) -> Values:
    """Elements of a tensor that loops of these sizes touch."""
    if tensor == "inputs":
        rows, columns = _window(workload, extent)
        return extent["N"] * extent["G"] * extent["C"] * rows * columns
    total: Values = 1
    for dimension in RELEVANT[tensor]:
        total = total * extent[dimension]
    return total


def _window(workload: Workload, extent: dict[str, Values]) -> tuple[Values, Values]:
    return ((extent["P"] - 1) * workload.stride[0] + extent["R"],
            (extent["Q"] - 1) * workload.stride[1] + extent["S"])


def _product(loops: Sequence[Loop], dimensions: str) -> Values:
    total: Values = 1
    for loop in loops:
        if loop.slot.dimension in dimensions:
            total = total * loop.factor
    return total


def _changes(tile: Values, outside: Sequence[Loop], relevant: str) -> Values:
    """Elements that come in where all of a tile is exchanged whenever another one is needed."""
    total, moved = tile, np.False_
    for loop in outside:
        if loop.slot.dimension in relevant:
            total = total * loop.factor
            moved = moved | (loop.factor > 1)
        elif moved is not np.False_:
            total = total * np.where(moved, loop.factor, 1)
    return total


def _fills(nest: Nest, tensor: str, level: int, tile: Values, stepwise: bool) -> Values:
    outside = nest.outside(level)
    if tensor == "inputs":
        rows, columns = _window(nest.workload, nest.inside(level))
        window = {"y": rows, "x": columns}
        shifts = [_shift(nest.workload, loop) for loop in outside]
        near = any(axis and np.any(shift < window[axis]) for axis, shift in shifts)
        axes = [axis for axis, _ in shifts if axis]
        if near or len(set(axes)) < len(axes):
            inside = nest.inside(level)
            channels = inside["N"] * inside["G"] * inside["C"]
            run = _extrapolated if stepwise else _sliding
            return run(channels, window, outside, shifts)
    return _changes(tile, outside, RELEVANT[tensor])


def _shift(workload: Workload, loop: Loop) -> tuple[str, Values]:
    """The direction in which one iteration moves the window, if it does, and how far."""
    dimension = loop.slot.dimension
    axis = SLIDING.get(dimension, "")
    if dimension in "PQ":
        return axis, loop.step * workload.stride["yx".index(axis)]
    return axis, loop.step if axis else 0


def _shared(channels: Values, window: dict[str, Values], moves: dict[str, Values]) -> Values:
    """Inputs of a tile that are in the tile moved so, too."""
    for axis in "yx":
        channels = channels * np.maximum(window[axis] - np.abs(moves[axis]), 0)
    return channels


def _sliding(channels: Values, window: dict[str, Values], outside: Sequence[Loop],
             shifts: Sequence[tuple[str, Values]]) -> Values:
    """Inputs that come in where what two consecutive tiles share stays.

    Where a loop takes its next iteration, all loops inside go back from their last to their
    first, so the window moves by the loop's shift less those loops' ways.
    """
    after = [np.int64(1)]
    for loop in reversed(outside):
        after.insert(0, after[0] * loop.factor)
    total = channels * window["y"] * window["x"] * after[0]
    back: dict[str, Values] = {"y": 0, "x": 0}
    same_channels = np.True_
    for index, (loop, (axis, shift)) in enumerate(zip(outside, shifts)):
        if not axis and loop.slot.dimension in RELEVANT["inputs"]:
            same_channels = same_channels & (loop.factor == 1)
        moves = {name: (shift if name == axis else 0) - back[name] for name in "yx"}
        shared = np.where(same_channels, _shared(channels, window, moves), 0)
        total = total - (loop.factor - 1) * after[index + 1] * shared
        if axis:
            back[axis] = back[axis] + (loop.factor - 1) * shift
    return total


def _extrapolated(channels: Values, window: dict[str, Values], outside: Sequence[Loop],
                  shifts: Sequence[tuple[str, Values]]) -> Values:
    """Inputs that come in as the reference counts them.

    It follows two iterations of every loop, takes the second for all that follow, and saves what
    two tiles share only while the window's move stays what it was: that of the innermost loop with
    more than one iteration. A loop around it moves the window by its shift less that of one
    iteration of every loop inside.
    """
    total = channels * window["y"] * window["x"]
    way: dict[str, Values] = {"y": 0, "x": 0}
    even: dict[str, Values] = {"y": 0, "x": 0}
    same_channels, begun = np.True_, np.False_
    shared: Values = 0
    for loop, (axis, shift) in zip(outside, shifts):
        more = loop.factor > 1
        if not axis and loop.slot.dimension in RELEVANT["inputs"]:
            same_channels = same_channels & ~more
        moves = {name: (shift if name == axis else 0) - way[name] for name in "yx"}
        first = more & ~begun
        shared = np.where(first & same_channels, _shared(channels, window, moves), shared)
        even = {name: np.where(first, moves[name], even[name]) for name in "yx"}
        goes_on = (moves["y"] == even["y"]) & (moves["x"] == even["x"]) & same_channels
        total = total * loop.factor - np.where(more & goes_on, shared * (loop.factor - 1), 0)
        if axis:
            way[axis] = way[axis] + np.where(more, shift, 0)
        begun = begun | more
    return total
