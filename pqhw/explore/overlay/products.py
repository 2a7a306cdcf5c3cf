"""Jobs of layers of weights: dense ones, depthwise ones, and means."""

from collections.abc import Iterator

import numpy as np

from ...spec.conv import Conv2d
from ...spec.mac import MACSpec
from ...spec.network import Mean
from ...spec.overlay import Block, Kind
from ...spec.overlay.overlay import TAPS, WINDOW
from ...spec.parameters import MACParameters
from ...spec.ranges import ceil_div, signed_range
from .fields import MOST_ADDED_WORDS, StepJobs, cut_at, make_block, window_of
from .steps import CHANNEL_WORDS

__all__ = ["mean_blocks", "product_blocks"]

WEIGHT_RANGE = signed_range(8)


def mean_blocks(jobs: StepJobs, op: Mean) -> Iterator[Block]:
    """Sums of windows, or of the whole image, times a multiplier."""
    source = jobs.step.source
    assert source is not None
    height, width, channels = source.shape
    whole = op.whole or (op.kernel == (height, width) and op.padding == (0, 0))
    if whole:
        shape = (WINDOW, WINDOW), (WINDOW, WINDOW), (0, 0)
        size = ceil_div(height, WINDOW), ceil_div(width, WINDOW)
    else:
        jobs.check("kernel", WINDOW, op.kernel)
        jobs.check("stride", WINDOW, op.stride)
        shape = op.kernel, op.stride, op.padding
        size = (op.shape([source.shape])[0], op.shape([source.shape])[1])
    taps = height * width if whole else op.kernel[0] * op.kernel[1]
    jobs.fits(signed_range(9).times(taps))
    bounds = op.range([])
    for first in range(source.words):
        job = jobs.job(Kind.LANES, first, 1, channels, **window_of(source, *shape, first),
                       out_height=size[0], out_width=size[1], across=int(whole), scaled=1,
                       shift=op.shift, low=bounds.low, high=bounds.high)
        outputs = jobs.outputs(np.zeros(jobs.spec.lanes, np.int64),
                               np.full(jobs.spec.lanes, op.multiplier))
        yield make_block(jobs.step.name, job, jobs.spec, outputs=outputs,
                         weights=np.ones((1, jobs.spec.lanes, TAPS), np.int64))


def product_blocks(jobs: StepJobs, engine: MACSpec) -> Iterator[Block]:
    """A layer of weights: dense, or every channel on its own."""
    own = jobs.parameters
    if not isinstance(own, MACParameters):
        raise jobs.refuse('engine.scheme must not be "bitplane" in an overlay, but is.')
    if own.weights.min() not in WEIGHT_RANGE or own.weights.max() not in WEIGHT_RANGE:
        worst = max(int(own.weights.max()), int(own.weights.min()), key=abs)
        raise jobs.refuse("weights must be integers of 8 bits in an overlay, but one is "
                          f"{worst}.")
    layer = engine.layer
    window, kernel = jobs.geometry(engine)
    weights = own.weights.reshape(layer.out_channels, *kernel, -1)
    requantised = jobs.requantised(engine, own.shift)
    if isinstance(layer, Conv2d) and layer.groups > 1:
        if not layer.groups == layer.in_channels == layer.out_channels:
            raise jobs.refuse("layer.groups must be 1, or the channels of both input and "
                              f"output, in an overlay, but is {layer.groups}.")
        yield from channelwise(jobs, layer, own, weights[..., 0], requantised)
        return
    yield from dense(jobs, own, weights, window | requantised)


def taps(kernel: tuple[int, int]) -> int:
    """Taps up to the last one that a kernel has."""
    return (kernel[0] - 1) * WINDOW + kernel[1]


def channelwise(jobs: StepJobs, layer: Conv2d, own: MACParameters, weights: np.ndarray,
                fields: dict[str, int]) -> Iterator[Block]:
    """Weights [C, Fh, Fw]."""
    spec, channels = jobs.spec, len(weights)
    assert jobs.step.source is not None
    words = ceil_div(channels, spec.lanes)
    placed = _placed(weights, words * spec.lanes)[..., :taps(weights.shape[1:])]
    most = min(CHANNEL_WORDS, spec.output_words, spec.table_words)
    first = 0
    while first < words:
        last = cut_at(jobs.step.add, first, min(first + most, words))
        count, part = last - first, slice(first * spec.lanes, last * spec.lanes)
        job = jobs.job(
            Kind.LANES, first, count, channels, **fields, groups=count,
            out_height=layer.out_height, out_width=layer.out_width,
            **window_of(jobs.step.source, layer.kernel, layer.stride, layer.padding, first))
        yield make_block(jobs.step.name, job, spec,
                         outputs=jobs.outputs(own.bias[part], own.multiplier[part]),
                         weights=placed[part].reshape(count, spec.lanes, -1))
        first = last


def dense(jobs: StepJobs, own: MACParameters, weights: np.ndarray,
          fields: dict[str, int]) -> Iterator[Block]:
    """Weights [N, Fh, Fw, C]."""
    spec = jobs.spec
    count, channels = len(weights), weights.shape[3]
    groups, words = ceil_div(channels, spec.lanes), ceil_div(count, spec.lanes)
    if groups * spec.lanes > spec.table_words:
        raise jobs.refuse(f"layer must take at most {spec.table_words} channels for "
                          f"overlay.table_words = {spec.table_words}, but takes {channels}.")
    spread = np.zeros((words * spec.lanes, groups * spec.lanes, *weights.shape[1:3]), np.int64)
    spread[:count, :channels] = weights.transpose(0, 3, 1, 2)
    placed = _placed(spread.reshape(-1, *weights.shape[1:3]), spread.shape[0] * spread.shape[1])
    placed = placed[:, :taps(weights.shape[1:3])].reshape(*spread.shape[:2], -1)
    most = min(spec.output_words, spec.table_words // (groups * spec.lanes),
               MOST_ADDED_WORDS if jobs.step.add else words)
    first = 0
    while first < words:
        last = cut_at(jobs.step.add, first, min(first + most, words))
        part = slice(first * spec.lanes, last * spec.lanes)
        job = jobs.job(Kind.SUM, first, last - first, count, **fields, groups=groups,
                       outputs=(last - first) * spec.lanes)
        yield make_block(jobs.step.name, job, spec,
                         outputs=jobs.outputs(own.bias[part], own.multiplier[part]),
                         weights=placed[part].reshape(-1, spec.lanes, placed.shape[2]))
        first = last


def _placed(weights: np.ndarray, count: int) -> np.ndarray:
    """Weights [N, Fh, Fw] as [count, taps] of the largest window."""
    placed = np.zeros((count, WINDOW, WINDOW), np.int64)
    placed[:len(weights), :weights.shape[1], :weights.shape[2]] = weights
    return placed.reshape(count, TAPS)
