"""dot: twice the sum of products less the prototype's squared length, the largest wins."""

from amaranth.hdl import Cat, Signal, Value

from ...spec import DistanceSpec
from ...spec.ranges import Range, ceil_log2
from ..mac.multiplier import Multiplier
from ..segments import Segment
from ..streams import shape_of
from ..sums import delayed
from ..target import place
from .parts import Parts

__all__ = ["dot_score", "norm_level"]


def norm_level(spec: DistanceSpec) -> int:
    """The level of the sums at which the norm comes in: the last with a place for one term more.

    Over chunks of elements the accumulator begins with the norm, one level further.
    """
    lanes = spec.element_lanes
    depth = ceil_log2(lanes)
    if spec.element_chunks > 1 or lanes == 1 << depth:
        return depth + 1
    return max(level for level in range(1, depth + 1) if -(-lanes >> level - 1) % 2)


def dot_score(parts: Parts, x: list[Value], c: list[Value], norm: Value) -> Value:
    """2 * sum x * c + norm, signed, where the norm is -sum c**2.

    The norm's lowest bit is that of the score; what is above it is added to the products, as one
    term more or as what the accumulator starts from.

    Cost on ECP5: per element a DSP block, or a `Multiplier` in logic; sums of one LUT4 per bit
    and one each, as many as there are elements.
    """
    m, spec = parts.m, parts.spec
    score = spec.distance_range
    upper = Range(score.low >> 1, score.high >> 1)
    shapes = [shape_of(r) for r in (spec.activation_range, spec.prototype_range,
                                    spec.activation_range * spec.prototype_range)]
    style = "lut" if spec.engine.multiplier == "lut" else "dsp"
    terms: list[Value] = []
    for index, (own, other) in enumerate(zip(x, c)):
        unit = place(m, parts.platform, f"{parts.name}_e{index}_product", "multiplier", Multiplier,
                     *shapes, style)
        m.d.comb += [unit.x.eq(own), unit.w.eq(other), unit.enable.eq(parts.enable)]
        terms.append(unit.product)
    level, at = 0, norm_level(spec)
    low, high = norm[0], norm[1:].as_signed()
    while len(terms) > 1 or (level < at and spec.element_chunks == 1):
        level += 1
        if level == at and spec.element_chunks == 1:
            terms.append(high)
        terms = [_added(parts, terms[i:i + 2], upper, f"sum_{level}_{i // 2}")
                 for i in range(0, len(terms), 2)]
    if spec.element_chunks > 1:
        return Cat(*_accumulated(parts, terms[0], low, high, upper)).as_signed()
    stages = level + 1 - at
    return Cat(delayed(m, parts.enable, low, stages, f"{parts.name}_low")[-1], terms[0]).as_signed()


def _added(parts: Parts, pair: list[Value], upper: Range, name: str) -> Value:
    """The sum of two neighbours, no wider than the score; a single one is passed on."""
    if len(pair) == 1:
        return parts.held(pair[0], name)
    shape = (pair[0] + pair[1]).shape()
    if shape.width > upper.bits:
        shape = shape_of(upper)
    total = parts.platform.add(parts.m, pair[0], pair[1], shape, f"{parts.name}_{name}_total")
    held = Signal(shape, name=f"{parts.name}_{name}", reset_less=True)
    with parts.m.If(parts.enable):
        parts.m.d.sync += held.eq(total)
    return held


def _accumulated(parts: Parts, part: Value, low: Value, high: Value,
                 upper: Range) -> tuple[Value, Value]:
    """The norm's lowest bit, and the norm above it with all parts of the sum."""
    m = parts.m
    total = Signal(shape_of(upper), name=f"{parts.name}_score", reset_less=True)
    lowest = Signal(name=f"{parts.name}_lowest", reset_less=True)
    operands = []
    for value, name in ((part, "part"), (high, "norm")):
        wide = Signal(shape_of(upper), name=f"{parts.name}_{name}")
        m.d.comb += wide.eq(value)
        operands.append(wide)
    following = parts.chains.add(
        f"{parts.name}_following", Segment("choice", upper.bits, upper.bits, "g"),
        a=operands[0], b=total, c=operands[1], g=parts.sum_first)
    with m.If(parts.enable & parts.sum_step):
        m.d.sync += total.eq(following)
        with m.If(parts.sum_first):
            m.d.sync += lowest.eq(low)
    return lowest, total
