"""Word-level stand-ins for the carry chains of the ECP5 target, proved equal before they are used.

A chain of CCU2C simulates bit by bit, a hundred times slower than the sum it computes. Before
simulation, each chain module is replaced by its sum, after Yosys's SAT solver has proved that the
two agree for all operands.
"""

import re

__all__ = ["substitution_script", "substitute_verilog"]

CHAIN = re.compile(
    r"^module (\w+_(add|add_gated|subtract_gated|subtract|less|rows)(\d+)([su]?)(_minus)?) \(",
    re.MULTILINE)
"""A chain module: its name says what it computes, on how many bits, signed or unsigned."""

BANK = re.compile(r"^module (\w+_sums(_final)?((?:_\d+[cn][0-9a-f]+i[0-9a-f]+)+)) \(", re.MULTILINE)
"""Additions on one chain: each one's width, whether a carry comes in, which operand bits it takes
inverted; with ``final`` the last one's top bit leaves inverted."""

PROVED = """miter -equiv -flatten -make_assert {name} {name}_word {name}_proof
sat -verify -prove-asserts {name}_proof
delete {name} {name}_proof
rename {name}_word {name}"""


def substitution_script(verilog: str) -> str:
    """Yosys commands that prove and replace every chain module in `verilog`.

    They need the modules of `substitute_verilog` beside the design, and fail if a proof fails.
    """
    return "\n".join(PROVED.format(name=match[0])
                     for chains in (CHAIN, BANK) for match in chains.findall(verilog))


def substitute_verilog(verilog: str) -> str:
    """A module `<name>_word` for every chain module `<name>` in `verilog`."""
    return "".join([*(_module(*match) for match in CHAIN.findall(verilog)),
                    *(_bank(*match) for match in BANK.findall(verilog))])


def _bank(name: str, final: str, additions: str) -> str:
    ports, sums = [], []
    each = additions[1:].split("_")
    for index, one in enumerate(each):
        parts = re.fullmatch(r"(\d+)([cn])(\w+)i(\w+)", one)
        assert parts is not None
        width, carried = int(parts[1]), parts[2] == "c"
        a, b = (f"({port}{index} ^ {width}'h{mask})"
                for port, mask in zip("ab", parts.groups()[2:]))
        ports += [f"input [{width - 1}:0] a{index}, input [{width - 1}:0] b{index}",
                  f"output [{width}:0] total{index}"]
        ports += [f"input c{index}"] * carried
        top = 1 << width if final and index == len(each) - 1 else 0
        carry = f" + c{index}" * carried
        sums.append(f"  assign total{index} = ({a} + {b}{carry}) ^ {width + 1}'h{top:x};")
    return "\n".join([f"module {name}_word ({', '.join(ports)});", *sums, "endmodule\n"])


def _module(name: str, kind: str, width: str, sign: str, minus: str) -> str:
    bits = int(width)
    signed = " signed" if sign == "s" else ""
    operand = f"input{signed} [{bits - 1}:0]"
    match kind:
        case "add":
            ports, result, value = f"{operand} a, {operand} b", bits, "a + b"
        case "add_gated" | "subtract_gated":
            ports = f"{operand} a, {operand} b, input gate"
            operator = "+" if kind == "add_gated" else "-"
            result, value = bits, f"a {operator} (b & {{{bits}{{gate}}}})"
        case "subtract":
            ports, result = f"{operand} a, {operand} b", bits + 1
            value = "wide_a - wide_b"
        case "less":
            ports, result, value = f"{operand} a, {operand} b", 1, "a < b"
        case _:
            ports, result = f"{operand} a, input low, input high", bits + 2
            operator = "-" if minus else "+"
            gated = [f"(wide_a & {{{bits + 2}{{{gate}}}}})" for gate in ("low", "high")]
            value = f"{gated[0]} {operator} ({gated[1]} << 1)"
    wide = [f"  wire{signed} [{result - 1}:0] wide_{port} = {port};" for port in "ab"
            if f"wide_{port}" in value]
    return "\n".join([f"module {name}_word ({ports}, output [{result - 1}:0] total);", *wide,
                      f"  assign total = {value};", "endmodule\n"])
