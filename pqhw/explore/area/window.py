"""Cells of the window of a convolution."""

from ...spec import WindowSpec
from ...spec.ranges import ceil_log2
from ...spec.window import SHIFT_BITS
from .cells import Cells, Fabric

__all__ = ["window"]

CONTROL = Cells(lut=70, ff=12)
"""Counters of positions and outputs aside."""


def window(fabric: Fabric, spec: WindowSpec, tap_bits: int) -> Cells:
    """Lines and columns, the outlet with a spare place for a transfer of taps of `tap_bits` bits,
    the pixel that waits for its lines, counters of the line of positions and of outputs."""
    layer = spec.layer
    cells = CONTROL
    stages = spec.line_stages
    for store, bits, words, registered in (
            (spec.line_store, spec.line_bits, spec.line_words, stages > 1),
            (spec.column_store, spec.column_bits, spec.column_words, False)):
        if store == "lutram" and not fabric.ecp5:
            store = "register" if bits * words <= SHIFT_BITS else "bram"
        if store == "register":
            cells += fabric.registers(bits * words, alone=True)
        elif store != "none":
            cells += fabric.memory(store, bits, words, registered=registered)
            cells += fabric.counter(words)
            cells += fabric.registers(ceil_log2(words) * (stages if registered else 1), alone=True)
    taps = spec.tap_lanes * tap_bits + 1
    cells += Cells(lut=taps) + fabric.registers(taps, alone=True)
    masks = sum(layer.kernel) if spec.masks else 0
    cells += fabric.registers(stages * (spec.lanes * spec.bits + masks + 3), alone=True)
    for size in (spec.chunks, layer.sets, layer.pitch, (layer.period - 1) // layer.pitch + 1,
                 layer.out_height, layer.out_width, max(layer.gaps)):
        cells += Cells(ff=ceil_log2(size))
    return cells
