"""C++ of large models cut into functions that a compiler takes in minutes instead of hours.

CXXRTL writes a flattened module into one function, `eval`: declarations, then statements in the
order of the data flow. Compilers need much more than twice the time for twice the function, and
break down at some size.
"""

import re
from collections import Counter

__all__ = ["PIECE", "cut_model"]

PIECE = 60_000
"""Characters of a piece."""

EVAL = re.compile(r"^bool (\w+)::eval\(performer \*performer\) \{\n(.*?)^\}\n",
                  re.MULTILINE | re.DOTALL)
EDGE = re.compile(r"^\tbool (\w+) = this->\1\(\);$", re.MULTILINE)
LOCAL = re.compile(r"^\tvalue<(\d+)> (\w+)(;$| = )", re.MULTILINE)
NAME = re.compile(r"\w+")

BEGIN, END = "\tbool converged = true;", "\treturn converged;"
"""First and last line of `eval`, and so of every piece."""

FOLLOWS = ("\tCXXRTL_ASSERT", "\tif(tmp_")
"""How statements begin that need the local variable of the one before."""


def cut_model(text: str, piece: int = PIECE) -> str:
    """A model of which no `eval` is much longer than `piece` characters.

    Statements keep their order. What one piece assigns and another reads becomes a member of the
    model; all else stays a local variable of its piece.
    """
    for found in list(EVAL.finditer(text)):
        if len(found[2]) > 2 * piece:
            text = _cut(text, found, piece)
    return text


def _cut(text: str, found: re.Match[str], piece: int) -> str:
    whole, module, body = found[0], found[1], found[2]
    edges = EDGE.findall(body)
    parameters = "".join(f", bool {edge}" for edge in edges)
    arguments = "".join(f", {edge}" for edge in edges)
    widths = {name: width for width, name, _ in LOCAL.findall(body)}
    pieces = _pieces(_statements(body), piece)
    used = [widths.keys() & set(NAME.findall(part)) for part in pieces]
    shared = {name for name, count in Counter(
        name for names in used for name in names).items() if count > 1}

    members = [f"\tvalue<{widths[name]}> {name};" for name in widths if name in shared]
    functions, calls = [], []
    for index, (part, names) in enumerate(zip(pieces, used, strict=True)):
        part = LOCAL.sub(lambda local: f"\t{local[2]} = " if local[2] in shared else local[0], part)
        defined = {name for _, name, _ in LOCAL.findall(part)}
        own = [f"\tvalue<{widths[name]}> {name};" for name in widths
               if name in names and name not in shared | defined]
        signature = f"eval_piece{index}(performer *performer{parameters})"
        members.append(f"\tbool {signature};")
        functions.append("\n".join([f"bool {module}::{signature} {{", BEGIN, *own, part, END,
                                    "}\n"]))
        calls.append(f"\tconverged &= eval_piece{index}(performer{arguments});")
    functions.append("\n".join([f"bool {module}::eval(performer *performer) {{", BEGIN,
                                *(f"\tbool {edge} = this->{edge}();" for edge in edges),
                                *calls, END, "}\n"]))
    text = text.replace(whole, "\n".join(functions))
    end = text.index(f"\n}}; // struct {module}\n")
    return "\n".join([text[:end], *members]) + text[end:]


def _statements(body: str) -> list[str]:
    """The statements of `eval`, without its declarations, its edges, its first and last line."""
    statements: list[str] = []
    lines: list[str] = []
    depth = 0
    for line in body.splitlines():
        if line.lstrip().startswith("//"):
            continue
        local = LOCAL.match(line)
        if not lines and (line in (BEGIN, END) or EDGE.match(line) or (local and local[3] == ";")):
            continue
        lines.append(line)
        depth += line.count("{") - line.count("}")
        if not depth and line.endswith((";", "}")):
            statements.append("\n".join(lines))
            lines = []
    return statements


def _pieces(statements: list[str], piece: int) -> list[str]:
    pieces: list[list[str]] = [[]]
    size = 0
    for statement in statements:
        if size > piece and not statement.startswith(FOLLOWS):
            pieces.append([])
            size = 0
        pieces[-1].append(statement)
        size += len(statement)
    return ["\n".join(part) for part in pieces]
