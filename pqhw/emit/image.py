"""Packs parameters into the image that the `load` port takes (format: `pqhw.spec.image`)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..spec import (BitplaneSpec, Conv2d, DistanceSpec, EncoderSpec, EngineSpec,
                    MACSpec, PQSpec, Section, TreeSpec)
from ..spec.design import Design
from ..spec.order import places
from ..spec.parameters import (BitplaneParameters, MACParameters, Parameters, PQParameters,
                               TreeParameters, rounding_constant)
from ..spec.weights import encode
from .checksum import trailer
from .planes import arrange_planes

__all__ = ["pack_image", "pack_section", "arrange"]


def pack_image(design: Design, parameters: Sequence[Parameters]) -> bytes:
    """The whole parameter image of a design; its length is a multiple of the load word.

    Empty where every parameter is a constant.
    """
    layout = design.image
    if not layout.sections:
        return b""
    parts = [layout.header()]
    for section in layout.sections:
        words = arrange(section, design.stages[section.stage], parameters[section.stage])
        parts += [section.header(), pack_section(section, words)]
    body = b"".join(parts)
    return body + trailer(body, layout.load_bits)


def pack_section(section: Section, words: np.ndarray) -> bytes:
    """Fields [words, banks, fields] as the section's bytes."""
    shape = (section.words, section.banks, section.fields)
    spread = (words.reshape(*shape, 1) >> np.arange(section.field_bits)) & 1
    bits: np.ndarray = spread.astype(np.uint8).reshape(section.words, section.banks, section.width)
    whole = section.chunks * section.chunk_bits
    filled = -section.banks % section.banks_at_once
    bits = np.pad(bits, ((0, 0), (0, filled), (0, whole - section.width)))
    bits = bits.reshape(-1, section.write_bits)
    padded = section.beats * section.load_bits
    bits = np.pad(bits, ((0, 0), (0, padded - section.write_bits)))
    return np.packbits(bits, axis=1, bitorder="little").tobytes()


def arrange(section: Section, spec: EngineSpec, parameters: Parameters) -> np.ndarray:
    """One section's fields in the order of its memory: [words, banks, fields]."""
    match section.kind, spec, parameters:
        case _, BitplaneSpec(), BitplaneParameters():
            return arrange_planes(section, spec, parameters)
        case "bias", _, MACParameters() | PQParameters() | TreeParameters():
            stored = parameters.bias + rounding_constant(spec, parameters.shift)
            return _by_transfer(spec, section, parameters, stored)
        case "shift", _, MACParameters() | PQParameters() | TreeParameters():
            return np.full((1, 1, 1), parameters.shift)
        case "multiplier", _, MACParameters():
            return _by_transfer(spec, section, parameters, parameters.multiplier)
        case "weights" | "sp2_weights", MACSpec(), MACParameters():
            rows = parameters.weights
            if isinstance(spec.layer, Conv2d):
                rows = rows.transpose(0, 3, 1, 2).reshape(spec.layer.out_channels, -1)
            outputs = next(core.outputs for core in spec.cores if core.section == section.kind)
            return np.concatenate([_weights(spec, outputs, own, of_rows) for own, of_rows in zip(
                np.split(rows, spec.sets), _row_schemes(spec, parameters))])
        case "order", MACSpec(), MACParameters():
            return np.concatenate([_order(spec, own) for own in _row_schemes(spec, parameters)])
        case "prototypes", PQSpec(encoder=DistanceSpec() as encoder), PQParameters():
            return _by_set(_prototypes, spec, encoder, parameters.prototypes)
        case "norms", PQSpec(encoder=DistanceSpec() as encoder), PQParameters():
            return _by_set(_norms, spec, encoder, parameters.prototypes)
        case "thresholds", PQSpec(encoder=TreeSpec() as encoder), TreeParameters():
            return _by_set(_thresholds, spec, encoder, parameters.thresholds)
        case "split_dims", PQSpec(encoder=TreeSpec() as encoder), TreeParameters():
            return _by_set(_split_dims, spec, encoder, parameters.split_dims)
        case "tables", PQSpec(), PQParameters() | TreeParameters():
            tables = parameters.tables
            if spec.encodes_pixels:
                tables = tables.transpose(2, 0, 1, 3, 4).reshape(-1, *tables.shape[-2:])
            parts = np.split(tables, spec.sets, axis=-1)
            return np.concatenate([_tables(spec, own) for own in parts])
    raise TypeError(f"{type(parameters).__name__} have no section {section.kind}.")


