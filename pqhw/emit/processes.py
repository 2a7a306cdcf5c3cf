"""Processes of RTLIL as Verilog: clocked statements, or one continuous assignment per value."""

import bisect

from .expressions import Expressions, bits_of, constant, cut, join
from .rtlil import Assign, Chunk, Process, Sigspec, Switch

__all__ = ["clocked", "combinational"]


def clocked(text: Expressions, flip_flops: list[tuple[str, Process]]) -> list[str]:
    """The statements that give flip-flops their next values; keeping one needs none.

    Flip-flops with the same conditions share them.
    """
    merged: list[tuple[Shape, Process]] = []
    for target, process in flip_flops:
        first = process[0]
        assert isinstance(first, Assign)
        own = first.value
        keeps = len(own) == 1 and own[0].wire == target and text.whole(own[0])
        statements = _retargeted(process[1:] if keeps else process, target)
        shape = _shape(statements)
        same = next((known for known in merged if shape is not None and known[0] == shape), None)
        if same is None:
            merged.append((shape, statements))
        else:
            _merge(same[1], statements)
    return [line for _, statements in merged for line in _statements(text, statements, "    ")]


Shape = tuple | None
"""Conditions of nested switches; None where assignments and switches mix."""


def _retargeted(statements: Process, target: str) -> Process:
    """The statements with the flip-flop itself in place of its next value."""
    result: Process = []
    for item in statements:
        if isinstance(item, Assign):
            left = tuple(Chunk(target, chunk.high, chunk.low) for chunk in item.target)
            result.append(Assign(left, item.value))
        else:
            result.append(Switch(item.value, [(patterns, _retargeted(body, target))
                                              for patterns, body in item.cases]))
    return result


def _shape(statements: Process) -> Shape:
    if all(isinstance(item, Assign) for item in statements):
        return ()
    shape = []
    for item in statements:
        if isinstance(item, Assign):
            return None
        bodies = [_shape(body) for _, body in item.cases]
        if None in bodies:
            return None
        shape.append((item.value, tuple(tuple(patterns) for patterns, _ in item.cases),
                      tuple(bodies)))
    return tuple(shape)


def _merge(into: Process, statements: Process) -> None:
    """Append assignments to those under the same conditions."""
    if _shape(into) == ():
        into += statements
        return
    for known, item in zip(into, statements):
        assert isinstance(known, Switch) and isinstance(item, Switch)
        for (_, body), (_, more) in zip(known.cases, item.cases):
            _merge(body, more)


def _statements(text: Expressions, statements: Process, indent: str) -> list[str]:
    lines: list[str] = []
    for item in statements:
        if isinstance(item, Assign):
            lines.append(f"{indent}{text.spec(item.target)} <= {text.right_side(item.value)};")
        elif (conditions := _conditions(text, item)) is not None:
            lines += _if(text, item, conditions, indent)
        else:
            lines += _case(text, item, indent)
    return lines


def _conditions(text: Expressions, switch: Switch) -> list[str] | None:
    """One condition per case where each tests a single bit, empty for the rest; else None."""
    bits = bits_of(switch.value)
    conditions: list[str] = []
    for patterns, _ in switch.cases:
        tested = [index for index, bit in enumerate(reversed(patterns[0])) if bit != "-"
                  ] if patterns else []
        if len(patterns) > 1 or (patterns and len(tested) != 1):
            return None
        if not patterns or (len(bits) == 1 and conditions):
            conditions.append("")
            continue
        negation = "!" if patterns[0][-1 - tested[0]] == "0" else ""
        conditions.append(negation + text.spec((bits[tested[0]],)))
    return conditions


def _if(text: Expressions, switch: Switch, conditions: list[str], indent: str) -> list[str]:
    lines: list[str] = []
    for condition, (_, body) in zip(conditions, switch.cases):
        if not condition and not body:
            continue
        head = f"if ({condition}) begin" if condition else "begin"
        lines += [f"{indent}{'else ' if lines else ''}{head}",
                  *_statements(text, body, indent + "  "), f"{indent}end"]
    return lines


