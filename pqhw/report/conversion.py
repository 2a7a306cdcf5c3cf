"""What turning a network into integers cost, as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich.box
from rich.table import Table

if TYPE_CHECKING:
    from ..quant.conversion import Conversion
    from ..quant.given import Kept

__all__ = ["conversion_table", "kept_lines"]


def conversion_table(made: "Conversion") -> Table:
    """Accuracies of the float graph, of its integers, and of those fine-tuned."""
    table = Table("", "test accuracy", "points lost", box=rich.box.SIMPLE_HEAD, pad_edge=False,
                  show_edge=False)
    table.columns[1].justify = table.columns[2].justify = "right"
    rows = [("float", made.float_accuracy), ("integers, converted", made.converted_accuracy),
            ("integers, fine-tuned", made.tuned_accuracy)]
    for name, own in rows:
        if own is not None:
            lost = 100 * (made.float_accuracy - own)
            table.add_row(name, f"{100 * own:.2f} %", f"{lost:.2f}")
    return table


def kept_lines(kept: "Sequence[Kept]") -> list[str]:
    """How much of a file's quantisation is kept, and a line for all that is not, or not exactly."""
    if not kept:
        return []
    counts = [f"{sum(own.exact for own in chosen)} of {len(chosen)} {what}" for what, chosen in (
        ("scales", [own for own in kept if own.what == "scale"]),
        ("layers' weights", [own for own in kept if own.what == "weights"])) if chosen]
    return [f"quantised file: {' and '.join(counts)} kept",
            *(f"  {own}" for own in kept if own.reason)]
