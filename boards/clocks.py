"""Clocks that a board's PLL can make of its oscillator, and the cell that makes them."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Clock", "PLLS", "clock_below"]


@dataclasses.dataclass(frozen=True)
class Clock:
    """A clock and the Verilog that makes it: net `core` from port `clk`, and `locked`.

    Members
    -------
    hz: its frequency, rounded
    text: statements of the top module
    """
    hz: int
    text: str


DIRECT = "  wire core = clk;\n  wire locked = 1'b1;\n"


Setting = tuple[float, Callable[[], str]]
"""A frequency in Hz, and what makes the text of the cell that makes it."""


def _cell(kind: str, parameters: dict[str, Any], ports: dict[str, str], *,
          wires: str = "core, locked", attributes: str = "") -> str:
    values = ",\n    ".join(f".{name}({value})" for name, value in parameters.items())
    connected = ",\n    ".join(f".{name}({wire})" for name, wire in ports.items())
    marks = f"  {attributes}\n" if attributes else ""
    return (f"  wire {wires};\n{marks}  {kind} #(\n    {values}\n  ) pll (\n    {connected}\n"
            "  );\n")


def _ehxpll(source: int) -> Iterator[Setting]:
    """ECP5: the feedback divider keeps CLKOP at the phase detector's rate, and CLKOS divides the
    VCO as finely as it can (Lattice FPGA-TN-02200)."""
    for divider in range(1, source // 10_000_000 + 1):
        detector = source / divider
        for multiplier in range(1, 129):
            if 400e6 <= detector * multiplier <= 800e6:
                for out in range(2, 81):
                    yield (detector * multiplier / out,
                           functools.partial(_ehxpll_text, divider, multiplier, out))


def _ehxpll_text(divider: int, multiplier: int, out: int) -> str:
    off = dict.fromkeys(("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE"),
                        '"DISABLED"')
    routes = {f"OUTDIVIDER_MUX{letter}": f'"DIV{letter}"' for letter in "ABCD"}
    made = {"CLKI_DIV": divider, "CLKFB_DIV": 1, "FEEDBK_PATH": '"CLKOP"',
            "CLKOP_ENABLE": '"ENABLED"', "CLKOP_DIV": multiplier, "CLKOP_CPHASE": multiplier // 2,
            "CLKOP_FPHASE": 0, "CLKOS_ENABLE": '"ENABLED"', "CLKOS_DIV": out, "CLKOS_CPHASE": 0,
            "CLKOS_FPHASE": 0}
    low = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP", "ENCLKOS")
    high = ("PHASEDIR", "PHASESTEP", "PHASELOADREG")
    ports = {"CLKI": "clk", "CLKOP": "feedback", "CLKFB": "feedback", "CLKOS": "core",
             "LOCK": "locked", **dict.fromkeys(low, "1'b0"), **dict.fromkeys(high, "1'b1")}
    loop = ('(* ICP_CURRENT="12", LPF_RESISTOR="8", MFG_ENABLE_FILTEROPAMP="1", '
            'MFG_GMCREF_SEL="2" *)')
    return _cell("EHXPLLL", off | routes | made, ports, wires="core, locked, feedback",
                 attributes=loop)


def _sb_pll(kind: str, pin: str, source: int) -> Iterator[Setting]:
    """iCE40, simple feedback (Lattice FPGA-TN-02052)."""
    for reference in range(16):
        detector = source / (reference + 1)
        if not 10e6 <= detector <= 133e6:
            continue
        for factor in range(128):
            if not 533e6 <= (vco := detector * (factor + 1)) <= 1066e6:
                continue
            for exponent in range(1, 7):
                if 16e6 <= (made := vco / (1 << exponent)) <= 275e6:
                    yield made, functools.partial(_sb_pll_text, kind, pin, detector, reference,
                                                  factor, exponent)


def _sb_pll_text(kind: str, pin: str, detector: float, reference: int, factor: int,
                 exponent: int) -> str:
    range_ = sum(detector >= limit for limit in (17e6, 26e6, 44e6, 66e6, 101e6)) + 1
    return _cell(kind, {"FEEDBACK_PATH": '"SIMPLE"', "DIVR": f"4'd{reference}",
                        "DIVF": f"7'd{factor}", "DIVQ": f"3'd{exponent}",
                        "FILTER_RANGE": f"3'd{range_}"},
                 {pin: "clk", "PLLOUTGLOBAL": "core", "LOCK": "locked", "RESETB": "1'b1",
                  "BYPASS": "1'b0"})


def _rpll(source: int) -> Iterator[Setting]:
    """Gowin GW1N-9C, speed C6/I5 (DS117E): the VCO runs at 400 to 1200 MHz."""
    for divider in range(1, 65):
        if not 3e6 <= source / divider <= 400e6:
            continue
        for factor in range(1, 65):
            made = source / divider * factor
            for out in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 400e6 <= made * out <= 1200e6 and 3.125e6 <= made <= 600e6:
                    yield made, functools.partial(_rpll_text, source, divider, factor, out)


def _rpll_text(source: int, divider: int, factor: int, out: int) -> str:
    return _cell("rPLL", {"DEVICE": '"GW1NR-9C"', "FCLKIN": f'"{source / 1e6:g}"',
                          "IDIV_SEL": divider - 1, "FBDIV_SEL": factor - 1, "ODIV_SEL": out,
                          "DYN_SDIV_SEL": 2},
                 {"CLKIN": "clk", "CLKOUT": "core", "LOCK": "locked", "CLKFB": "1'b0",
                  "RESET": "1'b0", "RESET_P": "1'b0", "FBDSEL": "6'b0", "IDSEL": "6'b0",
                  "ODSEL": "6'b0", "PSDA": "4'b0", "DUTYDA": "4'b0", "FDLY": "4'b0"})


PLLS: dict[str, Callable[[int], Iterator[Setting]]] = {
    "EHXPLLL": _ehxpll,
    "SB_PLL40_PAD": functools.partial(_sb_pll, "SB_PLL40_PAD", "PACKAGEPIN"),
    "SB_PLL40_CORE": functools.partial(_sb_pll, "SB_PLL40_CORE", "REFERENCECLK"),
    "rPLL": _rpll}
"""Every setting of a PLL with a source in Hz."""


def clock_below(pll: str, source: int, limit: float,
                suits: Callable[[int], bool] = lambda hz: True) -> Clock | None:
    """The fastest clock of at most `limit` Hz that suits; the oscillator's own, if it is as fast.

    Of equal ones the first setting is taken. None where nothing is as slow.
    """
    best: Setting | None = None
    if source <= limit and suits(source):
        best = source, lambda: DIRECT
    for hz, text in PLLS[pll](source):
        if hz <= limit and (best is None or hz > best[0] + 0.5) and suits(round(hz)):
            best = hz, text
    return None if best is None else Clock(round(best[0]), best[1]())
