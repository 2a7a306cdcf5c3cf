"""Cycles from part to part of an overlay, the same on every device."""

from ..ranges import ceil_log2
from .job import Kind
from .overlay import TAPS, OverlaySpec

__all__ = ["BANK_STAGES", "PORT_WORDS", "QUEUE_STAGES", "RESULT_STAGES", "SCALED_AT",
           "largest_stages", "lookup_stages", "operand_stages", "product_stages", "store_stages",
           "tree_stages", "word_stages"]

SMALL_WORDS = 128
"""Words up to which a memory stands in LUT RAM, where there is any."""

BANK_STAGES = 8
"""From a step to its window: pixel, bases, words, addresses, memory, rows, columns."""

SCALED_AT = 6
"""From a word of sums to their products with multipliers."""

RESULT_STAGES = SCALED_AT + 6
"""From a word of sums to what is stored of it: shift in two steps, rounding, clamp, sum, clamp."""

QUEUE_STAGES = 2
"""From a word of results that leaves to its transfer at the port."""

PORT_WORDS = 64
"""Words of results that can wait at the port."""


def store_stages(words: int) -> int:
    """From an address to its word, where the size decides on the memory."""
    return 1 if words <= SMALL_WORDS else 2


def operand_stages(spec: OverlaySpec) -> int:
    """From a place to the tables or weights there."""
    return 1 + store_stages(2 * spec.table_words)


def tree_stages(spec: OverlaySpec) -> int:
    """From a window to its codes: vector, choice, then comparisons, below the root of thresholds
    that are chosen."""
    return 2 * spec.depth + 2


def lookup_stages(spec: OverlaySpec) -> int:
    """From the last entries of sums to their first word."""
    return ceil_log2(spec.lanes) + 2


def product_stages(spec: OverlaySpec) -> int:
    """From the last window of sums to these."""
    return 2 + ceil_log2(TAPS) + ceil_log2(spec.lanes) + 1


def largest_stages() -> int:
    """From a window to its largest."""
    return ceil_log2(TAPS)


def word_stages(spec: OverlaySpec, kind: Kind) -> int:
    """From a job's last step to the first word of results of it, behind a register."""
    match kind:
        case Kind.INPUT:
            return 2
        case Kind.ENCODE | Kind.REPLAY:
            found = tree_stages(spec) + operand_stages(spec) + lookup_stages(spec)
        case Kind.SUM:
            found = product_stages(spec) + 1
        case Kind.LANES:
            found = product_stages(spec)
        case Kind.LARGEST:
            found = largest_stages()
    return BANK_STAGES + found + 1
