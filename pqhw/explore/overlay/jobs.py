"""The jobs of a step, with their parameters."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from ...spec.fields import SpecError
from ...spec.mac import MACSpec
from ...spec.network import Engine, MaxPool, Mean, Subsample
from ...spec.overlay import Block, Job, Kind, OverlaySpec
from ...spec.overlay.job import LAST_WORDS
from ...spec.overlay.overlay import WINDOW
from ...spec.parameters import Parameters
from ...spec.pq import PQSpec
from .fields import (MOST_ADDED_WORDS, StepJobs, cut_at, lanes_of_last, make_block, stored_at,
                     window_of)
from .lookups import lookup_blocks
from .products import mean_blocks, product_blocks
from .steps import Step, Tensor

__all__ = ["input_block", "step_blocks"]


def input_block(spec: OverlaySpec, tensor: Tensor) -> Block:
    """The job that stores what comes in."""
    height, width, channels = tensor.shape
    return make_block("input", Job(
        kind=Kind.INPUT, wait=1, signed=int(tensor.signed), out_height=height, out_width=width,
        pixels=height * width, groups=tensor.words, lanes_last=lanes_of_last(channels, spec),
        **stored_at(tensor, 0, tensor.words)), spec)


def blocks_of(jobs: StepJobs) -> Iterator[Block]:
    """All blocks."""
    op = jobs.step.op
    match op:
        case Engine(spec=PQSpec() as engine):
            yield from lookup_blocks(jobs, engine)
        case Engine(spec=MACSpec() as engine):
            yield from product_blocks(jobs, engine)
        case Mean():
            yield from mean_blocks(jobs, op)
        case MaxPool():
            yield from largest(jobs, op.kernel, op.stride, op.padding)
        case Subsample():
            yield from largest(jobs, (1, 1), op.stride, (0, 0))


def largest(jobs: StepJobs, kernel: Any, stride: Any, padding: Any) -> Iterator[Block]:
    """The largest of windows; with windows of one pixel, copies."""
    step = jobs.step
    jobs.check("kernel", WINDOW, kernel)
    jobs.check("stride", WINDOW, stride)
    source = step.source
    if source is None:
        assert step.target is not None
        # A window of an image without rows has nothing in it but zeros.
        height, width, _ = step.target.shape
        yield make_block(step.name, jobs.job(
            Kind.LARGEST, 0, step.zeros, step.zeros * jobs.spec.lanes, out_height=height,
            out_width=width, groups=step.zeros, height=0), jobs.spec)
        return
    height, width = ((size + 2 * pad - own) // pace + 1 for size, pad, own, pace in
                     zip(source.shape, padding, kernel, stride))
    first = 0
    while first < source.words:
        last = source.words
        if step.target is None:
            last = min(last, first + LAST_WORDS)
        if step.add is not None:
            last = min(first + MOST_ADDED_WORDS, cut_at(step.add, first, last))
        yield make_block(step.name, jobs.job(
            Kind.LARGEST, first, last - first, source.shape[2],
            **window_of(source, kernel, stride, padding, first),
            out_height=height, out_width=width, groups=last - first), jobs.spec)
        first = last


def step_blocks(spec: OverlaySpec, step: Step, parameters: Parameters | None) -> list[Block]:
    """The blocks of a step, the first of which waits for the steps before."""
    blocks = list(blocks_of(StepJobs(spec, step, parameters)))
    first = blocks[0]
    if step.target is None and len(blocks) > 1 and first.job.pixels > 1 and not first.job.across:
        raise SpecError(f"{step.name}: results that leave an overlay must be a row, or computed by "
                        f"one job, but are {first.job.pixels} pixels of {len(blocks)} jobs.")
    waiting = dataclasses.replace(first, job=dataclasses.replace(first.job, wait=1))
    return [waiting, *blocks[1:]]
