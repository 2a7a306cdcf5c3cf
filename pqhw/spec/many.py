"""Many integers in the place of one, so that a formula gives the figures of many designs at once.

Formulas stay as they are. Where one takes a branch that not all designs take, the designs are
divided and each division goes its own way (`evaluate`); functions with loops of their own are
computed once for every combination of arguments that occurs (`pointwise`).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["Diverged", "Many", "as_many", "choose", "combinations", "distinct", "evaluate", "every",
           "highest", "largest", "pointwise", "ratio_of", "ratio_parts", "smallest", "spread"]

Function = TypeVar("Function", bound=Callable[..., Any])

DENSEST = 1 << 18
"""Combinations of arguments that are numbered by a table instead of by sorting."""


class Diverged(Exception):
    """Not all designs go the same way: `groups` [designs] numbers the ways."""

    def __init__(self, groups: np.ndarray):
        super().__init__("designs take different branches")
        self.groups = groups


def _binary(function: Callable[[Any, Any], np.ndarray], *, swapped: bool = False) -> Any:
    def operator(self: "Many", other: Any) -> "Many":
        own = other.values if type(other) is Many else other
        return Many(function(own, self.values) if swapped else function(self.values, own))
    return operator


class Many:
    """Numbers, one for each design, that calculate like one.

    It passes for an `int`, as specs ask for, but has no single value: what needs one, such as a
    branch or the length of a list, raises `Diverged` unless all are equal. A text, such as a
    message, shows the first.
    """
    __slots__ = ("values",)

    def __init__(self, values: np.ndarray):
        self.values = values

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int

    __add__ = __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract), _binary(np.subtract, swapped=True)
    __mul__ = _binary(np.multiply)
    __floordiv__ = _binary(np.floor_divide)
    __rfloordiv__ = _binary(np.floor_divide, swapped=True)
    __truediv__, __rtruediv__ = _binary(np.divide), _binary(np.divide, swapped=True)
    __mod__, __rmod__ = _binary(np.remainder), _binary(np.remainder, swapped=True)
    __lshift__, __rlshift__ = _binary(np.left_shift), _binary(np.left_shift, swapped=True)
    __rshift__, __rrshift__ = _binary(np.right_shift), _binary(np.right_shift, swapped=True)
    __and__ = __rand__ = _binary(np.bitwise_and)
    __or__ = __ror__ = _binary(np.bitwise_or)
    __lt__, __le__ = _binary(np.less), _binary(np.less_equal)
    __gt__, __ge__ = _binary(np.greater), _binary(np.greater_equal)
    __eq__, __ne__ = _binary(np.equal), _binary(np.not_equal)

    def __rmul__(self, other: Any) -> Any:
        return other * self.__index__() if isinstance(other, list) else self * other

    def __neg__(self) -> "Many":
        return Many(-self.values)

    def bit_length(self) -> "Many":
        """Of integers from 0 to 2**53."""
        return Many(np.frexp(self.values.astype(np.float64))[1].astype(np.int64))

    def __bool__(self) -> bool:
        taken = np.count_nonzero(self.values)
        if 0 < taken < self.values.size:
            raise Diverged((self.values != 0).astype(np.int64))
        return bool(taken)

    def __index__(self) -> int:
        first = self.values.flat[0]
        if not (self.values == first).all():
            raise Diverged(np.unique(self.values, return_inverse=True)[1])
        return int(first)

    __int__ = __index__

    def __hash__(self) -> int:
        return hash(self.__index__())

    def __repr__(self) -> str:
        return repr(self.values.flat[0].item())

    __str__ = __repr__


class _Ratio(str):
    """A ratio whose integers differ from design to design; as a text, that of the first."""
    parts: tuple[Any, Any]


def ratio_of(first: Any, second: Any) -> str:
    """Two integers as ``first:second``, which `ratio_parts` takes apart again."""
    made = _Ratio(f"{first}:{second}")
    made.parts = first, second
    return made


def ratio_parts(ratio: str) -> tuple[int, int]:
    """The two integers of a ratio such as ``1:2``."""
    if isinstance(ratio, _Ratio):
        return ratio.parts
    first, second = map(int, ratio.split(":"))
    return first, second


def as_many(values: np.ndarray) -> Any:
    """The integers of several designs; one, where all are equal."""
    return int(values[0]) if (values == values[0]).all() else Many(values)


def spread(value: Any, count: int) -> np.ndarray:
    """[count]: a number, or many, as an array."""
    return value.values if type(value) is Many else np.full(count, value)


def choose(condition: Any, one: Any, other: Any) -> Any:
    """One or the other, design by design; both are computed."""
    if type(condition) is not Many:
        return one if condition else other
    one, other = (own.values if type(own) is Many else own for own in (one, other))
    return Many(np.where(condition.values, one, other))


def every(condition: Any) -> bool:
    """Whether it holds for all designs."""
    return bool(condition.values.all() if type(condition) is Many else condition)


def largest(*values: Any) -> Any:
    """The largest of several, design by design."""
    return _extreme(max, np.maximum, values)


def smallest(*values: Any) -> Any:
    """The smallest of several, design by design."""
    return _extreme(min, np.minimum, values)


def _extreme(single: Callable[..., Any], many: Any, values: Sequence[Any]) -> Any:
    for value in values:
        if type(value) is Many:
            return Many(functools.reduce(many, (
                own.values if type(own) is Many else own for own in values)))
    return single(values)


def highest(value: Any) -> int:
    """The largest of all designs."""
    return int(value.values.max() if type(value) is Many else value)


def distinct(codes: Sequence[Any]) -> Any:
    """How many different values other than 0 there are among several, design by design."""
    if not any(type(code) is Many for code in codes):
        return len(set(codes) - {0})
    count = next(len(code.values) for code in codes if type(code) is Many)
    ordered = np.sort(np.stack([np.zeros(count, np.int64),
                                *(spread(code, count) for code in codes)]), axis=0)
    return Many((ordered[1:] != ordered[:-1]).sum(axis=0))


def pointwise(function: Function) -> Function:
    """Let a function of single numbers take many: it is called once for every combination.

    What it gives is a number, a dataclass of numbers, or a tuple of these.
    """
    @functools.wraps(function)
    def wrapper(*given: Any, **named: Any) -> Any:
        places = [place for place, value in enumerate(given) if type(value) is Many]
        if not places:
            return function(*given, **named)
        first, inverse = combinations([given[place].values for place in places])
        columns = [own.values[first].tolist() if type(own) is Many else [own] * len(first)
                   for own in given]
        return _joined([function(*single, **named) for single in zip(*columns)], inverse)

    return wrapper  # type: ignore[return-value]


def combinations(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first place of every combination of values, and [designs]: which combination each has."""
    code, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        low, high = int(column.min()), int(column.max())
        code, size = code * (high - low + 1) + (column - low).astype(np.int64), size * (
            high - low + 1)
        if size > DENSEST:
            values, code = np.unique(code, return_inverse=True)
            size = len(values)
    places = np.full(size, -1)
    places[code[::-1]] = np.arange(len(code))[::-1]
    there = np.flatnonzero(places >= 0)
    numbers = np.zeros(size, dtype=np.int64)
    numbers[there] = np.arange(len(there))
    return places[there], numbers[code]


