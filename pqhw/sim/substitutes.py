"""Word-level stand-ins for chains and multiplexers of the ECP5 target, proved before use.

A chain of CCU2C simulates bit by bit, a hundred times slower than the sum it computes. Before
simulation, each chain module is replaced by its sum, after Yosys's SAT solver has proved that the
two agree for all operands.
"""

import re

from ..rtl.segments import Segment, parse_segments

__all__ = ["PRIMITIVES", "substitution_script", "substitute_verilog"]

PRIMITIVES = ("CCU2C", "DP16KD", "LUT4", "MULT18X18D")
"""Cells of the ECP5 target; a design with any needs the models in `models/ecp5.v`."""

CHAIN = re.compile(
    r"^module (\w+_(add|add_gated|add_both_gated|subtract_gated|subtract|less|rows|at_least|"
    r"at_least_chosen)(\d+)"
    r"([su]?)(_minus)?) \(", re.MULTILINE)
"""A chain module: its name says what it computes, on how many bits, signed or unsigned."""

BANK = re.compile(r"^module (\w+_sums(_final)?((?:_\d+[cn][0-9a-f]+i[0-9a-f]+)+)) \(", re.MULTILINE)
"""Additions on one chain: each one's width, whether a carry comes in, which operand bits it takes
inverted; with ``final`` the last one's top bit leaves inverted."""

SEGMENTS = re.compile(r"^module (\w+_carry_((?:[a-z]\d+x\d+[a-z]*_?)+)) \(", re.MULTILINE)
"""A module of segments on one chain: its name says all of them."""

SELECT = re.compile(r"^module (\w+_select(\d+)_from(\d+)) \(", re.MULTILINE)
"""A multiplexer: bits of a value, and values; an index beyond the last takes the last."""

ROM = re.compile(r"^module (\w+_rom(\d+)x(\d+)(?:_\d+)?) \(.*?^endmodule", re.MULTILINE | re.DOTALL)
"""Constant words in logic: bits, and words."""

ROM_LUT = re.compile(r"\.INIT\(16'h([0-9a-f]+)\)\s*\) bit(\d+)_words(\d+) \(")
"""What a LUT4 of such a module holds: sixteen words of a bit."""

PROVED = """copy {name}_word {name}_mapped
memory_collect {name}_mapped
memory_map {name}_mapped
miter -equiv -flatten -make_assert {name} {name}_mapped {name}_proof
sat -verify -prove-asserts {name}_proof
delete {name} {name}_mapped {name}_proof
rename {name}_word {name}"""


def substitution_script(verilog: str) -> str:
    """Yosys commands that prove and replace every chain module in `verilog`.

    They need the modules of `substitute_verilog` beside the design, and fail if a proof fails.
    """
    return "\n".join(PROVED.format(name=match[1]) for chains in (CHAIN, BANK, SEGMENTS, SELECT, ROM)
                     for match in chains.finditer(verilog))


def substitute_verilog(verilog: str) -> str:
    """A module `<name>_word` for every chain module `<name>` in `verilog`."""
    return "".join([*(_module(*match) for match in CHAIN.findall(verilog)),
                    *(_bank(*match) for match in BANK.findall(verilog)),
                    *(_segments(*match) for match in SEGMENTS.findall(verilog)),
                    *(_select(*match) for match in SELECT.findall(verilog)),
                    *(_rom(match[0], match[1], int(match[2]), int(match[3]))
                      for match in ROM.finditer(verilog))])


def _select(name: str, width: str, count: str) -> str:
    bits, values = int(width), int(count)
    last = values - 1
    return "\n".join([
        f"module {name}_word (input [{bits * values - 1}:0] choices, "
        f"input [{last.bit_length() - 1}:0] index, output [{bits - 1}:0] value);",
        f"  assign value = choices >> ({bits} * (index > {last} ? {last} : index));",
        "endmodule\n"])


