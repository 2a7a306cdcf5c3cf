"""Rows as the transfers of a stream, and back: the one place where simulators pack and unpack."""

import numpy as np

from ..spec.design import Design
from ..spec.parameters import check_precisions
from ..spec.ranges import Range, ceil_div

__all__ = ["row_payloads", "results_from_payloads", "rows_from_payloads", "image_payloads"]


def row_payloads(design: Design, rows: np.ndarray,
                 precisions: np.ndarray | None = None) -> list[int]:
    """Payloads at `i`: lanes, least significant first, then `last`, then the row's precision where
    rows choose; only that of the first transfer counts, so the others hold its complement.

    An image [H, W, C] is one row; each of its pixels and groups of channels begins a transfer.
    """
    given = design.input
    width, lanes = given.range.bits, given.lanes
    units = rows.reshape(len(rows) * given.units, given.elements)
    payloads = _pack(units, lanes, width, given.units)
    if not design.precision_bits:
        return payloads
    precisions = check_precisions(design, precisions, len(rows))
    spread = np.repeat(precisions, given.transfers).reshape(len(rows), -1)
    spread[:, 1:] = (1 << design.precision_bits) - 1 - spread[:, 1:]
    place = lanes * width + 1
    return [payload | int(own) << place for payload, own in zip(payloads, spread.reshape(-1))]


def _pack(units: np.ndarray, lanes: int, width: int, units_per_row: int) -> list[int]:
    transfers = ceil_div(units.shape[1], lanes)
    padded = np.zeros((len(units), transfers * lanes), np.int64)
    padded[:, :units.shape[1]] = units
    bits = (padded[..., None] >> np.arange(width)) & 1
    bits = bits.reshape(len(units) * transfers, lanes * width).astype(np.uint8)
    last = np.zeros((len(units) // units_per_row, units_per_row * transfers, 1), np.uint8)
    last[:, -1] = 1
    packed = np.packbits(np.concatenate([bits, last.reshape(-1, 1)], axis=1), axis=1,
                         bitorder="little")
    return [int.from_bytes(word.tobytes(), "little") for word in packed]


def results_from_payloads(design: Design, payloads: list[int]) -> np.ndarray:
    """Results [R, N], or [R, OH, OW, N], from whole rows of payloads at `o`; `last` must stand
    where a row or an image ends."""
    made = design.results
    rows = rows_from_payloads(made.range, made.lanes, made.elements, payloads, made.units)
    return rows.reshape(-1, *made.shape)


def rows_from_payloads(range_: Range, lanes: int, elements: int, payloads: list[int],
                       units: int = 1) -> np.ndarray:
    """Units [R * units, N] from whole rows of payloads; `last` must stand where a row ends."""
    transfers = ceil_div(elements, lanes)
    width = range_.bits
    size = (lanes * width + 8) // 8
    raw = np.frombuffer(b"".join(payload.to_bytes(size, "little") for payload in payloads),
                        np.uint8).reshape(len(payloads), size)
    bits = np.unpackbits(raw, axis=1, bitorder="little").astype(np.int64)
    last = bits[:, lanes * width].reshape(-1, units * transfers)
    if (last != (np.arange(units * transfers) == units * transfers - 1)).any():
        raise AssertionError("`last` does not mark the ends of the rows")
    values = (bits[:, :lanes * width].reshape(-1, lanes, width) << np.arange(width)).sum(axis=2)
    if range_.signed:
        values -= (values >> (width - 1)) << width
    return values.reshape(-1, transfers * lanes)[:, :elements]


def image_payloads(image: bytes, load_bits: int) -> list[int]:
    """Payloads at `load`: the image's words, `last` on the final one; none for no image."""
    if not image:
        return []
    size = load_bits // 8
    words = [int.from_bytes(image[i:i + size], "little") for i in range(0, len(image), size)]
    words[-1] |= 1 << load_bits
    return words
