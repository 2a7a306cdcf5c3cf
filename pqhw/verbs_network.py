"""Verbs of networks and the data that they are trained on."""

from pathlib import Path
from typing import Annotated

import typer

from .console import Json, read_data, show

__all__ = ["data"]


def data(what: Annotated[str, typer.Argument(
             metavar="WHAT", help="digits, glyphs, glyphs:classes=26,seed=3, cifar10:FOLDER, an "
                                  ".npz file, or a folder of CIFAR-10 or of images")],
         preview: Annotated[Path | None, typer.Option(
             help="a row of images per class, to a .png or .html file")] = None,
         output: Annotated[Path | None, typer.Option(
             "-o", "--output", help="write the data set to an .npz file")] = None,
         json_out: Json = None) -> None:
    """Read or generate an image data set: shape, images per class, mean and deviation.

    Glyphs are generated in 10 to 30 seconds and kept in the cache; they need no download.
    Example: pqhw data glyphs --preview glyphs.png
    """
    from .data import DataError, save_npz, summarize, write_preview
    from .data.preview import PREVIEW_ENDINGS
    from .report.data_sets import data_table
    if preview is not None and preview.suffix not in PREVIEW_ENDINGS:
        raise DataError(f"--preview must end in {' or '.join(PREVIEW_ENDINGS)}, but is {preview}.")
    if output is not None and output.suffix != ".npz":
        raise DataError(f"--output must end in .npz, but is {output}.")
    found = read_data(what)
    if preview is not None:
        write_preview(found, preview)
    if output is not None:
        save_npz(output, found)
    summary = summarize(found)
    show(summary.to_json(), json_out, data_table(summary))
