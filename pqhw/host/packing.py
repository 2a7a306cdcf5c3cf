"""Rows as the bytes that a board takes, and its bytes as results."""

import numpy as np

from ..rtl.words import result_bytes, row_bytes
from ..spec.design import Design
from ..spec.parameters import check_precisions

__all__ = ["pack_rows", "results_per_row", "unpack_results"]

BLOCK = 1 << 20
"""Integers that are packed at a time: each takes 8 bytes per bit meanwhile."""


def pack_rows(design: Design, rows: np.ndarray, precisions: np.ndarray | None = None) -> bytes:
    """Rows [R, D] or images [R, H, W, C] as transfers of whole bytes.

    Parameters
    ----------
    precisions:
        The precision [R] of every row, where rows choose; 0 where left out.
    """
    chosen = check_precisions(design, precisions, len(rows))
    block = max(1, BLOCK // design.input.features)
    return b"".join(_pack(design, rows[at:at + block], chosen[at:at + block])
                    for at in range(0, len(rows), block))


def _pack(design: Design, rows: np.ndarray, chosen: np.ndarray) -> bytes:
    given = design.input
    width = given.range.bits
    padded = np.zeros((len(rows), given.units, given.unit_transfers * given.lanes), np.int64)
    padded[:, :, :given.elements] = rows.reshape(len(rows), given.units, given.elements)
    bits = (padded[..., None] >> np.arange(width)) & 1
    bits = bits.reshape(len(rows), given.transfers, given.lanes * width)
    choice = (chosen[:, None] >> np.arange(design.precision_bits)) & 1
    choice = np.broadcast_to(choice[:, None], (*bits.shape[:2], design.precision_bits))
    whole = np.concatenate([bits, choice], axis=2).astype(np.uint8)
    packed = np.packbits(whole.reshape(-1, whole.shape[2]), axis=1, bitorder="little")
    assert packed.shape[1] == row_bytes(design)
    return packed.tobytes()


def results_per_row(design: Design) -> int:
    """Bytes of a row's results."""
    return design.results.transfers * result_bytes(design)


def unpack_results(design: Design, data: bytes) -> np.ndarray:
    """Results [R, N] or [R, OH, OW, N] of whole rows."""
    made = design.results
    width = made.range.bits
    transfers = np.frombuffer(data, np.uint8).reshape(-1, result_bytes(design))
    bits = np.unpackbits(transfers, axis=1, bitorder="little")[:, :made.lanes * width]
    values = (bits.astype(np.int64).reshape(-1, width) << np.arange(width)).sum(axis=1)
    if made.range.signed:
        values -= (values >> (width - 1)) << width
    units = values.reshape(-1, made.unit_transfers * made.lanes)[:, :made.elements]
    return units.reshape(-1, *made.shape)
