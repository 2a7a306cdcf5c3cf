"""Which of several distances is the smallest, the lowest index on ties."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from ..target import Target

__all__ = ["argmin_tree"]


def argmin_tree(m: Module, platform: Target, enable: Value,
                distances: list[Value]) -> tuple[Value, Value]:
    """The smallest distance and its index, one register per level, ceil(log2 n) levels.

    A node passes its right side on only where that is strictly smaller, hence the lowest index
    wins. Cost per node: a comparison and a multiplexer of the distance's width, ceil(log2 n) - 1
    index multiplexers at most.
    """
    candidates: list[tuple[Value, Value]] = [(distance, Cat()) for distance in distances]
    level = 0
    while len(candidates) > 1:
        level += 1
        following = []
        for position in range(0, len(candidates), 2):
            name = f"least_{level}_{position // 2}"
            pair = candidates[position:position + 2]
            following.append(_node(m, platform, enable, pair, level, name))
        candidates = following
    return candidates[0]


def _node(m: Module, platform: Target, enable: Value, pair: list[tuple[Value, Value]], level: int,
          name: str) -> tuple[Value, Value]:
    left, left_index = pair[0]
    least = Signal(left.shape(), name=name, reset_less=True)
    index = Signal(level, name=f"{name}_index", reset_less=True)
    if len(pair) == 1:
        with m.If(enable):
            m.d.sync += [least.eq(left), index.eq(left_index)]
        return least, index
    right, right_index = pair[1]
    nearer = Signal(name=f"{name}_right")
    m.d.comb += nearer.eq(platform.less(m, right, left, f"{name}_less"))
    with m.If(enable):
        m.d.sync += [least.eq(Mux(nearer, right, left)),
                     index.eq(Cat(Mux(nearer, right_index, left_index), nearer))]
    return least, index