def _case(text: Expressions, switch: Switch, indent: str) -> list[str]:
    lines = [f"{indent}casez ({text.spec(switch.value)})"]
    for patterns, body in switch.cases:
        label = ", ".join(constant(pattern.replace("-", "?")) for pattern in patterns) or "default"
        lines += [f"{indent}  {label}: begin", *_statements(text, body, indent + "    "),
                  f"{indent}  end"]
    if switch.cases[-1][0]:
        lines.append(f"{indent}  default: ;")
    return [*lines, f"{indent}endcase"]


def combinational(text: Expressions, process: Process) -> list[str]:
    """Continuous assignments with the effect of a process.

    The target is cut where assignments begin and end; each piece becomes one expression of
    conditions, the last assignment first.
    """
    first = process[0]
    assert isinstance(first, Assign)
    target = bits_of(first.target)
    position = {(bit.wire, bit.low): index for index, bit in enumerate(target)}
    cuts = {0, len(target)}
    _collect_cuts(process, position, cuts)
    lines = []
    edges = sorted(cuts)
    own = _by_piece(process, position, edges)
    for low, high, items in zip(edges, edges[1:], own):
        piece = _Piece(text, position, low, high)
        left = text.spec(join(target[low:high]))
        lines.append(f"  assign {left} = {piece.render(piece.after(items, None))};")
    return lines


def _by_piece(process: Process, position: dict, edges: list[int]) -> list[Process]:
    """For each piece between two edges the statements that may touch it, in their order."""
    own: list[Process] = [[] for _ in edges[1:]]
    for item in process:
        first, after = 0, len(own)
        if isinstance(item, Assign):
            start = position[item.target[-1].wire, item.target[-1].low]
            first = bisect.bisect_left(edges, start)
            after = bisect.bisect_left(edges, start + sum(chunk.width for chunk in item.target))
        for items in own[first:after]:
            items.append(item)
    return own


def _collect_cuts(process: Process, position: dict, cuts: set[int]) -> None:
    for item in process:
        if isinstance(item, Assign):
            low = position[item.target[-1].wire, item.target[-1].low]
            cuts |= {low, low + sum(chunk.width for chunk in item.target)}
        else:
            for _, body in item.cases:
                _collect_cuts(body, position, cuts)


class _Piece:
    """Some bits of a process's target; their value is a signal or (condition, then, else)."""

    def __init__(self, text: Expressions, position: dict, low: int, high: int):
        self.text = text
        self.position = position
        self.low = low
        self.high = high

    def after(self, process: Process, value):
        """The value once the statements have run."""
        for item in process:
            if isinstance(item, Assign):
                start = self.position[item.target[-1].wire, item.target[-1].low]
                if start <= self.low < start + sum(chunk.width for chunk in item.value):
                    own = cut(item.value, self.low - start, self.high - start)
                    value = join(bits_of(own))
            else:
                value = self._switched(item, value)
        return value

    def _switched(self, switch: Switch, value):
        outcome = value
        for patterns, body in reversed(switch.cases):
            chosen = self.after(body, value)
            if not patterns:
                outcome = chosen
            elif chosen != outcome:
                outcome = (self._condition(switch.value, patterns), chosen, outcome)
        return outcome

    def _condition(self, value: Sigspec, patterns: list[str]) -> str:
        text = self.text.spec(value)
        if len(patterns[0]) == 1:
            return text if patterns[0] == "1" else f"!{text}"
        terms = []
        for pattern in patterns:
            cared = pattern.replace("0", "1").replace("-", "0")
            wanted = constant(pattern.replace("-", "0"))
            masked = text if "-" not in pattern else f"({text} & {constant(cared)})"
            terms.append(f"{masked} == {wanted}")
        return terms[0] if len(terms) == 1 else " || ".join(f"({term})" for term in terms)

    def render(self, value, indent: str = "    ") -> str:
        """The expression; nested choices stand on lines of their own."""
        if not isinstance(value[0], str):
            return self.text.spec(value)
        condition, then, otherwise = value
        inner = self.render(then, indent + "  ")
        if isinstance(then[0], str):
            inner = f"({inner})"
        return f"({condition}) ? {inner} :\n{indent}{self.render(otherwise, indent)}"
