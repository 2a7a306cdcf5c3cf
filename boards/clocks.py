"""Clocks that a board's PLL can make of its oscillator, and the cell that makes them."""

import dataclasses
from collections.abc import Callable, Iterator

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


def _cell(kind: str, parameters: dict[str, object], ports: dict[str, str]) -> str:
    values = ",\n    ".join(f".{name}({value})" for name, value in parameters.items())
    wires = ",\n    ".join(f".{name}({wire})" for name, wire in ports.items())
    return f"  wire core, locked;\n  {kind} #(\n    {values}\n  ) pll (\n    {wires}\n  );\n"


def _ehxpll(source: int) -> Iterator[tuple[float, Callable[[], str]]]:
    """ECP5: the feedback divider keeps CLKOP at the phase detector's rate, and CLKOS divides the
    VCO as finely as it can (Lattice FPGA-TN-02200)."""
    for divider in range(1, source // 10_000_000 + 1):
        detector = source / divider
        for multiplier in range(-(-400_000_000 // int(detector)), int(800_000_000 // detector) + 1):
            if multiplier > 128:
                break
            for out in range(2, 81):
                yield detector * multiplier / out, lambda d=divider, v=multiplier, o=out: _cell(
                    "EHXPLLL", {
                        "PLLRST_ENA": '"DISABLED"', "INTFB_WAKE": '"DISABLED"',
                        "STDBY_ENABLE": '"DISABLED"', "DPHASE_SOURCE": '"DISABLED"',
                        "OUTDIVIDER_MUXA": '"DIVA"', "OUTDIVIDER_MUXB": '"DIVB"',
                        "OUTDIVIDER_MUXC": '"DIVC"', "OUTDIVIDER_MUXD": '"DIVD"',
                        "CLKI_DIV": d, "CLKFB_DIV": 1, "FEEDBK_PATH": '"CLKOP"',
                        "CLKOP_ENABLE": '"ENABLED"', "CLKOP_DIV": v, "CLKOP_CPHASE": v // 2,
                        "CLKOP_FPHASE": 0, "CLKOS_ENABLE": '"ENABLED"', "CLKOS_DIV": o,
                        "CLKOS_CPHASE": 0, "CLKOS_FPHASE": 0},
                    {"RST": "1'b0", "STDBY": "1'b0", "CLKI": "clk", "CLKOP": "feedback",
                     "CLKOS": "core", "CLKFB": "feedback", "CLKINTFB": "", "PHASESEL0": "1'b0",
                     "PHASESEL1": "1'b0", "PHASEDIR": "1'b1", "PHASESTEP": "1'b1",
                     "PHASELOADREG": "1'b1", "PLLWAKESYNC": "1'b0", "ENCLKOP": "1'b0",
                     "ENCLKOS": "1'b0", "LOCK": "locked"}).replace(
                         "  wire core, locked;", "  wire core, locked, feedback;").replace(
                         "EHXPLLL", '(* ICP_CURRENT="12", LPF_RESISTOR="8", '
                         'MFG_ENABLE_FILTEROPAMP="1", MFG_GMCREF_SEL="2" *)\n  EHXPLLL')


def _sb_pll(kind: str, pin: str) -> Callable[[int], Iterator[tuple[float, Callable[[], str]]]]:
    def settings(source: int) -> Iterator[tuple[float, Callable[[], str]]]:
        """iCE40, simple feedback (Lattice FPGA-TN-02052)."""
        for reference in range(16):
            detector = source / (reference + 1)
            if not 10e6 <= detector <= 133e6:
                continue
            filter_range = sum(detector >= limit for limit in (17e6, 26e6, 44e6, 66e6, 101e6)) + 1
            for factor in range(128):
                if not 533e6 <= (vco := detector * (factor + 1)) <= 1066e6:
                    continue
                for exponent in range(1, 7):
                    if 16e6 <= (made := vco / (1 << exponent)) <= 275e6:
                        yield made, lambda r=reference, f=factor, q=exponent, w=filter_range: _cell(
                            kind, {"FEEDBACK_PATH": '"SIMPLE"', "DIVR": f"4'd{r}",
                                   "DIVF": f"7'd{f}", "DIVQ": f"3'd{q}",
                                   "FILTER_RANGE": f"3'd{w}"},
                            {pin: "clk", "PLLOUTGLOBAL": "core", "LOCK": "locked",
                             "RESETB": "1'b1", "BYPASS": "1'b0"})
    return settings


def _rpll(source: int) -> Iterator[tuple[float, Callable[[], str]]]:
    """Gowin GW1N-9C, speed C6/I5 (DS117E): the VCO runs at 400 to 1200 MHz."""
    for divider in range(1, 65):
        detector = source / divider
        if not 3e6 <= detector <= 400e6:
            continue
        for factor in range(1, 65):
            made = detector * factor
            for out in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 400e6 <= made * out <= 1200e6 and 3.125e6 <= made <= 600e6:
                    yield made, lambda d=divider, f=factor, o=out: _cell(
                        "rPLL", {"DEVICE": '"GW1NR-9C"', "FCLKIN": f'"{source / 1e6:g}"',
                                 "IDIV_SEL": d - 1, "FBDIV_SEL": f - 1, "ODIV_SEL": o,
                                 "DYN_SDIV_SEL": 2},
                        {"CLKIN": "clk", "CLKOUT": "core", "LOCK": "locked", "CLKFB": "1'b0",
                         "RESET": "1'b0", "RESET_P": "1'b0", "FBDSEL": "6'b0", "IDSEL": "6'b0",
                         "ODSEL": "6'b0", "PSDA": "4'b0", "DUTYDA": "4'b0", "FDLY": "4'b0",
                         "CLKOUTP": "", "CLKOUTD": "", "CLKOUTD3": ""})


PLLS: dict[str, Callable[[int], Iterator[tuple[float, Callable[[], str]]]]] = {
    "EHXPLLL": _ehxpll, "SB_PLL40_PAD": _sb_pll("SB_PLL40_PAD", "PACKAGEPIN"),
    "SB_PLL40_CORE": _sb_pll("SB_PLL40_CORE", "REFERENCECLK"), "rPLL": _rpll}
"""Every frequency in Hz that a PLL makes of one in Hz, and what makes the text of its cell."""


def clock_below(pll: str, source: int, limit: float,
                suits: Callable[[int], bool] = lambda hz: True) -> Clock | None:
    """The fastest clock of at most `limit` Hz that suits; the oscillator's own, if it is as fast.

    Of equal ones the first setting is taken. None where nothing is as slow.
    """
    best: tuple[float, Callable[[], str]] | None = None
    if source <= limit and suits(source):
        best = source, lambda: DIRECT
    for hz, text in PLLS[pll](source):
        if hz <= limit and (best is None or hz > best[0] + 0.5) and suits(round(hz)):
            best = hz, text
    return None if best is None else Clock(round(best[0]), best[1]())
