"""Jobs of layers of lookups: the first one encodes, the others use its codes."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ...spec.conv import Conv2d
from ...spec.overlay import Block, Job, Kind
from ...spec.overlay.overlay import TAPS
from ...spec.parameters import TreeParameters
from ...spec.pq import PQSpec
from ...spec.ranges import ceil_div
from .fields import StepJobs, cut_at, make_block
from .trees import fitted_trees, table_words

__all__ = ["lookup_blocks"]

SETTLED_STEPS = 64
"""Cycles after which what a job stored can be read by the next, without waiting for its end."""


def lookup_blocks(jobs: StepJobs, engine: PQSpec) -> Iterator[Block]:
    """A layer of tables: the first job encodes, the others look up again."""
    spec, own = jobs.spec, jobs.parameters
    check_lookups(jobs, engine)
    assert isinstance(own, TreeParameters)
    layer, length = engine.layer, engine.engine.subvector_length
    window, kernel = jobs.geometry(engine)
    fields = window | jobs.requantised(engine, own.shift)
    by_channels = kernel == (1, 1)
    groups = ceil_div(engine.subspaces, spec.lanes)
    if groups > spec.tree_words or groups * spec.prototypes > spec.table_words:
        most = min(spec.tree_words, spec.table_words // spec.prototypes) * spec.lanes
        raise jobs.refuse(f"layer must have at most {most} sub-vectors for "
                          f"overlay.tree_words = {spec.tree_words} and overlay.table_words = "
                          f"{spec.table_words}, but has {engine.subspaces}.")
    pixels = fields["out_height"] * fields["out_width"]
    if pixels * groups > spec.code_words:
        raise jobs.refuse(f"codes must take at most overlay.code_words = {spec.code_words} "
                          f"words, but take {pixels * groups}.")
    thresholds, dims = fitted_trees(spec, engine, own, kernel)
    tables = table_words(spec, own, engine.subspaces)
    assert jobs.step.source is not None
    reads = jobs.step.source.words if by_channels else groups
    vector = ceil_div(length, spec.lanes) if by_channels else 1
    words, first, index = ceil_div(layer.out_channels, spec.lanes), 0, 0
    encoding = {**fields, "groups": reads, "by_channels": int(by_channels),
                "vector_words": vector}
    if jobs.step.in_place:
        index = 1
        yield make_block(jobs.step.name, Job(
            kind=Kind.ENCODE, drop=1, pixels=pixels, **encoding),
            spec, thresholds=thresholds, dims=dims)
    while first < words:
        last = cut_at(jobs.step.add, first, min(first + spec.result_words, words))
        part = slice(first * spec.lanes, min(last * spec.lanes, layer.out_channels))
        kind = Kind.REPLAY if index else Kind.ENCODE
        job = jobs.job(kind, first, last - first, layer.out_channels, **{
            **encoding, "groups": groups if index else reads})
        job = dataclasses.replace(
            job, pad=max(0, job.out_words - job.steps),
            wait=int(index == 1 and pixels * reads < SETTLED_STEPS))
        trees = {} if index else {"thresholds": thresholds, "dims": dims}
        yield make_block(jobs.step.name, job, spec, **trees,
                         outputs=jobs.outputs(own.bias[part], np.ones(part.stop - part.start)),
                         tables=tables(part))
        first, index = last, index + 1


def check_lookups(jobs: StepJobs, engine: PQSpec) -> None:
    """Refuse tables and trees that the hardware has not."""
    spec, layer = jobs.spec, engine.layer
    if not spec.looks_up:
        raise jobs.refuse('engine.kind must be "mac" with overlay.kind = "fixed", but is "pq".')
    if engine.engine.encoder != "tree":
        raise jobs.refuse('engine.encoder must be "tree" in an overlay, '
                          f'but is "{engine.engine.encoder}".')
    if engine.engine.prototypes > spec.prototypes:
        raise jobs.refuse(f"engine.prototypes must be at most overlay.prototypes = "
                          f"{spec.prototypes}, but is {engine.engine.prototypes}.")
    if engine.precision.table_bits > spec.table_bits:
        raise jobs.refuse(f"precision.table_bits must be at most overlay.table_bits = "
                          f"{spec.table_bits}, but is {engine.precision.table_bits}.")
    if engine.layer.sets > 1:
        raise jobs.refuse("layer.groups must be 1 where an overlay looks up, "
                          f"but is {engine.layer.sets}.")
    length = engine.engine.subvector_length
    if isinstance(layer, Conv2d) and layer.taps > 1:
        if engine.encodes_pixels:
            raise jobs.refuse('engine.convolution must be "im2col" for windows of more than '
                              'a pixel in an overlay, but is "pixel".')
        if length != layer.taps:
            raise jobs.refuse(f"engine.subvector_length must be the taps of the window, "
                              f"{layer.taps}, in an overlay, but is {length}.")
        return
    longest = TAPS // spec.lanes * spec.lanes
    if length > longest or (length % spec.lanes and engine.subspaces > 1):
        raise jobs.refuse(f"engine.subvector_length must be a multiple of overlay.lanes = "
                          f"{spec.lanes} up to {longest} along channels, but is {length}.")
