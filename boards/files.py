"""The files that tools need around a board's design: its top module, and where its pins are."""

from .board import Board, Pin
from .clocks import Clock
from .top import BOARD, LIGHTS

__all__ = ["TOP_MODULE", "constraints", "top_verilog"]

TOP_MODULE = "top"

RESET_BITS = 10
"""The design is kept in reset for 2**RESET_BITS cycles: iCE40 block RAM is not ready at once."""

GOWIN_ATTRIBUTES = ("IO_TYPE", "PULL_MODE", "DRIVE")


def top_verilog(board: Board, clock: Clock, pins: list[Pin]) -> str:
    """The module whose ports are the board's pins: clock, reset, polarity of lights."""
    lights = [pin for pin in pins if pin.port.startswith("light")]
    ports = ["input wire clk", "input wire rx", "output wire tx",
             *(f"output wire {pin.port}" for pin in lights)]
    driven = [f"  assign {pin.port} = {'~' if pin.inverted else ''}lights[{pin.port[5:]}];"
              for pin in lights]
    return "\n".join([
        f"// {board.title}, {clock.hz} Hz", "",
        f"module {TOP_MODULE} (", ",\n".join(f"  {port}" for port in ports), ");",
        clock.text.rstrip(),
        "  // The design is in reset until the clock is steady and memories are ready.",
        "  reg [1:0] steady = 2'b00;",
        f"  reg [{RESET_BITS}:0] waited = {RESET_BITS + 1}'d0;",
        "  reg rst = 1'b1;",
        f"  wire [{len(LIGHTS) - 1}:0] lights;",
        "  always @(posedge core) begin",
        "    steady <= {steady[0], locked};",
        f"    rst <= ~waited[{RESET_BITS}];",
        f"    if (!steady[1]) waited <= {RESET_BITS + 1}'d0;",
        f"    else if (!waited[{RESET_BITS}]) waited <= waited + {RESET_BITS + 1}'d1;",
        "  end",
        f"  {BOARD} board (.clk(core), .rst(rst), .rx(rx), .tx(tx), .lights(lights));",
        *driven, "endmodule", ""])


def constraints(board: Board, pins: list[Pin]) -> tuple[str, str]:
    """Name and text of the family's constraint file; it holds no clock, which nextpnr is told."""
    match board.part.family:
        case "ecp5":
            lines = []
            for pin in pins:
                given = " ".join(f"{name}={value}" for name, value in pin.attributes)
                lines += [f'LOCATE COMP "{pin.port}" SITE "{pin.site}";',
                          f'IOBUF PORT "{pin.port}" {given};']
            return "top.lpf", "\n".join([*lines, ""])
        case "ice40":
            lines = []
            for pin in pins:
                pull = "-pullup yes " if dict(pin.attributes).get("PULLUP") == "1" else ""
                lines.append(f"set_io {pull}{pin.port} {pin.site}")
            return "top.pcf", "\n".join([*lines, ""])
        case "gowin":
            lines = []
            for pin in pins:
                given = " ".join(f"{name}={value}" for name, value in pin.attributes
                                 if name in GOWIN_ATTRIBUTES)
                lines += [f'IO_LOC "{pin.port}" {pin.site};', f'IO_PORT "{pin.port}" {given};']
            return "top.cst", "\n".join([*lines, ""])
    raise ValueError(f"{board.part.family} has no constraint files")
