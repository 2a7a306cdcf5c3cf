"""The activations: 3 x 3 banks, out of which every cycle a window comes."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.job import ADDRESS_BITS
from ...spec.overlay.overlay import ACTIVATION_BITS, TAPS, WINDOW
from ..sums import delayed
from ..target import Target
from .store import Store

__all__ = ["Banks"]


class Banks(wiring.Component):
    """Reads the window whose first pixel stands at an address, a word of every pixel.

    Parameters
    ----------
    spec:
        Words and lanes.

    Members
    -------
    row, row_phase, row_step: address and bank of the window's first row, and addresses from a row
        of banks to the next; likewise `column_`, where these follow each other; `word` is added
    inside: of every tap, whether it is in the kernel and in the image; `low_outside` makes the
        others the lowest signed value instead of 0; both come a cycle after the rest
    window: of every tap, row by row, the lanes of the word, `BANK_STAGES` cycles later
    write, write_row, write_column, write_address, write_data: a word for one bank

    Latency and cost
    ----------------
    `BANK_STAGES` cycles. Nine memories; two 3-to-1 multiplexers per bit of a window.
    """
    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        self.word_bits = spec.lanes * ACTIVATION_BITS
        axes: dict[str, Any] = {}
        for name in ("row", "column"):
            axes |= {name: In(ADDRESS_BITS), f"{name}_phase": In(2)}
        super().__init__({
            **axes, "row_step": In(ADDRESS_BITS), "word": In(ADDRESS_BITS),
            "inside": In(TAPS), "low_outside": In(1),
            "window": Out(self.word_bits).array(TAPS),
            "write": In(1), "write_row": In(2), "write_column": In(2),
            "write_address": In(ADDRESS_BITS), "write_data": In(self.word_bits)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        address_bits = (self.spec.activation_words - 1).bit_length()
        ones = Const(1, 1)
        rows = self._bases(m, "row", self.row_step)
        columns = self._bases(m, "column", 1)
        word = delayed(m, ones, self.word, 1, "word")[-1]
        worded = [self._held(m, column + word, address_bits, f"column{c}_word")
                  for c, column in enumerate(columns)]
        rows = [self._held(m, row, address_bits, f"row{r}_again") for r, row in enumerate(rows)]
        stores: list[list[Signal]] = []
        for r in range(WINDOW):
            stores.append([])
            for c in range(WINDOW):
                m.submodules[f"bank{r}_{c}"] = store = Store(self.word_bits,
                                                             self.spec.activation_words)
                address = self._held(m, rows[r] + worded[c], address_bits, f"address{r}_{c}")
                here = (self.write_row == r) & (self.write_column == c)
                m.d.comb += [store.read_address.eq(address),
                             store.write_enable.eq(self.write & here),
                             store.write_address.eq(self.write_address),
                             store.write_data.eq(self.write_data)]
                data = store.read_data
                if store.small:
                    data = self._held(m, data, self.word_bits, f"data{r}_{c}")
                stores[r].append(data)
        phases = {name: delayed(m, ones, getattr(self, f"{name}_phase"), 6, f"{name}_phase")
                  for name in ("row", "column")}
        inside = delayed(m, ones, Cat(self.inside, self.low_outside), 5, "inside")[-1]
        turned = [[self._held(m, self._chosen([stores[(dy + at) % WINDOW][c]
                                               for at in range(WINDOW)], phases["row"][5]),
                              self.word_bits, f"turned{dy}_{c}")
                   for c in range(WINDOW)] for dy in range(WINDOW)]
        low = Cat(Cat(Const(0, ACTIVATION_BITS - 1), inside[TAPS]) for _ in range(self.spec.lanes))
        for tap in range(TAPS):
            dy, dx = divmod(tap, WINDOW)
            chosen = self._chosen([turned[dy][(dx + at) % WINDOW] for at in range(WINDOW)],
                                  phases["column"][6])
            m.d.comb += self.window[tap].eq(self._held(
                m, Mux(inside[tap], chosen, low), self.word_bits, f"tap{tap}"))
        return m

    def _bases(self, m: Module, name: str, step) -> list[Signal]:
        """Of every row or column of banks, the address of what the window has there."""
        start, phase = (getattr(self, name + rest) for rest in ("", "_phase"))
        return [self._held(m, start + Mux(phase > bank, step, 0), ADDRESS_BITS, f"{name}{bank}")
                for bank in range(WINDOW)]

    def _chosen(self, values, phase):
        return Mux(phase[1], values[2], Mux(phase[0], values[1], values[0]))

    def _held(self, m: Module, value, width: int, name: str) -> Signal:
        register = Signal(width, name=name, reset_less=True)
        m.d.sync += register.eq(value)
        return register
