"""Arrays of integers from outside, held to a shape and a range."""

from typing import Any

import numpy as np

from .fields import SpecError, SpecTypeError
from .ranges import Range

__all__ = ["array_of", "first_true", "integers", "scalar"]


def integers(name: str, value: Any) -> np.ndarray:
    """A regular array of integers, as int64."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise SpecTypeError(f"{name} must hold integers, but is no regular array.") from None
    if array.dtype.kind == "f":
        if np.isnan(array).any():
            raise SpecError(f"{name} must hold integers, but {name}"
                            f"{first_true(np.isnan(array))} is NaN.")
        raise SpecTypeError(f"{name} must hold integers, but has dtype {array.dtype}.")
    if array.dtype.kind not in "iu":
        raise SpecTypeError(f"{name} must hold integers, but has dtype {array.dtype}.")
    if array.dtype == np.uint64 and array.size and int(array.max()) >= 1 << 63:
        raise SpecError(f"{name} must hold integers below 2**63, but holds {int(array.max())}.")
    return array.astype(np.int64)


def first_true(mask: np.ndarray) -> str:
    """The first true position as an index expression."""
    if mask.ndim == 0:
        return ""
    return "[" + ", ".join(str(i) for i in np.argwhere(mask)[0]) + "]"


def array_of(name: str, value: Any, shapes: list[tuple[str, tuple[int, ...]]], allowed: Range,
             why: str) -> np.ndarray:
    """An array of one of the labelled `shapes`, within `allowed`, which `why` explains.

    Raises `SpecError` naming the array, the rule and the first value that breaks it.
    """
    array = integers(name, value)
    if array.shape not in [shape for _, shape in shapes]:
        wanted = " or ".join(f"{label} = {list(shape)}" for label, shape in shapes)
        raise SpecError(f"{name} must have shape {wanted}, but has {list(array.shape)}.")
    outside = (array < allowed.low) | (array > allowed.high)
    if outside.any():
        where = first_true(outside)
        raise SpecError(f"{name} must lie in {allowed.low}…{allowed.high} ({why}), "
                        f"but {name}{where} is {array[tuple(np.argwhere(outside)[0])]}.")
    return array


def scalar(name: str, value: Any, high: int, why: str) -> int:
    """One integer from 0 to `high`."""
    array = integers(name, value)
    if array.size != 1:
        raise SpecError(f"{name} must be one integer, but has shape {list(array.shape)}.")
    result = int(array.reshape(()))
    if not 0 <= result <= high:
        raise SpecError(f"{name} must be from 0 to {high} ({why}), but is {result}.")
    return result
