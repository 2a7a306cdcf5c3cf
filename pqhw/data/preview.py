"""A sheet of a data set's first images, a row per class, as a PNG or HTML file."""

import base64
import html
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from .dataset import DataError, Dataset

__all__ = ["PREVIEW_ENDINGS", "contact_sheet", "png", "write_preview"]

PREVIEW_ENDINGS = (".html", ".png")

COLUMNS = 20
"""Images of a row."""

ROWS = 50
"""Classes shown, at most."""

GAP = 2
"""White pixels around an image."""

LEAST_SIDE = 32
"""Smaller images are enlarged by a whole number to about this many pixels."""

PAGE = """<!doctype html>
<html lang='en'>
<meta charset='utf-8'>
<title>{title}</title>
<style>
body {{ font-family: sans-serif; }}
img {{ display: block; }}
table {{ border-collapse: collapse; }}
th {{ padding-right: 1em; text-align: right; }}
</style>
<h1>{title}</h1>
<table>
{rows}
</table>
</html>
"""


def write_preview(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Write the first training images of the first classes; HTML has the classes' names too.

    Raises
    ------
    DataError
        If the file's name ends neither in .png nor in .html.
    """
    path = Path(path)
    if path.suffix not in PREVIEW_ENDINGS:
        raise DataError(f"{path}: must end in {' or '.join(PREVIEW_ENDINGS)}.")
    rows = contact_sheet(dataset)
    if path.suffix == ".png":
        path.write_bytes(png(np.concatenate(list(rows))))
    else:
        path.write_text(_page(dataset, rows), encoding="utf-8")


def contact_sheet(dataset: Dataset) -> np.ndarray:
    """The sheet's rows [classes, H', W', 3] uint8.

    Values that use a small part of the range, as the digits' 0 to 16, are brightened.
    """
    height, width, channels = dataset.shape
    scale = max(1, round(LEAST_SIDE / max(height, width)))
    factor = max(1, 255 // max(1, int(dataset.train_images.max())))
    rows = np.full((min(dataset.class_count, ROWS), height * scale + 2 * GAP,
                    COLUMNS * (width * scale + 2 * GAP), 3), 255, np.uint8)
    for label, row in enumerate(rows):
        found = np.flatnonzero(dataset.train_labels == label)[:COLUMNS]
        for column, index in enumerate(found):
            image = dataset.train_images[index] * np.uint8(factor)
            image = image[..., :3] if channels >= 3 else image[..., :1]
            left = column * (width * scale + 2 * GAP) + GAP
            row[GAP:-GAP, left:left + width * scale] = image.repeat(scale, 0).repeat(scale, 1)
    return rows


def png(image: np.ndarray) -> bytes:
    """An image [H, W, 3] uint8 as a PNG file; equal images give equal bytes."""
    height, width, _ = image.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # A line begins with its filter, none.
    lines[:, 1:] = image.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)),
                              (b"IEND", b"")))


def _page(dataset: Dataset, rows: np.ndarray) -> str:
    title = html.escape(dataset.name)
    lines = [f"<tr><th>{html.escape(name)}</th><td><img alt='' src='data:image/png;base64,"
             f"{base64.b64encode(png(row)).decode()}'></td></tr>"
             for name, row in zip(dataset.classes, rows)]
    return PAGE.format(title=title, rows="\n".join(lines))
