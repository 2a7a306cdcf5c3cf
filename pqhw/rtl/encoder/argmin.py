"""Which of several distances is the smallest, or which score the largest; the lowest on ties."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from ..segments import CarryChains

__all__ = ["argmin_tree", "nearer"]


def nearer(chains: CarryChains, other: Value, best: Value, name: str, *,
           largest: bool = False) -> Value:
    """Whether `other` beats `best`: is smaller, or larger if the largest is wanted."""
    return chains.less(best, other, name) if largest else chains.less(other, best, name)


def argmin_tree(m: Module, chains: CarryChains, enable: Value, distances: list[Value], *,
                largest: bool = False) -> tuple[Value, Value]:
    """The smallest or largest value and its index, one register per level, ceil(log2 n) levels.

    A node passes its right side on only where that is strictly nearer, hence the lowest index
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
            following.append(_node(m, chains, enable, pair, level, name, largest))
        candidates = following
    return candidates[0]


def _node(m: Module, chains: CarryChains, enable: Value, pair: list[tuple[Value, Value]],
          level: int, name: str, largest: bool) -> tuple[Value, Value]:
    left, left_index = pair[0]
    least = Signal(left.shape(), name=name, reset_less=True)
    index = Signal(level, name=f"{name}_index", reset_less=True)
    if len(pair) == 1:
        with m.If(enable):
            m.d.sync += [least.eq(left), index.eq(left_index)]
        return least, index
    right, right_index = pair[1]
    second = nearer(chains, right, left, f"{name}_right", largest=largest)
    with m.If(enable):
        m.d.sync += [least.eq(Mux(second, right, left)),
                     index.eq(Cat(Mux(second, right_index, left_index), second))]
    return least, index