def _rom(text: str, name: str, width: int, words: int) -> str:
    """A memory with what the LUT4 of a module hold; a bit with fewer of them repeats those."""
    blocks: dict[int, dict[int, int]] = {}
    for init, bit, first in ROM_LUT.findall(text):
        blocks.setdefault(int(bit), {})[int(first) // 16] = int(init, 16)
    columns = [own for _, own in sorted(blocks.items(), reverse=True)]
    bits = (words - 1).bit_length()
    lines = [f"    {index}: value = {width}'b" + "".join(
        str(own[index // 16 % len(own)] >> index % 16 & 1) for own in columns) + ";"
        for index in range(1 << bits)]
    return "\n".join([f"module {name}_word (input [{bits - 1}:0] address, "
                      f"output reg [{width - 1}:0] value);", "  always @* case (address)", *lines,
                      "  endcase", "endmodule\n"])


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
        case "add_both_gated":
            ports = f"{operand} a, {operand} b, input a_gate, input b_gate"
            result, value = bits, f"(a & {{{bits}{{a_gate}}}}) + (b & {{{bits}{{b_gate}}}})"
        case "subtract":
            ports, result = f"{operand} a, {operand} b", bits + 1
            value = "wide_a - wide_b"
        case "less":
            ports, result, value = f"{operand} a, {operand} b", 1, "a < b"
        case "at_least":
            ports, result, value = f"{operand} a, {operand} b", 1, "a >= b"
        case "at_least_chosen":
            ports = f"{operand} low, {operand} high, input index, {operand} b"
            result, value = 1, "index ? high >= b : low >= b"
        case _:
            ports, result = f"{operand} a, input low, input high", bits + 2
            operator = "-" if minus else "+"
            gated = [f"(wide_a & {{{bits + 2}{{{gate}}}}})" for gate in ("low", "high")]
            value = f"{gated[0]} {operator} ({gated[1]} << 1)"
    wide = [f"  wire{signed} [{result - 1}:0] wide_{port} = {port};" for port in "ab"
            if f"wide_{port}" in value]
    return "\n".join([f"module {name}_word ({ports}, output [{result - 1}:0] total);", *wide,
                      f"  assign total = {value};", "endmodule\n"])


def _segments(name: str, tokens: str) -> str:
    ports: list[str] = []
    lines: list[str] = []
    for index, segment in enumerate(parse_segments(tokens)):
        signed = " signed" if "s" in segment.options else ""
        ports += [f"input{signed} [{width - 1}:0] {port}{index}"
                  for port, width in segment.inputs.items()]
        ports.append(f"output [{segment.width - 1}:0] total{index}")
        lines += _segment(segment, str(index))
    return "\n".join([f"module {name}_word ({', '.join(ports)});", *lines, "endmodule\n"])


def _segment(segment: Segment, i: str) -> list[str]:
    """Lines that assign one segment's total."""
    bits, options, total = segment.bits, segment.options, f"  assign total{i} ="
    signed = " signed" if "s" in options else ""
    match segment.kind:
        case "difference":
            return [f"  wire{signed} [{bits}:0] wide_a{i} = a{i}, wide_b{i} = b{i};",
                    f"  wire [{bits}:0] minus{i} = wide_a{i} - wide_b{i};",
                    f"{total} {{~minus{i}[{bits}], minus{i}[{bits - 1}:0]}};"]
        case "less":
            return [f"{total} a{i} < b{i};"]
        case "greater":
            return [f"  wire [{bits}:0] first{i} = {{a{i} ^ {{{bits}{{~x{i}}}}}, ~x{i}}};",
                    f"  wire [{bits}:0] second{i} = {{b{i} ^ {{{bits}{{~y{i}}}}}, ~y{i}}};",
                    f"{total} first{i} > second{i};"]
        case "choice":
            carry = f" + k{i}" if "k" in options else ""
            return [f"{total} a{i} + (g{i} ? c{i} : b{i}){carry};"]
        case "products":
            sign = "^" if "e" in options else "&"
            ones = (f"(a{i}[{bit}] {sign} b{i}[{bit}])" for bit in range(segment.a))
            return [f"{total} {' + '.join(ones)};"]
        case "squares":
            return [f"  wire [{bits}:0] square_{port}{i} = {{{port}{i}[{bits - 1}:3], "
                    f"{port}{i}[1] & ~{port}{i}[0], 1'b0, {port}{i}[0]}};" for port in "ab"] + [
                        f"{total} square_a{i} + square_b{i};"]
    lines = []
    for port, width, flip in (("a", segment.a, "x"), ("b", segment.b, "y")):
        value = f"{port}{i}"
        if flip in options:
            value = f"({value} ^ {{{width}{{{flip}{i}}}}})"
        if port == "b" and "g" in options:
            gate = f"{{{width}{{g{i}}}}}"
            value = f"({value} | {gate})" if "f" in options else f"({value} & ~{gate})"
        fill = f"{{{bits - width}{{1'b{int('f' in options)}}}}}, " if width < bits else ""
        lines.append(f"  wire [{bits}:0] wide_{port}{i} = {{1'b0, {fill}{value}}};")
    carry = f" + c{i}" if "c" in options else ""
    if "k" in options:
        carry = f" + (c{i} {'^' if 'e' in options else '&'} k{i})"
    return [*lines, f"{total} wide_a{i} + wide_b{i}{carry};"]
