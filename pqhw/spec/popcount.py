"""How a count of products is made of carry chains: the cheapest tree of the least depth."""

import dataclasses
import functools

from .many import pointwise
from .ranges import ceil_div, ceil_log2

__all__ = ["CountPlan", "count_plan"]

LEAF = 3
"""Products that two halves of a carry chain count: two in one half, the third as its carry."""


@dataclasses.dataclass(frozen=True)
class CountPlan:
    """A node of the tree: the counts of two parts, and one product more as the carry between them.

    Members
    -------
    products: how many it counts
    parts: the counts that it adds, or one beside a carry; none in a leaf
    carried: whether it takes a product as carry
    depth: registers from the products to the count
    halves: halves of carry chains, or LUT4, of the whole tree
    """
    products: int
    parts: tuple["CountPlan", ...]
    carried: bool
    depth: int
    halves: int

    @property
    def bits(self) -> int:
        """Bits of the count."""
        return self.products.bit_length()

    @property
    def operand_bits(self) -> int:
        """Bits of the wider of its parts."""
        return max(part.bits for part in self.parts)


@pointwise
def least_depth(products: int) -> int:
    """Registers on the way to a count: 3, 7, 15 … products take 1, 2, 3 … of them."""
    return max(1, ceil_log2(products + 1) - 1)


@functools.cache
def count_plan(products: int, depth: int | None = None) -> CountPlan:
    """The tree of the fewest halves among those of the least depth, or of at most `depth`.

    An addition of two counts of b bits takes b + 1 halves, of which the one that begins it forms
    the product that is its carry.
    """
    most = least_depth(products) if depth is None else depth
    if products <= LEAF:
        return CountPlan(products, (), products == LEAF, 1, min(products, 2))
    best: CountPlan | None = None
    for carried in (True, False):
        rest = products - carried
        for left in range(ceil_div(rest, 2), rest + carried):
            if least_depth(left) >= most:
                break
            parts = tuple(count_plan(part, most - 1) for part in (left, rest - left) if part)
            halves = sum(part.halves for part in parts) + max(part.bits for part in parts) + 1
            deep = 1 + max(part.depth for part in parts)
            if best is None or (halves, deep) < (best.halves, best.depth):
                best = CountPlan(products, parts, carried, deep, halves)
    assert best is not None
    return best