def _joined(found: Sequence[Any], inverse: np.ndarray) -> Any:
    """Results of combinations, read off for all designs."""
    first = found[0]
    if isinstance(first, tuple):
        return tuple(_joined(own, inverse) for own in zip(*found))
    if not dataclasses.is_dataclass(first) or isinstance(first, type):
        return _column(found, inverse)
    values = {field.name: _column([getattr(own, field.name) for own in found], inverse)
              for field in dataclasses.fields(first)}
    return type(first)(**values)


def _column(values: Sequence[Any], inverse: np.ndarray) -> Any:
    if values.count(values[0]) == len(values):
        return values[0]
    return Many(np.array(values)[inverse])


def evaluate(compute: Callable[[dict[str, Any]], Any], columns: Mapping[str, np.ndarray]
             ) -> Iterator[tuple[np.ndarray, Any]]:
    """Places of designs that go the same way, and what a function gives of them.

    Parameters
    ----------
    compute: takes the columns by name, many or, where all are equal, one; called anew for parts of
        the designs until none diverges
    columns: [designs] each
    """
    waiting = [np.arange(len(next(iter(columns.values()))))]
    while waiting:
        places = waiting.pop()
        try:
            found = compute({name: as_many(values[places]) for name, values in columns.items()})
        except Diverged as split:
            waiting += [places[split.groups == group] for group in np.unique(split.groups)]
            continue
        yield places, found
