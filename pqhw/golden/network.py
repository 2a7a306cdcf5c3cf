"""A whole integer network, node after node, in exact integers."""

import concurrent.futures
import os
from collections.abc import Callable, Collection, Mapping

import numpy as np

from ..spec import SpecError
from ..spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NetworkSpec,
                            NodeOp, PadChannels, Subsample, Sum)
from ..spec.parameters import Parameters
from ..spec.ranges import Range
from .chain import layer_results
from .conv import shifted_windows
from .requantize import shift_half_up
from .threads import one_thread

__all__ = ["check_images", "network_activations", "network_results", "node_result"]

BATCH_ELEMENTS = 1 << 21
"""Elements of the largest result that a batch holds."""


def check_images(spec: NetworkSpec, images: np.ndarray) -> np.ndarray:
    """Images [R, H, W, C], or rows [R, D], as int64; `SpecError` if they do not fit."""
    images = np.asarray(images)
    if images.shape[1:] != spec.input.shape or not len(images):
        raise SpecError(f"images must be [R, {', '.join(map(str, spec.input.shape))}] with at "
                        f"least one, but are {list(images.shape)}.")
    if images.dtype.kind not in "iu":
        raise SpecError(f"images must be integers, but are {images.dtype}.")
    allowed = spec.input.range
    if int(images.min()) not in allowed or int(images.max()) not in allowed:
        raise SpecError(f"images must be from {allowed.low} to {allowed.high}, "
                        f"but reach from {images.min()} to {images.max()}.")
    return images.astype(np.int64)


def network_results(spec: NetworkSpec, parameters: Mapping[str, Parameters],
                    images: np.ndarray, *, threads: int | None = None,
                    progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """Results [R, ...] of the last node; batches run side by side.

    Parameters
    ----------
    parameters: of every engine, by the node's name
    images: [R, H, W, C], or rows [R, D]
    threads: batches side by side; as many as processors where left out
    progress: called with images done and images in all
    """
    images = check_images(spec, images)
    largest = max(int(np.prod(shape)) for shape in spec.shapes.values())
    step = max(1, min(BATCH_ELEMENTS // largest, -(-len(images) // 2)))
    starts = range(0, len(images), step)
    done = 0
    results: list[np.ndarray] = []

    def run(start: int) -> np.ndarray:
        own = images[start:start + step]
        return network_activations(spec, parameters, own, keep=())[spec.output]

    # Batches side by side leave no core to the threads of a product.
    with one_thread(), concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for part in pool.map(run, starts):
            results.append(part)
            done += len(part)
            if progress is not None:
                progress(done, len(images))
    return np.concatenate(results)


def network_activations(spec: NetworkSpec, parameters: Mapping[str, Parameters],
                        images: np.ndarray, *, keep: Collection[str] | None = None
                        ) -> dict[str, np.ndarray]:
    """Results by name, of `keep` and of the last node; of all where `keep` is left out."""
    held = {INPUT: check_images(spec, images)}
    wanted = set(spec.shapes if keep is None else keep) | {spec.output}
    last = {name: index for index, node in enumerate(spec.nodes) for name in node.inputs}
    for index, node in enumerate(spec.nodes):
        inputs = [held[name] for name in node.inputs]
        held[node.name] = node_result(node.op, parameters.get(node.name), inputs,
                                      spec.ranges[node.inputs[0]])
        for name in set(node.inputs):
            if last[name] == index and name not in wanted:
                del held[name]
    return {name: array for name, array in held.items() if name in wanted}


def node_result(op: NodeOp, parameters: Parameters | None, inputs: list[np.ndarray],
                entering: Range) -> np.ndarray:
    """What one node makes of its inputs [R, ...]; `entering` is the range of the first."""
    values = inputs[0]
    match op:
        case Engine():
            assert parameters is not None, "an engine needs parameters"
            return layer_results(op.spec, parameters, values)
        case Sum():
            total = sum(inputs[1:], values)
            bounds = op.range([])
            return np.clip(total, bounds.low, bounds.high)
        case MaxPool():
            return _over_windows(np.maximum, op, values, entering.low)
        case Mean():
            total = (values.sum(axis=(1, 2)) if op.whole
                     else _over_windows(np.add, op, values, 0))
            bounds = op.range([])
            return np.clip(shift_half_up(total * op.multiplier, op.shift), bounds.low, bounds.high)
        case Subsample():
            return values[:, ::op.stride[0], ::op.stride[1]]
        case PadChannels():
            sides = [(0, 0)] * (values.ndim - 1) + [(op.before, op.after)]
            return np.pad(values, sides)
        case Concat():
            return np.concatenate(inputs, axis=-1)
        case Flatten():
            return values.reshape(len(values), -1)
        case ArgMax():
            return values.argmax(axis=-1)[:, None]
    raise TypeError(f"{type(op).__name__} is no operation of a network.")


def _over_windows(combine: np.ufunc, op: MaxPool | Mean, images: np.ndarray,
                  outside: int) -> np.ndarray:
    """Windows [R, OH, OW, C] reduced tap by tap."""
    taps = list(shifted_windows(images, op.kernel, op.stride, op.padding, outside))
    total = taps[0].copy()
    for own in taps[1:]:
        combine(total, own, out=total)
    return total
