"""Verilog identifiers for RTLIL names."""

import re

__all__ = ["Namer"]

KEYWORDS = frozenset(re.findall(r"\w+", """
    always and assign automatic begin bit buf byte case casex casez cell checker class config const
    default deassign disable do edge else end endcase endfunction endgenerate endmodule event expect
    export extern final for force forever fork function generate genvar global if iff import initial
    inout input inside instance int integer interface join large let library local localparam logic
    longint macromodule matches medium module nand negedge new nor not null or output package
    packed parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown
    pullup pure rand real realtime ref reg release repeat return scalared sequence shortint
    shortreal signed small solve specify static string strong0 strong1 struct super supply0 supply1
    table tagged task this time timeprecision timeunit tran tri type typedef union unique unsigned
    use var vectored virtual void wait wand weak while wire with within wor xnor xor"""))


class Namer:
    """Gives every RTLIL name of one scope its own Verilog identifier.

    A name keeps its words; Amaranth's numbers behind a dollar sign follow an underscore, and
    unnamed values are called ``n`` and their number.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._used: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._given:
            plain = re.sub(r"\W", "_", name[1:], flags=re.ASCII)
            if name.startswith("$"):
                plain = "n" + plain
            elif plain[0].isdigit() or plain in KEYWORDS:
                plain = "_" + plain
            candidate, number = plain, 1
            while candidate in self._used:
                number += 1
                candidate = f"{plain}_{number}"
            self._used.add(candidate)
            self._given[name] = candidate
        return self._given[name]
