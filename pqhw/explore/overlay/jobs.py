"""The jobs of a step, with their parameters."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...spec.conv import Conv2d
from ...spec.fields import SpecError, show
from ...spec.mac import MACSpec
from ...spec.network import Engine, MaxPool, Mean, Subsample
from ...spec.overlay import Block, Job, Kind, OverlaySpec
from ...spec.overlay.job import ADDRESS_BITS, LAST_WORDS
from ...spec.overlay.overlay import TAPS, WINDOW
from ...spec.parameters import MACParameters, Parameters, TreeParameters
from ...spec.pq import PQSpec
from ...spec.ranges import Range, ceil_div, signed_range
from .steps import CHANNEL_WORDS, Step, Tensor, View
from .trees import fitted_trees, table_words

__all__ = ["input_block", "step_blocks"]

SETTLED_STEPS = 64
"""Cycles after which what a job stored can be read by the next, without waiting for its end."""

MOST_ADDED_WORDS = 8
"""Words of a pixel that a job adds at most, as they wait in front of the adder."""

WEIGHT_RANGE = signed_range(8)


def _stored(target: Tensor | None, first_word: int, words: int) -> dict[str, int]:
    """Where results go."""
    if target is None:
        return {"stream": 1, "out_words": words}
    flat = target.shape[:2] == (1, 1)
    return {"flat": int(flat), "out_start": target.start + first_word * target.plane,
            "out_row_step": words if flat else target.row_step,
            "out_plane": target.plane, "out_words": words,
            "store_width": target.shape[1]}


def _window(source: Tensor, kernel: Any, stride: Any, padding: Any,
            first: int = 0) -> dict[str, int]:
    """How windows of a tensor are read, from word `first` of a pixel on."""
    place = {"row": (padding[0], source.row_step), "column": (padding[1], 1)}
    fields = {"plane": source.plane, "row_step": source.row_step, "signed": int(source.signed),
              "height": source.shape[0], "width": source.shape[1],
              "kernel_y": kernel[0], "kernel_x": kernel[1],
              "stride_y": stride[0], "stride_x": stride[1], "top": -padding[0],
              "left": -padding[1]}
    mask = (1 << ADDRESS_BITS) - 1
    for name, (pad, step) in place.items():
        crossed = ceil_div(pad, WINDOW)
        fields[f"{name}_phase"] = crossed * WINDOW - pad
        start = source.start + first * source.plane if name == "row" else 0
        fields[f"{name}_start"] = start - crossed * step & mask
    return fields


def _added(view: View | None, first_word: int, words: int) -> dict[str, int]:
    """What is added to the words of a pixel from `first_word` on; nothing where zeros stand."""
    if view is None:
        return {}
    tensor, first = view.tensor, first_word - view.before
    if first + words <= 0 or first >= tensor.words:
        return {}
    return {"add_words": words, "add_start": tensor.start + first * tensor.plane,
            "add_signed": int(tensor.signed), "add_row_step": tensor.row_step,
            "add_plane": tensor.plane}


def _cut(view: View | None, first: int, last: int) -> int:
    """How far a job may go from word `first`, at most to `last`, with all of its words added, or
    none."""
    if view is None:
        return last
    borders = (view.before, view.before + view.tensor.words)
    return min([last, *(border for border in borders if border > first)])


def _block(name: str, job: Job, spec: OverlaySpec, **arrays: np.ndarray) -> Block:
    lanes, k = spec.lanes, spec.prototypes
    none = {"outputs": np.zeros((0, lanes, 2), np.int64),
            "thresholds": np.zeros((0, lanes, k), np.int64),
            "dims": np.zeros((0, lanes, spec.depth), np.int64),
            "tables": np.zeros((0, lanes, spec.outputs_per_cycle), np.int64),
            "weights": np.zeros((0, lanes, TAPS), np.int64)}
    return Block(node=name, job=job, **{**none, **arrays})


def input_block(spec: OverlaySpec, tensor: Tensor) -> Block:
    """The job that stores what comes in."""
    height, width, channels = tensor.shape
    return _block("input", Job(
        kind=Kind.INPUT, wait=1, signed=int(tensor.signed), out_height=height, out_width=width,
        pixels=height * width, groups=tensor.words, lanes_last=_lanes_last(channels, spec),
        **_stored(tensor, 0, tensor.words)), spec)


def _lanes_last(channels: int, spec: OverlaySpec) -> int:
    return (channels - 1) % spec.lanes + 1


class _Steps:
    """The blocks of one step."""

    def __init__(self, spec: OverlaySpec, step: Step, parameters: Parameters | None):
        self.spec, self.step, self.parameters = spec, step, parameters
        self.clamps = {} if step.clamp is None else {"add_low": step.clamp.low,
                                                     "add_high": step.clamp.high}
        self.extra: dict[str, int] = {"argmax": int(step.argmax)}

    def refuse(self, rule: str) -> SpecError:
        return SpecError(f"{self.step.name}: {rule}")

    def check(self, field: str, most: int, value: Any) -> None:
        """Sizes of windows that the banks cannot serve."""
        if max(value) > most:
            raise self.refuse(f"{field} must be at most {most} in an overlay, "
                              f"but is {show(value)}.")

    def outputs(self, bias: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        """Biases and multipliers [N] as words."""
        lanes = self.spec.lanes
        words = np.zeros((ceil_div(len(bias), lanes) * lanes, 2), np.int64)
        words[:len(bias)] = np.stack([bias, multiplier], axis=1)
        return words.reshape(-1, lanes, 2)

    def job(self, kind: Kind, first: int, words: int, channels: int, **fields: int) -> Job:
        """A job whose results are words `first` to `first + words` of `channels`."""
        step = self.step
        whole = ceil_div(channels, self.spec.lanes)
        last = _lanes_last(channels, self.spec) if first + words == whole else self.spec.lanes
        serial = {} if kind is Kind.REPLAY else {"serial": 1}
        added = _added(step.add, first, words)
        pixels = 1 if fields.get("across") else fields["out_height"] * fields["out_width"]
        return Job(kind=kind, lanes_last=last, pixels=pixels, **{
            **self.clamps, **self.extra, **_stored(step.target, step.first_word + first, words),
            **({**added, **serial} if added else {}), **fields})

    def blocks(self) -> Iterator[Block]:
        """All blocks."""
        op = self.step.op
        match op:
            case Engine(spec=PQSpec() as engine):
                yield from self.lookups(engine)
            case Engine(spec=MACSpec() as engine):
                yield from self.products(engine)
            case Mean():
                yield from self.mean(op)
            case MaxPool():
                yield from self.largest(op.kernel, op.stride, op.padding)
            case Subsample():
                yield from self.largest((1, 1), op.stride, (0, 0))

    # -- Without parameters ------------------------------------------------------------------

    def largest(self, kernel: Any, stride: Any, padding: Any) -> Iterator[Block]:
        """The largest of windows; with windows of one pixel, copies."""
        step = self.step
        self.check("kernel", WINDOW, kernel)
        self.check("stride", WINDOW, stride)
        source = step.source
        if source is None:
            assert step.target is not None
            # A window of an image without rows has nothing in it but zeros.
            height, width, _ = step.target.shape
            yield _block(step.name, self.job(
                Kind.LARGEST, 0, step.zeros, step.zeros * self.spec.lanes, out_height=height,
                out_width=width, groups=step.zeros, height=0), self.spec)
            return
        height, width = ((size + 2 * pad - own) // pace + 1 for size, pad, own, pace in
                         zip(source.shape, padding, kernel, stride))
        first = 0
        while first < source.words:
            last = source.words
            if step.target is None:
                last = min(last, first + LAST_WORDS)
            if step.add is not None:
                last = min(first + MOST_ADDED_WORDS, _cut(step.add, first, last))
            yield _block(step.name, self.job(
                Kind.LARGEST, first, last - first, source.shape[2],
                **_window(source, kernel, stride, padding, first),
                out_height=height, out_width=width, groups=last - first), self.spec)
            first = last

    # -- Products ----------------------------------------------------------------------------

    def mean(self, op: Mean) -> Iterator[Block]:
        """Sums of windows, or of the whole image, times a multiplier."""
        source = self.step.source
        assert source is not None
        height, width, channels = source.shape
        whole = op.whole or (op.kernel == (height, width) and op.padding == (0, 0))
        if whole:
            shape = (WINDOW, WINDOW), (WINDOW, WINDOW), (0, 0)
            size = ceil_div(height, WINDOW), ceil_div(width, WINDOW)
        else:
            self.check("kernel", WINDOW, op.kernel)
            self.check("stride", WINDOW, op.stride)
            shape = op.kernel, op.stride, op.padding
            size = (op.shape([source.shape])[0], op.shape([source.shape])[1])
        taps = height * width if whole else op.kernel[0] * op.kernel[1]
        self.fits(signed_range(9).times(taps))
        bounds = op.range([])
        for first in range(source.words):
            job = self.job(Kind.LANES, first, 1, channels, **_window(source, *shape, first),
                out_height=size[0], out_width=size[1], across=int(whole), scaled=1,
                shift=op.shift, low=bounds.low, high=bounds.high)
            outputs = self.outputs(np.zeros(self.spec.lanes, np.int64),
                                   np.full(self.spec.lanes, op.multiplier))
            yield _block(self.step.name, job, self.spec, outputs=outputs,
                         weights=np.ones((1, self.spec.lanes, TAPS), np.int64))

    def fits(self, sums: Range) -> None:
        """The sums fit the accumulators."""
        if sums.bits > self.spec.accumulator_bits:
            raise self.refuse(f"sums must fit overlay.accumulator_bits = "
                              f"{self.spec.accumulator_bits}, but take {sums.bits} bits.")

    def requantised(self, engine: PQSpec | MACSpec, shift: int) -> dict[str, int]:
        """The fields that make results of sums."""
        self.fits(engine.sum_range + engine.bias_range)
        output = engine.output
        if output is None:
            if self.step.target is not None:
                raise self.refuse("precision.output must tell bits where other nodes take the "
                                  'results in an overlay, but is "accumulator".')
            return {"raw": 1, "biased": 1}
        bounds = output.range
        return {"biased": 1, "scaled": int(output.mode == "scale"), "shift": shift,
                "low": bounds.low, "high": bounds.high}

    def geometry(self, engine: PQSpec | MACSpec) -> tuple[dict[str, int], tuple[int, int]]:
        """How windows are read, and the kernel; a dense layer's is one pixel."""
        source, layer = self.step.source, engine.layer
        assert source is not None
        if not isinstance(layer, Conv2d):
            return _window(source, (1, 1), (1, 1), (0, 0)) | {"out_height": 1, "out_width": 1}, (
                1, 1)
        self.check("layer.kernel", WINDOW, layer.kernel)
        self.check("layer.stride", WINDOW, layer.stride)
        window = _window(source, layer.kernel, layer.stride, layer.padding)
        return window | {"out_height": layer.out_height, "out_width": layer.out_width}, layer.kernel

    def products(self, engine: MACSpec) -> Iterator[Block]:
        """A layer of weights: dense, or every channel on its own."""
        own = self.parameters
        if not isinstance(own, MACParameters):
            raise self.refuse('engine.scheme must not be "bitplane" in an overlay, but is.')
        if own.weights.min() not in WEIGHT_RANGE or own.weights.max() not in WEIGHT_RANGE:
            worst = max(int(own.weights.max()), int(own.weights.min()), key=abs)
            raise self.refuse("weights must be integers of 8 bits in an overlay, but one is "
                              f"{worst}.")
        layer = engine.layer
        window, kernel = self.geometry(engine)
        weights = own.weights.reshape(layer.out_channels, *kernel, -1)
        requantised = self.requantised(engine, own.shift)
        if isinstance(layer, Conv2d) and layer.groups > 1:
            if not layer.groups == layer.in_channels == layer.out_channels:
                raise self.refuse("layer.groups must be 1, or the channels of both input and "
                                  f"output, in an overlay, but is {layer.groups}.")
            yield from self.channelwise(layer, own, weights[..., 0], requantised)
            return
        yield from self.dense(own, weights, window | requantised)

    def taps(self, kernel: tuple[int, int]) -> int:
        """Taps up to the last one that a kernel has."""
        return (kernel[0] - 1) * WINDOW + kernel[1]

    def channelwise(self, layer: Conv2d, own: MACParameters, weights: np.ndarray,
                    fields: dict[str, int]) -> Iterator[Block]:
        """Weights [C, Fh, Fw]."""
        spec, channels = self.spec, len(weights)
        assert self.step.source is not None
        words = ceil_div(channels, spec.lanes)
        placed = _placed(weights, words * spec.lanes)[..., :self.taps(weights.shape[1:])]
        most = min(CHANNEL_WORDS, spec.output_words, spec.table_words)
        first = 0
        while first < words:
            last = _cut(self.step.add, first, min(first + most, words))
            count, part = last - first, slice(first * spec.lanes, last * spec.lanes)
            job = self.job(
                Kind.LANES, first, count, channels, **fields, groups=count,
                out_height=layer.out_height, out_width=layer.out_width,
                **_window(self.step.source, layer.kernel, layer.stride, layer.padding, first))
            yield _block(self.step.name, job, spec,
                         outputs=self.outputs(own.bias[part], own.multiplier[part]),
                         weights=placed[part].reshape(count, spec.lanes, -1))
            first = last

    def dense(self, own: MACParameters, weights: np.ndarray,
              fields: dict[str, int]) -> Iterator[Block]:
        """Weights [N, Fh, Fw, C]."""
        spec = self.spec
        count, channels = len(weights), weights.shape[3]
        groups, words = ceil_div(channels, spec.lanes), ceil_div(count, spec.lanes)
        if groups * spec.lanes > spec.table_words:
            raise self.refuse(f"layer must take at most "
                              f"{spec.table_words} channels for overlay.table_words = "
                              f"{spec.table_words}, but takes {channels}.")
        spread = np.zeros((words * spec.lanes, groups * spec.lanes, *weights.shape[1:3]), np.int64)
        spread[:count, :channels] = weights.transpose(0, 3, 1, 2)
        placed = _placed(spread.reshape(-1, *weights.shape[1:3]), spread.shape[0] * spread.shape[1])
        placed = placed[:, :self.taps(weights.shape[1:3])].reshape(*spread.shape[:2], -1)
        most = min(spec.output_words, spec.table_words // (groups * spec.lanes),
                   MOST_ADDED_WORDS if self.step.add else words)
        first = 0
        while first < words:
            last = _cut(self.step.add, first, min(first + most, words))
            part = slice(first * spec.lanes, last * spec.lanes)
            job = self.job(Kind.SUM, first, last - first, count, **fields, groups=groups,
                           outputs=(last - first) * spec.lanes)
            yield _block(self.step.name, job, spec,
                         outputs=self.outputs(own.bias[part], own.multiplier[part]),
                         weights=placed[part].reshape(-1, spec.lanes, placed.shape[2]))
            first = last

    # -- Lookups -----------------------------------------------------------------------------

    def lookups(self, engine: PQSpec) -> Iterator[Block]:
        """A layer of tables: the first job encodes, the others look up again."""
        spec, own = self.spec, self.parameters
        self.check_lookups(engine)
        assert isinstance(own, TreeParameters)
        layer, length = engine.layer, engine.engine.subvector_length
        window, kernel = self.geometry(engine)
        fields = window | self.requantised(engine, own.shift)
        by_channels = kernel == (1, 1)
        groups = ceil_div(engine.subspaces, spec.lanes)
        if groups > spec.tree_words or groups * spec.prototypes > spec.table_words:
            most = min(spec.tree_words, spec.table_words // spec.prototypes) * spec.lanes
            raise self.refuse(f"layer must have at most {most} sub-vectors for "
                              f"overlay.tree_words = {spec.tree_words} and overlay.table_words = "
                              f"{spec.table_words}, but has {engine.subspaces}.")
        pixels = fields["out_height"] * fields["out_width"]
        if pixels * groups > spec.code_words:
            raise self.refuse(f"codes must take at most overlay.code_words = {spec.code_words} "
                              f"words, but take {pixels * groups}.")
        thresholds, dims = fitted_trees(spec, engine, own, kernel)
        tables = table_words(spec, own, engine.subspaces)
        assert self.step.source is not None
        reads = self.step.source.words if by_channels else groups
        vector = ceil_div(length, spec.lanes) if by_channels else 1
        words, first, index = ceil_div(layer.out_channels, spec.lanes), 0, 0
        encoding = {**fields, "groups": reads, "by_channels": int(by_channels),
                    "vector_words": vector}
        if self.step.in_place:
            index = 1
            yield _block(self.step.name, Job(
                kind=Kind.ENCODE, drop=1, pixels=pixels, **encoding),
                spec, thresholds=thresholds, dims=dims)
        while first < words:
            last = _cut(self.step.add, first, min(first + spec.result_words, words))
            part = slice(first * spec.lanes, min(last * spec.lanes, layer.out_channels))
            kind = Kind.REPLAY if index else Kind.ENCODE
            job = self.job(kind, first, last - first, layer.out_channels, **{
                **encoding, "groups": groups if index else reads})
            job = dataclasses.replace(
                job, pad=max(0, job.out_words - job.steps),
                wait=int(index == 1 and pixels * reads < SETTLED_STEPS))
            trees = {} if index else {"thresholds": thresholds, "dims": dims}
            yield _block(self.step.name, job, spec, **trees,
                         outputs=self.outputs(own.bias[part], np.ones(part.stop - part.start)),
                         tables=tables(part))
            first, index = last, index + 1

    def check_lookups(self, engine: PQSpec) -> None:
        """Tables and trees are as the hardware has them."""
        spec, layer = self.spec, engine.layer
        if not spec.looks_up:
            raise self.refuse('engine.kind must be "mac" with overlay.kind = "fixed", but is "pq".')
        if engine.engine.encoder != "tree":
            raise self.refuse('engine.encoder must be "tree" in an overlay, '
                              f'but is "{engine.engine.encoder}".')
        if engine.engine.prototypes > spec.prototypes:
            raise self.refuse(f"engine.prototypes must be at most overlay.prototypes = "
                              f"{spec.prototypes}, but is {engine.engine.prototypes}.")
        if engine.precision.table_bits > spec.table_bits:
            raise self.refuse(f"precision.table_bits must be at most overlay.table_bits = "
                              f"{spec.table_bits}, but is {engine.precision.table_bits}.")
        if engine.layer.sets > 1:
            raise self.refuse("layer.groups must be 1 where an overlay looks up, "
                              f"but is {engine.layer.sets}.")
        length = engine.engine.subvector_length
        if isinstance(layer, Conv2d) and layer.taps > 1:
            if engine.encodes_pixels:
                raise self.refuse('engine.convolution must be "im2col" for windows of more than '
                                  'a pixel in an overlay, but is "pixel".')
            if length != layer.taps:
                raise self.refuse(f"engine.subvector_length must be the taps of the window, "
                                  f"{layer.taps}, in an overlay, but is {length}.")
            return
        longest = TAPS // spec.lanes * spec.lanes
        if length > longest or (length % spec.lanes and engine.subspaces > 1):
            raise self.refuse(f"engine.subvector_length must be a multiple of overlay.lanes = "
                              f"{spec.lanes} up to {longest} along channels, but is {length}.")


def _placed(weights: np.ndarray, count: int) -> np.ndarray:
    """Weights [N, Fh, Fw] as [count, taps] of the largest window."""
    placed = np.zeros((count, WINDOW, WINDOW), np.int64)
    placed[:len(weights), :weights.shape[1], :weights.shape[2]] = weights
    return placed.reshape(count, TAPS)


def step_blocks(spec: OverlaySpec, step: Step, parameters: Parameters | None) -> list[Block]:
    """The blocks of a step, the first of which waits for the steps before."""
    blocks = list(_Steps(spec, step, parameters).blocks())
    first = blocks[0]
    if step.target is None and len(blocks) > 1 and first.job.pixels > 1 and not first.job.across:
        raise SpecError(f"{step.name}: results that leave an overlay must be a row, or computed by "
                        f"one job, but are {first.job.pixels} pixels of {len(blocks)} jobs.")
    waiting = dataclasses.replace(first, job=dataclasses.replace(first.job, wait=1))
    return [waiting, *blocks[1:]]