def _row_schemes(spec: EngineSpec, parameters: Parameters) -> list[np.ndarray]:
    """The schemes of every set's rows: numbers in `SCHEMES_OF_MIXED`."""
    scheme = parameters.scheme if isinstance(parameters, MACParameters) else None
    if scheme is None:
        scheme = np.zeros(spec.layer.out_channels, np.int64)
    return np.split(scheme, spec.sets)


def _slots(spec: EngineSpec, scheme: np.ndarray) -> np.ndarray:
    """Where each row of a set is computed, [N]."""
    if isinstance(spec, MACSpec) and spec.permutes:
        return places(spec, scheme).slot
    return np.arange(spec.layer.row_outputs)


def _results(spec: EngineSpec, scheme: np.ndarray) -> np.ndarray:
    """Where each result of a set is computed, [pixels, N]."""
    if isinstance(spec, MACSpec) and spec.permutes:
        own = places(spec, scheme)
        return own.transfer * spec.lanes_out + own.lane
    return np.arange(spec.layer.row_outputs)[None]


def _by_transfer(spec: EngineSpec, section: Section, parameters: Parameters,
                 values: np.ndarray) -> np.ndarray:
    """One value per output, set by set, result transfer by result transfer."""
    padded = np.zeros((spec.sets, section.words * section.fields // spec.sets), np.int64)
    rows = values.reshape(spec.sets, -1)
    for own, row, scheme in zip(padded, rows, _row_schemes(spec, parameters)):
        own[_results(spec, scheme)] = row
    return padded.reshape(section.words, 1, section.fields)


def _weights(spec: MACSpec, outputs: range, weights: np.ndarray,
             scheme: np.ndarray) -> np.ndarray:
    """[N, D] as (tile, group) words of (output, input) fields, of a core's outputs; padding is
    zero."""
    padded = np.zeros((spec.tiles * spec.outputs, spec.groups * spec.row_lanes), np.int64)
    padded[_slots(spec, scheme), :weights.shape[1]] = weights
    tiled = padded.reshape(spec.tiles, spec.outputs, spec.groups, spec.row_lanes)
    shaped = tiled[:, outputs.start:outputs.stop]
    if spec.signed_terms:
        shaped = np.stack([encode(tiled[:, n], spec.scheme_of(n), spec.engine.weight_bits)
                           for n in outputs], axis=1)
    return shaped.transpose(0, 2, 1, 3).reshape(spec.groups * spec.tiles, 1, -1)


def _order(spec: MACSpec, scheme: np.ndarray) -> np.ndarray:
    """Words (transfer in the order of the rows) of a field per lane: the transfer that its memory
    is read at, and above it the lane that the row of this place comes from."""
    own = places(spec, scheme)
    transfer_bits, _ = spec.order_bits
    words = np.zeros((spec.pixels, spec.row_transfers, spec.lanes_out), np.int64)
    leaves, place = np.divmod(np.arange(len(scheme)), spec.lanes_out)
    words[:, leaves, own.lane] |= own.transfer
    words[:, leaves, place] |= own.lane << transfer_bits
    return words.reshape(-1, 1, spec.lanes_out)


def _by_set(arranged: Callable[[Any, np.ndarray], np.ndarray], spec: PQSpec,
            encoder: EncoderSpec, prototypes: np.ndarray) -> np.ndarray:
    """The words of every set of prototypes, one after another."""
    sets = 1 if spec.engine.shared_prototypes else spec.sets
    return np.concatenate([arranged(encoder, own) for own in np.split(prototypes, sets)])


def _prototypes(spec: DistanceSpec, prototypes: np.ndarray) -> np.ndarray:
    """[S, K, V] as (group, prototype chunk, element chunk) words of (lane, prototype, element).

    Padding elements are zero; padding prototypes repeat the last, which then wins every tie.
    """
    sets, count, length = prototypes.shape
    lanes = 1 if spec.engine.shared_prototypes else spec.lanes
    groups = 1 if spec.engine.shared_prototypes else spec.groups
    chunks, per_chunk = spec.prototype_chunks, spec.prototype_lanes
    pieces, per_piece = spec.element_chunks, spec.element_lanes
    padded = np.zeros((groups * lanes, chunks * per_chunk, pieces * per_piece), np.int64)
    padded[:sets, :count, :length] = prototypes
    padded[:, count:] = padded[:, count - 1:count]
    shaped = padded.reshape(groups, lanes, chunks, per_chunk, pieces, per_piece)
    return shaped.transpose(0, 2, 4, 1, 3, 5).reshape(groups * spec.encode_cycles, 1, -1)


def _norms(spec: DistanceSpec, prototypes: np.ndarray) -> np.ndarray:
    """-sum c**2 of [S, K, V] as (group, prototype chunk) words of (lane, prototype) fields.

    Padding prototypes have the norm of the last.
    """
    sets, count, _ = prototypes.shape
    lanes = 1 if spec.engine.shared_prototypes else spec.lanes
    groups = 1 if spec.engine.shared_prototypes else spec.groups
    chunks, per_chunk = spec.prototype_chunks, spec.prototype_lanes
    padded = np.zeros((groups * lanes, chunks * per_chunk), np.int64)
    padded[:sets, :count] = -(prototypes.astype(np.int64) ** 2).sum(axis=2)
    padded[:, count:] = padded[:, count - 1:count]
    shaped = padded.reshape(groups, lanes, chunks, per_chunk)
    return shaped.transpose(0, 2, 1, 3).reshape(groups * chunks, 1, -1)


def _thresholds(spec: TreeSpec, thresholds: np.ndarray) -> np.ndarray:
    """[S, K - 1] as (group, heap index) words, a bank per lane: a tree's root has heap index 1."""
    lanes = 1 if spec.engine.shared_prototypes else spec.lanes
    groups = 1 if spec.engine.shared_prototypes else spec.groups
    padded = np.zeros((groups * lanes, 1 << spec.depth), np.int64)
    padded[:len(thresholds), 1:] = thresholds
    heaps = padded.reshape(groups, lanes, -1).transpose(0, 2, 1)
    return heaps.reshape(groups << spec.depth, lanes, 1)


def _split_dims(spec: TreeSpec, dims: np.ndarray) -> np.ndarray:
    """[S, log2 K] as words (group) of (lane, level) fields; padding is zero."""
    lanes = 1 if spec.engine.shared_prototypes else spec.lanes
    groups = 1 if spec.engine.shared_prototypes else spec.groups
    padded = np.zeros((groups * lanes, spec.depth), np.int64)
    padded[:len(dims)] = dims
    return padded.reshape(groups, 1, lanes * spec.depth)


def _tables(spec: PQSpec, tables: np.ndarray) -> np.ndarray:
    """[S, K, N] as (tile, group, code) words, a bank per subspace lane, of output fields.

    Entries of subspaces and outputs that pad the last group and tile are zero.
    """
    subspaces, count, outputs = tables.shape
    padded = np.zeros((spec.groups * spec.subspace_lanes, 1 << spec.code_bits,
                       spec.tiles * spec.outputs), np.int64)
    padded[:subspaces, :count, :outputs] = tables
    shaped = padded.reshape(spec.groups, spec.subspace_lanes, 1 << spec.code_bits,
                            spec.tiles, spec.outputs)
    ordered = shaped.transpose(3, 0, 2, 1, 4)
    return ordered.reshape(-1, spec.subspace_lanes, spec.outputs)
